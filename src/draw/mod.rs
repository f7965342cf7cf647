//! Pixels without a window: colour maps, sheets, film strips, point clouds, plots, thumbnails, forward noising, curves, and
//! masks drawn by hand.
//!
//! Pure functions on bytes. Export uses them, the glow renderer falls back to them, and every shader has its twin here.

pub mod brush;
pub mod colormap;
pub mod contrast;
pub mod mask;
pub mod noising;
pub mod plane;
pub mod plot;
pub mod pyramid;
mod raster;
pub mod resample;
pub mod scatter;
pub mod sheet;
pub mod signed;
pub mod sketch;
pub mod spread;
pub mod strip;
pub mod thumb;

pub use colormap::ColorMap;
pub use pyramid::Curve;
pub use raster::Raster;
pub use scatter::{Scatter, View};
pub use sheet::Sheet;
pub use sketch::Sketch;

use crate::math::Frame;

/// How a batch is shown, whatever it holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// For pictures.
    pub sheet: Sheet,
    /// For points.
    pub scatter: Scatter,
}

impl Look {
    /// The whole batch as one picture: a sheet of its pictures, or the cloud of its points.
    pub fn draw(&self, frame: &Frame) -> Raster {
        match frame {
            Frame::Pixels { .. } => self.sheet.draw(frame),
            Frame::Points { xy } => self.scatter.draw(xy),
        }
    }
}
