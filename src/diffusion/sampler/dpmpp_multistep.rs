//! DPM-Solver++ (Lu et al. 2022): the exact solution of the linear part, and a polynomial in `λ = ln(alpha / sigma)`
//! through the last predictions of the clean sample.

use candle_core::Tensor;

use super::{Context, Sampler, combine, contiguous};
use crate::{
    diffusion::{Result, Step},
    math::Move,
};

mod entries;
mod weights;

pub use entries::{ENTRY_2M, ENTRY_2M_SDE, ENTRY_3M};
use weights::{Weights, differences};

/// The multistep method of order 1, 2 or 3, deterministic or with the noise of the reverse SDE.
pub struct DpmppMultistep {
    /// How many predictions are used.
    pub order: usize,
    /// Solve the SDE instead of the ODE.
    pub stochastic: bool,
    /// How the second order weighs the difference of the predictions.
    pub second_order: SecondOrder,
    /// Lower the order near the end where there are fewer than 15 moves, as diffusers does.
    pub lower_order_final: bool,
    /// Third order with the weight of the second derivative as in the paper's code and diffusers: half of what Taylor's
    /// formula says (which leaves the ODE method of second order), and one less for the SDE (which leaves it of first order).
    /// Both are measured in `tests/convergence.rs`.
    pub published: bool,
}

/// Two second-order updates that differ by terms of third order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondOrder {
    /// Half the first-order weight.
    Midpoint,
    /// The exact integral of the straight line.
    Heun,
}

impl Sampler for DpmppMultistep {
    fn order(&self) -> Option<usize> {
        let order = if self.published { self.order.min(2) } else { self.order };
        (!self.stochastic).then_some(order)
    }

    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let Move { from, to } = mv.with_signal();
        let belief = context.predict(x, from)?;
        let run = contiguous(past, mv);
        let order = self.order_of(mv, context).min(run.len() + 1);
        let h = to.lambda() - from.lambda();
        // e^-h; the ratios stay finite at sigma = 0 where the logarithms do not.
        let decay = to.sigma * from.alpha / (to.alpha * from.sigma);
        let weights = if self.stochastic {
            Weights::sde(h, decay, self.second_order)
        } else {
            Weights::ode(h, decay, self.second_order)
        };
        let kept = to.sigma / from.sigma * if self.stochastic { decay } else { 1.0 };
        let mut next = ((x * kept)? + (&belief.x0 * (to.alpha * weights.first))?)?;
        if order > 1 {
            let differences = differences(mv, &belief.x0, &run[run.len() + 1 - order..], h)?;
            let terms = match &differences[..] {
                [d1] => vec![(weights.second, d1)],
                all => weights.third(self.published).into_iter().zip(all).collect(),
            };
            next = (next + (combine(terms)? * to.alpha)?)?;
        }
        let noise = if self.stochastic {
            to.sigma * (1.0 - decay * decay).sqrt()
        } else {
            0.0
        };
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next: context.add_noise(next, noise)?,
        })
    }
}

impl DpmppMultistep {
    /// The order that this move is allowed: first order where it ends without noise.
    fn order_of(&self, mv: Move, context: &Context<'_>) -> usize {
        let few = self.lower_order_final && context.total < 15;
        if mv.to.sigma == 0.0 {
            1
        } else if few {
            self.order.min(context.left + 1)
        } else {
            self.order
        }
    }
}
