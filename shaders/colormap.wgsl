// Whole numbers through a colour map: `full` has the last colour. Each rectangle shows its part of the numbers.

struct View {
    window: vec2f,
    full: f32,
}

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var numbers: texture_2d<u32>;
@group(0) @binding(2) var colours: texture_2d<u32>; // 256 * 1

@fragment
fn fragment(in: Spread) -> @location(0) vec4f {
    let share = mix(in.given.xy, in.given.zw, in.share);
    let number = f32(textureLoad(numbers, pixel(share, textureDimensions(numbers)), 0).r);
    let place = u32(quantised(255.0 * number / view.full));
    return shown(vec3f(textureLoad(colours, vec2u(place, 0u), 0).rgb));
}
