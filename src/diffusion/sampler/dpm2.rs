//! The midpoint method in log-noise (Karras et al. 2022; `DPM-Solver-2` of Lu et al. 2022).

use candle_core::Tensor;

use super::{Context, Sampler, slope};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Move, Param, Units},
};

/// The slope at the geometric mean of the two noise levels carries the whole move; plain Euler on the last one.
pub struct Dpm2 {
    /// Share of the posterior noise that is added (0 is deterministic).
    pub eta: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "dpm2",
    label: "DPM2",
    help: "Two network calls a step, the second half-way",
    source: "arXiv:2206.00927",
    params: &[Param::real(
        "eta",
        0.0,
        1.0,
        0.0,
        "Share of fresh noise: 0 is deterministic, 1 is ancestral",
    )],
    build: |p| Ok(Box::new(Dpm2 { eta: p.real("eta") })),
};

impl Sampler for Dpm2 {
    fn order(&self) -> Option<usize> {
        (self.eta == 0.0).then_some(2)
    }

    fn calls(&self) -> Option<usize> {
        Some(2)
    }

    fn units(&self) -> Units {
        Units::VarianceExploding
    }

    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let at = mv.from.with_signal();
        let (from, to) = (at.sigma_ve(), mv.to.sigma_ve());
        let up = (self.eta * to * (1.0 - (to / from).powi(2)).max(0.0).sqrt()).min(to);
        let down = (to * to - up * up).sqrt();
        let belief = context.predict_ve(x, at)?;
        let first = slope(x, &belief, at)?;
        let next = if down > 0.0 {
            let middle = context.schedule.at_sigma((from * down).sqrt());
            let half_way = (x + (first * (middle.sigma_ve() - from))?)?;
            let there = context.predict_ve(&half_way, middle)?;
            (x + (slope(&half_way, &there, middle)? * (down - from))?)?
        } else {
            (x + (first * (down - from))?)?
        };
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next: context.add_noise(next, up)?,
        })
    }
}
