//! Noise schedules: from time to level.

use std::{fmt::Debug, ops::RangeInclusive};

use super::{Entry, Level, Spec, SpecError, spec};

pub mod cosine;
pub mod linear;
mod table;

pub use table::Table;

/// From a time to a noise level.
pub trait NoiseSchedule: Send + Sync + Debug {
    /// The level at `t` within [`Self::domain`]; between the table entries of a discrete schedule it interpolates.
    fn level(&self, t: f64) -> Level;

    /// Least and greatest time: `0..=T-1` for discrete schedules, own units for continuous ones.
    fn domain(&self) -> RangeInclusive<f64>;

    /// `T`, the number of table entries; `None` where time is continuous.
    fn steps(&self) -> Option<usize>;
}

/// All schedules.
pub const ENTRIES: &[&Entry<dyn NoiseSchedule>] = &[&linear::ENTRY, &cosine::ENTRY];

/// Builds the chosen schedule.
pub fn build(spec: &Spec) -> Result<Box<dyn NoiseSchedule>, SpecError> {
    spec::build("schedule", ENTRIES, spec)
}
