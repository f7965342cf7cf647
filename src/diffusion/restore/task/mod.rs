//! Tasks: what was measured of the sample that is sought, one file each.

use std::sync::Arc;

use candle_core::Device;

use super::{Operator, Result};
use crate::math::{Domain, Entry, Param, Spec, SpecError, spec, svd::Svd};

pub mod colourise;
pub mod deblur;
pub mod denoise;
pub mod inpaint;
pub mod shrink;

/// A kind of measurement.
pub trait Task: Send + Sync {
    /// The measurement of samples of this kind. `fill` says of each pixel (each coordinate of a point) how far it is to be
    /// filled, from 0 to 1; from 0.5 on it counts as unknown. Only inpainting looks at it.
    fn operator(&self, domain: Domain, fill: Option<&[f32]>, device: &Device) -> Result<Arc<dyn Operator>>;

    /// Standard deviation of the measurement's noise, where samples lie in [-1, 1].
    fn noise(&self) -> f64;
}

/// All tasks.
pub const ENTRIES: &[&Entry<dyn Task>] = &[
    &inpaint::ENTRY,
    &shrink::ENTRY_2,
    &shrink::ENTRY_4,
    &colourise::ENTRY,
    &denoise::ENTRY,
    &deblur::ENTRY,
];

/// Ids of all tasks.
pub(super) const ALL: &[&str] = &["inpaint", "sr2", "sr4", "colourise", "denoise", "deblur"];

/// Builds the chosen task.
pub fn build(spec: &Spec) -> std::result::Result<Box<dyn Task>, SpecError> {
    spec::build("task", ENTRIES, spec)
}

/// The parameter that all tasks have.
const fn noise_param(default: f64) -> Param {
    Param::real(
        "noise",
        0.0,
        2.0,
        default,
        "Standard deviation of the noise in what was measured; black to white is 2",
    )
}

/// Axes of a batch of pictures.
const CHANNELS: usize = 1;
const ROWS: usize = 2;
const COLUMNS: usize = 3;

/// Sizes of a picture; anything else is refused.
fn picture(domain: Domain, task: &str) -> Result<[usize; 3]> {
    match domain {
        Domain::Image {
            channels,
            height,
            width,
        } => Ok([channels, height, width]),
        Domain::Points => Err(refused(format!(
            "{task} is for pictures, but this model makes points: choose inpaint or denoise"
        ))),
    }
}

fn refused(message: String) -> candle_core::Error {
    candle_core::Error::Msg(message)
}

/// Means of `factor` neighbours.
fn mean(n: usize, factor: usize) -> Svd {
    let share = 1.0 / factor as f64;
    Svd::new(n / factor, n, |i, j| if j / factor == i { share } else { 0.0 }, 1e-9)
}
