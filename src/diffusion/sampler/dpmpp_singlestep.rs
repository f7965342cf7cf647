//! DPM-Solver++ with its own point in between (Lu et al. 2022, algorithm 1): no memory, so it suits guidance and
//! branching.

use candle_core::Tensor;

use super::{Context, Sampler};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Level, Move},
};

/// The singlestep method.
pub struct DpmppSinglestep {
    /// Ask again half-way in `λ` and let that prediction carry the move.
    pub second_order: bool,
}

/// Registry entry.
pub const ENTRY_1S: Entry<dyn Sampler> = Entry {
    id: "dpmpp-1s",
    label: "DPM-Solver++ 1S",
    help: "First order; the same path as DDIM",
    source: "arXiv:2211.01095",
    params: &[],
    build: |_| Ok(Box::new(DpmppSinglestep { second_order: false })),
};

/// Registry entry.
pub const ENTRY_2S: Entry<dyn Sampler> = Entry {
    id: "dpmpp-2s",
    label: "DPM-Solver++ 2S",
    help: "Second order, two network calls a step, no memory",
    source: "arXiv:2211.01095",
    params: &[],
    build: |_| Ok(Box::new(DpmppSinglestep { second_order: true })),
};

impl Sampler for DpmppSinglestep {
    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let Move { from, to } = mv.with_signal();
        let belief = context.predict(x, from)?;
        let next = if self.second_order && to.sigma > 0.0 {
            let middle = context.schedule.at_sigma((from.sigma_ve() * to.sigma_ve()).sqrt());
            let half_way = first_order(x, &belief.x0, from, middle)?;
            first_order(x, &context.predict(&half_way, middle)?.x0, from, to)?
        } else {
            first_order(x, &belief.x0, from, to)?
        };
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next,
        })
    }
}

/// `x_to = sigma_to / sigma x + alpha_to (1 - e^-h) x0`: exact for a constant prediction.
fn first_order(x: &Tensor, x0: &Tensor, from: Level, to: Level) -> Result<Tensor> {
    let kept = to.sigma / from.sigma;
    (x * kept)? + (x0 * (to.alpha - kept * from.alpha))?
}
