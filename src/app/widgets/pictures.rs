//! A grid of pictures at one step: crisp, one mesh, uploaded once, with the value under the pointer.

use eframe::egui::{
    self, Align2, Color32, ColorImage, Context, CursorIcon, FontId, Mesh, PointerButton, Pos2, Rect, Response, Sense,
    Shape, Stroke, StrokeKind, Ui, Vec2, pos2, vec2,
};

use super::{
    aspect::{Aspect, Steps, change_numbers},
    atlas::{Atlas, Cell},
};
use crate::{
    app::{
        gpu::{self, Shader, Tile},
        theme,
    },
    draw::{ColorMap, Raster, thumb::reduced},
    math::Frame,
};

/// Graphics memory of one view's pictures.
const BUDGET_BYTES: usize = 128 << 20;

/// Side of the largest sheet of one step, in pixels.
const SHEET_SIDE: usize = 2048;

/// Points per pixel from which numbers fit into a pixel.
const NUMBERS_FROM: f32 = 34.0;

/// Points per pixel at the greatest magnification.
const LARGEST_PIXEL: f32 = 72.0;

/// A pixel of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Which sample.
    pub sample: usize,
    /// Column.
    pub x: usize,
    /// Row.
    pub y: usize,
}

impl Spot {
    /// The bytes of this pixel, one for each channel; none where the frame has no such pixel.
    pub fn bytes(self, frame: &Frame) -> Vec<u8> {
        let Frame::Pixels { channels, width, .. } = frame else {
            return Vec::new();
        };
        let start = (self.y * width + self.x) * channels;
        let picture = frame.picture(self.sample);
        picture.get(start..start + channels).unwrap_or_default().to_vec()
    }
}

/// What views of the same samples share: selection, magnification, the place under the pointer, a scrub under way.
#[derive(Clone, Debug)]
pub struct Lens {
    /// The selected sample.
    pub selected: Option<usize>,
    /// Only the selected sample is shown, large.
    pub solo: bool,
    /// Magnification; 1 fits everything.
    pub zoom: f32,
    /// What is in the middle, as a share of the whole.
    pub centre: Vec2,
    /// Pixel under the pointer.
    pub hover: Option<Spot>,
    scrub_from: usize,
}

impl Default for Lens {
    fn default() -> Self {
        Self {
            selected: None,
            solo: false,
            zoom: 1.0,
            centre: vec2(0.5, 0.5),
            hover: None,
            scrub_from: 0,
        }
    }
}

impl Lens {
    /// Everything fits again.
    pub fn fit(&mut self) {
        (self.zoom, self.centre) = (1.0, vec2(0.5, 0.5));
    }

    /// The frame that a horizontal drag over a view points at: its whole width is the whole process.
    pub fn scrub(&mut self, response: &Response, index: usize, frames: usize) -> Option<usize> {
        if response.drag_started_by(PointerButton::Primary) {
            self.scrub_from = index;
        }
        if !response.dragged_by(PointerButton::Primary) {
            return None;
        }
        let share = response.total_drag_delta()?.x / response.rect.width().max(1.0);
        let moved = self.scrub_from as f32 + share * frames.saturating_sub(1) as f32;
        Some(moved.round().max(0.0) as usize)
    }

    /// Wheel and pinch zoom about the pointer, up to `most`; the secondary or middle button pans. `content` is the size of
    /// everything at the present magnification.
    pub(super) fn steer(&mut self, ui: &Ui, response: &Response, content: Vec2, most: f32) {
        if let Some(pointer) = response.hover_pos() {
            let (scroll, pinch) = ui.input(|i| (i.smooth_scroll_delta().y, i.zoom_delta()));
            let factor = (scroll / 300.0).exp() * pinch;
            if factor != 1.0 {
                let zoom = (self.zoom * factor).clamp(1.0, most.max(1.0));
                let from_middle = (pointer - response.rect.center()) / content;
                self.centre += from_middle * (1.0 - self.zoom / zoom);
                self.zoom = zoom;
            }
        }
        if response.dragged_by(PointerButton::Secondary) || response.dragged_by(PointerButton::Middle) {
            self.centre -= response.drag_delta() / content;
        }
        if self.zoom <= 1.0 {
            self.centre = vec2(0.5, 0.5);
        }
        self.centre = self.centre.clamp(Vec2::ZERO, Vec2::splat(1.0));
    }
}

/// Where each sample lies on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    first: usize,
    count: usize,
    cols: usize,
    tile: [usize; 2],
    /// Points per pixel of a sample.
    pub scale: f32,
    gap: f32,
    origin: Pos2,
}

impl Layout {
    /// The arrangement that shows `count` pictures of `tile` pixels, from number `first`, as large as possible in
    /// `area`. Above its own size a picture is magnified a whole number of times, so that all its pixels are equal; among
    /// arrangements of the same size, full rows are preferred.
    pub fn fit(area: Rect, first: usize, count: usize, tile: [usize; 2], pixels_per_point: f32) -> Self {
        let gap = if count > 100 { 1.0 } else { 2.0 };
        let scale_of = |cols: usize| {
            let rows = count.div_ceil(cols);
            let room = |side: f32, n: usize, pixels: usize| (side - gap * (n - 1) as f32) / (n * pixels) as f32;
            room(area.width(), cols, tile[0]).min(room(area.height(), rows, tile[1]))
        };
        let count = count.max(1);
        let shown = |cols: usize| whole_pixels(scale_of(cols).max(1e-3), pixels_per_point);
        let vacant = |cols: usize| count.div_ceil(cols) * cols - count;
        let better = |&a: &usize, &b: &usize| {
            let larger = shown(a).total_cmp(&shown(b));
            let fuller = larger.then(vacant(b).cmp(&vacant(a)));
            fuller.then(scale_of(a).total_cmp(&scale_of(b))).then(b.cmp(&a))
        };
        let cols = (1..=count).max_by(better).unwrap_or(1);
        let layout = Self {
            first,
            count,
            cols,
            tile,
            scale: shown(cols),
            gap,
            origin: area.min,
        };
        layout.placed(area, vec2(0.5, 0.5), pixels_per_point)
    }

    /// The same arrangement magnified `zoom` times, with `centre` (a share of the whole) in the middle of `area`.
    fn zoomed(self, area: Rect, zoom: f32, centre: Vec2, pixels_per_point: f32) -> Self {
        if zoom <= 1.0 {
            return self;
        }
        let scale = whole_pixels(self.scale * zoom, pixels_per_point);
        Self { scale, ..self }.placed(area, centre, pixels_per_point)
    }

    fn placed(self, area: Rect, centre: Vec2, pixels_per_point: f32) -> Self {
        let corner = area.center() - self.size() * centre;
        let whole = |v: f32| (v * pixels_per_point).round() / pixels_per_point;
        Self {
            origin: pos2(whole(corner.x), whole(corner.y)),
            ..self
        }
    }

    /// Size of the whole grid.
    pub fn size(&self) -> Vec2 {
        let rows = self.count.div_ceil(self.cols);
        let side = |n: usize, pixels: usize| (n * pixels) as f32 * self.scale + (n - 1) as f32 * self.gap;
        vec2(side(self.cols, self.tile[0]), side(rows, self.tile[1]))
    }

    /// Where sample `sample` lies.
    pub fn rect(&self, sample: usize) -> Rect {
        let place = sample - self.first;
        let size = self.picture_size();
        let step = size + Vec2::splat(self.gap);
        let corner = self.origin + vec2((place % self.cols) as f32 * step.x, (place / self.cols) as f32 * step.y);
        Rect::from_min_size(corner, size)
    }

    /// The pixel at a place on the screen.
    pub fn spot(&self, pos: Pos2) -> Option<Spot> {
        let inside = pos - self.origin;
        let step = self.picture_size() + Vec2::splat(self.gap);
        let (col, row) = ((inside.x / step.x).floor(), (inside.y / step.y).floor());
        if col < 0.0 || row < 0.0 || col as usize >= self.cols {
            return None;
        }
        let place = row as usize * self.cols + col as usize;
        let sample = self.first + place;
        if place >= self.count || !self.rect(sample).contains(pos) {
            return None;
        }
        let pixel = (pos - self.rect(sample).min) / self.scale;
        Some(Spot {
            sample,
            x: (pixel.x as usize).min(self.tile[0] - 1),
            y: (pixel.y as usize).min(self.tile[1] - 1),
        })
    }

    /// The rectangle of a pixel.
    fn pixel(&self, spot: Spot) -> Rect {
        let corner = self.rect(spot.sample).min + vec2(spot.x as f32, spot.y as f32) * self.scale;
        Rect::from_min_size(corner, Vec2::splat(self.scale))
    }

    fn samples(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.count
    }

    fn picture_size(&self) -> Vec2 {
        vec2(self.tile[0] as f32, self.tile[1] as f32) * self.scale
    }

    /// Pixels (on the screen) that a picture is stored with: its own number, fewer where it is shown smaller.
    fn stored(&self, pixels_per_point: f32) -> [usize; 2] {
        let per_side = (self.count as f32).sqrt().ceil();
        self.tile.map(|side| {
            let shown = (side as f32 * self.scale * pixels_per_point).round();
            (side as f32).min(shown).min(SHEET_SIDE as f32 / per_side).max(1.0) as usize
        })
    }
}

/// Magnifications are whole numbers of screen pixels.
fn whole_pixels(scale: f32, pixels_per_point: f32) -> f32 {
    let physical = scale * pixels_per_point;
    if physical < 1.0 {
        scale
    } else {
        (physical + 1e-3).floor() / pixels_per_point
    }
}

/// All pictures of a step side by side in one cell of an atlas.
struct Sheets {
    owner: u64,
    first: usize,
    count: usize,
    stored: [usize; 2],
    cols: usize,
    atlas: Atlas<(Aspect, usize)>,
}

impl Sheets {
    fn new(owner: u64, layout: &Layout, stored: [usize; 2], frames: usize) -> Self {
        let cols = (layout.count as f32).sqrt().ceil() as usize;
        let rows = layout.count.div_ceil(cols);
        Self {
            owner,
            first: layout.first,
            count: layout.count,
            stored,
            cols,
            atlas: Atlas::new(
                [cols * stored[0], rows * stored[1]],
                frames * Aspect::ALL.len(),
                BUDGET_BYTES,
            ),
        }
    }

    fn fits(&self, owner: u64, layout: &Layout, stored: [usize; 2]) -> bool {
        (self.owner, self.first, self.count, self.stored) == (owner, layout.first, layout.count, stored)
    }

    fn paint(&self, frame: &Frame) -> ColorImage {
        let rows = self.count.div_ceil(self.cols);
        let [w, h] = self.stored;
        let mut sheet = ColorImage::filled([self.cols * w, rows * h], Color32::BLACK);
        for place in 0..self.count {
            let picture = colours(frame, self.first + place, self.stored);
            let corner = place / self.cols * h * sheet.size[0] + place % self.cols * w;
            for (y, row) in picture.chunks_exact(w).enumerate() {
                let start = corner + y * sheet.size[0];
                sheet.pixels[start..start + w].copy_from_slice(row);
            }
        }
        sheet
    }

    /// Texture coordinates of a sample within a sheet.
    fn part(&self, cell: Cell, sample: usize) -> Rect {
        let place = sample - self.first;
        let rows = self.count.div_ceil(self.cols);
        let (w, h) = (1.0 / self.cols as f32, 1.0 / rows as f32);
        let corner = pos2((place % self.cols) as f32 * w, (place / self.cols) as f32 * h);
        cell.part(Rect::from_min_size(corner, vec2(w, h)))
    }
}

/// Sample `sample` of a frame as colours at `size` pixels; black where the frame has no such sample.
pub fn colours(frame: &Frame, sample: usize, size: [usize; 2]) -> Vec<Color32> {
    let Some(picture) = Raster::picture(frame, sample) else {
        return vec![Color32::BLACK; size[0] * size[1]];
    };
    let scaled = scaled(picture, size);
    scaled.data.chunks_exact(scaled.channels).map(colour).collect()
}

fn colour(pixel: &[u8]) -> Color32 {
    match *pixel {
        [r, g, b] => Color32::from_rgb(r, g, b),
        [grey, ..] => Color32::from_gray(grey),
        [] => Color32::BLACK,
    }
}

/// A picture at another size, every new pixel the mean of the area it covers: what shrinks does not flicker, what grows
/// keeps its sharp pixels.
fn scaled(picture: Raster, [width, height]: [usize; 2]) -> Raster {
    if [picture.width, picture.height] == [width, height] {
        return picture;
    }
    let factor = width.div_ceil(picture.width).max(height.div_ceil(picture.height));
    reduced(&picture.enlarged(factor), width, height)
}

/// The uploaded pictures of one trajectory: all samples, and one alone where the grid shows them smaller than they are.
#[derive(Default)]
pub struct Pictures {
    grid: Option<Sheets>,
    solo: Option<Sheets>,
    uploads: u64,
    change: Change,
}

/// The change of one step as numbers that a graphics processor colours: they are summed up anew for each step, so that no
/// sheets of changes are kept.
#[derive(Debug, Default)]
struct Change {
    view: Option<gpu::View>,
    /// Owner and step.
    made: Option<(u64, usize)>,
    cols: usize,
    full: f32,
}

impl Change {
    /// Draws it where there is a graphics processor and no picture is shown smaller than it is.
    fn shape<S: Steps + ?Sized>(
        &mut self,
        ctx: &Context,
        view: &View<'_, S>,
        layout: &Layout,
        clip: Rect,
    ) -> Option<Shape> {
        let shrinks = layout.stored(ctx.pixels_per_point()) != layout.tile;
        if view.aspect != Aspect::Change || shrinks {
            return None;
        }
        let memory = gpu::View::within(&mut self.view, ctx, Shader::ColorMap)?;
        let step = view.steps.step(view.index)?;
        let made = Some((view.owner, step.index));
        let count = view.count();
        if self.made != made {
            let (full, numbers) = change_numbers(&view.steps.before(step.index)?.x, &step.x)?;
            self.cols = (count as f32).sqrt().ceil() as usize;
            let (size, sheet) = sheet(&numbers, layout.tile, self.cols);
            if !gpu::Tiles::upload_mapped(memory, size, &sheet, ColorMap::Viridis) {
                return None;
            }
            (self.made, self.full) = (made, full);
        }
        let share = vec2(1.0 / self.cols as f32, 1.0 / count.div_ceil(self.cols) as f32);
        let part = |sample: usize| {
            let corner = vec2((sample % self.cols) as f32, (sample / self.cols) as f32) * share;
            Rect::from_min_size(corner.to_pos2(), share)
        };
        let seen = layout.samples().filter(|&s| layout.rect(s).intersects(clip));
        let tiles: Vec<Tile> = seen.map(|s| Tile::part(layout.rect(s), part(s))).collect();
        Some(gpu::Tiles::Mapped { full: self.full }.shape(memory, clip, &tiles))
    }
}

/// Pictures of `tile` pixels side by side, `cols` in each row.
fn sheet(numbers: &[u16], [w, h]: [usize; 2], cols: usize) -> ([usize; 2], Vec<u16>) {
    let count = numbers.len() / (w * h);
    let size = [cols * w, count.div_ceil(cols) * h];
    let mut sheet = vec![0; size[0] * size[1]];
    for (place, picture) in numbers.chunks_exact(w * h).enumerate() {
        let corner = place / cols * h * size[0] + place % cols * w;
        for (y, row) in picture.chunks_exact(w).enumerate() {
            let start = corner + y * size[0];
            sheet[start..start + w].copy_from_slice(row);
        }
    }
    (size, sheet)
}

impl std::fmt::Debug for Pictures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pictures")
            .field("uploads", &self.uploads)
            .finish_non_exhaustive()
    }
}

impl Pictures {
    /// How many sheets were uploaded so far.
    pub fn uploads(&self) -> u64 {
        self.uploads
    }

    /// Graphics memory in use.
    pub fn bytes(&self) -> usize {
        [&self.grid, &self.solo]
            .into_iter()
            .flatten()
            .map(|s| s.atlas.bytes())
            .sum()
    }

    fn mesh<S: Steps + ?Sized>(&mut self, ctx: &Context, view: &View<'_, S>, layout: &Layout, clip: Rect) -> Mesh {
        let stored = layout.stored(ctx.pixels_per_point());
        let whole = view.count() == layout.count;
        let slot = if whole { &mut self.grid } else { &mut self.solo };
        if !slot.as_ref().is_some_and(|s| s.fits(view.owner, layout, stored)) {
            *slot = Some(Sheets::new(view.owner, layout, stored, view.steps.frames()));
        }
        let (Some(sheets), Some(step)) = (slot, view.steps.step(view.index)) else {
            return Mesh::default();
        };
        let key = (view.aspect, step.index);
        // The atlas is taken out so that the sheets can paint for it.
        let mut atlas = std::mem::replace(&mut sheets.atlas, Atlas::new([1, 1], 1, 0));
        let before = atlas.uploads();
        let cell = atlas.cell(ctx, &key, || match view.aspect.frame(view.steps, step.index) {
            Some(frame) => sheets.paint(&frame),
            None => ColorImage::default(),
        });
        self.uploads += atlas.uploads() - before;
        sheets.atlas = atlas;
        let Some(cell) = cell else { return Mesh::default() };
        let mut mesh = Mesh::with_texture(cell.texture);
        for sample in layout.samples() {
            let rect = layout.rect(sample);
            if rect.intersects(clip) {
                mesh.add_rect_with_uv(rect, sheets.part(cell, sample), Color32::WHITE);
            }
        }
        mesh
    }
}

/// What a picture view shows.
#[derive(Debug)]
pub struct View<'a, S: Steps + ?Sized> {
    /// Tells trajectories apart: its uploaded pictures stay while this number stays.
    pub owner: u64,
    /// The steps.
    pub steps: &'a S,
    /// The cursor.
    pub index: usize,
    /// Which of the four views.
    pub aspect: Aspect,
    /// Accessible name.
    pub name: &'a str,
}

impl<S: Steps + ?Sized> View<'_, S> {
    fn count(&self) -> usize {
        self.steps.step(self.index).map_or(0, |s| s.x.count())
    }

    fn tile(&self) -> Option<[usize; 2]> {
        match self.steps.step(self.index)?.x {
            Frame::Pixels { width, height, .. } => Some([width, height]),
            Frame::Points { .. } => None,
        }
    }

    /// The value under a spot, in words: `≈ -0.43`, with the distance of the change in sample units.
    pub fn value(&self, spot: Spot) -> Option<String> {
        let step = self.steps.step(self.index)?;
        let numbers: Vec<f32> = if let Some(told) = self.steps.reading(spot) {
            told
        } else if self.aspect == Aspect::Change {
            let before = self.steps.before(step.index)?;
            let (a, b) = (spot.bytes(&before.x), spot.bytes(&step.x));
            let value = |byte: u8| Aspect::State.value(byte);
            b.iter().zip(&a).map(|(b, a)| value(*b) - value(*a)).collect()
        } else {
            let frame = self.aspect.frame(self.steps, self.index)?;
            spot.bytes(&frame).into_iter().map(|b| self.aspect.value(b)).collect()
        };
        let text: Vec<String> = numbers.iter().map(|v| format!("{v:+.2}")).collect();
        Some(format!("≈ {}", text.join(" ")))
    }
}

/// What happened in a view.
#[derive(Debug)]
pub struct Answer {
    /// The whole area.
    pub response: Response,
    /// A horizontal drag asks for this frame.
    pub seek: Option<usize>,
}

/// Shows one aspect of the samples at the cursor. A click selects a sample, a double click shows it alone, a horizontal
/// drag scrubs, the wheel magnifies, the secondary button moves what is magnified.
pub fn picture_view<S: Steps + ?Sized>(
    ui: &mut Ui,
    size: Vec2,
    view: &View<'_, S>,
    pictures: &mut Pictures,
    lens: &mut Lens,
) -> Answer {
    let (area, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
    let palette = theme::palette(ui);
    let painter = ui.painter_at(area);
    painter.rect_filled(area, 4.0, palette.ground);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, view.name));
    let (count, tile) = (view.count(), view.tile());
    let (Some(tile), true) = (tile, count > 0) else {
        return Answer { response, seek: None };
    };
    let ppp = ui.ctx().pixels_per_point();
    let chosen = lens.selected.filter(|&s| s < count);
    let (first, shown) = match chosen {
        Some(sample) if lens.solo => (sample, 1),
        None if lens.solo => (0, 1),
        _ => (0, count),
    };
    let fitted = Layout::fit(area.shrink(4.0), first, shown, tile, ppp);
    lens.steer(ui, &response, fitted.size() * lens.zoom, LARGEST_PIXEL / fitted.scale);
    let layout = fitted.zoomed(area, lens.zoom, lens.centre, ppp);
    match pictures.change.shape(ui.ctx(), view, &layout, area) {
        Some(shape) => painter.add(shape),
        None => painter.add(Shape::mesh(pictures.mesh(ui.ctx(), view, &layout, area))),
    };
    if layout.scale >= NUMBERS_FROM {
        paint_numbers(&painter, view, &layout, area);
    }
    if let Some(pointer) = response.hover_pos() {
        lens.hover = layout.spot(pointer);
    }
    if let Some(sample) = chosen.filter(|_| shown > 1) {
        painter.rect_stroke(
            layout.rect(sample),
            0.0,
            Stroke::new(2.0, palette.accent),
            StrokeKind::Outside,
        );
    }
    if let Some(spot) = lens.hover.filter(|s| layout.samples().contains(&s.sample)) {
        let pixel = layout.pixel(spot).expand(0.5);
        painter.rect_stroke(pixel, 0.0, Stroke::new(1.0, palette.accent), StrokeKind::Outside);
    }
    if response.double_clicked() {
        lens.solo = !lens.solo && count > 1;
        lens.fit();
    } else if response.clicked()
        && let Some(spot) = response.interact_pointer_pos().and_then(|p| layout.spot(p))
    {
        lens.selected = Some(spot.sample);
    }
    let seek = lens.scrub(&response, view.index, view.steps.frames());
    Answer { response, seek }
}

/// Writes the values into the pixels that can be seen.
fn paint_numbers<S: Steps + ?Sized>(painter: &egui::Painter, view: &View<'_, S>, layout: &Layout, area: Rect) {
    let Some(frame) = view.aspect.frame(view.steps, view.index) else {
        return;
    };
    let font = FontId::monospace((layout.scale / 4.5).clamp(8.0, 13.0));
    let spots = layout
        .samples()
        .filter(|&s| layout.rect(s).intersects(area))
        .flat_map(|sample| {
            let [w, h] = layout.tile;
            (0..w * h).map(move |i| Spot {
                sample,
                x: i % w,
                y: i / w,
            })
        });
    for spot in spots.filter(|&s| layout.pixel(s).intersects(area)) {
        let found = spot.bytes(&frame);
        let light = found.iter().map(|&b| f32::from(b)).sum::<f32>() / found.len().max(1) as f32;
        let ink = if light > 110.0 { Color32::BLACK } else { Color32::WHITE };
        let Some(value) = view.value(spot) else { continue };
        let text = value.trim_start_matches("≈ ").replace(' ', "\n");
        painter.text(
            layout.pixel(spot).center(),
            Align2::CENTER_CENTER,
            text,
            font.clone(),
            ink,
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pictures_stay_inside_the_area_and_apart(
            w in 60.0_f32..1200.0, h in 60.0_f32..900.0, count in 1_usize..300, side in 4_usize..80, ppp in 1.0_f32..3.0
        ) {
            let area = Rect::from_min_size(pos2(10.0, 20.0), vec2(w, h));
            let layout = Layout::fit(area, 0, count, [side, side], ppp);
            for sample in 0..count {
                prop_assert!(area.expand(1.5).contains_rect(layout.rect(sample)), "{layout:?}");
            }
            if count > 1 {
                prop_assert!(!layout.rect(0).intersects(layout.rect(1)));
            }
            let physical = layout.scale * ppp;
            prop_assert!(physical < 1.0 || (physical - physical.round()).abs() < 1e-3, "{physical}");
        }

        #[test]
        fn rows_are_full_where_that_costs_no_size(side in 200.0_f32..400.0) {
            let area = Rect::from_min_size(Pos2::ZERO, vec2(200.0, side));
            let layout = Layout::fit(area, 0, 36, [28, 28], 1.0);
            prop_assert_eq!(36 % layout.cols, 0, "{:?}", layout);
        }

        #[test]
        fn the_spot_under_a_pixel_is_that_pixel(count in 1_usize..40, sample in 0_usize..40, x in 0_usize..9, y in 0_usize..7) {
            let area = Rect::from_min_size(Pos2::ZERO, vec2(500.0, 400.0));
            let layout = Layout::fit(area, 0, count, [9, 7], 1.0);
            let spot = Spot { sample: sample % count, x, y };
            prop_assert_eq!(layout.spot(layout.pixel(spot).center()), Some(spot));
        }
    }

    #[test]
    fn pictures_grow_and_shrink_to_any_size() {
        let picture = Raster {
            width: 2,
            height: 2,
            channels: 1,
            data: vec![0, 10, 20, 30],
        };
        assert_eq!(scaled(picture.clone(), [4, 2]).data, [0, 0, 10, 10, 20, 20, 30, 30]);
        assert_eq!(scaled(picture.clone(), [3, 2]).data, [0, 5, 10, 20, 25, 30]);
        assert_eq!(scaled(picture, [1, 1]).data, [15]);
    }
}
