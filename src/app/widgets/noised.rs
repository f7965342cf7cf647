//! One training sample at several noise levels, side by side.

use eframe::egui::{Rect, Ui};

use super::tiles::{Tiles, fitted, joined};
use crate::{
    app::{
        gpu::{self, Shader, Tile},
        theme,
    },
    data::Dataset,
    draw::noising::noised,
    math::{Frame, Level},
};

/// Points of a cloud that is shown noised.
const DOTS: usize = 600;

/// Seed of the noise that drowns the picture.
const NOISE_SEED: u64 = 0;

/// Data and sample.
type Sample = (String, usize);

/// What was drawn last. A graphics processor is given picture and noise once and mixes them for each level; a mesh is
/// given the mixture whenever a level changes.
#[derive(Debug, Default)]
pub struct Noised {
    clean: Option<(Sample, Frame)>,
    view: Option<gpu::View>,
    uploaded: Option<Sample>,
    mixed: Option<(Sample, Vec<Level>, Frame)>,
    tiles: Tiles,
}

impl Noised {
    /// Paints a sample (or the whole cloud) at each level into the area that belongs to it.
    pub fn paint(&mut self, ui: &Ui, data: &Dataset, sample: usize, tiles: &[(Rect, Level)]) {
        let sample = (data.hash.clone(), sample % data.count);
        let clean = self.clean(data, &sample);
        if self.shaded(ui, &sample, &clean, tiles) {
            return;
        }
        let levels: Vec<Level> = tiles.iter().map(|(_, level)| *level).collect();
        let frame = self.mixed(ui, sample, &clean, levels);
        for (i, (area, _)) in tiles.iter().enumerate() {
            self.tiles.paint(ui, *area, &frame, (i, tiles.len()), 1.0);
        }
    }

    fn clean(&mut self, data: &Dataset, sample: &Sample) -> Frame {
        if let Some((_, frame)) = self.clean.as_ref().filter(|(made, _)| made == sample) {
            return frame.clone();
        }
        let stride = data.count.div_ceil(DOTS).max(1);
        let clean = match data.frame(&[sample.1]) {
            pixels @ Frame::Pixels { .. } => pixels,
            Frame::Points { .. } => data.frame(&(0..data.count).step_by(stride).collect::<Vec<_>>()),
        };
        self.clean = Some((sample.clone(), clean.clone()));
        clean
    }

    fn mixed(&mut self, ui: &Ui, sample: Sample, clean: &Frame, levels: Vec<Level>) -> Frame {
        let known = self.mixed.as_ref().filter(|(s, l, _)| (s, l) == (&sample, &levels));
        if let Some((.., frame)) = known {
            return frame.clone();
        }
        let frames: Vec<Frame> = levels.iter().map(|&level| noised(clean, level, NOISE_SEED)).collect();
        let frame = joined(&frames).unwrap_or_else(|| clean.clone());
        self.tiles.set(ui, &frame);
        self.mixed = Some((sample, levels, frame.clone()));
        frame
    }

    /// Whether a graphics processor paints them. Clouds are so few points that they stay meshes.
    fn shaded(&mut self, ui: &Ui, sample: &Sample, clean: &Frame, tiles: &[(Rect, Level)]) -> bool {
        let &Frame::Pixels { width, height, .. } = clean else {
            return false;
        };
        let Some(view) = gpu::View::within(&mut self.view, ui.ctx(), Shader::Noising) else {
            return false;
        };
        if self.uploaded.as_ref() != Some(sample) {
            let fits = gpu::Tiles::upload_noised(view, clean, NOISE_SEED);
            self.uploaded = fits.then(|| sample.clone());
        }
        if self.uploaded.is_none() {
            return false;
        }
        let ppp = ui.ctx().pixels_per_point();
        for (area, _) in tiles {
            ui.painter().rect_filled(*area, 3.0, theme::palette(ui).sunken);
        }
        let at = |(area, level): &(Rect, Level)| Tile::noised(fitted(*area, width, height, ppp), *level);
        let rects: Vec<Tile> = tiles.iter().map(at).collect();
        let shape = gpu::Tiles::Noised.shape(view, ui.clip_rect(), &rects);
        ui.painter().add(shape);
        true
    }
}
