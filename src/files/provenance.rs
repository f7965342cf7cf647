//! How a picture was made, as the text that travels inside it.

use std::collections::BTreeMap;

use super::Recipe;
use crate::{diffusion::Guidance, math::Spec};

mod lineage;

pub use lineage::{Branched, DEEPEST};

/// Everything that is needed to make a picture again, given the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// How the weights were trained.
    pub recipe: Recipe,
    /// Where the weights came from, for people: `moons-0001, step 1200`.
    pub model: String,
    /// Training steps of the weights.
    pub training_step: u64,
    /// Sampler id and parameters.
    pub sampler: Spec,
    /// How times were chosen.
    pub spacing: Spec,
    /// The noise schedule over which times were chosen, where it is not the model's own.
    pub schedule: Option<Spec>,
    /// Number of moves.
    pub steps: usize,
    /// Seed of the trajectory.
    pub seed: u64,
    /// How many samples the trajectory has.
    pub count: usize,
    /// Class of the samples: an index, `each`, or empty for none.
    pub class: String,
    /// Guidance: scale, interval and rescaling.
    pub guidance: Guidance,
    /// Autoguidance: the weaker model that was left behind.
    pub weaker: Option<String>,
    /// How strongly a classifier led towards the class, if one did.
    pub classifier: Option<f64>,
    /// Fingerprint of the starting noise, where it was given instead of drawn by the seed.
    pub noise: Option<String>,
    /// Which weights took part, where the recipe does not say.
    pub prints: Prints,
    /// What was restored, if something was; `sampler` is then a method.
    pub restored: Option<Restoration>,
    /// The trajectory that this one parts from, if it does. All ancestors have the same weights.
    pub branch: Option<Box<Branched>>,
    /// Which step is shown, `0..=steps`; `None` where there are several.
    pub step: Option<usize>,
    /// Which sample is shown; `None` where there are several.
    pub sample: Option<usize>,
}

/// SHA-256 of weights, in hexadecimal, that a recipe, a training step and a name do not determine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prints {
    /// Of the model, where it was not trained by this program.
    pub model: Option<String>,
    /// Of the weaker model that was left behind.
    pub weaker: Option<String>,
    /// Of the classifier that led.
    pub judge: Option<String>,
}

/// What a restored picture says of its task. The picture that was restored does not travel along.
#[derive(Clone, Debug, PartialEq)]
pub struct Restoration {
    /// What was undone: task id and parameters.
    pub task: Spec,
    /// Whether the measurement itself was given, not an original that the task degraded.
    pub measured: bool,
}

/// Name and version of the program, the first entry of every picture.
const SOFTWARE: &str = concat!("diffusion-studio ", env!("CARGO_PKG_VERSION"));

impl Provenance {
    /// This trajectory and all that it parts from, the nearest first.
    pub fn lineage(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |made| made.branch.as_deref().map(|branch| &branch.parent))
    }

    /// Keys and texts, as they stand in a picture. Keys are ASCII and shorter than 80 characters.
    pub fn to_texts(&self) -> super::Result<Vec<(&'static str, String)>> {
        let mut texts = vec![
            ("Software", SOFTWARE.to_owned()),
            ("Recipe", self.recipe.to_toml()?),
            ("Model", self.model.clone()),
            ("Training step", self.training_step.to_string()),
        ];
        texts.extend(self.way());
        texts.extend(lineage::text(self).map(|text| (lineage::KEY, text)));
        texts.extend(self.step.map(|i| ("Step", i.to_string())));
        texts.extend(self.sample.map(|i| ("Sample", i.to_string())));
        Ok(texts)
    }

    /// How the weights were used.
    fn way(&self) -> Vec<(&'static str, String)> {
        let mut texts = vec![
            ("Sampler", spec_text(&self.sampler)),
            ("Spacing", spec_text(&self.spacing)),
            ("Steps", self.steps.to_string()),
            ("Seed", self.seed.to_string()),
            ("Count", self.count.to_string()),
            ("Class", self.class.clone()),
            ("Guidance", self.guidance.scale.to_string()),
        ];
        let Guidance {
            interval: (low, high),
            rescale,
            ..
        } = self.guidance;
        // Only what is not as usual, so that pictures stay readable for older versions.
        texts.extend(self.schedule.iter().map(|schedule| ("Schedule", spec_text(schedule))));
        texts.extend((low > 0.0).then(|| ("Guidance from", low.to_string())));
        texts.extend((high < f64::INFINITY).then(|| ("Guidance to", high.to_string())));
        texts.extend((rescale > 0.0).then(|| ("Guidance rescale", rescale.to_string())));
        texts.extend(self.weaker.iter().map(|model| ("Guided away from", model.clone())));
        texts.extend(self.classifier.map(|scale| ("Classifier guidance", scale.to_string())));
        texts.extend(self.noise.iter().map(|print| ("Starting noise", print.clone())));
        let Prints { model, weaker, judge } = &self.prints;
        texts.extend(model.iter().map(|print| ("Weights", print.clone())));
        texts.extend(weaker.iter().map(|print| ("Weaker weights", print.clone())));
        texts.extend(judge.iter().map(|print| ("Classifier weights", print.clone())));
        if let Some(Restoration { task, measured }) = &self.restored {
            texts.push(("Task", spec_text(task)));
            texts.push(("Measured", measured.to_string()));
        }
        texts
    }

    /// Reads what [`Provenance::to_texts`] made. `None` where another program made the picture; an error says what is
    /// missing or damaged.
    pub fn from_texts(texts: &BTreeMap<String, String>) -> Result<Option<Self>, String> {
        let is_ours = texts.get("Software").is_some_and(|s| s.starts_with("diffusion-studio"));
        if !is_ours {
            return Ok(None);
        }
        let recipe = Recipe::parse(text(texts, "Recipe")?, "the recipe in the picture").map_err(|e| e.to_string())?;
        let mut made = Self::of_way(texts, recipe, text(texts, "Model")?, number(texts, "Training step")?)?;
        made.branch = lineage::read(texts, &made)?;
        (made.step, made.sample) = (optional(texts, "Step")?, optional(texts, "Sample")?);
        Ok(Some(made))
    }

    /// Reads what [`Provenance::way`] wrote.
    fn of_way(
        texts: &BTreeMap<String, String>,
        recipe: Recipe,
        model: &str,
        training_step: u64,
    ) -> Result<Self, String> {
        Ok(Self {
            recipe,
            model: model.into(),
            training_step,
            sampler: spec(texts, "Sampler")?,
            spacing: spec(texts, "Spacing")?,
            schedule: texts
                .contains_key("Schedule")
                .then(|| spec(texts, "Schedule"))
                .transpose()?,
            steps: number(texts, "Steps")?,
            seed: number(texts, "Seed")?,
            count: number(texts, "Count")?,
            class: text(texts, "Class")?.into(),
            guidance: Guidance {
                scale: number(texts, "Guidance")?,
                interval: (
                    optional(texts, "Guidance from")?.unwrap_or(0.0),
                    optional(texts, "Guidance to")?.unwrap_or(f64::INFINITY),
                ),
                rescale: optional(texts, "Guidance rescale")?.unwrap_or(0.0),
            },
            weaker: texts.get("Guided away from").cloned(),
            classifier: optional(texts, "Classifier guidance")?,
            noise: texts.get("Starting noise").cloned(),
            prints: Prints {
                model: texts.get("Weights").cloned(),
                weaker: texts.get("Weaker weights").cloned(),
                judge: texts.get("Classifier weights").cloned(),
            },
            restored: texts.contains_key("Task").then(|| restoration(texts)).transpose()?,
            branch: None,
            step: None,
            sample: None,
        })
    }
}

/// A choice as TOML, e.g. `id = "ddim"` and `eta = 0.5`.
fn spec_text(spec: &Spec) -> String {
    toml::to_string(spec).expect("ids and plain values are representable in TOML")
}

fn text<'a>(texts: &'a BTreeMap<String, String>, key: &str) -> Result<&'a str, String> {
    let found = texts.get(key).map(String::as_str);
    found.ok_or_else(|| format!("its entry “{key}” is missing"))
}

fn number<T: std::str::FromStr>(texts: &BTreeMap<String, String>, key: &str) -> Result<T, String> {
    let found = text(texts, key)?;
    found
        .parse()
        .map_err(|_not_a_number| format!("its entry “{key}” is “{found}”, not a number"))
}

fn optional<T: std::str::FromStr>(texts: &BTreeMap<String, String>, key: &str) -> Result<Option<T>, String> {
    texts.contains_key(key).then(|| number(texts, key)).transpose()
}

fn restoration(texts: &BTreeMap<String, String>) -> Result<Restoration, String> {
    Ok(Restoration {
        task: spec(texts, "Task")?,
        measured: text(texts, "Measured")? == "true",
    })
}

fn spec(texts: &BTreeMap<String, String>, key: &str) -> Result<Spec, String> {
    toml::from_str(text(texts, key)?).map_err(|e| format!("its entry “{key}” cannot be read: {}", e.message()))
}
