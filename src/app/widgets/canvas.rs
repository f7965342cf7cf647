//! A picture to draw on: zoom and pan, the mask over it, grid and values where pixels are large.
//!
//! Picture and mask are two textures that are made once; a stroke rewrites the rectangle that it changed.

use eframe::egui::{
    self, Align2, Color32, ColorImage, Context, FontId, Mesh, PointerButton, Pos2, Rect, Response, Shape, Stroke,
    TextureHandle, TextureOptions, Ui, Vec2, emath::GuiRounding as _, pos2, vec2,
};

use crate::{
    app::{
        easel::Easel,
        gpu::{self, Shader, Tile},
        theme,
    },
    draw::{Raster, contrast, plane::Area, sketch::luma},
};

/// Points per pixel from which pixels are told apart by lines.
const GRID_FROM: f32 = 22.0;

/// Points per pixel from which the mask is outlined; smaller pixels are stronger where they are on its edge.
const OUTLINE_FROM: f32 = 6.0;

/// Pictures with a longer side than this have a stronger edge.
const SMALL_SIDE: usize = 128;

/// Points per pixel from which numbers fit into a pixel.
const NUMBERS_FROM: f32 = 34.0;

/// Points per pixel at the greatest magnification.
const LARGEST_PIXEL: f32 = 96.0;

/// How strongly the mask colours what is filled entirely, and its edge.
const VEIL: [f32; 2] = [0.42, 0.8];

/// Coverage from which hard methods fill a pixel.
const INSIDE: u8 = 128;

/// Where a picture lies on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    /// The room for it.
    pub area: Rect,
    /// Where its upper left corner is.
    pub origin: Pos2,
    /// Points per pixel.
    pub scale: f32,
    /// Its size in pixels.
    pub size: [usize; 2],
}

impl Placed {
    /// The place of a point of the screen, in pixels.
    pub fn pixel(&self, at: Pos2) -> [f32; 2] {
        let inside = (at - self.origin) / self.scale;
        [inside.x, inside.y]
    }

    /// The point of the screen that shows a place in pixels.
    pub fn screen(&self, pixel: [f32; 2]) -> Pos2 {
        self.origin + vec2(pixel[0], pixel[1]) * self.scale
    }

    /// The rectangle of an area.
    pub fn rect(&self, area: Area) -> Rect {
        let corner = |x: usize, y: usize| self.screen([x as f32, y as f32]);
        Rect::from_min_max(corner(area.left, area.top), corner(area.right, area.bottom))
    }

    /// The picture's whole rectangle.
    pub fn whole(&self) -> Rect {
        let [width, height] = self.size.map(|side| side as f32);
        Rect::from_min_size(self.origin, vec2(width, height) * self.scale)
    }

    /// Length of the longer side, the unit of strokes, in points.
    pub fn unit(&self) -> f32 {
        self.size[0].max(self.size[1]) as f32 * self.scale
    }

    /// The pixels that can be seen.
    pub fn visible(&self) -> Area {
        let seen = self.whole().intersect(self.area);
        Area::around(self.pixel(seen.min), self.pixel(seen.max), self.size[0], self.size[1])
    }
}

/// Which part of a picture is shown, and how large.
#[derive(Clone, Copy, Debug, Default)]
pub struct Camera {
    /// Points per pixel; `None` shows everything.
    scale: Option<f32>,
    /// What is in the middle, in pixels.
    centre: Vec2,
}

impl Camera {
    /// Everything fits again.
    pub fn fit(&mut self) {
        self.scale = None;
    }

    /// Whether everything is shown.
    pub fn fits(&self) -> bool {
        self.scale.is_none()
    }

    /// Where a picture of `size` lies in `area`. A picture that fits is magnified a whole number of times.
    pub fn place(&self, area: Rect, size: [usize; 2], pixels_per_point: f32) -> Placed {
        let extent = vec2(size[0] as f32, size[1] as f32);
        let (scale, centre) = match self.scale {
            Some(scale) => (scale, self.centre),
            None => (fitting(area, extent, pixels_per_point), extent / 2.0),
        };
        let origin = area.center() - centre * scale;
        Placed {
            area,
            origin: origin.round_to_pixels(pixels_per_point),
            scale,
            size,
        }
    }

    /// Magnifies `factor` times about a point of the screen.
    pub fn zoom(&mut self, now: &Placed, about: Pos2, factor: f32) {
        let smallest = 16.0 / now.size[0].max(now.size[1]) as f32;
        self.set(now, about, (now.scale * factor).clamp(smallest.min(1.0), LARGEST_PIXEL));
    }

    /// Shows each pixel `scale` points large, with what is at a point of the screen staying there.
    pub fn set(&mut self, now: &Placed, about: Pos2, scale: f32) {
        let fixed = now.pixel(about);
        let from_middle = (about - now.area.center()) / scale;
        self.centre = vec2(fixed[0], fixed[1]) - from_middle;
        self.scale = Some(scale);
        self.keep_inside(now.size);
    }

    /// Moves the picture by so many points.
    pub fn pan(&mut self, now: &Placed, by: Vec2) {
        let middle = now.pixel(now.area.center());
        self.centre = vec2(middle[0], middle[1]) - by / now.scale;
        self.scale = Some(now.scale);
        self.keep_inside(now.size);
    }

    fn keep_inside(&mut self, size: [usize; 2]) {
        self.centre = self.centre.clamp(Vec2::ZERO, vec2(size[0] as f32, size[1] as f32));
    }
}

fn fitting(area: Rect, extent: Vec2, pixels_per_point: f32) -> f32 {
    let room = area.size() * pixels_per_point / extent;
    let physical = room.x.min(room.y).clamp(1e-3, LARGEST_PIXEL * pixels_per_point);
    let whole = if physical >= 1.0 { physical.floor() } else { physical };
    whole / pixels_per_point
}

/// What is uploaded of an easel.
#[derive(Default)]
pub struct Canvas {
    /// What is shown of the picture.
    pub camera: Camera,
    picture: Option<TextureHandle>,
    veil: Option<TextureHandle>,
    /// The mask alone, which a graphics processor colours.
    mask: Option<gpu::View>,
    /// Which picture is uploaded: its kind and version.
    shown: Option<(u64, u64)>,
    ink: [u8; 3],
    uploaded: usize,
    /// Share of the picture that is to be filled.
    share: f64,
}

impl std::fmt::Debug for Canvas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canvas")
            .field("camera", &self.camera)
            .finish_non_exhaustive()
    }
}

/// Which picture the canvas shows.
#[derive(Clone, Copy, Debug)]
pub enum Face<'a> {
    /// The easel's, under the colours.
    Present,
    /// The easel's as it came.
    Original,
    /// Another one of the same size, with a number that tells such pictures apart.
    Other(u64, &'a Raster),
}

impl<'a> Face<'a> {
    fn picture(self, easel: &'a Easel) -> &'a Raster {
        match self {
            Self::Present => easel.picture(),
            Self::Original => easel.original(),
            Self::Other(_, picture) => picture,
        }
    }
}

/// What the canvas shows.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The picture.
    pub face: Face<'a>,
    /// Whether the mask lies over it.
    pub mask: bool,
}

impl Canvas {
    /// Another easel: everything is uploaded anew.
    pub fn forget(&mut self) {
        (self.picture, self.veil, self.mask, self.shown) = (None, None, None, None);
        self.camera.fit();
    }

    /// Pixels that were uploaded so far, picture and mask.
    pub fn uploaded(&self) -> usize {
        self.uploaded
    }

    /// Share of the picture that is to be filled, as it was painted last.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// The colour that the mask has on this picture.
    pub fn ink(&self) -> Color32 {
        let [r, g, b] = self.ink;
        Color32::from_rgb(r, g, b)
    }

    /// Paints the picture and what lies over it.
    pub fn paint(&mut self, ui: &Ui, placed: &Placed, easel: &mut Easel, shown: &Shown<'_>) {
        self.upload(ui.ctx(), easel, shown);
        let painter = ui.painter_at(placed.area);
        let whole = placed.whole();
        let textures = [self.picture.as_ref(), self.veil.as_ref().filter(|_| shown.mask)];
        for texture in textures.into_iter().flatten() {
            let mut mesh = Mesh::with_texture(texture.id());
            mesh.add_rect_with_uv(whole, Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0)), Color32::WHITE);
            painter.add(Shape::mesh(mesh));
        }
        if let Some(view) = self.mask.as_mut().filter(|_| shown.mask) {
            painter.add(shaded_veil(view, &painter, placed, self.ink));
        }
        if shown.mask && placed.scale >= OUTLINE_FROM {
            outline(&painter, placed, easel, self.ink());
        }
        if placed.scale >= GRID_FROM {
            grid(&painter, placed, theme::palette(ui).line);
        }
        if placed.scale >= NUMBERS_FROM {
            numbers(&painter, placed, shown.face.picture(easel));
        }
    }

    fn upload(&mut self, ctx: &Context, easel: &mut Easel, shown: &Shown<'_>) {
        let dirty = easel.take_dirty();
        let key = match shown.face {
            Face::Present => (0, easel.version()),
            Face::Original => (1, 0),
            Face::Other(number, _) => (2, number),
        };
        let all = easel.sketch().mask().all();
        let fresh = self.shown != Some(key);
        if fresh && key.0 == 0 {
            self.ink = contrast::ink(easel.picture());
        }
        let of_picture = if fresh { all } else { dirty.paint };
        let of_mask = if fresh || self.veil.is_none() && self.mask.is_none() {
            all
        } else {
            widened(dirty.mask, all)
        };
        self.shown = Some(key);
        if !of_picture.is_empty() {
            let image = match shown.face {
                Face::Present => painted(easel, of_picture),
                other => image(other.picture(easel), of_picture),
            };
            self.uploaded += image.pixels.len();
            put(ctx, &mut self.picture, "canvas", all, of_picture, image);
        }
        if !of_mask.is_empty() {
            self.share = easel.sketch().share();
            self.uploaded += of_mask.width() * of_mask.height();
            if !self.upload_mask(ctx, easel, of_mask) {
                let image = veil(easel, of_mask, self.ink);
                put(ctx, &mut self.veil, "mask", all, of_mask, image);
            }
        }
    }
}

impl Canvas {
    /// Gives a part of the mask to the graphics processor, where there is one that takes it.
    fn upload_mask(&mut self, ctx: &Context, easel: &Easel, part: Area) -> bool {
        let Some(view) = gpu::View::within(&mut self.mask, ctx, Shader::Mask) else {
            return false;
        };
        let mask = easel.sketch().mask();
        let (corner, size) = ([part.left, part.top], [part.width(), part.height()]);
        let coverage = mask.copy(part);
        let whole = [mask.width(), mask.height()];
        let fits = gpu::Tiles::upload_veil(view, whole, corner, size, coverage.as_flattened());
        if !fits {
            self.mask = None;
        }
        fits
    }
}

/// The mask as [`veil`] colours it.
fn shaded_veil(view: &mut gpu::View, painter: &egui::Painter, placed: &Placed, [r, g, b]: [u8; 3]) -> Shape {
    let [inside, edge] = VEIL;
    let veil = gpu::Tiles::Veil {
        ink: Color32::from_rgb(r, g, b),
        magnified: placed.scale * painter.ctx().pixels_per_point() >= 1.0,
        strength: (inside, has_strong_edge(placed.size).then_some(edge)),
    };
    let uv = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
    veil.shape(view, placed.area, &[Tile::part(placed.whole(), uv)])
}

/// Small pictures are outlined by lines instead.
fn has_strong_edge(size: [usize; 2]) -> bool {
    size[0].max(size[1]) > SMALL_SIDE
}

fn put(ctx: &Context, texture: &mut Option<TextureHandle>, name: &str, all: Area, part: Area, image: ColorImage) {
    match texture {
        Some(texture) if texture.size() == [all.width(), all.height()] => {
            texture.set_partial([part.left, part.top], image, OPTIONS);
        }
        _ => *texture = Some(ctx.load_texture(name, image, OPTIONS)),
    }
}

/// Large pixels stay crisp, small ones are averaged.
const OPTIONS: TextureOptions = TextureOptions {
    magnification: egui::TextureFilter::Nearest,
    ..TextureOptions::LINEAR
};

/// An area with the pixels around it: whether a pixel is on the edge depends on its neighbours.
fn widened(area: Area, all: Area) -> Area {
    if area.is_empty() {
        return area;
    }
    let wide = Area {
        left: area.left.saturating_sub(1),
        top: area.top.saturating_sub(1),
        right: area.right + 1,
        bottom: area.bottom + 1,
    };
    wide.intersection(all)
}

fn image(picture: &Raster, area: Area) -> ColorImage {
    let pixel = |x: usize, y: usize| colour(picture, x, y);
    let pixels = (area.top..area.bottom).flat_map(|y| (area.left..area.right).map(move |x| (x, y)));
    ColorImage::new(
        [area.width(), area.height()],
        pixels.map(|(x, y)| pixel(x, y)).collect(),
    )
}

fn colour(picture: &Raster, x: usize, y: usize) -> Color32 {
    let start = (y * picture.width + x) * picture.channels;
    match picture.data[start..start + picture.channels] {
        [r, g, b] => Color32::from_rgb(r, g, b),
        [v, ..] => Color32::from_gray(v),
        [] => Color32::BLACK,
    }
}

/// The picture under the colours that were painted.
fn painted(easel: &Easel, area: Area) -> ColorImage {
    let mut image = image(easel.picture(), area);
    let grey = easel.picture().channels == 1;
    for (pixel, [r, g, b, a]) in image.pixels.iter_mut().zip(easel.sketch().paint().copy(area)) {
        let [r, g, b] = if grey { [luma([r, g, b]); 3] } else { [r, g, b] };
        *pixel = pixel.blend(Color32::from_rgba_unmultiplied(r, g, b, a));
    }
    image
}

/// The mask as a colour that lets the picture through, stronger at its edge.
fn veil(easel: &Easel, area: Area, [r, g, b]: [u8; 3]) -> ColorImage {
    let mask = easel.sketch().mask();
    let around = widened(area, mask.all());
    let known = mask.copy(around);
    let small = !has_strong_edge([mask.width(), mask.height()]);
    let at = |x: usize, y: usize| known[(y - around.top) * around.width() + x - around.left][0];
    let outside = |x: usize, y: usize| x < around.right && y < around.bottom && at(x, y) < INSIDE;
    let pixels = (area.top..area.bottom).flat_map(|y| (area.left..area.right).map(move |x| (x, y)));
    let colour = |(x, y): (usize, usize)| {
        let coverage = at(x, y);
        let edge = !small
            && coverage >= INSIDE
            && (outside(x + 1, y)
                || outside(x, y + 1)
                || x > around.left && outside(x - 1, y)
                || y > around.top && outside(x, y - 1));
        let strength = f32::from(coverage) * VEIL[usize::from(edge)];
        Color32::from_rgba_unmultiplied(r, g, b, strength as u8)
    };
    ColorImage::new([area.width(), area.height()], pixels.map(colour).collect())
}

/// Lines between what is filled and what is not, dark under the colour of the mask.
fn outline(painter: &egui::Painter, placed: &Placed, easel: &Easel, ink: Color32) {
    let (mask, seen) = (easel.sketch().mask(), placed.visible());
    let inside = |x: usize, y: usize| mask.get(x, y)[0] >= INSIDE;
    let mut lines = Vec::new();
    for y in seen.top..seen.bottom {
        for x in seen.left..seen.right {
            let (fx, fy) = (x as f32, y as f32);
            if x > seen.left && inside(x, y) != inside(x - 1, y) {
                lines.push([placed.screen([fx, fy]), placed.screen([fx, fy + 1.0])]);
            }
            if y > seen.top && inside(x, y) != inside(x, y - 1) {
                lines.push([placed.screen([fx, fy]), placed.screen([fx + 1.0, fy])]);
            }
        }
    }
    for stroke in [Stroke::new(3.0, Color32::from_black_alpha(110)), Stroke::new(1.5, ink)] {
        painter.extend(lines.iter().map(|&line| Shape::line_segment(line, stroke)));
    }
}

fn grid(painter: &egui::Painter, placed: &Placed, ink: Color32) {
    let (seen, whole) = (placed.visible(), placed.whole().intersect(placed.area));
    let stroke = Stroke::new(1.0, ink.gamma_multiply(0.55));
    for x in seen.left..=seen.right {
        painter.vline(placed.screen([x as f32, 0.0]).x, whole.y_range(), stroke);
    }
    for y in seen.top..=seen.bottom {
        painter.hline(whole.x_range(), placed.screen([0.0, y as f32]).y, stroke);
    }
}

/// The bytes of each pixel that can be seen, written into it.
fn numbers(painter: &egui::Painter, placed: &Placed, picture: &Raster) {
    let seen = placed.visible();
    let font = FontId::monospace((placed.scale / 4.5).clamp(8.0, 13.0));
    for y in seen.top..seen.bottom {
        for x in seen.left..seen.right {
            let bytes = value(picture, x, y);
            let light = bytes.iter().map(|&b| f32::from(b)).sum::<f32>() / bytes.len().max(1) as f32;
            let ink = if light > 110.0 { Color32::BLACK } else { Color32::WHITE };
            let text: Vec<String> = bytes.iter().map(u8::to_string).collect();
            let middle = placed.screen([x as f32 + 0.5, y as f32 + 0.5]);
            painter.text(middle, Align2::CENTER_CENTER, text.join("\n"), font.clone(), ink);
        }
    }
}

/// The bytes of a pixel.
pub fn value(picture: &Raster, x: usize, y: usize) -> &[u8] {
    let start = (y * picture.width + x) * picture.channels;
    picture.data.get(start..start + picture.channels).unwrap_or_default()
}

/// Wheel and pinch magnify about the pointer; the middle button, and the first one while `hand` is down, move the picture.
/// The wheel with Ctrl is left to the brush. Answers whether the pointer is taken.
pub fn steer(ui: &Ui, response: &Response, placed: &Placed, camera: &mut Camera, hand: bool) -> bool {
    if let Some(pointer) = response.hover_pos() {
        let (scroll, pinch, ctrl) = ui.input(|i| (i.smooth_scroll_delta().y, i.zoom_delta(), i.modifiers.command));
        let factor = if ctrl { 1.0 } else { (scroll / 240.0).exp() * pinch };
        if factor != 1.0 {
            camera.zoom(placed, pointer, factor);
        }
    }
    let moves = response.dragged_by(PointerButton::Middle) || hand && response.dragged_by(PointerButton::Primary);
    if moves {
        camera.pan(placed, response.drag_delta());
    }
    moves || hand
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draw::mask::{Edit, Mode};

    fn area() -> Rect {
        Rect::from_min_size(pos2(10.0, 20.0), vec2(700.0, 500.0))
    }

    proptest! {
        #[test]
        fn what_is_under_the_pointer_stays_there(x in 100.0_f32..600.0, y in 100.0_f32..450.0, factor in 0.5_f32..3.0) {
            let mut camera = Camera::default();
            let before = camera.place(area(), [100, 80], 1.0);
            let pointer = pos2(x, y);
            let pixel = before.pixel(pointer);
            prop_assume!((0.0..100.0).contains(&pixel[0]) && (0.0..80.0).contains(&pixel[1]));
            camera.zoom(&before, pointer, factor);
            let after = camera.place(area(), [100, 80], 1.0);
            // The corner lies on whole pixels of the screen.
            let moved = after.screen(pixel) - pointer;
            prop_assert!(camera.centre.x <= 0.0 || camera.centre.y <= 0.0 || moved.length() < 1.0 || !inside(&camera), "{moved:?}");
        }

        #[test]
        fn everything_fits_with_whole_pixels(w in 1_usize..2000, h in 1_usize..2000, ppp in 1.0_f32..2.5) {
            let placed = Camera::default().place(area(), [w, h], ppp);
            prop_assert!(area().expand(1.0).contains_rect(placed.whole()), "{placed:?}");
            let physical = placed.scale * ppp;
            prop_assert!(physical < 1.0 || (physical - physical.round()).abs() < 1e-3);
        }
    }

    /// Whether the camera was not held back at an edge.
    fn inside(camera: &Camera) -> bool {
        (0.01..99.99).contains(&camera.centre.x) && (0.01..79.99).contains(&camera.centre.y)
    }

    #[test]
    fn a_stroke_uploads_the_rectangle_that_it_changed() {
        let ctx = Context::default();
        let mut easel = Easel::new("test", Raster::filled(512, 256, 3, [90, 20, 20]));
        let mut canvas = Canvas::default();
        let shown = Shown {
            face: Face::Present,
            mask: true,
        };
        canvas.upload(&ctx, &mut easel, &shown);
        let whole = 2 * 512 * 256;
        assert_eq!(canvas.uploaded(), whole);
        canvas.upload(&ctx, &mut easel, &shown);
        assert_eq!(canvas.uploaded(), whole);
        easel.edit(Edit::Box {
            from: [0.25, 0.25],
            to: [0.5, 0.375],
            mode: Mode::Add,
        });
        canvas.upload(&ctx, &mut easel, &shown);
        // 128 * 64 pixels, and the ones around them.
        assert_eq!(canvas.uploaded() - whole, 130 * 66);
    }

    #[test]
    fn the_edge_of_the_mask_is_stronger_than_its_inside() {
        let mut easel = Easel::new("test", Raster::filled(160, 160, 1, [0; 3]));
        easel.edit(Edit::Box {
            from: [0.25, 0.25],
            to: [0.75, 0.75],
            mode: Mode::Add,
        });
        let all = easel.sketch().mask().all();
        let image = veil(&easel, all, [255, 0, 0]);
        let alpha = |x: usize, y: usize| image.pixels[y * 160 + x].a();
        assert_eq!([alpha(0, 0), alpha(40, 80), alpha(80, 80)], [0, 204, 107]);
    }
}
