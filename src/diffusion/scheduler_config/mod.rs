//! What diffusers' schedulers mean in our words: which schedule, spacing, sampler, target and clipping.
//!
//! Every setting is either understood or refused by name; none is passed over.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{Clipped, Denoiser, EpsAfterClip, Thresholded};
use crate::math::{
    Move, Spec, SpecError, grid,
    schedule::{self, NoiseSchedule},
};

mod reader;
mod scheduler;
mod schedulers;
mod shared;
#[cfg(test)]
mod tests;

pub use scheduler::Scheduler;

use reader::Reader;
use shared::betas;

/// Everything that a diffusers scheduler decides about sampling.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// The noise schedule.
    pub schedule: Spec,
    /// What the network regresses.
    pub target: Spec,
    /// The sampler.
    pub sampler: Spec,
    /// The time grid.
    pub spacing: Spec,
    /// What is done to clean samples out of range.
    pub clip: Clip,
}

/// What is done to clean samples out of range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clip {
    /// Nothing.
    Off,
    /// See [`Clipped`].
    Fixed {
        /// Half the range.
        range: f64,
        /// What happens to the noise.
        eps: EpsAfterClip,
    },
    /// See [`Thresholded`].
    Dynamic {
        /// Which share of the values stays within.
        ratio: f64,
        /// The greatest threshold.
        most: f64,
    },
}

/// Why a scheduler is not understood.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No such scheduler here.
    #[error("the scheduler “{0}” is not known; known: {known}", known = CLASSES.map(|(name, _)| name).join(", "))]
    Class(String),
    /// A setting with an unknown name.
    #[error("{class}: the setting “{key}” is not known")]
    Unknown {
        /// The scheduler.
        class: String,
        /// The setting.
        key: String,
    },
    /// A setting with a value that means nothing here.
    #[error("{class}: “{key}” is {found}, but must be {expected}")]
    Unsupported {
        /// The scheduler.
        class: String,
        /// The setting.
        key: String,
        /// What was found.
        found: String,
        /// What would do.
        expected: String,
    },
    /// The settings do not make a schedule.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Not a JSON object.
    #[error("a scheduler's settings must be a JSON object: {0}")]
    Json(#[from] serde_json::Error),
}

type Reading = fn(&Reader<'_>, &Reader<'_>, usize) -> Result<Setup, ConfigError>;

/// The schedulers that are understood.
const CLASSES: [(&str, Reading); 18] = [
    ("DDPMScheduler", schedulers::ddpm),
    ("DDIMScheduler", schedulers::ddim),
    ("DDIMInverseScheduler", schedulers::ddim_inverse),
    ("PNDMScheduler", schedulers::pndm),
    ("EulerDiscreteScheduler", schedulers::euler),
    ("EulerAncestralDiscreteScheduler", schedulers::euler_ancestral),
    ("HeunDiscreteScheduler", schedulers::heun),
    ("LMSDiscreteScheduler", schedulers::lms),
    ("KDPM2DiscreteScheduler", schedulers::dpm2),
    ("KDPM2AncestralDiscreteScheduler", schedulers::dpm2_ancestral),
    ("DPMSolverMultistepScheduler", schedulers::dpmpp),
    ("DPMSolverSinglestepScheduler", schedulers::dpmpp_singlestep),
    ("UniPCMultistepScheduler", schedulers::unipc),
    ("DEISMultistepScheduler", schedulers::deis),
    ("EDMEulerScheduler", schedulers::edm_euler),
    ("EDMDPMSolverMultistepScheduler", schedulers::edm_dpmpp),
    ("FlowMatchEulerDiscreteScheduler", schedulers::flow_euler),
    ("FlowMatchHeunDiscreteScheduler", schedulers::flow_heun),
];

impl Setup {
    /// Reads the settings of the scheduler `class` and the arguments of its `step` for a grid of `steps` moves.
    pub fn from_diffusers(
        class: &str,
        config: &Map<String, Json>,
        step: &Map<String, Json>,
        steps: usize,
    ) -> Result<Self, ConfigError> {
        let (_, read) = CLASSES
            .iter()
            .find(|(name, _)| *name == class)
            .ok_or_else(|| ConfigError::Class(class.into()))?;
        let (config, step) = (Reader::new(class, config), Reader::new(class, step));
        let setup = read(&config, &step, steps)?;
        config.finish()?;
        step.finish()?;
        Ok(setup)
    }

    /// The noise schedule.
    pub fn schedule(&self) -> Result<Arc<dyn NoiseSchedule>, SpecError> {
        Ok(schedule::build(&self.schedule)?.into())
    }

    /// The time grid of `steps` moves, before the sampler plans with it.
    pub fn moves(&self, steps: usize) -> Result<Vec<Move>, SpecError> {
        Ok(grid::time_grid(&*self.schedule()?, grid::build(&self.spacing)?, steps))
    }

    /// The denoiser with the scheduler's clipping.
    pub fn clipped(&self, inner: Box<dyn Denoiser>) -> Box<dyn Denoiser> {
        match self.clip {
            Clip::Off => inner,
            Clip::Fixed { range, eps } => Box::new(Clipped {
                inner,
                range: (-range, range),
                eps,
            }),
            Clip::Dynamic { ratio, most } => Box::new(Thresholded { inner, ratio, most }),
        }
    }
}

/// Parses settings as Python writes them: infinities and not-a-number become `null`.
pub fn parse_json(text: &str) -> Result<Map<String, Json>, ConfigError> {
    let mut plain = String::new();
    for (i, part) in text.split('"').enumerate() {
        if i > 0 {
            plain.push('"');
        }
        if i % 2 == 0 {
            plain += &part
                .replace("-Infinity", "null")
                .replace("Infinity", "null")
                .replace("NaN", "null");
        } else {
            plain += part;
        }
    }
    Ok(serde_json::from_str(&plain)?)
}

/// The schedule that `config` (of any scheduler with betas) describes.
pub fn beta_schedule(class: &str, config: &Map<String, Json>) -> Result<Arc<dyn NoiseSchedule>, ConfigError> {
    let spec = betas(&Reader::new(class, config), (1e-4, 0.02))?;
    Ok(schedule::build(&spec)?.into())
}
