//! Euler's and Heun's methods along straight lines between data and noise (Liu et al. 2023; Lipman et al. 2023).
//!
//! In the chart `y = x / (alpha + sigma)`, `s = sigma / (alpha + sigma)` the velocity is `dy/ds = eps - x0`.

use candle_core::Tensor;

use super::{Context, Sampler};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Level, Move, Param},
};

/// `x_to = alpha_to * x0 + sigma_to * eps`: a straight step in this chart (as in any other).
pub struct FlowEuler {
    /// Forget the noise and draw it anew for each level.
    pub stochastic: bool,
}

/// The mean of the velocities at both ends; plain Euler on the last move.
pub struct FlowHeun;

/// Registry entry.
pub const ENTRY_EULER: Entry<dyn Sampler> = Entry {
    id: "flow-euler",
    label: "Flow Euler",
    help: "Straight steps from noise to data; for flow models",
    source: "arXiv:2209.03003",
    params: &[Param::flag(
        "stochastic",
        false,
        "Draw the noise anew at each level; for distilled models",
    )],
    build: |p| {
        Ok(Box::new(FlowEuler {
            stochastic: p.flag("stochastic"),
        }))
    },
};

/// Registry entry.
pub const ENTRY_HEUN: Entry<dyn Sampler> = Entry {
    id: "flow-heun",
    label: "Flow Heun",
    help: "Two network calls a step, second order; for flow models",
    source: "arXiv:2209.03003",
    params: &[],
    build: |_| Ok(Box::new(FlowHeun)),
};

impl Sampler for FlowEuler {
    fn order(&self) -> Option<usize> {
        (!self.stochastic).then_some(1)
    }

    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let belief = context.predict(x, mv.from)?;
        let signal = (&belief.x0 * mv.to.alpha)?;
        let next = if self.stochastic {
            context.add_noise(signal, mv.to.sigma)?
        } else {
            (signal + (&belief.eps * mv.to.sigma)?)?
        };
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next,
        })
    }
}

impl Sampler for FlowHeun {
    fn order(&self) -> Option<usize> {
        Some(2)
    }

    fn calls(&self) -> Option<usize> {
        Some(2)
    }

    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let (size, place) = (
            |at: Level| at.alpha + at.sigma,
            |at: Level| at.sigma / (at.alpha + at.sigma),
        );
        let belief = context.predict(x, mv.from)?;
        let distance = place(mv.to) - place(mv.from);
        let y = (x / size(mv.from))?;
        let first = (&belief.eps - &belief.x0)?;
        let mut end = (&y + (&first * distance)?)?;
        if mv.to.sigma > 0.0 {
            let there = context.predict(&(end * size(mv.to))?, mv.to)?;
            let mean = ((first + (there.eps - there.x0)?)? / 2.0)?;
            end = (y + (mean * distance)?)?;
        }
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next: (end * size(mv.to))?,
        })
    }
}
