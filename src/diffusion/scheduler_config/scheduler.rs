//! A scheduler as a model brings it along: its own sampler, and others on the same settings.

use serde_json::{Map, Value as Json};

use super::{CLASSES, ConfigError, Reader, Setup, parse_json};
use crate::math::Spec;

/// The settings of one of diffusers' schedulers, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduler {
    class: String,
    config: Map<String, Json>,
}

/// A sampler of ours, the scheduler that is it, and the setting that makes it that one.
type Namesake = (&'static str, &'static str, Option<(&'static str, &'static str)>);

/// Which scheduler is a sampler of ours, and what it must be told to be that one.
const SAMPLERS: [Namesake; 16] = [
    ("ddpm", "DDPMScheduler", None),
    ("ddim", "DDIMScheduler", None),
    ("ddim-inverse", "DDIMInverseScheduler", None),
    ("plms", "PNDMScheduler", None),
    ("euler", "EulerDiscreteScheduler", None),
    ("euler-a", "EulerAncestralDiscreteScheduler", None),
    ("heun", "HeunDiscreteScheduler", None),
    ("lms", "LMSDiscreteScheduler", None),
    ("dpm2", "KDPM2DiscreteScheduler", None),
    ("dpmpp-2m", "DPMSolverMultistepScheduler", None),
    ("dpmpp-3m", "DPMSolverMultistepScheduler", Some(("solver_order", "3"))),
    (
        "dpmpp-2m-sde",
        "DPMSolverMultistepScheduler",
        Some(("algorithm_type", "\"sde-dpmsolver++\"")),
    ),
    ("dpmpp-2s", "DPMSolverSinglestepScheduler", None),
    ("dpmpp-3s", "DPMSolverSinglestepScheduler", Some(("solver_order", "3"))),
    ("unipc", "UniPCMultistepScheduler", None),
    ("deis", "DEISMultistepScheduler", None),
];

impl Scheduler {
    /// The scheduler `class` with the settings of `scheduler_config.json`. Every setting is understood or refused.
    pub fn new(class: &str, config: Map<String, Json>) -> Result<Self, ConfigError> {
        let scheduler = Self {
            class: class.into(),
            config,
        };
        // Settings do not depend on the number of moves.
        scheduler.setup(10).map(|_| scheduler)
    }

    /// Reads a `scheduler_config.json`, which names its class.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        let config = parse_json(text)?;
        let class = config
            .get("_class_name")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned();
        Self::new(&class, config)
    }

    /// The settings as a `scheduler_config.json`.
    pub fn to_json(&self) -> String {
        let mut config = self.config.clone();
        config.insert("_class_name".into(), self.class.clone().into());
        Json::Object(config).to_string()
    }

    /// Name of the class.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// What it decides for `steps` moves.
    pub fn setup(&self, steps: usize) -> Result<Setup, ConfigError> {
        Setup::from_diffusers(&self.class, &self.config, &Map::new(), steps)
    }

    /// The same for another sampler, as diffusers makes one scheduler from another's settings: what was chosen stays,
    /// what was left at its default becomes the other's default. A sampler that diffusers does not have, or one for
    /// another kind of schedule, takes the scheduler's grid and clipping as they are.
    pub fn setup_for(&self, sampler: &str, steps: usize) -> Result<Setup, ConfigError> {
        let own = self.setup(steps)?;
        if own.sampler.id == sampler {
            return Ok(own);
        }
        match self.seen_as(sampler, steps)? {
            Some(other) if other.schedule == own.schedule => Ok(other),
            _ => Ok(Setup {
                sampler: Spec::new(sampler),
                ..own
            }),
        }
    }

    fn seen_as(&self, sampler: &str, steps: usize) -> Result<Option<Setup>, ConfigError> {
        let Some((_, class, extra)) = SAMPLERS.iter().find(|(id, ..)| *id == sampler) else {
            return Ok(None);
        };
        let mut chosen = self.chosen(steps)?;
        if let Some((key, value)) = extra {
            chosen.insert((*key).into(), serde_json::from_str(value)?);
        }
        read(class, &chosen, steps).map(|(setup, _)| Some(setup))
    }

    /// The settings that are not this scheduler's own defaults.
    fn chosen(&self, steps: usize) -> Result<Map<String, Json>, ConfigError> {
        read(&self.class, &self.config, steps).map(|(_, chosen)| chosen)
    }
}

/// What a scheduler makes of settings that may be meant for another, and which of them it took.
fn read(class: &str, config: &Map<String, Json>, steps: usize) -> Result<(Setup, Map<String, Json>), ConfigError> {
    let (_, reading) = CLASSES
        .iter()
        .find(|(name, _)| *name == class)
        .ok_or_else(|| ConfigError::Class(class.into()))?;
    let (config, step) = (Reader::new(class, config), Map::new());
    let setup = reading(&config, &Reader::new(class, &step), steps)?;
    Ok((setup, config.chosen()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diffusion::scheduler_config::Clip, math::Value};

    fn ddpm(more: &str) -> Scheduler {
        let text = format!(r#"{{"_class_name": "DDPMScheduler", "timestep_spacing": "leading"{more}}}"#);
        Scheduler::from_json(&text).unwrap()
    }

    #[test]
    fn every_sampler_is_made_of_another_schedulers_settings() {
        for (id, class, _) in SAMPLERS {
            let setup = ddpm(r#", "variance_type": "fixed_large", "beta_end": 0.01"#)
                .setup_for(id, 10)
                .unwrap();
            assert_eq!(setup.sampler.id, id, "{class}");
            assert_eq!(setup.schedule.values["beta-end"], Value::Real(0.01), "{class}");
            crate::diffusion::sampler::build(&setup.sampler).unwrap();
        }
    }

    #[test]
    fn what_was_left_at_its_default_becomes_the_others_default() {
        assert_eq!(ddpm("").setup_for("unipc", 10).unwrap().spacing.id, "linspace");
        assert_eq!(ddpm("").setup_for("ddim", 10).unwrap().spacing.id, "leading");
        let chosen = Scheduler::from_json(r#"{"_class_name": "DDPMScheduler", "timestep_spacing": "trailing"}"#);
        assert_eq!(chosen.unwrap().setup_for("unipc", 10).unwrap().spacing.id, "trailing");
    }

    #[test]
    fn a_sampler_that_diffusers_lacks_keeps_grid_and_clipping() {
        let own = ddpm(r#", "clip_sample": false"#);
        let setup = own.setup_for("langevin", 10).unwrap();
        assert_eq!(
            (setup.sampler.id.as_str(), setup.spacing),
            ("langevin", own.setup(10).unwrap().spacing)
        );
        assert_eq!(setup.clip, Clip::Off);
    }

    #[test]
    fn json_there_and_back() {
        let scheduler = ddpm(r#", "trained_betas": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]"#);
        assert_eq!(
            Scheduler::from_json(&scheduler.to_json()).unwrap().setup(5).unwrap(),
            scheduler.setup(5).unwrap()
        );
    }
}
