//! ILVR (Choi et al. 2021, arXiv:2108.02938, algorithm 1): after each ancestral move the low frequencies are those of the noised
//! reference, `x + P(reference) - P(x)`. `P = H⁺ H` keeps what the measurement sees; the reference has the level that the move
//! goes to.

use candle_core::Tensor;

use super::{Context, Measurement, Method, Result, Step, ancestral};
use crate::{
    diffusion::Sampler,
    math::{Entry, Move, Param},
};

/// Ancestral sampling with given low frequencies.
pub struct Ilvr {
    /// The share of the moves, at the end, that are free.
    pub free: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Method> = Entry {
    id: "ilvr",
    label: "ILVR",
    help: "Takes the coarse part from the measurement and lets the last steps go free",
    source: "arXiv:2108.02938",
    params: &[Param::real(
        "free",
        0.0,
        1.0,
        0.2,
        "Share of the steps, at the end, that are free",
    )],
    build: |p| Ok(Box::new(Ilvr { free: p.real("free") })),
};

impl Method for Ilvr {
    fn tasks(&self) -> &'static [&'static str] {
        &["sr2", "sr4", "colourise"]
    }

    fn is_exact(&self) -> bool {
        self.free == 0.0
    }

    fn steps(&self) -> usize {
        100
    }

    fn bind(&self, measured: Measurement) -> Box<dyn Sampler> {
        Box::new(Bound {
            free: self.free,
            measured,
        })
    }
}

struct Bound {
    free: f64,
    measured: Measurement,
}

impl Sampler for Bound {
    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let step = ancestral().step(mv, x, past, context)?;
        if (context.left as f64) < self.free * context.total as f64 {
            return Ok(step);
        }
        let reference = (&self.measured.guide * mv.to.alpha)?.broadcast_as(x.shape())?;
        let off = (context.add_noise(reference.contiguous()?, mv.to.sigma)? - &step.next)?;
        let next = (&step.next + self.measured.operator.seen(&off)?)?;
        Ok(Step { next, ..step })
    }
}
