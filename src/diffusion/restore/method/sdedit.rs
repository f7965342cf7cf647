//! `SDEdit` (Meng et al. 2022, arXiv:2108.01073, algorithm 1 and, with a mask, 2): the guide, noised to a level on the way, and then
//! ordinary sampling. Known pixels are put in their place after each move.

use candle_core::Tensor;

use super::{Context, Measurement, Method, Result, Step, ancestral, task};
use crate::{
    diffusion::Sampler,
    math::{Entry, Move, Param, schedule::NoiseSchedule},
};

/// Sampling from partway.
pub struct SdEdit {
    /// The share of the way, at the end, that is walked.
    pub strength: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Method> = Entry {
    id: "sdedit",
    label: "SDEdit",
    help: "Noises the picture, what lies under the mask too, and denoises it; keeps the layout, not the measurement",
    source: "arXiv:2108.01073",
    params: &[Param::real(
        "strength",
        0.0,
        1.0,
        0.5,
        "How far back the picture is noised: 1 leaves nothing of it",
    )],
    build: |p| {
        Ok(Box::new(SdEdit {
            strength: p.real("strength"),
        }))
    },
};

impl Method for SdEdit {
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
        100
    }

    fn bind(&self, measured: Measurement) -> Box<dyn Sampler> {
        Box::new(Partway {
            measured,
            walked: self.strength,
        })
    }
}

/// Ancestral sampling from the noised guide, with known pixels in their place where there are any.
pub(super) struct Partway {
    /// What is known.
    pub(super) measured: Measurement,
    /// The share of the way, at the end, that is walked.
    pub(super) walked: f64,
}

impl Sampler for Partway {
    /// At least the last move.
    fn plan(&self, mut moves: Vec<Move>) -> Vec<Move> {
        let walked = (self.walked * moves.len() as f64).round() as usize;
        let skipped = moves.len().saturating_sub(walked.max(1));
        moves.split_off(skipped)
    }

    fn start(&self, first: Move, noise: &Tensor, _schedule: &dyn NoiseSchedule) -> Result<Tensor> {
        (noise * first.from.sigma)?.broadcast_add(&(&self.measured.guide * first.from.alpha)?)
    }

    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let step = ancestral().step(mv, x, past, context)?;
        if self.measured.operator.known().is_none() {
            return Ok(step);
        }
        let next = self.measured.merged(&step.next, mv.to, self.units(), context)?;
        Ok(Step { next, ..step })
    }
}
