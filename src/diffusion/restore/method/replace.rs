//! Replacement (Song et al. 2021, arXiv:2011.13456, appendix I.2): after each move the known pixels, with the noise of the
//! level, take their place: `x_to = known ? alpha y + sigma z : x_to`.

use candle_core::Tensor;

use super::{Context, Measurement, Method, PIXELS, Result, Step, ancestral};
use crate::{
    diffusion::{
        Sampler,
        sampler::{ddim::Ddim, euler_ancestral::EulerAncestral},
    },
    math::{Entry, Move, Param, Units, schedule::NoiseSchedule},
};

/// Known pixels in the states of an ordinary sampler.
pub struct Replace {
    inner: fn() -> Box<dyn Sampler>,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Method> = Entry {
    id: "replace",
    label: "Replacement",
    help: "Puts the known pixels in their place after each step; quick, but the parts need not fit",
    source: "arXiv:2011.13456",
    params: &[Param::choice(
        "sampler",
        &["ddpm", "ddim", "euler-a"],
        "What makes the steps",
    )],
    build: |p| {
        let inner: fn() -> Box<dyn Sampler> = match p.text("sampler") {
            "ddim" => || Box::new(Ddim { eta: 0.0 }),
            "euler-a" => || Box::new(EulerAncestral { eta: 1.0 }),
            _ => || Box::new(ancestral()),
        };
        Ok(Box::new(Replace { inner }))
    },
};

impl Method for Replace {
    fn tasks(&self) -> &'static [&'static str] {
        PIXELS
    }

    fn steps(&self) -> usize {
        100
    }

    fn bind(&self, measured: Measurement) -> Box<dyn Sampler> {
        let inner = (self.inner)();
        Box::new(Replacing { inner, measured })
    }
}

/// A sampler whose states hold the known pixels.
pub(super) struct Replacing {
    /// What makes the steps.
    pub(super) inner: Box<dyn Sampler>,
    /// What is known.
    pub(super) measured: Measurement,
}

impl Sampler for Replacing {
    fn units(&self) -> Units {
        self.inner.units()
    }

    fn calls(&self) -> Option<usize> {
        self.inner.calls()
    }

    fn start(&self, first: Move, noise: &Tensor, schedule: &dyn NoiseSchedule) -> Result<Tensor> {
        self.inner.start(first, noise, schedule)
    }

    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let step = self.inner.step(mv, x, past, context)?;
        let next = self.measured.merged(&step.next, mv.to, self.units(), context)?;
        Ok(Step { next, ..step })
    }
}
