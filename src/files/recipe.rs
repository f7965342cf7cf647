//! The recipe: everything that determines a run, and nothing else.

use serde::{Deserialize, Serialize};

use crate::math::Spec;

mod check;
mod difference;
mod migrate;
mod text;

pub use crate::data::{Colour, DataRecipe, Fit};
pub use check::Fault;
pub use difference::Difference;

/// A run's description, `recipe.toml`. Same recipe, same numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Recipe {
    /// Format version; older ones are brought to the present one when they are read.
    pub version: u32,
    /// Seed of weights, batches, times and noise.
    pub seed: u64,
    /// The model that is trained on; `None` for new weights.
    pub start: Option<StartRecipe>,
    /// What is learned from.
    pub data: DataRecipe,
    /// The network: id and parameters of the `nn` registry (`{ id = "unet", preset = "tiny" }`).
    pub net: Spec,
    /// The noise schedule.
    pub schedule: Spec,
    /// What the network regresses: id of the target registry.
    pub target: Spec,
    /// How much each noise level counts: id of the weighting registry.
    pub weighting: Spec,
    /// How training times are drawn: id of the time-sampling registry.
    pub times: Spec,
    /// Optimiser and length.
    pub train: TrainRecipe,
    /// The averaged weights that samples are made with.
    pub ema: EmaRecipe,
    /// Class conditioning.
    pub condition: ConditionRecipe,
    /// Samples made while training.
    pub preview: PreviewRecipe,
}

/// The model whose weights a run starts from. It is known by its weights, wherever it lies; no path is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct StartRecipe {
    /// What it is called, for people.
    pub model: String,
    /// SHA-256 of its weights and their names, in hexadecimal.
    pub weights: String,
    /// The classes are learned anew: those of the data are others than the model's.
    pub new_classes: bool,
}

/// Optimiser and length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TrainRecipe {
    /// Training steps until finished.
    pub steps: u64,
    /// Samples per step.
    pub batch: usize,
    /// Samples per network call, a divisor of the work that keeps Stop fast; `None`: measured at the start, then written here.
    pub micro_batch: Option<usize>,
    /// Learning rate after warm-up.
    pub lr: f64,
    /// Steps of linear warm-up.
    pub warmup: u64,
    /// Learning rate at the end as a share of `lr` (cosine decay); 1 keeps it constant.
    pub lr_end: f64,
    /// Adam's first decay.
    pub beta1: f64,
    /// Adam's second decay.
    pub beta2: f64,
    /// Adam's epsilon.
    pub eps: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest gradient norm; 0 switches clipping off.
    pub clip: f64,
    /// Seconds between autosaves.
    pub save_every_secs: f64,
}

/// The averaged weights that samples are made with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct EmaRecipe {
    /// Largest decay; 0 switches averaging off. The decay at step n is `min(decay, (1 + n) / (10 + n))`.
    pub decay: f64,
}

/// Class conditioning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ConditionRecipe {
    /// The network is told the class.
    pub classes: bool,
    /// Share of training samples whose class is replaced by the null class.
    pub drop: f64,
}

/// Samples made while training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PreviewRecipe {
    /// Samples in the grid; 0 switches previews off.
    pub count: usize,
    /// DDIM steps of each preview.
    pub steps: usize,
    /// Greatest share of the time spent on previews.
    pub share: f64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            version: migrate::VERSION,
            seed: 0,
            start: None,
            data: DataRecipe::default(),
            net: Spec::new("mlp"),
            schedule: Spec::new("linear"),
            target: Spec::new("eps"),
            weighting: Spec::new("simple"),
            times: Spec::new("uniform"),
            train: TrainRecipe::default(),
            ema: EmaRecipe::default(),
            condition: ConditionRecipe::default(),
            preview: PreviewRecipe::default(),
        }
    }
}

impl Default for TrainRecipe {
    fn default() -> Self {
        Self {
            steps: 5_000,
            batch: 64,
            micro_batch: None,
            lr: 1e-3,
            warmup: 100,
            lr_end: 1.0,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.01,
            clip: 1.0,
            save_every_secs: 10.0,
        }
    }
}

impl Default for EmaRecipe {
    fn default() -> Self {
        Self { decay: 0.999 }
    }
}

impl Default for ConditionRecipe {
    fn default() -> Self {
        Self {
            classes: false,
            drop: 0.1,
        }
    }
}

impl Default for PreviewRecipe {
    fn default() -> Self {
        Self {
            count: 16,
            steps: 10,
            share: 0.1,
        }
    }
}
