//! `DiffPIR` (Zhu et al. 2023, arXiv:2305.08995, algorithm 1): the guess of the clean sample is brought towards the measurement by
//! `argmin |y - H x|² + rho |x - x0|²` with `rho = lambda (noise alpha / sigma)²`, and noised to the next level.

use candle_core::Tensor;

use super::{Context, Measurement, Method, Result, Step, task};
use crate::{
    diffusion::Sampler,
    math::{Entry, Move, Param},
};

/// How much the guess counts, and how much noise is fresh.
#[derive(Clone, Copy)]
pub struct DiffPir {
    /// Weight of the guess against a noisy measurement.
    pub lambda: f64,
    /// Share of fresh noise in the noise of the next level.
    pub zeta: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Method> = Entry {
    id: "diffpir",
    label: "DiffPIR",
    help: "Brings each guess to the measurement in closed form; few steps, no gradients",
    source: "arXiv:2305.08995",
    params: &[
        Param::real(
            "lambda",
            0.0,
            100.0,
            1.0,
            "How much the guess counts against a noisy measurement",
        ),
        Param::real("zeta", 0.0, 1.0, 1.0, "Share of fresh noise"),
    ],
    build: |p| {
        Ok(Box::new(DiffPir {
            lambda: p.real("lambda"),
            zeta: p.real("zeta"),
        }))
    },
};

impl Method for DiffPir {
    fn tasks(&self) -> &'static [&'static str] {
        task::ALL
    }

    fn bears_noise(&self) -> bool {
        true
    }

    fn steps(&self) -> usize {
        20
    }

    fn spacing(&self) -> &'static str {
        "quadratic"
    }

    fn bind(&self, measured: Measurement) -> Box<dyn Sampler> {
        Box::new(Bound {
            method: *self,
            measured,
        })
    }
}

struct Bound {
    method: DiffPir,
    measured: Measurement,
}

impl Bound {
    /// The minimum, component by component: `(s² y / s + rho x0) / (s² + rho)`.
    fn nearest(&self, x0: &Tensor, sigma: f64) -> Result<Tensor> {
        let operator = &self.measured.operator;
        let rho = self.method.lambda * (self.measured.noise / sigma).powi(2);
        let [of_x0, of_y] = operator.spectrum().weights(|s| {
            if s == 0.0 {
                [1.0, 0.0]
            } else {
                [rho / (s * s + rho), s * s / (s * s + rho)]
            }
        })?;
        let measured = (self.measured.spectral()? * of_y)?;
        operator.v(&operator.v_t(x0)?.broadcast_mul(&of_x0)?.broadcast_add(&measured)?)
    }
}

impl Sampler for Bound {
    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let belief = context.predict(x, mv.from)?;
        let x0 = self.nearest(&belief.x0, mv.from.with_signal().sigma_ve())?;
        let eps = ((x - (&x0 * mv.from.alpha)?)? / mv.from.sigma)?;
        let (kept, fresh) = ((1.0 - self.method.zeta).sqrt(), self.method.zeta.sqrt());
        let mean = ((x0 * mv.to.alpha)? + (eps * (mv.to.sigma * kept))?)?;
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next: context.add_noise(mean, mv.to.sigma * fresh)?,
        })
    }
}
