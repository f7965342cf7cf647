//! A model of ours as a folder that diffusers' `DDPMPipeline` opens.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Value as Json, json};

use super::{CONFIG, Card, INDEX, SCHEDULER, card};
use crate::{
    diffusion::scheduler_config::Scheduler,
    files::{Error, Overwrite, Result, SavedModel, atomic, checkpoint, curves, picture::unsuitable, tensors::Notes},
    math::{Spec, Value, schedule},
    nn::{self, unet::Config},
};

/// A model that such a folder can hold.
#[derive(Debug)]
pub struct Export<'a> {
    model: &'a SavedModel,
    config: Config,
    scheduler: Scheduler,
}

impl<'a> Export<'a> {
    /// Fails, naming what it is, where diffusers has no such network, target or schedule.
    pub fn new(model: &'a SavedModel) -> Result<Self> {
        let config = config(model)?;
        let scheduler = match &model.scheduler {
            Some(own) => own.clone(),
            None => scheduler(model, &config)?,
        };
        Ok(Self {
            model,
            config,
            scheduler,
        })
    }

    /// Writes the folder, which appears when it is complete, and gives the name that it got.
    pub fn write(&self, folder: &Path, card: &Card, over: Overwrite) -> Result<PathBuf> {
        over.place(folder, |folder| {
            let is_taken = folder.exists() && fs::read_dir(folder).map_or(true, |mut all| all.next().is_some());
            if is_taken {
                return Err(Error::Exists {
                    path: folder.to_owned(),
                });
            }
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let texts = self.texts(card, &name)?;
            let stage = atomic::temporary(folder);
            let staged = self.fill(&stage, &texts, card).and_then(|()| {
                if folder.exists() {
                    fs::remove_dir(folder)?;
                }
                fs::rename(&stage, folder)
            });
            staged.map_err(|cause| {
                // The first error is the one to report.
                drop(fs::remove_dir_all(&stage));
                Error::io("write", folder)(cause)
            })
        })
    }

    /// Names and contents of the descriptions.
    fn texts(&self, card: &Card, name: &str) -> Result<Vec<(String, String)>> {
        let index = json!({
            "_class_name": "DDPMPipeline",
            "_diffusers_version": "0.42.1",
            "scheduler": ["diffusers", self.scheduler.class()],
            "unet": ["diffusers", "UNet2DModel"],
        });
        Ok(vec![
            (INDEX.into(), pretty(&index)),
            (format!("scheduler/{SCHEDULER}"), self.scheduler.to_json()),
            (
                format!("unet/{CONFIG}"),
                self.config.to_json().map_err(|e| unsuitable(e.to_string()))?,
            ),
            ("README.md".into(), card::text(self.model, card, name)?),
        ])
    }

    fn fill(&self, stage: &Path, texts: &[(String, String)], card: &Card) -> io::Result<()> {
        for part in ["unet", "scheduler"] {
            fs::create_dir_all(stage.join(part))?;
        }
        for (name, text) in texts {
            atomic::fill_and_sync(&stage.join(name), |out| out.write_all(text.as_bytes()))?;
        }
        if let Some((png, _)) = &card.samples {
            atomic::fill_and_sync(&stage.join(card::SAMPLES), |out| out.write_all(png))?;
        }
        if !card.rows.is_empty() {
            let svg = curves::loss(&card.rows).to_svg(800, 450);
            atomic::fill_and_sync(&stage.join(card::CURVES), |out| out.write_all(svg.as_bytes()))?;
        }
        let weights = stage.join("unet/diffusion_pytorch_model.safetensors");
        let notes = self.notes()?;
        atomic::fill_and_sync(&weights, |out| self.model.weights.write(&notes, out))
    }

    /// What our own import wants to know and diffusers does not ask.
    fn notes(&self) -> io::Result<Notes> {
        let recipe = self
            .model
            .recipe
            .to_toml()
            .map_err(|e| io::Error::other(e.to_string()))?;
        Ok(Notes::from([
            ("format".into(), "pt".into()),
            ("recipe".into(), recipe),
            ("step".into(), self.model.step.to_string()),
            (checkpoint::DOMAIN.into(), serde_json::to_string(&self.model.domain)?),
            (
                checkpoint::CLASSES.into(),
                serde_json::to_string(&self.model.class_names)?,
            ),
        ]))
    }
}

fn pretty(value: &Json) -> String {
    format!("{value:#}\n")
}

/// The network in diffusers' words.
fn config(model: &SavedModel) -> Result<Config> {
    let domain = model
        .domain
        .ok_or_else(|| unsuitable("the model does not say what its samples are".into()))?;
    let classes = model.class_names.len();
    let classes = (classes > 0).then_some(classes + 1);
    let net = nn::build(&model.recipe.net).and_then(|net| net.diffusers_config(domain, classes));
    net.map_err(|e| unsuitable(e.to_string()))?.ok_or_else(|| {
        unsuitable(format!(
            "diffusers has no network like this “{}”; only the U-Net (unet) without unshuffle can go there",
            model.recipe.net.id
        ))
    })
}

/// Schedule, target and variance in diffusers' words.
fn scheduler(model: &SavedModel, config: &Config) -> Result<Scheduler> {
    let recipe = &model.recipe;
    let prediction = match recipe.target.id.as_str() {
        "eps" => "epsilon",
        "x0" => "sample",
        "v" => "v_prediction",
        other => {
            return Err(unsuitable(format!(
                "DDPMScheduler knows no target “{other}”; only eps, x0 and v can go there"
            )));
        }
    };
    let is_zero_snr = recipe.schedule.values.get("zero-snr") == Some(&Value::Flag(true));
    let mut with_signal = recipe.schedule.clone();
    with_signal.values.remove("zero-snr");
    let betas = betas(&with_signal)?;
    let variance = if config.out_channels == 2 * config.in_channels {
        "learned_range"
    } else {
        "fixed_small"
    };
    let settings = json!({
        "_class_name": "DDPMScheduler",
        "_diffusers_version": "0.42.1",
        "num_train_timesteps": betas.len(),
        "trained_betas": betas,
        "prediction_type": prediction,
        "variance_type": variance,
        "clip_sample": true,
        "clip_sample_range": 1.0,
        "timestep_spacing": "trailing",
        "rescale_betas_zero_snr": is_zero_snr,
    });
    Scheduler::from_json(&settings.to_string()).map_err(|e| unsuitable(e.to_string()))
}

/// The betas of a discrete schedule that keeps the variance.
fn betas(spec: &Spec) -> Result<Vec<f64>> {
    let schedule = schedule::build(spec).map_err(|e| unsuitable(e.to_string()))?;
    let refused = |why: &str| {
        unsuitable(format!(
            "the schedule “{}” {why}, and diffusers' DDPMScheduler is made of betas",
            spec.id
        ))
    };
    let steps = schedule.steps().ok_or_else(|| refused("has no steps"))?;
    let levels: Vec<_> = (0..steps).map(|t| schedule.level(t as f64)).collect();
    if levels
        .iter()
        .any(|at| (at.alpha.powi(2) + at.sigma.powi(2) - 1.0).abs() > 1e-9)
    {
        return Err(refused("does not keep the variance"));
    }
    let alpha_bar = levels.iter().map(|at| at.alpha.powi(2));
    let before = std::iter::once(1.0).chain(alpha_bar.clone());
    Ok(alpha_bar.zip(before).map(|(now, before)| 1.0 - now / before).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        files::{Recipe, Tensors},
        math::Domain,
    };

    fn model(change: impl Fn(&mut Recipe)) -> SavedModel {
        let mut recipe = Recipe {
            net: Spec::new("unet"),
            schedule: Spec::new("cosine"),
            ..Recipe::default()
        };
        change(&mut recipe);
        let domain = Domain::Image {
            channels: 1,
            height: 16,
            width: 16,
        };
        SavedModel {
            recipe,
            step: 3,
            domain: Some(domain),
            class_names: Vec::new(),
            weights: Tensors::default(),
            scheduler: None,
            rounded: false,
            skipped: Vec::new(),
        }
    }

    #[test]
    fn every_discrete_schedule_goes_out_with_its_own_levels() {
        for entry in schedule::ENTRIES {
            let flags: &[bool] = if entry.params.iter().any(|p| p.id == "zero-snr") {
                &[false, true]
            } else {
                &[false]
            };
            for &zero_snr in flags {
                let spec = if zero_snr {
                    Spec::new(entry.id).with("zero-snr", Value::Flag(true))
                } else {
                    Spec::new(entry.id)
                };
                let model = model(|recipe| {
                    recipe.schedule = spec.clone();
                    recipe.target = Spec::new("v");
                });
                let Ok(export) = Export::new(&model) else {
                    assert!(!zero_snr, "{}", entry.id);
                    continue;
                };
                let ours = schedule::build(&spec).unwrap();
                let theirs = export.scheduler.setup(10).unwrap().schedule().unwrap();
                for t in 0..ours.steps().unwrap() {
                    let (a, b) = (ours.level(t as f64), theirs.level(t as f64));
                    assert!(
                        (a.alpha - b.alpha).abs() < 1e-9,
                        "{} at {t}: {} and {}",
                        entry.id,
                        a.alpha,
                        b.alpha
                    );
                }
            }
        }
    }

    #[test]
    fn what_such_a_folder_cannot_hold_is_refused_by_name() {
        type Change = fn(&mut Recipe);
        let cases: [(Change, &str); 4] = [
            (|r| r.net = Spec::new("mlp"), "mlp"),
            (|r| r.target = Spec::new("flow"), "target “flow”"),
            (|r| r.schedule = Spec::new("edm"), "schedule “edm”"),
            (|r| r.schedule = Spec::new("flow"), "schedule “flow”"),
        ];
        for (change, named) in cases {
            let message = Export::new(&model(change)).unwrap_err().to_string();
            assert!(message.contains(named), "{message}");
        }
    }
}
