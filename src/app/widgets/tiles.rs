//! A row of pictures, or of clouds, from one frame: in one texture or mesh each, redrawn in place.

use eframe::egui::{Color32, Mesh, Pos2, Rect, Shape, Ui, Vec2, emath::GuiRounding as _, vec2};

use super::{
    cloud::{self, Sprite},
    live::Live,
};
use crate::{app::theme, math::Frame};

/// The row as it was drawn last.
#[derive(Debug, Default)]
pub struct Tiles {
    live: Live,
    sprite: Sprite,
}

impl Tiles {
    /// Shows this from now on: each sample is a tile, or an equal share of the points is.
    pub fn set(&mut self, ui: &Ui, frame: &Frame) {
        self.live.set(ui.ctx(), frame);
    }

    /// Paints tile `i` of `count` of the frame that was set, as `strong` as said, 0 to 1.
    pub fn paint(&mut self, ui: &Ui, area: Rect, frame: &Frame, (i, count): (usize, usize), strong: f32) {
        let painter = ui.painter_at(area);
        painter.rect_filled(area, 3.0, theme::palette(ui).sunken);
        match frame {
            Frame::Pixels { width, height, .. } => {
                let Some((texture, uv)) = self.live.part(i, count) else {
                    return;
                };
                let rect = fitted(area, *width, *height, ui.ctx().pixels_per_point());
                let mut mesh = Mesh::with_texture(texture);
                mesh.add_rect_with_uv(rect, uv, Color32::WHITE.gamma_multiply(strong));
                painter.add(Shape::mesh(mesh));
            }
            Frame::Points { xy } => {
                let points = xy.as_chunks::<2>().0;
                let each = points.len() / count;
                let view = cloud::View::new(area, cloud::EXTENT, Vec2::ZERO);
                let mut mesh = self.sprite.mesh(ui.ctx());
                let ink = theme::palette(ui).sample.gamma_multiply(strong);
                for point in &points[i * each..(i + 1) * each] {
                    Sprite::dot(&mut mesh, view.screen(*point), 1.4, ink);
                }
                painter.add(Shape::mesh(mesh));
            }
        }
    }
}

/// The largest rectangle in the middle of `area` that shows every pixel equally large.
pub(super) fn fitted(area: Rect, width: usize, height: usize, pixels_per_point: f32) -> Rect {
    let room = area.size() * pixels_per_point / vec2(width as f32, height as f32);
    let scale = room.x.min(room.y);
    let scale = if scale >= 1.0 { scale.floor() } else { scale };
    let size = vec2(width as f32, height as f32) * scale / pixels_per_point;
    let corner: Pos2 = area.center() - size / 2.0;
    Rect::from_min_size(corner.round_to_pixels(pixels_per_point), size)
}

/// Batches one after the other; `None` when there are none or they are of different kinds.
pub fn joined(frames: &[Frame]) -> Option<Frame> {
    match frames.first()? {
        &Frame::Pixels {
            channels,
            height,
            width,
            ..
        } => {
            let all = frames.iter().flat_map(|f| (0..f.count()).flat_map(|i| f.picture(i)));
            Some(Frame::Pixels {
                channels,
                height,
                width,
                data: all.copied().collect(),
            })
        }
        Frame::Points { .. } => {
            let all = frames.iter().flat_map(|f| match f {
                Frame::Points { xy } => &xy[..],
                Frame::Pixels { .. } => &[],
            });
            Some(Frame::Points {
                xy: all.copied().collect(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::pos2;

    use super::*;

    #[test]
    fn pictures_keep_whole_pixels() {
        let area = Rect::from_min_size(pos2(3.0, 4.0), vec2(100.0, 120.0));
        let rect = fitted(area, 28, 28, 1.0);
        assert_eq!(rect.size(), vec2(84.0, 84.0));
        assert!(area.contains_rect(rect));
    }
}
