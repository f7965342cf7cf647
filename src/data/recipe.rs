//! What a recipe says about its data.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::math::Value;

/// What is learned from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct DataRecipe {
    /// Registry id, or a path to a file or folder.
    pub source: String,
    /// Side of the pictures in pixels; all are brought to it. `None`: as they are, or chosen from the own pictures' sizes.
    pub size: Option<usize>,
    /// `auto`, `grey` or `colour`.
    pub colour: Colour,
    /// How pictures of another shape are brought to the size.
    pub fit: Fit,
    /// Colour under transparent pixels, `#rrggbb`.
    pub background: String,
    /// CSV with `file,label` rows; `None`: sub-folder names.
    pub labels: Option<PathBuf>,
    /// Share of samples kept for validation, `0..0.5`.
    pub validation: f64,
    /// Mirrors left and right at random.
    pub flip: bool,
    /// Largest random shift in pixels.
    pub shift: usize,
    /// Largest random rotation in degrees.
    pub rotate: f64,
    /// Parameters of a point set (`noise`, `count`, …).
    pub params: BTreeMap<String, Value>,
}

/// Colour handling of pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Colour {
    /// Grey when all pictures are grey.
    #[default]
    Auto,
    /// One channel.
    Grey,
    /// Three channels.
    Colour,
}

/// How a picture of another shape is brought to a square.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// The middle square, scaled.
    #[default]
    Crop,
    /// Scaled, proportions lost.
    Stretch,
    /// Scaled to fit, padded with the background.
    Pad,
    /// Left out with a message.
    Refuse,
}

impl DataRecipe {
    /// Whether both lead to the same samples in store: augmentation and the validation split come later.
    pub fn stores_like(&self, other: &Self) -> bool {
        self.stored() == other.stored()
    }

    fn stored(&self) -> Self {
        Self {
            validation: 0.0,
            flip: false,
            shift: 0,
            rotate: 0.0,
            ..self.clone()
        }
    }
}

impl Default for DataRecipe {
    fn default() -> Self {
        Self {
            source: "moons".into(),
            size: None,
            colour: Colour::Auto,
            fit: Fit::Crop,
            background: "#ffffff".into(),
            labels: None,
            validation: 0.1,
            flip: false,
            shift: 0,
            rotate: 0.0,
            params: BTreeMap::new(),
        }
    }
}
