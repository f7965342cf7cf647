//! Euler's method in variance-exploding units (Karras et al. 2022), with optional churn.

use candle_core::Tensor;

use super::{
    Context, Sampler,
    heun::{CHURN, CHURN_MAX, CHURN_MIN, CHURN_NOISE, Churn},
    slope,
};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Move, Units},
};

/// `x += (sigma_to - sigma) * (x - x0) / sigma`.
pub struct Euler {
    /// Noise added before each move.
    pub churn: Churn,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "euler",
    label: "Euler",
    help: "Straight steps; simple and predictable",
    source: "arXiv:2206.00364",
    params: &[CHURN, CHURN_MIN, CHURN_MAX, CHURN_NOISE],
    build: |p| {
        Ok(Box::new(Euler {
            churn: Churn::from_params(p),
        }))
    },
};

impl Sampler for Euler {
    fn order(&self) -> Option<usize> {
        (self.churn.amount == 0.0).then_some(1)
    }

    fn units(&self) -> Units {
        Units::VarianceExploding
    }

    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let (x, at) = self.churn.stir(x, mv.from.with_signal(), context)?;
        let belief = context.predict_ve(&x, at)?;
        let distance = mv.to.sigma_ve() - at.sigma_ve();
        let next = (&x + (slope(&x, &belief, at)? * distance)?)?;
        Ok(Step { mv, x, belief, next })
    }
}
