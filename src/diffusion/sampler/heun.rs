//! Heun's method in variance-exploding units (Karras et al. 2022, algorithms 1 and 2).

use candle_core::Tensor;

use super::{Context, Sampler, slope};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Level, Move, Param, Params, Units},
};

/// An Euler step, then again with the mean of the slopes at both ends; plain Euler on the last move.
pub struct Heun {
    /// Noise added before each move.
    pub churn: Churn,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "heun",
    label: "Heun",
    help: "Two network calls a step, second order; EDM's sampler",
    source: "arXiv:2206.00364",
    params: &[CHURN, CHURN_MIN, CHURN_MAX, CHURN_NOISE],
    build: |p| {
        Ok(Box::new(Heun {
            churn: Churn::from_params(p),
        }))
    },
};

impl Sampler for Heun {
    fn order(&self) -> Option<usize> {
        (self.churn.amount == 0.0).then_some(2)
    }

    fn calls(&self) -> Option<usize> {
        Some(2)
    }

    fn units(&self) -> Units {
        Units::VarianceExploding
    }

    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let (x, at) = self.churn.stir(x, mv.from.with_signal(), context)?;
        let belief = context.predict_ve(&x, at)?;
        let distance = mv.to.sigma_ve() - at.sigma_ve();
        let first = slope(&x, &belief, at)?;
        let mut next = (&x + (&first * distance)?)?;
        if mv.to.sigma > 0.0 {
            let there = context.predict_ve(&next, mv.to)?;
            let mean = ((first + slope(&next, &there, mv.to)?)? / 2.0)?;
            next = (&x + (mean * distance)?)?;
        }
        Ok(Step { mv, x, belief, next })
    }
}

pub(super) const CHURN: Param = Param::real(
    "churn",
    0.0,
    100.0,
    0.0,
    "Noise added over all steps; 0 is deterministic",
);
pub(super) const CHURN_MIN: Param = Param::real("churn-min", 0.0, 1000.0, 0.0, "Least noise level with churn");
pub(super) const CHURN_MAX: Param = Param::real("churn-max", 0.0, 1e6, 1e6, "Greatest noise level with churn");
pub(super) const CHURN_NOISE: Param = Param::real("churn-noise", 0.9, 1.1, 1.0, "Deviation of the added noise");

/// `S_churn`, `S_tmin`, `S_tmax` and `S_noise` of Karras et al. 2022.
pub struct Churn {
    /// Share of noise added over all moves; what it adds in one move saturates at the factor √2.
    pub amount: f64,
    /// Least and greatest noise, in variance-exploding units, at which it acts.
    pub range: (f64, f64),
    /// Deviation of the added noise.
    pub noise: f64,
}

impl Churn {
    pub(super) fn from_params(p: &Params) -> Self {
        Self {
            amount: p.real("churn"),
            range: (p.real("churn-min"), p.real("churn-max")),
            noise: p.real("churn-noise"),
        }
    }

    /// The state raised to a noisier level, and that level.
    pub(super) fn stir(&self, x: &Tensor, at: Level, context: &Context<'_>) -> Result<(Tensor, Level)> {
        let sigma = at.sigma_ve();
        let gamma = (self.amount / context.total as f64).min(std::f64::consts::SQRT_2 - 1.0);
        if gamma == 0.0 || sigma < self.range.0 || sigma > self.range.1 {
            return Ok((x.clone(), at));
        }
        let raised = context.schedule.at_sigma(sigma * (1.0 + gamma));
        let added = (raised.sigma_ve().powi(2) - sigma.powi(2)).max(0.0).sqrt();
        Ok((context.add_noise(x.clone(), added * self.noise)?, raised))
    }
}
