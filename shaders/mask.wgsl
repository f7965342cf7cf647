// A mask as a colour that lets the picture below through, stronger at its edge.

const INSIDE = 128u; // coverage from which hard methods fill a pixel

struct View {
    window: vec2f,
    magnified: u32, // pixels are larger than those of the screen
    edged: u32,
    inside: f32, // strength
    edge: f32,
    ink: vec4f,
}

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var mask: texture_2d<u32>;

@fragment
fn fragment(in: Spread) -> @location(0) vec4f {
    let size = textureDimensions(mask);
    if view.magnified != 0u {
        return veil(vec2i(pixel(in.share, size)));
    }
    // Small pixels are averaged.
    let at = in.share * vec2f(size) - 0.5;
    let first = vec2i(floor(at));
    let rest = at - floor(at);
    let upper = mix(veil(first), veil(first + vec2i(1, 0)), rest.x);
    let lower = mix(veil(first + vec2i(0, 1)), veil(first + vec2i(1, 1)), rest.x);
    return mix(upper, lower, rest.y);
}

fn covered(at: vec2i) -> u32 {
    let last = vec2i(textureDimensions(mask)) - 1;
    return textureLoad(mask, clamp(at, vec2i(), last), 0).r;
}

fn veil(at: vec2i) -> vec4f {
    let last = vec2i(textureDimensions(mask)) - 1;
    let here = clamp(at, vec2i(), last);
    let coverage = covered(here);
    var strength = view.inside;
    // Beyond the picture nothing ends: the nearest pixel is the pixel itself.
    let least = min(
        min(covered(here - vec2i(1, 0)), covered(here + vec2i(1, 0))),
        min(covered(here - vec2i(0, 1)), covered(here + vec2i(0, 1))),
    );
    if view.edged != 0u && coverage >= INSIDE && least < INSIDE {
        strength = view.edge;
    }
    let alpha = floor(f32(coverage) * strength) / 255.0;
    return vec4f(view.ink.rgb * alpha, alpha);
}
