//! Data sets: bundled pictures, point sets by formula, and the user's own files.

use std::{path::PathBuf, sync::Arc};

use crate::math::{Domain, Frame};

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
    /// SHA-256 of the samples and labels in hexadecimal: tells whether a resumed run sees the same data.
    pub hash: String,
}

impl Dataset {
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

/// Where data come from, as a recipe says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A registry id.
    Named(String),
    /// A file or folder of the user's.
    Path(PathBuf),
}
