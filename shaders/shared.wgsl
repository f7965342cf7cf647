// What all views share. It stands before each of the other files.

// The whole window, in points. All places are points from its upper left corner, as egui's own meshes are.
fn on_screen(at: vec2f, window: vec2f) -> vec4f {
    return vec4f(2.0 * at.x / window.x - 1.0, 1.0 - 2.0 * at.y / window.y, 0.0, 1.0);
}

// Corners of a rectangle, 0 to 1, as two triangles.
fn corner(vertex: u32) -> vec2f {
    let i = array(0u, 1u, 2u, 1u, 2u, 3u)[vertex % 6u];
    return vec2f(f32(i & 1u), f32(i >> 1u));
}

// Half a byte and more is the next one; WGSL's round() takes halves to the even side.
fn quantised(v: f32) -> f32 {
    return clamp(floor(v + 0.5), 0.0, 255.0);
}

// Bytes are gamma-encoded and stay so: the window blends in gamma space, as browsers do.
fn shown(bytes: vec3f) -> vec4f {
    return vec4f(bytes / 255.0, 1.0);
}
