//! Which noise levels a network trains on.

use std::ops::Range;

use crate::math::{
    Entry, Level, Spec, SpecError,
    noise::{Address, Stream},
    schedule::NoiseSchedule,
    spec,
};

pub mod importance;
pub mod log_normal;
pub mod logit_normal;
#[cfg(test)]
mod tests;
pub mod uniform;

/// A level to train on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// The level.
    pub level: Level,
    /// Factor of the loss that makes up for levels being drawn more or less often than evenly; 1 where the uneven draw is
    /// itself the weighting.
    pub weight: f64,
}

/// How training times are drawn.
pub trait TimeSampling: Send + Sync {
    /// The level for the sample at `place` of `batch`, from a uniform number `u` of `(0, 1)`.
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, place: u64, batch: u64) -> Draw;

    /// Takes in the losses of a complete training step, each with the level that it was measured at.
    fn learn(&mut self, schedule: &dyn NoiseSchedule, losses: &[(Level, f64)]) {
        let _ = (schedule, losses);
    }

    /// What was learned, for a checkpoint; empty for rules that learn nothing.
    fn memory(&self) -> Vec<f32> {
        Vec::new()
    }

    /// Goes back to what [`TimeSampling::memory`] gave.
    fn recall(&mut self, memory: &[f32]) {
        let _ = memory;
    }
}

/// All ways to draw training times.
pub const ENTRIES: &[&Entry<dyn TimeSampling>] = &[
    &uniform::ENTRY,
    &uniform::ENTRY_STRATIFIED,
    &importance::ENTRY,
    &log_normal::ENTRY,
    &logit_normal::ENTRY,
];

/// Builds the chosen one.
pub fn build(spec: &Spec) -> Result<Box<dyn TimeSampling>, SpecError> {
    spec::build("time sampling", ENTRIES, spec)
}

/// The levels for the samples at `places` of a batch of `batch` in training step `step`.
pub fn draw(
    sampling: &dyn TimeSampling,
    schedule: &dyn NoiseSchedule,
    seed: u64,
    step: u64,
    places: Range<u64>,
    batch: u64,
) -> Vec<Draw> {
    let one = |sample| {
        let address = Address {
            seed,
            stream: Stream::Times,
            sample,
            mv: step,
            draw: 0,
        };
        sampling.draw(schedule, address.uniform(), sample, batch)
    };
    places.map(one).collect()
}

/// The level at the share `u` of `(0, 1)` of the schedule's times: of the indices of a discrete schedule, or of its
/// interval.
fn at_share(schedule: &dyn NoiseSchedule, u: f64) -> Draw {
    let (start, end) = schedule.domain().into_inner();
    let t = match schedule.steps() {
        Some(steps) => (u * steps as f64).floor().min(end),
        None => start + (end - start) * u,
    };
    Draw {
        level: schedule.level(t),
        weight: 1.0,
    }
}

/// The share of the schedule's times at which a level lies; the middle of its own piece for an index.
fn share_of(schedule: &dyn NoiseSchedule, at: Level) -> f64 {
    let (start, end) = schedule.domain().into_inner();
    match schedule.steps() {
        Some(steps) => (at.t + 0.5) / steps as f64,
        None => (at.t - start) / (end - start),
    }
}
