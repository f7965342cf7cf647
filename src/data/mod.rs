//! Data sets: bundled pictures, point sets by formula, and the user's own files.

use std::{fmt::Write as _, path::Path, sync::Arc};

use sha2::{Digest as _, Sha256};

use crate::math::{Domain, Entry, Frame, Params, SpecError, spec};

pub mod augment;
pub mod batch;
mod bundled;
mod error;
mod own;
pub mod photo;
mod picture;
pub mod points;
mod progress;
mod recipe;
pub mod stats;

pub use augment::Augment;
pub use batch::{Batcher, Split};
pub use error::DataError;
pub use own::{Picture, from_files, from_pictures, read_picture};
pub use progress::Progress;
pub use recipe::{Colour, DataRecipe, Fit};
pub use stats::Stats;

/// All data sets that have a name.
pub const ENTRIES: &[&Entry<dyn Maker>] = &[
    &bundled::FASHION_MNIST,
    &bundled::DIGITS8X8,
    &bundled::PIXEL_AVATARS16,
    &bundled::DUNGEON_TILES32,
    &bundled::FLUENT_EMOJI64,
    &bundled::BRAIN_SLICES64,
    &points::moons::ENTRY,
    &points::swiss_roll::ENTRY,
    &points::rings::ENTRY,
    &points::checkerboard::ENTRY,
    &points::gaussians::ENTRY,
    &points::spiral::ENTRY,
    &points::pinwheel::ENTRY,
    &points::letters::ENTRY,
];

/// Makes one data set: what an entry of the registry builds.
pub trait Maker: Send + Sync {
    /// Decodes or draws the samples. `seed` decides point sets; `recipe` the size, colour and background of pictures.
    fn make(&self, recipe: &DataRecipe, seed: u64, progress: &Progress) -> Result<Content, DataError>;
}

/// What a [`Maker`] or a file gives: a data set without its name.
#[derive(Clone, Debug)]
pub struct Content {
    /// What a sample is.
    pub domain: Domain,
    /// The samples.
    pub samples: Samples,
    /// Classes, where there are any.
    pub labels: Option<Labels>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// What was done to the samples, one line.
    pub note: String,
}

/// Loads what `recipe` names: a data set of the registry or the user's own file or folder. A folder with the name of a
/// registered set is reached as `./moons`.
///
/// Own files may be a folder of pictures (sub-folders or a CSV give classes), an idx file (also `.gz`), `.npy`, `.npz`
/// or a CSV of points. Broken files are left out and listed in [`Dataset::skipped`].
pub fn load(recipe: &DataRecipe, seed: u64, progress: &Progress) -> Result<Dataset, DataError> {
    match spec::find("data set", ENTRIES, &recipe.source) {
        Ok(entry) => {
            let maker = (entry.build)(&Params::check(entry.params, &recipe.params)?)?;
            let content = maker.make(recipe, seed, progress)?;
            Ok(Dataset::new(entry.id, entry.label, entry.source, content))
        }
        Err(unknown) => {
            let path = Path::new(&recipe.source);
            if path.exists() {
                own::load(path, recipe, progress)
            } else {
                Err(neither_name_nor_path(unknown))
            }
        }
    }
}

/// Whether the data come along with the program or are made by formula.
pub fn is_registered(source: &str) -> bool {
    spec::find("data set", ENTRIES, source).is_ok()
}

/// Whether [`load`] finds anything under this name or path. It does not for drawn, pasted and dropped data.
pub fn exists(source: &str) -> bool {
    is_registered(source) || Path::new(source).exists()
}

fn neither_name_nor_path(error: SpecError) -> DataError {
    match error {
        SpecError::UnknownId { found, hint, known, .. } => DataError::Unknown { found, hint, known },
        other => other.into(),
    }
}

/// Samples as stored: pictures as bytes, points as floats.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// `(N, H, W, C)` bytes; `byte / 127.5 - 1` is the value that the network sees.
    Pixels(Arc<[u8]>),
    /// `(N, 2)` standardised coordinates.
    Points(Arc<[f32]>),
}

/// One class index per sample, with names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Name of each class.
    pub names: Vec<String>,
    /// Class of each sample.
    pub of: Arc<[u32]>,
}

/// A file or row that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// File, or row within a file.
    pub what: String,
    /// Reason in plain words.
    pub why: String,
}

/// A loaded data set. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Registry id or the path it came from.
    pub id: String,
    /// Name in the window.
    pub label: String,
    /// What a sample is.
    pub domain: Domain,
    /// The samples.
    pub samples: Samples,
    /// Number of samples.
    pub count: usize,
    /// Classes, where there are any.
    pub labels: Option<Labels>,
    /// Licence and origin, one line; empty for the user's own data.
    pub licence: String,
    /// What was left out.
    pub skipped: Arc<[Skipped]>,
    /// What was done to the samples (size chosen, colours, scaling of points), one line; may be empty.
    pub note: String,
    /// SHA-256 of the samples and labels in hexadecimal: tells whether a resumed run sees the same data.
    pub hash: String,
}

impl Dataset {
    /// Gives content its name, counts it and takes its fingerprint.
    pub fn new(id: &str, label: &str, licence: &str, content: Content) -> Self {
        let Content {
            domain,
            samples,
            labels,
            skipped,
            note,
        } = content;
        let numbers = match &samples {
            Samples::Pixels(all) => all.len(),
            Samples::Points(all) => all.len(),
        };
        Self {
            id: id.into(),
            label: label.into(),
            domain,
            count: numbers / domain.numel(),
            hash: fingerprint(domain, &samples, labels.as_ref()),
            samples,
            labels,
            licence: licence.into(),
            skipped: skipped.into(),
            note,
        }
    }

    /// Points drawn by hand, in any units; they are moved and scaled to mean zero and variance one.
    pub fn from_points(label: &str, xy: &[[f64; 2]]) -> Result<Self, DataError> {
        Ok(Self::new("drawn", label, "", points::content(label, xy, None)?))
    }

    /// Size, shape and classes in words: `1797 pictures, 8×8, grey, 10 classes`.
    pub fn describe(&self) -> String {
        let mut text = match self.domain {
            Domain::Points => format!("{} points", self.count),
            Domain::Image {
                channels,
                height,
                width,
            } => {
                let colour = if channels == 1 { "grey" } else { "colour" };
                format!("{} pictures, {width}×{height}, {colour}", self.count)
            }
        };
        if let Some(labels) = &self.labels {
            let _ = write!(text, ", {} classes", labels.names.len());
        }
        text
    }

    /// Some samples to look at.
    pub fn frame(&self, indices: &[usize]) -> Frame {
        let len = self.domain.numel();
        match (&self.samples, self.domain) {
            (
                Samples::Pixels(all),
                Domain::Image {
                    channels,
                    height,
                    width,
                },
            ) => {
                let data = indices
                    .iter()
                    .flat_map(|&i| all[i * len..(i + 1) * len].iter().copied())
                    .collect();
                Frame::Pixels {
                    channels,
                    height,
                    width,
                    data,
                }
            }
            (Samples::Points(all), _) => Frame::Points {
                xy: indices.iter().flat_map(|&i| [all[2 * i], all[2 * i + 1]]).collect(),
            },
            (Samples::Pixels(_), Domain::Points) => unreachable!("points are never stored as bytes"),
        }
    }
}

/// SHA-256 of kind, samples and classes, in hexadecimal. Floats are hashed as little-endian bytes.
fn fingerprint(domain: Domain, samples: &Samples, labels: Option<&Labels>) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{domain:?}"));
    match samples {
        Samples::Pixels(all) => hash.update(all),
        Samples::Points(all) => all.iter().for_each(|v| hash.update(v.to_le_bytes())),
    }
    if let Some(Labels { names, of }) = labels {
        hash.update(format!("{names:?}"));
        of.iter().for_each(|class| hash.update(class.to_le_bytes()));
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
