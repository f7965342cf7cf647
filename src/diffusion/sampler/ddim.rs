//! DDIM (Song et al. 2021, eq. 12): from deterministic (`eta` 0) to ancestral (`eta` 1).

use candle_core::Tensor;

use super::{Context, Sampler};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Move, Param},
};

/// `x_to = alpha_to * x0 + sqrt(sigma_to² - churn²) * eps + churn * z`, `churn = eta * posterior deviation`.
pub struct Ddim {
    /// Share of the posterior noise that is added.
    pub eta: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "ddim",
    label: "DDIM",
    help: "Few steps, the same noise gives the same sample",
    source: "arXiv:2010.02502",
    params: &[Param::real(
        "eta",
        0.0,
        1.0,
        0.0,
        "Share of fresh noise: 0 is deterministic, 1 is DDPM",
    )],
    build: |p| Ok(Box::new(Ddim { eta: p.real("eta") })),
};

impl Sampler for Ddim {
    fn order(&self) -> Option<usize> {
        (self.eta == 0.0).then_some(1)
    }

    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let belief = context.predict(x, mv.from)?;
        let [of_x0, of_eps, churn] = mv.ddim_factors(self.eta);
        let mean = ((&belief.x0 * of_x0)? + (&belief.eps * of_eps)?)?;
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next: context.add_noise(mean, churn)?,
        })
    }
}
