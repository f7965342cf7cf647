//! The straight line between data and noise (Liu et al. 2023; Lipman et al. 2023).

use std::ops::RangeInclusive;

use super::NoiseSchedule;
use crate::math::{Entry, Level, Param};

/// `sigma = t / T`, `alpha = 1 - sigma`, for every real `t` from 1 to `T`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow {
    /// `T`: the unit of time that the network is told.
    pub steps: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "flow",
    label: "Flow (straight line)",
    help: "Data and noise are mixed in proportion; for the flow target",
    source: "arXiv:2209.03003",
    params: &[Param::int("steps", 2, 10_000, 1000, "The time of pure noise")],
    build: |p| {
        Ok(Box::new(Flow {
            steps: p.count("steps") as f64,
        }))
    },
};

impl NoiseSchedule for Flow {
    fn level(&self, t: f64) -> Level {
        let sigma = t / self.steps;
        Level {
            t,
            alpha: 1.0 - sigma,
            sigma,
        }
    }

    fn domain(&self) -> RangeInclusive<f64> {
        1.0..=self.steps
    }

    fn steps(&self) -> Option<usize> {
        None
    }
}
