//! Pictures that change all the time: one texture, rewritten in place.

use eframe::egui::{Color32, ColorImage, Context, Rect, TextureHandle, TextureId, TextureOptions, pos2};

use super::pictures::colours;
use crate::math::Frame;

/// All pictures of a frame in one texture, from left to right.
#[derive(Default)]
pub struct Live {
    texture: Option<TextureHandle>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl Live {
    /// Shows the pictures of `frame` from now on. The texture is made anew only when their size or number changes.
    pub fn set(&mut self, ctx: &Context, frame: &Frame) {
        let &Frame::Pixels { width, height, .. } = frame else {
            return;
        };
        let size = [width * frame.count(), height];
        let mut image = ColorImage::filled(size, Color32::BLACK);
        for sample in 0..frame.count() {
            for (y, row) in colours(frame, sample, [width, height]).chunks_exact(width).enumerate() {
                let start = y * size[0] + sample * width;
                image.pixels[start..start + width].copy_from_slice(row);
            }
        }
        match &mut self.texture {
            Some(texture) if texture.size() == size => texture.set_partial([0, 0], image, TextureOptions::NEAREST),
            _ => self.texture = Some(ctx.load_texture("live", image, TextureOptions::NEAREST)),
        }
    }

    /// Where picture `i` of `count` is.
    pub fn part(&self, i: usize, count: usize) -> Option<(TextureId, Rect)> {
        let edge = |i: usize| i as f32 / count as f32;
        let uv = Rect::from_min_max(pos2(edge(i), 0.0), pos2(edge(i + 1), 1.0));
        Some((self.texture.as_ref()?.id(), uv))
    }
}
