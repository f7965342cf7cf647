//! What changes a mask. A mask says of each pixel how far it is to be filled: 255 entirely, 0 not at all.
//!
//! Every edit is given in picture units (1 is the longer side), so that the same edits make the mask at any size. What is
//! drawn is united with the mask or cut out of it by the larger or smaller of two coverages: a stroke over itself
//! changes nothing, and a stroke in pieces is the whole stroke.

mod morph;
mod preset;
mod shape;

use serde::{Deserialize, Serialize};

pub use preset::{Preset, Side};

use super::{
    Raster,
    brush::{Brush, Point},
    plane::{Area, Before, Plane},
    thumb::reduced,
};

/// What a tool does to the pixels under it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// They are to be filled.
    #[default]
    Add,
    /// They are to stay.
    Subtract,
}

impl Mode {
    /// The other one.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Add => Self::Subtract,
            Self::Subtract => Self::Add,
        }
    }

    fn combine(self, mask: u8, coverage: u8) -> u8 {
        match self {
            Self::Add => mask.max(coverage),
            Self::Subtract => mask.min(255 - coverage),
        }
    }
}

/// One edit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// A stroke of the brush, from point to point.
    Stroke {
        /// Its size and edge.
        brush: Brush,
        /// Where the pointer went.
        points: Vec<Point>,
        /// Brush or eraser.
        mode: Mode,
    },
    /// The rectangle between two corners.
    Box {
        /// One corner.
        from: [f32; 2],
        /// The opposite one.
        to: [f32; 2],
        /// Into the mask or out of it.
        mode: Mode,
    },
    /// A closed polygon; where it crosses itself, parts that are surrounded twice are outside.
    Lasso {
        /// Its corners.
        points: Vec<[f32; 2]>,
        /// Into the mask or out of it.
        mode: Mode,
    },
    /// Everything.
    Fill,
    /// Nothing.
    Clear,
    /// What was to stay is filled, and the other way round.
    Invert,
    /// Larger by a distance on all sides, smaller where it is negative. Edges become hard.
    Grow(f32),
    /// Softer: a Gaussian of this deviation.
    Feather(f32),
    /// A usual mask in place of the present one.
    Preset(Preset),
    /// A picture in place of the present mask.
    Picture(Coverage),
}

/// A mask as a picture, stretched over whatever it is put on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Rows from the top, 255 is filled.
    pub data: Vec<u8>,
}

impl Edit {
    /// Draws the edit on a mask, keeping the tiles that it changes.
    pub fn draw(&self, mask: &mut Plane<1>, before: &mut Before<1>) {
        let (width, height) = (mask.width(), mask.height());
        let scale = width.max(height) as f32;
        match self {
            Self::Stroke { brush, points, mode } => {
                for (from, to) in lines(points) {
                    line(mask, before, *brush, [from, to], *mode);
                }
            }
            Self::Box { from, to, mode } => {
                let [from, to] = [from, to].map(|p| p.map(|v| v * scale));
                let rect = shape::Rectangle::between(from, to);
                let area = Area::around(rect.min, rect.max, width, height);
                combine(mask, before, area, *mode, |x, y| rect.coverage(x, y));
            }
            Self::Lasso { points, mode } => {
                let corners: Vec<_> = points.iter().map(|p| p.map(|v| v * scale)).collect();
                let polygon = shape::Polygon::new(&corners, width, height);
                combine(mask, before, polygon.area, *mode, |x, y| polygon.coverage(x, y));
            }
            Self::Fill => mask.draw(mask.all(), before, |_, _, row| row.fill([255])),
            Self::Clear => mask.draw(mask.all(), before, |_, _, row| row.fill([0])),
            Self::Invert => {
                let all = mask.all();
                mask.draw(all, before, |_, _, row| row.iter_mut().for_each(|[v]| *v = 255 - *v));
            }
            Self::Grow(by) => whole(mask, before, |plane| morph::grown(plane, width, by * scale)),
            Self::Feather(by) => whole(mask, before, |plane| morph::blurred(plane, width, by * scale)),
            Self::Preset(preset) => {
                let coverage = preset.coverage(width, height);
                mask.draw(mask.all(), before, |x, y, row| {
                    (x..).zip(row).for_each(|(x, [v])| *v = coverage(x, y));
                });
            }
            Self::Picture(picture) => whole(mask, before, |_| picture.stretched(width, height)),
        }
    }
}

/// The lines of a stroke: a dab where it begins, and from each point to the next.
pub(super) fn lines(points: &[Point]) -> impl Iterator<Item = (Point, Point)> {
    let first = points.first().map(|&p| (p, p));
    first.into_iter().chain(points.windows(2).map(|w| (w[0], w[1])))
}

/// Draws one line of a stroke.
pub(super) fn line(mask: &mut Plane<1>, before: &mut Before<1>, brush: Brush, [from, to]: [Point; 2], mode: Mode) {
    let line = brush.line(from, to, mask.width().max(mask.height()) as f32);
    let area = line.area(mask.width(), mask.height());
    combine(mask, before, area, mode, |x, y| line.coverage(x, y));
}

fn combine(mask: &mut Plane<1>, before: &mut Before<1>, area: Area, mode: Mode, coverage: impl Fn(usize, usize) -> u8) {
    mask.draw(area, before, |x, y, row| {
        (x..)
            .zip(row)
            .for_each(|(x, [v])| *v = mode.combine(*v, coverage(x, y)));
    });
}

/// An edit of which each pixel depends on others.
fn whole(mask: &mut Plane<1>, before: &mut Before<1>, change: impl FnOnce(&[u8]) -> Vec<u8>) {
    let pixels = mask.to_pixels();
    let changed = change(pixels.as_flattened());
    mask.replace(changed.as_chunks::<1>().0, before);
}

impl Coverage {
    /// A mask from a picture: what is light is filled.
    pub fn from_light(picture: &Raster) -> Self {
        let light = |p: &[u8]| (p.iter().map(|&v| usize::from(v)).sum::<usize>() / p.len()) as u8;
        Self {
            width: picture.width,
            height: picture.height,
            data: picture.data.chunks_exact(picture.channels).map(light).collect(),
        }
    }

    /// A mask from red, green, blue and alpha: what is transparent is filled.
    pub fn from_alpha(width: usize, height: usize, rgba: &[u8]) -> Self {
        Self {
            width,
            height,
            data: rgba.as_chunks::<4>().0.iter().map(|[_, _, _, a]| 255 - a).collect(),
        }
    }

    /// Each pixel the mean of what it covers, or the pixel that it lies in where there are fewer.
    fn stretched(&self, width: usize, height: usize) -> Vec<u8> {
        let factor = width
            .div_ceil(self.width.max(1))
            .max(height.div_ceil(self.height.max(1)));
        let picture = Raster {
            width: self.width,
            height: self.height,
            channels: 1,
            data: self.data.clone(),
        };
        reduced(&picture.enlarged(factor), width, height).data
    }
}

#[cfg(test)]
mod tests;
