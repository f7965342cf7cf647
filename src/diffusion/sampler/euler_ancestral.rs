//! Ancestral Euler steps in variance-exploding units (Crowson, `k-diffusion`, 2022).

use candle_core::Tensor;

use super::{Context, Sampler, slope};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Move, Param, Units},
};

/// An Euler step below the target level, then fresh noise up to it.
pub struct EulerAncestral {
    /// Share of the posterior noise that is added.
    pub eta: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "euler-a",
    label: "Euler ancestral",
    help: "Euler with fresh noise at each step; varied samples",
    source: "k-diffusion, 2022",
    params: &[Param::real("eta", 0.0, 1.0, 1.0, "Share of fresh noise; 0 is Euler")],
    build: |p| Ok(Box::new(EulerAncestral { eta: p.real("eta") })),
};

impl Sampler for EulerAncestral {
    fn order(&self) -> Option<usize> {
        (self.eta == 0.0).then_some(1)
    }

    fn units(&self) -> Units {
        Units::VarianceExploding
    }

    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let at = mv.from.with_signal();
        let (from, to) = (at.sigma_ve(), mv.to.sigma_ve());
        let belief = context.predict_ve(x, at)?;
        let up = (self.eta * to * (1.0 - (to / from).powi(2)).max(0.0).sqrt()).min(to);
        let down = (to * to - up * up).sqrt();
        let mean = (x + (slope(x, &belief, at)? * (down - from))?)?;
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next: context.add_noise(mean, up)?,
        })
    }
}
