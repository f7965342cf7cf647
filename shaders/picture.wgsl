// Rectangles that show parts of textures. Each view has its own `colour`.

struct Tile {
    @location(0) rect: vec4f, // left, top, right, bottom in points
    @location(1) given: vec4f, // what the view's own file says
}

struct Spread {
    @builtin(position) position: vec4f,
    @location(0) share: vec2f, // of the rectangle
    @location(1) @interpolate(flat) given: vec4f,
}

@vertex
fn vertex(@builtin(vertex_index) vertex: u32, tile: Tile) -> Spread {
    let share = corner(vertex);
    return Spread(on_screen(mix(tile.rect.xy, tile.rect.zw, share), view.window), share, tile.given);
}

// The pixel of a texture of this size at a share of it.
fn pixel(share: vec2f, size: vec2u) -> vec2u {
    return min(vec2u(share * vec2f(size)), size - 1u);
}
