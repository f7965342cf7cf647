// The forward process: x = alpha * x0 + sigma * eps, in bytes. Each rectangle has its own level.

struct View {
    window: vec2f,
}

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var clean: texture_2d<u32>; // bytes of x0
@group(0) @binding(2) var noise: texture_2d<u32>; // bits of eps, which is not filtered

@fragment
fn fragment(in: Spread) -> @location(0) vec4f {
    let at = pixel(in.share, textureDimensions(clean));
    let x0 = vec3f(textureLoad(clean, at, 0).rgb) / 127.5 - 1.0;
    let eps = bitcast<vec3f>(textureLoad(noise, at, 0).rgb);
    let x = in.given.x * x0 + in.given.y * eps;
    return shown(vec3f(byte(x.r), byte(x.g), byte(x.b)));
}

// Sample units, -1 to 1, in 8 bits.
fn byte(v: f32) -> f32 {
    return quantised((v + 1.0) * 127.5);
}
