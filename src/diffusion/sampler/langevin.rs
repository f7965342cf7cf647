//! Annealed Langevin dynamics (Song and Ermon 2019, 2020).

use candle_core::Tensor;

use super::{Context, Sampler};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Move, Param, Units},
};

/// At each level some steps `x += a * score + √(2a) * z` with `a = step * sigma²`; a last denoising (`NCSNv2`).
pub struct Langevin {
    /// Langevin steps a level.
    pub repeats: usize,
    /// Step size in units of the variance of the noise.
    pub step: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "langevin",
    label: "Annealed Langevin",
    help: "A random walk along the score, from much noise to little; wants hundreds of levels",
    source: "arXiv:2006.09011",
    params: &[
        Param::int("repeats", 1, 100, 5, "Steps at each noise level"),
        Param::real("step", 1e-4, 1.0, 0.062, "Step size in units of the noise variance"),
    ],
    build: |p| {
        Ok(Box::new(Langevin {
            repeats: p.count("repeats"),
            step: p.real("step"),
        }))
    },
};

impl Sampler for Langevin {
    fn calls(&self) -> Option<usize> {
        Some(self.repeats)
    }

    fn units(&self) -> Units {
        Units::VarianceExploding
    }

    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let at = mv.from.with_signal();
        let first = context.predict_ve(x, at)?;
        let mut belief = first.clone();
        let mut next = x.clone();
        for i in 0..self.repeats {
            if i > 0 {
                belief = context.predict_ve(&next, at)?;
            }
            // a * score = step * sigma² * (x0 - x) / sigma².
            let pulled = (&next + ((&belief.x0 - &next)? * self.step)?)?;
            next = context.add_noise(pulled, (2.0 * self.step).sqrt() * at.sigma_ve())?;
        }
        if mv.to.sigma == 0.0 {
            next = context.predict_ve(&next, at)?.x0;
        }
        Ok(Step {
            mv,
            x: x.clone(),
            belief: first,
            next,
        })
    }
}
