//! DDNM and DDNM+ (Wang et al. 2023, arXiv:2212.00490, eq. 13 and 17 to 19): the part of the guess that the measurement sees is
//! replaced, `x0 + H⁺ (y - H x0)`; the rest, the null space, is the model's. Where the measurement has noise, it is followed
//! only as far as the fresh noise of the step can hold that noise.

use candle_core::Tensor;

use super::{Context, Measurement, Method, Result, Step, task};
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
        Box::new(Bound {
            eta: self.eta,
            measured,
        })
    }
}

struct Bound {
    eta: f64,
    measured: Measurement,
}

impl Bound {
    /// How far a component with singular value `s` follows the measurement, and the fresh noise that is then left to add.
    fn weights(&self, s: f64, mv: Move) -> [f64; 2] {
        let fresh = self.eta * mv.to.sigma;
        if s == 0.0 {
            return [0.0, fresh];
        }
        let carried = mv.to.alpha * self.measured.noise / s;
        let share = if carried <= fresh { 1.0 } else { fresh / carried };
        [share, (fresh.powi(2) - (share * carried).powi(2)).max(0.0).sqrt()]
    }
}

impl Sampler for Bound {
    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let belief = context.predict(x, mv.from)?;
        let operator = &self.measured.operator;
        let [share, fresh] = operator.spectrum().weights(|s| self.weights(s, mv))?;
        let [rest] = operator.spectrum().weights(|s| [1.0 - self.weights(s, mv)[0]])?;
        let kept = (1.0 - self.eta.powi(2)).sqrt() * mv.to.sigma;
        let guess = operator.v_t(&belief.x0)?.broadcast_mul(&rest)?;
        let x0 = guess.broadcast_add(&(self.measured.spectral()? * share)?)?;
        let noise = operator.v_t(&context.noise.like(x)?)?.broadcast_mul(&fresh)?;
        let next = operator.v(&((x0 * mv.to.alpha)? + noise)?)?;
        Ok(Step {
            mv,
            x: x.clone(),
            next: (next + (&belief.eps * kept)?)?,
            belief,
        })
    }
}
