// Particles with comet trails, from their places alone: those of the oldest corner of the trails first, the present ones last.
// Instance i is the line from place i to the same particle's next one; the present places are discs.

const FAR = 1e8; // Places that are not numbers are uploaded as farther than this.

struct Cloud {
    window: Window,
    particles: u32,
    corners: u32, // of the trails
    radius: f32,
    width: f32,
    ink: vec4f,
    inks: array<vec4f, 13>, // of the trails, oldest first
}

@group(0) @binding(0) var<uniform> cloud: Cloud;

@vertex
fn vertex(
    @builtin(vertex_index) vertex: u32,
    @builtin(instance_index) instance: u32,
    @location(0) now: vec2f,
    @location(1) later: vec2f,
) -> Inked {
    let window = cloud.window;
    let age = instance / cloud.particles;
    if any(abs(now) > vec2f(FAR)) {
        return nowhere();
    }
    if age == cloud.corners {
        return disc(window, placed(window, now), cloud.radius, cloud.ink, corner(vertex));
    }
    if any(abs(later) > vec2f(FAR)) {
        return nowhere();
    }
    let ends = array(placed(window, now), placed(window, later));
    return line(window, ends, cloud.width, array(cloud.inks[age], cloud.inks[age + 1u]), corner(vertex));
}
