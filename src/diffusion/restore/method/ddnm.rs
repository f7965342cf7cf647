//! DDNM (Wang et al. 2023, arXiv:2212.00490, eq. 13 and 14): the part of the guess that the measurement sees is replaced,
//! `x0 + H⁺ (y - H x0)`; the rest, the null space, is the model's. For noisy measurements the authors' code (DDNM+) goes
//! along the singular vectors as DDRM does with `eta_b` 1, and so does this.

use candle_core::Tensor;

use super::{Context, Measurement, Method, Result, Step, ddrm::Ddrm, task};
use crate::{
    diffusion::Sampler,
    math::{Entry, Move, Param},
};

/// DDIM on guesses that agree with the measurement.
#[derive(Clone, Copy)]
pub struct Ddnm {
    /// Share of fresh noise in the noise of the next level.
    pub eta: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Method> = Entry {
    id: "ddnm",
    label: "DDNM",
    help: "Leaves to the model only what the measurement does not see",
    source: "arXiv:2212.00490",
    params: &[Param::real("eta", 0.0, 1.0, 0.85, "Share of fresh noise")],
    build: |p| Ok(Box::new(Ddnm { eta: p.real("eta") })),
};

impl Method for Ddnm {
    fn tasks(&self) -> &'static [&'static str] {
        task::ALL
    }

    fn bears_noise(&self) -> bool {
        true
    }

    fn steps(&self) -> usize {
        100
    }

    fn bind(&self, measured: Measurement) -> Box<dyn Sampler> {
        let eta = self.eta;
        if measured.noise > 0.0 {
            return Ddrm { eta, eta_b: 1.0 }.bind(measured);
        }
        Box::new(Bound { eta, measured })
    }
}

struct Bound {
    eta: f64,
    measured: Measurement,
}

impl Sampler for Bound {
    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let belief = context.predict(x, mv.from)?;
        let Measurement { operator, y, .. } = &self.measured;
        let unseen = (&belief.x0 - operator.seen(&belief.x0)?)?;
        let x0 = unseen.broadcast_add(&operator.pseudo_inverse(y)?)?;
        let kept = (1.0 - self.eta.powi(2)).sqrt() * mv.to.sigma;
        let mean = ((x0 * mv.to.alpha)? + (&belief.eps * kept)?)?;
        Ok(Step {
            mv,
            x: x.clone(),
            next: context.add_noise(mean, self.eta * mv.to.sigma)?,
            belief,
        })
    }
}
