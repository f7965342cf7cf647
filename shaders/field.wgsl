// A score field on a square grid as arrows towards more likely places. Their length is the noise that the network sees
// there, |score| * sigma, so that they are comparable at all levels.

struct Field {
    window: Window,
    side: u32, // of the grid, in nodes
    extent: f32, // half its side in the plane
    sigma: f32,
    width: f32,
    tail: vec4f,
    ink: vec4f,
}

@group(0) @binding(0) var<uniform> field: Field;

@vertex
fn vertex(
    @builtin(vertex_index) vertex: u32,
    @builtin(instance_index) node: u32,
    @location(0) score: vec2f,
) -> Inked {
    let size = length(score);
    // Fields that are not finite are uploaded as zero.
    if size == 0.0 {
        return nowhere();
    }
    let window = field.window;
    let step = 2.0 * field.extent / f32(field.side - 1u);
    let start = vec2f(f32(node % field.side), f32(node / field.side)) * step - field.extent;
    let reached = start + score / size * (step * 0.4 * min(size * field.sigma, 2.0));
    let a = placed(window, start);
    let b = placed(window, reached);
    if vertex < 6u {
        return line(window, array(a, b), field.width, array(field.tail, field.ink), corner(vertex));
    }
    // Two strokes back from the tip, to either side.
    let head = normalize(b - a) * 3.5;
    let side = vec2f(head.y, -head.x) * select(-0.6, 0.6, vertex < 12u);
    return line(window, array(b, b - head + side), field.width, array(field.ink, field.ink), corner(vertex));
}
