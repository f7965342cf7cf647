// Discs and lines in the plane, with the soft edge of the sprite that the meshes are drawn with.

const SIDE = 16.0;
const RADIUS = 5.5;
const EDGE = 3.0;

// Which part of the plane lies where: `middle` in points shows `centre`, a unit is `scale` points, y points up.
struct Window {
    size: vec2f,
    middle: vec2f,
    centre: vec2f,
    scale: f32,
}

struct Inked {
    @builtin(position) position: vec4f,
    @location(0) uv: vec2f,
    @location(1) ink: vec4f,
}

fn placed(window: Window, p: vec2f) -> vec2f {
    return window.middle + vec2f(p.x - window.centre.x, window.centre.y - p.y) * window.scale;
}

// Half the side of the sprite whose disc has this radius.
fn reach(radius: f32) -> f32 {
    return radius * SIDE / 2.0 / RADIUS;
}

fn disc(window: Window, at: vec2f, radius: f32, ink: vec4f, corner: vec2f) -> Inked {
    let place = at + (2.0 * corner - 1.0) * reach(radius);
    return Inked(on_screen(place, window.size), corner, ink);
}

// A straight line; its colour changes from the first end to the second one.
fn line(window: Window, ends: array<vec2f, 2>, width: f32, inks: array<vec4f, 2>, corner: vec2f) -> Inked {
    let along = ends[1] - ends[0];
    if all(along == vec2f()) {
        return nowhere();
    }
    let across = normalize(vec2f(along.y, -along.x)) * reach(width / 2.0);
    let second = corner.y > 0.5;
    let place = select(ends[0], ends[1], second) + across * (2.0 * corner.x - 1.0);
    return Inked(on_screen(place, window.size), vec2f(0.5, corner.x), select(inks[0], inks[1], second));
}

fn nowhere() -> Inked {
    return Inked(vec4f(2.0, 2.0, 0.0, 1.0), vec2f(), vec4f());
}

fn texel(at: vec2f) -> f32 {
    let from_middle = clamp(at, vec2f(), vec2f(SIDE - 1.0)) - (SIDE - 1.0) / 2.0;
    return quantised(255.0 * clamp((RADIUS - length(from_middle)) / EDGE + 0.5, 0.0, 1.0)) / 255.0;
}

// The sprite, filtered linearly.
fn coverage(uv: vec2f) -> f32 {
    let at = uv * SIDE - 0.5;
    let first = floor(at);
    let rest = at - first;
    let upper = mix(texel(first), texel(first + vec2f(1.0, 0.0)), rest.x);
    let lower = mix(texel(first + vec2f(0.0, 1.0)), texel(first + vec2f(1.0, 1.0)), rest.x);
    return mix(upper, lower, rest.y);
}

@fragment
fn fragment(in: Inked) -> @location(0) vec4f {
    return in.ink * coverage(in.uv);
}
