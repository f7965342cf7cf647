//! Pseudo linear multistep (Liu et al. 2022, PNDM): the noises are combined, DDIM's transfer carries them.
//!
//! Adams–Bashforth: `(3 e0 - e1) / 2`, `(23 e0 - 16 e1 + 5 e2) / 12`, `(55 e0 - 59 e1 + 37 e2 - 9 e3) / 24`, newest first.

use candle_core::Tensor;

use super::{Context, Sampler, combine, contiguous};
use crate::{
    diffusion::{Prediction, Result, Step},
    math::{Entry, Level, Move, Param},
};

/// Adams–Bashforth weights of the last four noises; the first moves by a pseudo improved Euler step, or the first three
/// by pseudo Runge–Kutta steps.
pub struct Plms {
    /// Begin with Runge–Kutta steps of four calls each.
    pub runge_kutta: bool,
    /// What is combined.
    pub combined: Combined,
}

/// What is combined over several predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combined {
    /// Noises, as in the paper.
    Eps,
    /// Velocities, each of its own level, then read as noise at the level of the move: what diffusers does with networks that
    /// predict them.
    V,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "plms",
    label: "PLMS",
    help: "Combines the last four noises at one call a step",
    source: "arXiv:2202.09778",
    params: &[
        Param::flag(
            "runge-kutta",
            false,
            "Begin with three Runge–Kutta steps of four calls each",
        ),
        Param::choice(
            "combined",
            &["eps", "v"],
            "What is combined: noises, or velocities as diffusers does for networks that predict them",
        ),
    ],
    build: |p| {
        Ok(Box::new(Plms {
            runge_kutta: p.flag("runge-kutta"),
            combined: match p.text("combined") {
                "v" => Combined::V,
                _ => Combined::Eps,
            },
        }))
    },
};

impl Sampler for Plms {
    /// Four on levels even in `sigma / alpha`; on any others the paper proves two.
    fn order(&self) -> Option<usize> {
        Some(2)
    }

    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let visible = mv.with_signal();
        let belief = context.predict(x, visible.from)?;
        let run = contiguous(past, mv).iter().rev();
        let mut known = vec![self.value(&belief, visible.from)?];
        for step in run.take(3) {
            known.push(self.value(&step.belief, step.mv.with_signal().from)?);
        }
        let value = match &known[..] {
            // There is nothing to ask at the end of a move to no noise.
            [e0] if mv.to.sigma == 0.0 => e0.clone(),
            [e0] if !self.runge_kutta => self.improved_euler(visible, x, e0, context)?,
            [e0] | [e0, _] | [e0, _, _] if self.runge_kutta && mv.to.sigma > 0.0 => {
                self.runge_kutta(visible, x, e0, context)?
            }
            [e0, e1] => combine([(1.5, e0), (-0.5, e1)])?,
            [e0, e1, e2] => combine([(23.0 / 12.0, e0), (-16.0 / 12.0, e1), (5.0 / 12.0, e2)])?,
            [e0, e1, e2, e3, ..] => combine([
                (55.0 / 24.0, e0),
                (-59.0 / 24.0, e1),
                (37.0 / 24.0, e2),
                (-9.0 / 24.0, e3),
            ])?,
            _ => known[0].clone(),
        };
        Ok(Step {
            mv,
            x: x.clone(),
            next: self.transfer(x, &value, visible.from, visible.to)?,
            belief,
        })
    }
}

impl Plms {
    fn value(&self, belief: &Prediction, at: Level) -> Result<Tensor> {
        match self.combined {
            Combined::Eps => Ok(belief.eps.clone()),
            Combined::V => combine([(at.alpha, &belief.eps), (-at.sigma, &belief.x0)]),
        }
    }

    /// Where a combined value carries `x` (equation 9 of the paper; DDIM with `eta` 0).
    fn transfer(&self, x: &Tensor, value: &Tensor, from: Level, to: Level) -> Result<Tensor> {
        let ratio = to.alpha / from.alpha;
        let of_eps = to.sigma - ratio * from.sigma;
        match self.combined {
            Combined::Eps => combine([(ratio, x), (of_eps, value)]),
            // eps = alpha v + sigma x.
            Combined::V => combine([(ratio + of_eps * from.sigma, x), (of_eps * from.alpha, value)]),
        }
    }

    fn ask(&self, x: &Tensor, value: &Tensor, from: Level, to: Level, context: &Context<'_>) -> Result<Tensor> {
        let there = context.predict(&self.transfer(x, value, from, to)?, to)?;
        self.value(&there, to)
    }

    /// The mean of the values at both ends.
    fn improved_euler(&self, mv: Move, x: &Tensor, e0: &Tensor, context: &Context<'_>) -> Result<Tensor> {
        combine([(0.5, e0), (0.5, &self.ask(x, e0, mv.from, mv.to, context)?)])
    }

    /// The classic weights 1, 2, 2, 1 of the values at the start, twice in the middle, and at the end.
    fn runge_kutta(&self, mv: Move, x: &Tensor, e0: &Tensor, context: &Context<'_>) -> Result<Tensor> {
        let half = (mv.from.t - mv.to.t) / 2.0;
        let half = if context.schedule.steps().is_some() {
            half.floor()
        } else {
            half
        };
        let middle = context.schedule.level(mv.to.t + half);
        // Where the distance is odd, diffusers goes half of it from one end and tells the network half from the other.
        let first = Level {
            t: middle.t,
            ..context.schedule.level(mv.from.t - half)
        };
        let e1 = self.ask(x, e0, mv.from, first, context)?;
        let e2 = self.ask(x, &e1, mv.from, middle, context)?;
        let e3 = self.ask(x, &e2, mv.from, mv.to, context)?;
        combine([(1.0 / 6.0, e0), (1.0 / 3.0, &e1), (1.0 / 3.0, &e2), (1.0 / 6.0, &e3)])
    }
}
