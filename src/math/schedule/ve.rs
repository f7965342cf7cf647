//! The variance-exploding SDE (Song et al. 2021).

use std::ops::RangeInclusive;

use super::NoiseSchedule;
use crate::math::{Entry, Level, Param};

/// `alpha = 1`, `sigma = sigma_min (sigma_max / sigma_min)^u` with `u = t / 1000`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ve {
    /// Noise at `u = 0`.
    pub sigma_min: f64,
    /// Noise at `u = 1`.
    pub sigma_max: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "ve",
    label: "VE (continuous)",
    help: "The signal stays, the noise grows by a constant factor",
    source: "arXiv:2011.13456",
    params: &[
        Param::real("sigma-min", 1e-4, 1.0, 0.01, "Least noise"),
        Param::real("sigma-max", 1.5, 1000.0, 50.0, "Greatest noise"),
    ],
    build: |p| {
        Ok(Box::new(Ve {
            sigma_min: p.real("sigma-min"),
            sigma_max: p.real("sigma-max"),
        }))
    },
};

impl NoiseSchedule for Ve {
    fn level(&self, t: f64) -> Level {
        Level {
            t,
            alpha: 1.0,
            sigma: self.sigma_min * (self.sigma_max / self.sigma_min).powf(t / 1000.0),
        }
    }

    fn domain(&self) -> RangeInclusive<f64> {
        0.0..=1000.0
    }

    fn steps(&self) -> Option<usize> {
        None
    }
}
