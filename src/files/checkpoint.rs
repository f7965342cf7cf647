//! A checkpoint: everything a run needs to go on bit for bit, as a folder that is complete or not there.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    Error, Result, Tensors, atomic,
    tensors::{Notes, Tensor},
};
use crate::math::Domain;

/// The raw weights.
pub const MODEL: &str = "model.safetensors";
/// The averaged weights, which samples are made with. Its header carries the recipe and the step.
pub const EMA: &str = "ema.safetensors";
/// Both moments of Adam, under PyTorch's names, and what the loss learned.
pub const OPTIMIZER: &str = "optimizer.safetensors";
/// Key of [`State::domain`] in the header of [`EMA`], as JSON.
pub const DOMAIN: &str = "domain";
/// Key of [`State::class_names`] in the header of [`EMA`], as JSON.
pub const CLASSES: &str = "classes";
/// [`State`].
pub const STATE: &str = "state.json";

/// A saved moment of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// Counters and figures.
    pub state: State,
    /// The raw weights.
    pub model: Tensors,
    /// The averaged weights.
    pub ema: Tensors,
    /// Adam's first moment, by the names of the weights.
    pub first_moment: Tensors,
    /// Adam's second moment, by the names of the weights.
    pub second_moment: Tensors,
    /// What the loss itself learned (which times matter, how uncertain each level is); empty where it learns nothing.
    pub loss: Tensors,
}

/// Counters and figures of a checkpoint, `state.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Training steps done.
    pub step: u64,
    /// Updates that Adam made; its bias correction counts these.
    pub updates: u64,
    /// Passes through the data that are complete.
    pub epoch: u64,
    /// Samples of the present pass that were seen.
    pub seen: u64,
    /// Seconds of training so far, resumes included.
    pub secs: f64,
    /// Smoothed training loss.
    #[serde(with = "exact")]
    pub loss: Option<f64>,
    /// Validation loss of the averaged weights: the checkpoint with the lowest is kept.
    #[serde(with = "exact")]
    pub score: Option<f64>,
    /// Learning rate chosen while running, instead of the recipe's.
    #[serde(with = "exact")]
    pub lr: Option<f64>,
    /// EMA decay chosen while running, instead of the recipe's.
    #[serde(with = "exact")]
    pub ema_decay: Option<f64>,
    /// What a sample is; `None` in checkpoints that were not made by a run of this program.
    pub domain: Option<Domain>,
    /// Names of the classes that the network is told, without the null class; empty where it is told none.
    pub class_names: Vec<String>,
    /// Hash of the data, which must be the same at a resume.
    pub data_hash: String,
    /// What was changed while running.
    pub changes: Vec<Change>,
    /// SHA-256 of each other file, in hexadecimal. Filled in by [`Checkpoint::save`].
    pub sha256: BTreeMap<String, String>,
}

/// A setting changed while running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Training step.
    pub step: u64,
    /// Short text, e.g. `lr 1e-3 → 3e-4`.
    pub text: String,
}

/// Real numbers as decimal text: JSON has no infinity, and its readers may be off by the last bit.
mod exact {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(value: &Option<f64>, out: S) -> Result<S::Ok, S::Error> {
        value.map(|v| v.to_string()).serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
        let text = Option::<String>::deserialize(input)?;
        text.map(|t| t.parse().map_err(D::Error::custom)).transpose()
    }
}

impl Checkpoint {
    /// Size on disk, nearly.
    pub fn bytes(&self) -> u64 {
        let parts = [
            &self.model,
            &self.ema,
            &self.first_moment,
            &self.second_moment,
            &self.loss,
        ];
        parts.into_iter().map(Tensors::bytes).sum()
    }

    /// Writes the checkpoint as `folder`, replacing one of that name. `recipe` is kept with the averaged weights, so
    /// that they can be used without the rest.
    pub fn save(&self, folder: &Path, recipe: &str) -> Result<()> {
        let stage = atomic::temporary(folder);
        let saved = fs::create_dir_all(&stage)
            .and_then(|()| self.fill(&stage, recipe))
            .and_then(|()| publish(&stage, folder));
        saved.map_err(|cause| {
            // The first error is the one to report; what stays is swept when the run is opened again.
            drop(fs::remove_dir_all(&stage));
            Error::io("write", folder)(cause)
        })
    }

    fn fill(&self, stage: &Path, recipe: &str) -> io::Result<()> {
        let notes = Notes::from([
            ("format".into(), "pt".into()),
            ("recipe".into(), recipe.into()),
            ("step".into(), self.state.step.to_string()),
            (DOMAIN.into(), serde_json::to_string(&self.state.domain)?),
            (CLASSES.into(), serde_json::to_string(&self.state.class_names)?),
        ]);
        let parts = [
            (MODEL, &self.model, &Notes::new()),
            (EMA, &self.ema, &notes),
            (OPTIMIZER, &self.optimizer(), &Notes::new()),
        ];
        let mut state = self.state.clone();
        for (name, tensors, notes) in parts {
            state
                .sha256
                .insert(name.into(), write_hashed(&stage.join(name), tensors, notes)?);
        }
        let json = serde_json::to_vec_pretty(&state)?;
        atomic::fill_and_sync(&stage.join(STATE), |out| out.write_all(&json))?;
        atomic::sync_folder(stage)
    }

    /// All that belongs to training alone, under one prefix a part.
    fn optimizer(&self) -> Tensors {
        let parts = [&self.first_moment, &self.second_moment, &self.loss];
        let named = |(tensors, prefix): (&Tensors, &str)| -> Vec<(String, Tensor)> {
            tensors
                .0
                .iter()
                .map(|(name, t)| (format!("{prefix}{name}"), t.clone()))
                .collect()
        };
        Tensors(parts.into_iter().zip(PREFIXES).flat_map(named).collect())
    }

    /// Reads a checkpoint and compares every file with its checksum.
    pub fn load(folder: &Path) -> Result<Self> {
        let state = State::load(folder)?;
        let [first_moment, second_moment, loss] = split(&folder.join(OPTIMIZER), state.tensors(folder, OPTIMIZER)?.1)?;
        Ok(Self {
            model: state.tensors(folder, MODEL)?.1,
            ema: state.tensors(folder, EMA)?.1,
            first_moment,
            second_moment,
            loss,
            state,
        })
    }
}

const PREFIXES: [&str; 3] = ["exp_avg.", "exp_avg_sq.", "loss."];

fn split(path: &Path, joined: Tensors) -> Result<[Tensors; 3]> {
    let mut parts = [Tensors::default(), Tensors::default(), Tensors::default()];
    for (name, tensor) in joined.0 {
        let part = parts
            .iter_mut()
            .zip(PREFIXES)
            .find_map(|(part, prefix)| Some((part, name.strip_prefix(prefix)?)));
        let Some((part, name)) = part else {
            return Err(Error::broken(path, format!("it has the unknown tensor “{name}”")));
        };
        part.0.insert(name.into(), tensor);
    }
    Ok(parts)
}

impl State {
    /// Reads the `state.json` of a checkpoint.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(STATE);
        let text = fs::read(&path).map_err(Error::io("read", &path))?;
        serde_json::from_slice(&text).map_err(|e| Error::broken(&path, e.to_string()))
    }

    /// One of the checkpoint's files, checked.
    pub(crate) fn tensors(&self, folder: &Path, name: &str) -> Result<(Notes, Tensors)> {
        let path = folder.join(name);
        let found = hash_file(&path).map_err(Error::io("read", &path))?;
        if self.sha256.get(name) != Some(&found) {
            return Err(Error::broken(&path, "its checksum differs from the one in state.json"));
        }
        Tensors::read(&path)
    }
}

/// A writer that hashes what goes through.
struct Hashing<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn write_hashed(path: &Path, tensors: &Tensors, notes: &Notes) -> io::Result<String> {
    let mut sum = String::new();
    atomic::fill_and_sync(path, |out| {
        let mut hashing = Hashing {
            out,
            hash: Sha256::new(),
        };
        tensors.write(notes, &mut hashing)?;
        sum = hex(&hashing.hash.finalize());
        Ok(())
    })?;
    Ok(sum)
}

fn hash_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&block[..n]),
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, b| text + &format!("{b:02x}"))
}

/// Gives the complete folder its name; one that has the name already makes way first.
fn publish(stage: &Path, folder: &Path) -> io::Result<()> {
    if folder.exists() {
        let old = atomic::temporary(folder);
        fs::rename(folder, &old)?;
        fs::rename(stage, folder)?;
        fs::remove_dir_all(&old)?;
    } else {
        fs::rename(stage, folder)?;
    }
    atomic::sync_folder(atomic::parent(folder))
}
