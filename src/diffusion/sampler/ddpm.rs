//! Ancestral sampling (Ho et al. 2020, algorithm 2), for any distance between the two levels.

use candle_core::Tensor;

use super::{Context, Sampler};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Move, Param},
};

/// Posterior mean of `q(x_to | x, x0)` plus noise of the chosen variance; no noise on the last move.
pub struct Ddpm {
    /// Variance `forward_std²` instead of `posterior_std²`.
    pub large: bool,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "ddpm",
    label: "DDPM",
    help: "The original random walk; best with many steps",
    source: "arXiv:2006.11239",
    params: &[Param::choice(
        "variance",
        &["small", "large"],
        "Variance of the added noise",
    )],
    build: |p| {
        Ok(Box::new(Ddpm {
            large: p.text("variance") == "large",
        }))
    },
};

impl Sampler for Ddpm {
    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let belief = context.predict(x, mv.from)?;
        let Move { from, to } = mv;
        let ratio = from.alpha / to.alpha;
        let forward_var = mv.forward_std().powi(2);
        let from_var = from.sigma.powi(2);
        let mean =
            ((&belief.x0 * (to.alpha * forward_var / from_var))? + (x * (ratio * to.sigma.powi(2) / from_var))?)?;
        let std = match (to.sigma > 0.0, self.large) {
            (false, _) => 0.0,
            (true, false) => mv.posterior_std(),
            (true, true) => mv.forward_std(),
        };
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next: context.add_noise(mean, std)?,
        })
    }
}
