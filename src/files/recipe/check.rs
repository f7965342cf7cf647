//! What a recipe must fulfil before it is run.

use std::ops::RangeBounds;

use super::{
    Recipe,
    migrate::{VERSION, wrong_version},
};
use crate::{
    data,
    diffusion::times,
    math::{Params, SpecError, schedule, target, weighting},
    nn,
};

/// A part of a recipe that cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Dotted path of the key, e.g. `train.lr`.
    pub key: String,
    /// What is wrong with it and what would do.
    pub message: String,
}

impl Fault {
    pub(super) fn new(key: &str, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
        }
    }
}

impl Recipe {
    /// Looks for ids that the registries do not know, numbers out of range and combinations that exclude each other.
    ///
    /// What needs the data themselves (whether a path exists, labels for class conditioning, sizes that the network
    /// can take) is asked when they are loaded and the graph is built.
    pub fn check(&self) -> Result<(), Fault> {
        self.check_format()?;
        self.check_start()?;
        self.check_data()?;
        self.check_train()?;
        self.check_samples()?;
        self.check_registries()
    }

    fn check_format(&self) -> Result<(), Fault> {
        if self.version != VERSION {
            return Err(Fault::new("version", wrong_version(&self.version.to_string())));
        }
        // TOML's whole numbers have 63 bits and a sign.
        within(
            "seed",
            self.seed,
            ..=i64::MAX as u64,
            "a whole number from 0 to 9223372036854775807",
        )
    }

    fn check_start(&self) -> Result<(), Fault> {
        let is_hash = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if self.start.as_ref().is_some_and(|start| !is_hash(&start.weights)) {
            return Err(Fault::new(
                "start.weights",
                "“start.weights” must be the SHA-256 of a model's weights; `train --from MODEL` writes it",
            ));
        }
        Ok(())
    }

    fn check_data(&self) -> Result<(), Fault> {
        let d = &self.data;
        if d.source.trim().is_empty() {
            return Err(Fault::new(
                "data.source",
                "“data.source” is empty; name a data set or a folder",
            ));
        }
        within(
            "data.size",
            d.size.unwrap_or(1),
            1..=1024,
            "a number of pixels from 1 to 1024",
        )?;
        within("data.validation", d.validation, 0.0..=0.5, "a share from 0 to 0.5")?;
        within("data.rotate", d.rotate, 0.0..=180.0, "an angle from 0 to 180 degrees")?;
        if !is_colour(&d.background) {
            let message = format!(
                "“data.background” is “{}”, but must be a colour such as “#ffffff”",
                d.background
            );
            return Err(Fault::new("data.background", message));
        }
        Ok(())
    }

    fn check_train(&self) -> Result<(), Fault> {
        let t = &self.train;
        within("train.steps", t.steps, 1..=i64::MAX as u64, "at least 1")?;
        within("train.batch", t.batch, 1..=65_536, "a whole number from 1 to 65536")?;
        within(
            "train.micro-batch",
            t.micro_batch.unwrap_or(1),
            1..=t.batch,
            "from 1 to “train.batch”",
        )?;
        within("train.lr", t.lr, f64::MIN_POSITIVE..=f64::MAX, "a number above 0")?;
        within("train.lr-end", t.lr_end, 0.0..=1.0, "a share from 0 to 1")?;
        within("train.beta1", t.beta1, 0.0..1.0, "a number from 0 to just below 1")?;
        within("train.beta2", t.beta2, 0.0..1.0, "a number from 0 to just below 1")?;
        within("train.eps", t.eps, f64::MIN_POSITIVE..=1.0, "a small number above 0")?;
        within("train.weight-decay", t.weight_decay, 0.0..=f64::MAX, "0 or more")?;
        within("train.clip", t.clip, 0.0..=f64::MAX, "0 (off) or more")?;
        within(
            "train.save-every-secs",
            t.save_every_secs,
            0.1..=86_400.0,
            "from 0.1 to 86400 seconds",
        )?;
        within(
            "ema.decay",
            self.ema.decay,
            0.0..1.0,
            "a number from 0 (off) to just below 1",
        )
    }

    fn check_samples(&self) -> Result<(), Fault> {
        let p = &self.preview;
        within("condition.drop", self.condition.drop, 0.0..=1.0, "a share from 0 to 1")?;
        within("preview.count", p.count, ..=1024, "a whole number from 0 (off) to 1024")?;
        within("preview.steps", p.steps, 1..=1000, "a whole number from 1 to 1000")?;
        within("preview.share", p.share, 0.0..=1.0, "a share from 0 to 1")
    }

    fn check_registries(&self) -> Result<(), Fault> {
        let schedule = schedule::build(&self.schedule).map_err(|e| spec_fault("schedule", &e))?;
        target::build(&self.target).map_err(|e| spec_fault("target", &e))?;
        weighting::build(&self.weighting).map_err(|e| spec_fault("weighting", &e))?;
        times::build(&self.times).map_err(|e| spec_fault("times", &e))?;
        nn::build(&self.net).map_err(|e| spec_fault("net", &e))?;
        if let Some(entry) = data::ENTRIES.iter().find(|e| e.id == self.data.source) {
            Params::check(entry.params, &self.data.params).map_err(|e| spec_fault("data.params", &e))?;
        }
        if let Some(steps) = schedule.steps().filter(|&n| n < self.preview.steps) {
            let message = format!(
                "“preview.steps” is {}, but the schedule has only {steps} levels; use at most {steps}",
                self.preview.steps
            );
            return Err(Fault::new("preview.steps", message));
        }
        Ok(())
    }
}

/// What a registry says about the choice under `key`, with the place made as narrow as it is known.
fn spec_fault(key: &str, error: &SpecError) -> Fault {
    let place = match error {
        SpecError::UnknownParam { found, .. } => format!("{key}.{found}"),
        SpecError::BadValue { param, .. } => format!("{key}.{param}"),
        SpecError::UnknownId { .. } => format!("{key}.id"),
        SpecError::Impossible(_) => key.into(),
    };
    Fault::new(&place, error.to_string())
}

/// A number's range. Not-a-number lies in no range.
fn within<T: Copy + PartialOrd + std::fmt::Display>(
    key: &str,
    value: T,
    range: impl RangeBounds<T>,
    expected: &str,
) -> Result<(), Fault> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Fault::new(key, format!("“{key}” is {value}, but must be {expected}")))
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        files::recipe::StartRecipe,
        math::{Spec, Value},
    };

    #[test]
    fn the_default_recipe_is_sound() {
        assert_eq!(Recipe::default().check(), Ok(()));
    }

    #[test]
    fn each_fault_is_found_under_its_key() {
        type Spoil = fn(&mut Recipe);
        let cases: &[(&str, Spoil)] = &[
            ("version", |r| r.version = 2),
            ("seed", |r| r.seed = u64::MAX),
            ("start.weights", |r| r.start = Some(StartRecipe::default())),
            ("data.source", |r| r.data.source = " ".into()),
            ("data.size", |r| r.data.size = Some(0)),
            ("data.validation", |r| r.data.validation = 0.6),
            ("data.rotate", |r| r.data.rotate = -1.0),
            ("data.background", |r| r.data.background = "white".into()),
            ("train.steps", |r| r.train.steps = 0),
            ("train.batch", |r| r.train.batch = 0),
            ("train.micro-batch", |r| r.train.micro_batch = Some(r.train.batch + 1)),
            ("train.lr", |r| r.train.lr = f64::NAN),
            ("train.lr-end", |r| r.train.lr_end = 1.5),
            ("train.beta1", |r| r.train.beta1 = 1.0),
            ("train.beta2", |r| r.train.beta2 = -0.1),
            ("train.eps", |r| r.train.eps = 0.0),
            ("train.weight-decay", |r| r.train.weight_decay = -1.0),
            ("train.clip", |r| r.train.clip = f64::INFINITY),
            ("train.save-every-secs", |r| r.train.save_every_secs = 0.0),
            ("ema.decay", |r| r.ema.decay = 1.0),
            ("condition.drop", |r| r.condition.drop = 2.0),
            ("preview.count", |r| r.preview.count = 2000),
            ("preview.steps", |r| r.preview.steps = 0),
            ("preview.share", |r| r.preview.share = -0.5),
            ("schedule.id", |r| r.schedule = Spec::new("cosin")),
            ("net.id", |r| r.net = Spec::new("unett")),
            ("net.preset", |r| {
                r.net = Spec::new("unet").with("preset", Value::Text("huge".into()));
            }),
            ("net.widht", |r| r.net = r.net.clone().with("widht", Value::Int(3))),
            ("data.params.noise", |r| {
                r.data.params.insert("noise".into(), Value::Real(-1.0));
            }),
            ("schedule.steps", |r| {
                r.schedule = r.schedule.clone().with("steps", Value::Int(1));
            }),
            ("target.id", |r| r.target = Spec::new("noise")),
            ("preview.steps", |r| {
                r.schedule = r.schedule.clone().with("steps", Value::Int(5));
            }),
        ];
        for (key, spoil) in cases {
            let mut recipe = Recipe::default();
            spoil(&mut recipe);
            assert_eq!(recipe.check().unwrap_err().key, *key);
        }
    }
}
