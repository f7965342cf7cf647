//! Noise schedules: from time to level.

use std::{fmt::Debug, ops::RangeInclusive};

use super::{Entry, Level, Spec, SpecError, spec};

pub mod cosine;
pub mod custom;
pub mod edm;
pub mod flow;
pub mod laplace;
pub mod linear;
mod params;
pub mod scaled_linear;
pub mod sigmoid;
pub mod sigmoid_beta;
pub mod sqrt;
pub mod sub_vp;
mod table;
pub mod ve;
pub mod vp;

pub use table::Table;

/// From a time to a noise level.
pub trait NoiseSchedule: Send + Sync + Debug {
    /// The level at `t` within [`Self::domain`]; between the table entries of a discrete schedule it interpolates.
    fn level(&self, t: f64) -> Level;

    /// Least and greatest time: `0..=T-1` for discrete schedules, own units for continuous ones. There is some noise at
    /// every time of it.
    fn domain(&self) -> RangeInclusive<f64>;

    /// `T`, the number of table entries; `None` where time is continuous.
    fn steps(&self) -> Option<usize>;

    /// The level at a share of the domain, 0 (least noise) to 1 (most).
    fn at_share(&self, share: f64) -> Level {
        let (start, end) = self.domain().into_inner();
        self.level(start + (end - start) * share)
    }

    /// The level whose noise in variance-exploding units is `sigma_ve`, by bisection; at the end of the domain where
    /// that lies outside.
    fn at_sigma(&self, sigma_ve: f64) -> Level {
        let (mut low, mut high) = self.domain().into_inner();
        // Halving more often than a double has bits changes nothing.
        for _ in 0..64 {
            let middle = f64::midpoint(low, high);
            if self.level(middle).sigma_ve() < sigma_ve {
                low = middle;
            } else {
                high = middle;
            }
        }
        self.level(f64::midpoint(low, high))
    }

    /// Least and greatest noise in variance-exploding units; finite.
    fn sigma_range(&self) -> (f64, f64) {
        let (start, end) = self.domain().into_inner();
        let ve = |t| self.level(t).with_signal().sigma_ve();
        (ve(start), ve(end))
    }
}

/// All schedules.
pub const ENTRIES: &[&Entry<dyn NoiseSchedule>] = &[
    &linear::ENTRY,
    &scaled_linear::ENTRY,
    &cosine::ENTRY,
    &sigmoid::ENTRY,
    &sigmoid_beta::ENTRY,
    &sqrt::ENTRY,
    &vp::ENTRY,
    &sub_vp::ENTRY,
    &ve::ENTRY,
    &edm::ENTRY,
    &flow::ENTRY,
    &laplace::ENTRY,
    &custom::ENTRY,
];

/// Builds the chosen schedule.
pub fn build(spec: &Spec) -> Result<Box<dyn NoiseSchedule>, SpecError> {
    spec::build("schedule", ENTRIES, spec)
}
