//! Pseudo linear multistep (Liu et al. 2022, PNDM): the noises are combined, DDIM's transfer carries them.

use candle_core::Tensor;

use super::{Context, Sampler, combine, contiguous};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Level, Move, Param},
};

/// Adams–Bashforth weights of the last four noises; the first moves by a pseudo improved Euler step, or the first three
/// by pseudo Runge–Kutta steps.
pub struct Plms {
    /// Begin with Runge–Kutta steps of four calls each.
    pub runge_kutta: bool,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "plms",
    label: "PLMS",
    help: "Combines the last four noises; fourth order at one call a step",
    source: "arXiv:2202.09778",
    params: &[Param::flag(
        "runge-kutta",
        false,
        "Begin with three Runge–Kutta steps of four calls each",
    )],
    build: |p| {
        Ok(Box::new(Plms {
            runge_kutta: p.flag("runge-kutta"),
        }))
    },
};

impl Sampler for Plms {
    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let visible = mv.with_signal();
        let belief = context.predict(x, visible.from)?;
        let run = contiguous(past, mv);
        let noises: Vec<&Tensor> = std::iter::once(&belief.eps)
            .chain(run.iter().rev().map(|step| &step.belief.eps))
            .collect();
        let eps = match noises[..] {
            // There is nothing to ask at the end of a move to no noise.
            [e0] if mv.to.sigma == 0.0 => e0.clone(),
            [e0] if !self.runge_kutta => improved_euler(visible, x, e0, context)?,
            [e0] | [e0, _] | [e0, _, _] if self.runge_kutta && mv.to.sigma > 0.0 => {
                runge_kutta(visible, x, e0, context)?
            }
            [e0, e1] => combine([(1.5, e0), (-0.5, e1)])?,
            [e0, e1, e2] => combine([(23.0 / 12.0, e0), (-16.0 / 12.0, e1), (5.0 / 12.0, e2)])?,
            [e0, e1, e2, e3, ..] => combine([
                (55.0 / 24.0, e0),
                (-59.0 / 24.0, e1),
                (37.0 / 24.0, e2),
                (-9.0 / 24.0, e3),
            ])?,
            _ => belief.eps.clone(),
        };
        Ok(Step {
            mv,
            x: x.clone(),
            next: transfer(x, &eps, visible.from, visible.to)?,
            belief,
        })
    }
}

/// Where the noise `eps` carries `x` (equation 9 of the paper; DDIM with `eta` 0).
fn transfer(x: &Tensor, eps: &Tensor, from: Level, to: Level) -> Result<Tensor> {
    let ratio = to.alpha / from.alpha;
    (x * ratio)? + (eps * (to.sigma - ratio * from.sigma))?
}

/// The mean of the noises at both ends.
fn improved_euler(mv: Move, x: &Tensor, e0: &Tensor, context: &Context<'_>) -> Result<Tensor> {
    let end = context.predict(&transfer(x, e0, mv.from, mv.to)?, mv.to)?;
    combine([(0.5, e0), (0.5, &end.eps)])
}

/// The classic weights 1, 2, 2, 1 of the noises at the start, twice in the middle, and at the end.
fn runge_kutta(mv: Move, x: &Tensor, e0: &Tensor, context: &Context<'_>) -> Result<Tensor> {
    let half = (mv.from.t - mv.to.t) / 2.0;
    let half = if context.schedule.steps().is_some() {
        half.floor()
    } else {
        half
    };
    let middle = context.schedule.level(mv.from.t - half);
    let e1 = context.predict(&transfer(x, e0, mv.from, middle)?, middle)?.eps;
    let e2 = context.predict(&transfer(x, &e1, mv.from, middle)?, middle)?.eps;
    let e3 = context.predict(&transfer(x, &e2, mv.from, mv.to)?, mv.to)?.eps;
    combine([(1.0 / 6.0, e0), (1.0 / 3.0, &e1), (1.0 / 3.0, &e2), (1.0 / 6.0, &e3)])
}
