//! DDRM (Kawar et al. 2022, arXiv:2201.11793, eq. 7 and 8): sampling along the singular vectors of the measurement, in units of
//! `V^T x / alpha` with deviation `s = sigma / alpha`. What is measured more precisely than the level's noise is taken from
//! `y`, what is measured less precisely is led there, what is not measured is sampled.

use candle_core::Tensor;

use super::{Context, Measurement, Method, Result, Step, task};
use crate::{
    diffusion::Sampler,
    math::{Entry, Move, Param, schedule::NoiseSchedule},
};

/// How the three kinds of components move.
#[derive(Clone, Copy)]
pub struct Ddrm {
    /// Share of fresh noise where nothing or little was measured.
    pub eta: f64,
    /// How far the measured components are taken from the measurement.
    pub eta_b: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Method> = Entry {
    id: "ddrm",
    label: "DDRM",
    help: "Works along the singular vectors of the measurement; exact, with noise too, in 20 steps",
    source: "arXiv:2201.11793",
    params: &[
        Param::real("eta", 0.0, 1.0, 0.85, "Share of fresh noise in what was not measured"),
        Param::real("eta-b", 0.0, 1.0, 1.0, "How far measured parts follow the measurement"),
    ],
    build: |p| {
        Ok(Box::new(Ddrm {
            eta: p.real("eta"),
            eta_b: p.real("eta-b"),
        }))
    },
};

impl Method for Ddrm {
    fn tasks(&self) -> &'static [&'static str] {
        task::ALL
    }

    fn bears_noise(&self) -> bool {
        true
    }

    fn is_exact(&self) -> bool {
        self.eta_b == 1.0
    }

    fn steps(&self) -> usize {
        20
    }

    fn bind(&self, measured: Measurement) -> Box<dyn Sampler> {
        Box::new(Bound {
            method: *self,
            measured,
        })
    }
}

struct Bound {
    method: Ddrm,
    measured: Measurement,
}

impl Ddrm {
    /// Weights of the clean sample, the noise, the measurement and fresh noise in a component with singular value `s` on the
    /// way to noise `to`; `noise` is that of the measurement.
    fn weights(self, s: f64, to: f64, noise: f64) -> [f64; 4] {
        let Self { eta, eta_b } = self;
        let kept = (1.0 - eta * eta).sqrt();
        if s == 0.0 {
            [1.0, kept * to, 0.0, eta * to]
        } else if to * s < noise {
            let pull = kept * to * s / noise;
            [1.0 - pull, 0.0, pull, eta * to]
        } else {
            let rest = (to.powi(2) - (eta_b * noise / s).powi(2)).max(0.0).sqrt();
            [1.0 - eta_b, 0.0, eta_b, rest]
        }
    }
}

impl Sampler for Bound {
    fn start(&self, first: Move, noise: &Tensor, _schedule: &dyn NoiseSchedule) -> Result<Tensor> {
        let (at, operator) = (first.from.with_signal(), &self.measured.operator);
        let sigma = at.sigma_ve();
        let [of_y, of_z] = operator.spectrum().weights(|s| {
            let precise = s > 0.0 && sigma * s > self.measured.noise;
            let rest = (sigma.powi(2) - (self.measured.noise / s).powi(2)).max(0.0).sqrt();
            if precise { [1.0, rest] } else { [0.0, sigma] }
        })?;
        let noise = operator.v_t(noise)?.broadcast_mul(&of_z)?;
        operator.v(&noise.broadcast_add(&(self.measured.spectral()? * of_y)?)?)? * at.alpha
    }

    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let belief = context.predict(x, mv.from)?;
        let (to, operator) = (mv.to.with_signal(), &self.measured.operator);
        let weights = |s| self.method.weights(s, to.sigma_ve(), self.measured.noise);
        let [of_x0, of_eps, of_y, of_z] = operator.spectrum().weights(weights)?;
        let part = |tensor: &Tensor, weight: &Tensor| operator.v_t(tensor)?.broadcast_mul(weight);
        let guess = (part(&belief.x0, &of_x0)? + part(&belief.eps, &of_eps)?)?;
        let mean = guess.broadcast_add(&(self.measured.spectral()? * of_y)?)?;
        let next = (mean + part(&context.noise.like(x)?, &of_z)?)?;
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next: (operator.v(&next)? * to.alpha)?,
        })
    }
}
