//! DPS (Chung et al. 2023, arXiv:2209.14687, algorithm 1): after each ancestral move a step against the gradient of
//! `|y - H x0(x)|` with respect to the state, through the network. The norm is not squared, which is the paper's step divided
//! by the norm; `scale` counts for the published 1000 moves.

use candle_core::Tensor;

use super::{Context, Measurement, Method, Result, Step, ancestral, task};
use crate::{
    diffusion::{
        Denoiser, Prediction, Sampler,
        loss::{column, mean_of_samples},
    },
    math::{Entry, Level, Move, Param},
};

/// Ancestral sampling that follows a gradient.
pub struct Dps {
    /// Length of the gradient's step.
    pub scale: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Method> = Entry {
    id: "dps",
    label: "DPS",
    help: "Follows the gradient of the residual through the network; agrees nearly, not exactly",
    source: "arXiv:2209.14687",
    params: &[Param::real(
        "scale",
        0.0,
        20.0,
        1.0,
        "Length of the step against the gradient",
    )],
    build: |p| Ok(Box::new(Dps { scale: p.real("scale") })),
};

impl Method for Dps {
    fn tasks(&self) -> &'static [&'static str] {
        task::ALL
    }

    fn bears_noise(&self) -> bool {
        true
    }

    fn is_exact(&self) -> bool {
        false
    }

    fn steps(&self) -> usize {
        1000
    }

    fn bind(&self, measured: Measurement) -> Box<dyn Sampler> {
        Box::new(Bound {
            scale: self.scale,
            measured,
        })
    }
}

struct Bound {
    scale: f64,
    measured: Measurement,
}

impl Sampler for Bound {
    /// One for the move and one for the gradient; one more where predictions are clipped.
    fn calls(&self) -> Option<usize> {
        Some(2)
    }

    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let step = ancestral().step(mv, x, past, context)?;
        let gradient = gradient(&self.measured, context.model, x, mv.from, &step.belief)?;
        let next = (&step.next - (gradient * self.scale)?)?;
        Ok(Step { next, ..step })
    }
}

/// `d |y - H x0(x)| / dx = -J^T H^T (y - H x0) / |y - H x0|` of each sample; 0 where the residual is.
pub fn gradient(
    measured: &Measurement,
    model: &dyn Denoiser,
    x: &Tensor,
    at: Level,
    belief: &Prediction,
) -> Result<Tensor> {
    let residual = measured.residual(&belief.x0)?;
    let numbers = residual.elem_count() as f64 / residual.dim(0)? as f64;
    let norms = mean_of_samples(&residual.sqr()?)?
        .into_iter()
        .map(|v| (v * numbers).sqrt());
    let inverse: Vec<f64> = norms.map(|norm| if norm > 0.0 { -norm.recip() } else { 0.0 }).collect();
    let cotangent = measured
        .operator
        .adjoint(&residual.broadcast_mul(&column(&inverse, &residual)?)?)?;
    Ok(model.vjp(x, at, &cotangent)?.1)
}
