//! The film strip: a whole reverse process at a glance, as one mesh; dragging anywhere scrubs.

use std::ops::Range;

use eframe::egui::{
    Color32, ColorImage, CursorIcon, Mesh, PointerButton, Rect, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    emath::GuiRounding as _, pos2, vec2,
};

use super::{
    aspect::{Aspect, Steps},
    atlas::Atlas,
    cloud::{Sprite, View as Window},
    mark::Mark,
    pictures::colours,
};
use crate::{
    app::theme,
    draw::scatter::radius,
    math::{Domain, Frame},
};

/// Graphics memory of the thumbnails.
const BUDGET_BYTES: usize = 32 << 20;

/// Points of one thumbnail of a cloud.
const DOTS: usize = 160;

/// Size of a point beside that in a view.
const DOT_SCALE: f32 = 0.4;

/// Room around a thumbnail.
const MARGIN: f32 = 2.0;

/// Which frames the strip's thumbnails stand for, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ruler {
    left: f32,
    width: f32,
    frames: usize,
    cells: usize,
}

impl Ruler {
    /// As many thumbnails of `thumb` points as fit into `area`, but not more than there are frames.
    pub fn new(area: Rect, frames: usize, thumb: f32) -> Self {
        let fit = (area.width() / (thumb + 2.0 * MARGIN)).floor().max(1.0) as usize;
        Self {
            left: area.left(),
            width: area.width(),
            frames: frames.max(1),
            cells: fit.min(frames.max(1)),
        }
    }

    /// The frame at a place on the screen.
    pub fn frame(&self, x: f32) -> usize {
        let share = ((x - self.left) / self.width.max(1.0)).clamp(0.0, 1.0);
        ((share * self.frames as f32) as usize).min(self.frames - 1)
    }

    /// The middle of a frame on the screen.
    pub fn x(&self, frame: usize) -> f32 {
        self.left + (frame as f32 + 0.5) / self.frames as f32 * self.width
    }

    /// The frames that a thumbnail stands for: those in the middle of which its cell lies.
    pub fn covers(&self, cell: usize) -> Range<usize> {
        // Frame f has its middle at (2 f + 1) / (2 frames), cell c ends at (c + 1) / cells.
        let edge = |c: usize| {
            (2 * c * self.frames)
                .saturating_sub(self.cells)
                .div_ceil(2 * self.cells)
        };
        edge(cell)..edge(cell + 1)
    }

    /// The frame that a thumbnail shows: the first one shows the start, the last one the result.
    pub fn shows(&self, cell: usize) -> usize {
        match self.cells {
            1 => self.frames - 1,
            cells => cell * (self.frames - 1) / (cells - 1),
        }
    }

    /// The middle of a thumbnail's cell.
    fn middle(&self, cell: usize) -> f32 {
        self.left + (cell as f32 + 0.5) / self.cells as f32 * self.width
    }
}

/// Uploaded thumbnails.
#[derive(Default)]
pub struct Strip {
    owner: (u64, usize, Option<Aspect>),
    size: [usize; 2],
    atlas: Option<Atlas<usize>>,
    sprite: Sprite,
}

impl std::fmt::Debug for Strip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Strip")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

/// What the strip shows.
#[derive(Debug)]
pub struct Film<'a, S: Steps + ?Sized> {
    /// Name for those who do not see it.
    pub name: &'a str,
    /// Tells trajectories apart.
    pub owner: u64,
    /// The steps.
    pub steps: &'a S,
    /// What a sample is.
    pub domain: Domain,
    /// The cursor.
    pub index: usize,
    /// Which sample; points show them all.
    pub sample: usize,
    /// Which of the views.
    pub aspect: Aspect,
}

/// Shows the film strip over the whole width and answers the frame that was dragged to.
pub fn film_strip<S: Steps + ?Sized>(
    ui: &mut Ui,
    height: f32,
    film: &Film<'_, S>,
    marks: &[Mark],
    strip: &mut Strip,
) -> Option<usize> {
    let size = vec2(ui.available_width(), height);
    let (area, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
    let palette = theme::palette(ui);
    let painter = ui.painter_at(area);
    painter.rect_filled(area, 4.0, palette.ground);

    let thumb = thumb_size(film.domain, height - 2.0 * MARGIN);
    let ruler = Ruler::new(area.shrink2(vec2(MARGIN, 0.0)), film.steps.frames(), thumb.x);
    let index = film.index.min(ruler.frames - 1);
    response.widget_info(|| WidgetInfo::slider(true, index as f64, film.name));

    let reached = film.steps.reached();
    let boxes: Vec<(usize, Rect)> = (0..ruler.cells)
        .map(|cell| {
            let middle = pos2(ruler.middle(cell), area.center().y);
            (
                cell,
                Rect::from_center_size(middle, thumb).round_to_pixels(ui.ctx().pixels_per_point()),
            )
        })
        .collect();
    for &(cell, rect) in &boxes {
        if ruler.shows(cell) >= reached {
            painter.rect_stroke(rect, 2.0, Stroke::new(1.0, palette.line), StrokeKind::Inside);
        }
    }
    let made = boxes.iter().copied().filter(|(cell, _)| ruler.shows(*cell) < reached);
    let meshes = match film.domain {
        Domain::Points => vec![strip.clouds(ui, film, &ruler, made)],
        Domain::Image { .. } => strip.pictures(ui, film, &ruler, made),
    };
    painter.extend(meshes.into_iter().map(Shape::mesh));
    if reached > 0 {
        let x = ruler.x(index);
        let current = boxes.iter().find(|(cell, _)| ruler.covers(*cell).contains(&index));
        if let Some((_, rect)) = current {
            painter.rect_stroke(*rect, 2.0, Stroke::new(1.5, palette.accent), StrokeKind::Inside);
        }
        painter.vline(x, area.y_range(), Stroke::new(2.0, palette.accent));
    }
    for mark in marks {
        show_mark(ui, area, ruler.x(mark.step), mark);
    }
    let pointer = response.interact_pointer_pos()?;
    let held =
        response.dragged_by(PointerButton::Primary) || response.clicked() || response.is_pointer_button_down_on();
    held.then(|| ruler.frame(pointer.x))
        .filter(|&frame| frame != film.index)
}

/// A flag at the upper edge, which says what parts there.
fn show_mark(ui: &Ui, area: Rect, x: f32, mark: &Mark) {
    let palette = theme::palette(ui);
    let painter = ui.painter_at(area);
    let reach = if mark.lit { 9.0 } else { 6.0 };
    let corners = [
        pos2(x - reach, area.top()),
        pos2(x + reach, area.top()),
        pos2(x, area.top() + 1.5 * reach),
    ];
    let edge = Stroke::new(1.0, palette.panel);
    painter.add(Shape::convex_polygon(corners.to_vec(), palette.sample, edge));
    if mark.lit {
        painter.vline(x, area.y_range(), Stroke::new(2.0, palette.sample));
    }
    let flag = Rect::from_min_max(pos2(x - 8.0, area.top()), pos2(x + 8.0, area.top() + 12.0));
    if ui.rect_contains_pointer(flag) {
        let id = ui.scope_id().with(("mark", mark.step));
        let response = ui.interact(flag, id, Sense::hover());
        response.on_hover_text(format!("Parts at step {}\n{}", mark.step, mark.names));
    }
}

fn thumb_size(domain: Domain, height: f32) -> Vec2 {
    match domain {
        Domain::Image {
            width, height: rows, ..
        } => vec2(height * width as f32 / rows as f32, height),
        Domain::Points => Vec2::splat(height),
    }
}

impl Strip {
    /// How many thumbnails were uploaded for the present trajectory and sample.
    pub fn uploads(&self) -> u64 {
        self.atlas.as_ref().map_or(0, Atlas::uploads)
    }

    fn pictures<S: Steps + ?Sized>(
        &mut self,
        ui: &Ui,
        film: &Film<'_, S>,
        ruler: &Ruler,
        boxes: impl Iterator<Item = (usize, Rect)> + Clone,
    ) -> Vec<Mesh> {
        let ppp = ui.ctx().pixels_per_point();
        let Some(first) = boxes.clone().next() else {
            return Vec::new();
        };
        let size = [first.1.width(), first.1.height()].map(|side| (side * ppp).round().max(1.0) as usize);
        let owner = (film.owner, film.sample, Some(film.aspect));
        if self.atlas.is_none() || self.owner != owner || self.size != size {
            (self.owner, self.size) = (owner, size);
            self.atlas = Some(Atlas::new(size, film.steps.frames(), BUDGET_BYTES));
        }
        let Some(atlas) = &mut self.atlas else {
            return Vec::new();
        };
        let mut meshes: Vec<Mesh> = Vec::new();
        for (cell, rect) in boxes {
            let Some(step) = film.steps.step(ruler.shows(cell)) else {
                continue;
            };
            let paint = || match film.aspect.frame(film.steps, step.index) {
                Some(frame) => ColorImage::new(size, colours(&frame, film.sample, size)),
                None => ColorImage::default(),
            };
            let Some(place) = atlas.cell(ui.ctx(), &step.index, paint) else {
                continue;
            };
            if meshes.last().is_none_or(|m| m.texture_id != place.texture) {
                meshes.push(Mesh::with_texture(place.texture));
            }
            if let Some(mesh) = meshes.last_mut() {
                mesh.add_rect_with_uv(rect, place.uv, Color32::WHITE);
            }
        }
        meshes
    }

    fn clouds<S: Steps + ?Sized>(
        &mut self,
        ui: &Ui,
        film: &Film<'_, S>,
        ruler: &Ruler,
        boxes: impl Iterator<Item = (usize, Rect)>,
    ) -> Mesh {
        let colour = theme::palette(ui).sample;
        let mut mesh = self.sprite.mesh(ui.ctx());
        for (cell, rect) in boxes {
            let Some(step) = film.steps.step(ruler.shows(cell)) else {
                continue;
            };
            let frame = if film.aspect == Aspect::Clean {
                &step.x0
            } else {
                &step.x
            };
            let Frame::Points { xy } = frame else { continue };
            let window = Window::new(rect.shrink(2.0), 3.0, Vec2::ZERO);
            let count = xy.len() / 2;
            let stride = count.div_ceil(DOTS).max(1);
            let dot = DOT_SCALE * radius(count / stride);
            for point in xy.chunks_exact(2).step_by(stride) {
                let at = window.screen([point[0], point[1]]);
                if rect.contains(at) {
                    Sprite::dot(&mut mesh, at, dot, colour);
                }
            }
        }
        mesh
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_frame_can_be_reached_and_belongs_to_one_thumbnail(width in 50.0_f32..2000.0, frames in 1_usize..1100) {
            let ruler = Ruler::new(Rect::from_min_size(pos2(7.0, 0.0), vec2(width, 50.0)), frames, 48.0);
            prop_assert!(ruler.cells <= frames);
            let covered: Vec<usize> = (0..ruler.cells).flat_map(|cell| ruler.covers(cell)).collect();
            prop_assert_eq!(covered, (0..frames).collect::<Vec<_>>());
            for frame in 0..frames {
                prop_assert_eq!(ruler.frame(ruler.x(frame)), frame);
            }
        }

        #[test]
        fn the_ends_are_the_start_and_the_result(frames in 2_usize..1100) {
            let ruler = Ruler::new(Rect::from_min_size(pos2(0.0, 0.0), vec2(900.0, 50.0)), frames, 48.0);
            prop_assert_eq!((ruler.shows(0), ruler.shows(ruler.cells - 1)), (0, frames - 1));
        }
    }
}
