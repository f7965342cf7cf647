//! The variance-preserving SDE in continuous time (Song et al. 2021).

use std::ops::RangeInclusive;

use super::NoiseSchedule;
use crate::math::{Entry, Level, Param};

/// `ᾱ(u) = exp(-beta_min u - (beta_max - beta_min) u² / 2)` with `u = t / 1000`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vp {
    /// Rate at `u = 0`.
    pub beta_min: f64,
    /// Rate at `u = 1`.
    pub beta_max: f64,
}

/// Parameters shared with the sub-VP schedule.
pub(super) const PARAMS: &[Param] = &[
    Param::real("beta-min", 1e-3, 10.0, 0.1, "Rate of noising at the start"),
    Param::real("beta-max", 0.1, 100.0, 20.0, "Rate of noising at the end"),
];

/// Registry entry.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "vp",
    label: "VP (continuous)",
    help: "The linear schedule in continuous time",
    source: "arXiv:2011.13456",
    params: PARAMS,
    build: |p| {
        Ok(Box::new(Vp {
            beta_min: p.real("beta-min"),
            beta_max: p.real("beta-max"),
        }))
    },
};

impl Vp {
    /// `ln ᾱ` at `t`.
    pub(super) fn log_alpha_bar(self, t: f64) -> f64 {
        let u = t / 1000.0;
        -self.beta_min * u - 0.5 * (self.beta_max - self.beta_min) * u * u
    }
}

impl NoiseSchedule for Vp {
    fn level(&self, t: f64) -> Level {
        let log = self.log_alpha_bar(t);
        Level {
            t,
            alpha: (0.5 * log).exp(),
            sigma: (-log.exp_m1()).sqrt(),
        }
    }

    fn domain(&self) -> RangeInclusive<f64> {
        1.0..=1000.0
    }

    fn steps(&self) -> Option<usize> {
        None
    }
}
