//! Ancestral sampling (Ho et al. 2020, algorithm 2), for any distance between the two levels.

use candle_core::Tensor;

use super::{Context, Sampler};
use crate::{
    diffusion::{Prediction, Result, Step},
    math::{Entry, Move, Param},
};

/// Posterior mean of `q(x_to | x, x0)` plus noise of the chosen variance; no noise on the last move.
pub struct Ddpm {
    /// Variance of the added noise.
    pub variance: Variance,
    /// Add noise on the last move as well, unless it starts at index 0 (diffusers' behaviour with the large variance).
    pub final_noise: bool,
}

/// Variance of the noise that one move adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variance {
    /// That of the posterior, `β̃`.
    Small,
    /// That of the forward step, `β`.
    Large,
    /// What the network says, between the two in their logarithms (Nichol and Dhariwal 2021, eq. 15).
    Learned,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "ddpm",
    label: "DDPM",
    help: "The original random walk; best with many steps",
    source: "arXiv:2006.11239",
    params: &[
        Param::choice(
            "variance",
            &["small", "large", "learned"],
            "Variance of the added noise",
        ),
        Param::flag(
            "final-noise",
            false,
            "Add noise on the last step too unless it starts at time 0, as diffusers does",
        ),
    ],
    build: |p| {
        Ok(Box::new(Ddpm {
            variance: match p.text("variance") {
                "large" => Variance::Large,
                "learned" => Variance::Learned,
                _ => Variance::Small,
            },
            final_noise: p.flag("final-noise"),
        }))
    },
};

impl Sampler for Ddpm {
    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let belief = context.predict(x, mv.from)?;
        let mean = posterior_mean(mv, x, &belief.x0)?;
        let silent = mv.to.sigma == 0.0 && !(self.final_noise && mv.from.t > 0.0);
        let next = if silent {
            mean
        } else {
            match self.variance {
                Variance::Small => context.add_noise(mean, mv.posterior_std())?,
                Variance::Large => context.add_noise(mean, mv.forward_std())?,
                Variance::Learned => {
                    let noise = (context.noise.like(x)? * learned_std(mv, &belief)?)?;
                    (mean + noise)?
                }
            }
        };
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next,
        })
    }
}

/// Mean of `q(x_to | x_from, x0)`.
pub fn posterior_mean(mv: Move, x: &Tensor, x0: &Tensor) -> Result<Tensor> {
    let [of_x0, of_x] = mv.posterior_factors();
    (x0 * of_x0)? + (x * of_x)?
}

/// Deviation between the posterior's and the forward step's; the posterior's variance is at least `1e-20`, so that it
/// has a logarithm.
fn learned_std(mv: Move, belief: &Prediction) -> Result<Tensor> {
    let Some(share) = &belief.var else {
        return Err(candle_core::Error::Msg(
            "the network does not predict a variance; choose the small or the large one".into(),
        ));
    };
    let (low, high) = (mv.posterior_std().max(1e-10).ln(), mv.forward_std().ln());
    ((share * (high - low))? + low)?.exp()
}
