//! A trained classifier of a data set in one file: weights, and what they are in the file's notes.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Error, Overwrite, Result, Tensors, tensors::Notes};
use crate::{
    math::Domain,
    nn::{Weights, graph::ParamInfo},
};

/// Key of the note that tells what the weights are.
const ABOUT: &str = "judge";

/// What a classifier was trained on and how good it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Name of the data set, or its path.
    pub data: String,
    /// What a sample is.
    pub domain: Domain,
    /// Names of the classes.
    pub class_names: Vec<String>,
    /// Passes over the training pictures.
    pub epochs: usize,
    /// Seed of weights, split, batches and noise.
    pub seed: u64,
    /// Share of unseen clean pictures that it puts into their class.
    pub accuracy: f64,
    /// Share of unseen clean pictures of whose class it is sure.
    pub sure: f64,
}

/// A trained classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedJudge {
    /// What it is.
    pub about: About,
    /// Its weights.
    pub weights: Tensors,
}

/// A classifier embedded in the program: the file `assets/judges/<data>.safetensors`.
#[derive(Clone, Copy, Debug)]
pub struct BundledJudge {
    /// The data set that it was trained on.
    pub data: &'static str,
    /// The file.
    pub file: &'static [u8],
}

/// All classifiers that ship with the program.
pub static JUDGES: &[BundledJudge] = &[
    BundledJudge {
        data: "fashion-mnist",
        file: include_bytes!("../../assets/judges/fashion-mnist.safetensors"),
    },
    BundledJudge {
        data: "digits8x8",
        file: include_bytes!("../../assets/judges/digits8x8.safetensors"),
    },
    BundledJudge {
        data: "pixel-avatars16",
        file: include_bytes!("../../assets/judges/pixel-avatars16.safetensors"),
    },
];

impl BundledJudge {
    /// What it is.
    pub fn about(&self) -> Result<About> {
        Ok(self.open()?.about)
    }

    fn open(&self) -> Result<SavedJudge> {
        let path = Path::new(self.data);
        let parts = Tensors::parse(self.file).map_err(|e| Error::broken(path, e))?;
        SavedJudge::from_parts(path, parts)
    }
}

impl SavedJudge {
    /// Opens a file that [`SavedJudge::write`] made.
    pub fn open(path: &Path) -> Result<Self> {
        Self::from_parts(path, Tensors::read(path)?)
    }

    /// The one that ships with the program for this data set, if there is one for samples of this kind.
    pub fn bundled(data: &str, domain: Domain) -> Result<Option<Self>> {
        let Some(found) = JUDGES.iter().find(|judge| judge.data == data) else {
            return Ok(None);
        };
        Ok(Some(found.open()?).filter(|judge| judge.about.domain == domain))
    }

    fn from_parts(path: &Path, (notes, weights): (Notes, Tensors)) -> Result<Self> {
        let about = notes
            .get(ABOUT)
            .ok_or_else(|| Error::broken(path, "it holds no classifier; make one with `diffusion-studio judge`"))?;
        let about = serde_json::from_str(about)
            .map_err(|e| Error::broken(path, format!("what it says of its classifier cannot be read: {e}")))?;
        Ok(Self { about, weights })
    }

    /// Writes the file. Gives the path that was written.
    pub fn write(&self, path: &Path, overwrite: Overwrite) -> Result<PathBuf> {
        let about = serde_json::to_string(&self.about).map_err(|e| Error::broken(path, e.to_string()))?;
        overwrite.write_tensors(path, &self.weights, &Notes::from([(ABOUT.to_owned(), about)]))
    }

    /// The weights for a network with these parameters.
    pub fn weights(&self, params: &[ParamInfo]) -> Result<Weights> {
        let fits = self.weights.clone().into_weights(params);
        fits.map_err(|misfit| Error::broken(Path::new(&self.about.data), misfit.to_string()))
    }
}
