//! The sub-VP SDE (Song et al. 2021): the signal of VP with less noise.

use std::ops::RangeInclusive;

use super::{
    NoiseSchedule,
    vp::{self, Vp},
};
use crate::math::{Entry, Level};

/// `alpha = √ᾱ` of [`Vp`] and `sigma = 1 - ᾱ`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SubVp(
    /// Whose signal it has.
    pub Vp,
);

/// Registry entry.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "sub-vp",
    label: "Sub-VP (continuous)",
    help: "Less noise than VP along the way; good likelihoods",
    source: "arXiv:2011.13456",
    params: vp::PARAMS,
    build: |p| {
        Ok(Box::new(SubVp(Vp {
            beta_min: p.real("beta-min"),
            beta_max: p.real("beta-max"),
        })))
    },
};

impl NoiseSchedule for SubVp {
    fn level(&self, t: f64) -> Level {
        let log = self.0.log_alpha_bar(t);
        Level {
            t,
            alpha: (0.5 * log).exp(),
            sigma: -log.exp_m1(),
        }
    }

    fn domain(&self) -> RangeInclusive<f64> {
        self.0.domain()
    }

    fn steps(&self) -> Option<usize> {
        None
    }
}
