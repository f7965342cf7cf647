//! Singlestep DPM-Solver++ (Lu et al. 2022, algorithm 1): a second prediction, between the ends of a step, carries it.

use candle_core::Tensor;

use super::{Context, Sampler, combine, contiguous};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Level, Move, Param},
};

/// The singlestep method.
pub struct DpmppSinglestep {
    /// Where the second prediction is made.
    pub between: Between,
}

/// Where the second prediction of a step is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// Nowhere: first order.
    Nowhere,
    /// Half-way in `λ`: two network calls a move and no memory, which suits branching.
    HalfWay,
    /// At the grid's own point: two moves make one step, as in diffusers.
    Grid,
}

/// Registry entry.
pub const ENTRY_1S: Entry<dyn Sampler> = Entry {
    id: "dpmpp-1s",
    label: "DPM-Solver++ 1S",
    help: "First order; the same path as DDIM",
    source: "arXiv:2211.01095",
    params: &[],
    build: |_| {
        Ok(Box::new(DpmppSinglestep {
            between: Between::Nowhere,
        }))
    },
};

/// Registry entry.
pub const ENTRY_2S: Entry<dyn Sampler> = Entry {
    id: "dpmpp-2s",
    label: "DPM-Solver++ 2S",
    help: "Second order, two network calls a step, no memory",
    source: "arXiv:2211.01095",
    params: &[Param::choice(
        "between",
        &["half-way", "grid"],
        "Where the second prediction is made; with grid, two moves make one step",
    )],
    build: |p| {
        Ok(Box::new(DpmppSinglestep {
            between: match p.text("between") {
                "grid" => Between::Grid,
                _ => Between::HalfWay,
            },
        }))
    },
};

impl Sampler for DpmppSinglestep {
    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let Move { from, to } = mv.with_signal();
        let belief = context.predict(x, from)?;
        let second_half = (context.total - context.left).is_multiple_of(2);
        let next = match (self.between, contiguous(past, mv).last()) {
            (Between::HalfWay, _) if to.sigma > 0.0 => {
                let middle = context.schedule.at_sigma((from.sigma_ve() * to.sigma_ve()).sqrt());
                let half_way = first_order(x, &belief.x0, from, middle)?;
                first_order(x, &context.predict(&half_way, middle)?.x0, from, to)?
            }
            (Between::Grid, Some(first)) if second_half && to.sigma > 0.0 => second_order(first, &belief.x0, from, to)?,
            _ => first_order(x, &belief.x0, from, to)?,
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

/// From where the step `first` began, past its end at `middle` with the prediction `m0`, to `to`.
fn second_order(first: &Step, m0: &Tensor, middle: Level, to: Level) -> Result<Tensor> {
    let from = first.mv.with_signal().from;
    let share = (middle.lambda() - from.lambda()) / (to.lambda() - from.lambda());
    let weight = 0.5 / share;
    let mean = combine([(1.0 - weight, &first.belief.x0), (weight, m0)])?;
    first_order(&first.x, &mean, from, to)
}
