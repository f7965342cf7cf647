//! The runs on disk as the window knows them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use eframe::egui::ColorImage;

use crate::{
    draw::pyramid::Curve,
    files::{Holder, Summary, summary::Stamp},
};

/// A folder in the list.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it is.
    pub folder: PathBuf,
    /// When its parts were changed.
    pub stamp: Stamp,
    /// Space that it takes.
    pub bytes: u64,
    /// Who writes into it.
    pub holder: Holder,
    /// What it is, or why it cannot be read.
    pub found: Result<Summary, String>,
}

impl Entry {
    /// Name of the folder.
    pub fn name(&self) -> String {
        super::words::file_name(&self.folder)
    }

    /// What it is, where it can be read.
    pub fn summary(&self) -> Option<&Summary> {
        self.found.as_ref().ok()
    }

    /// Whether a sudden end interrupted it and there is something to go on from.
    pub fn is_interrupted(&self) -> bool {
        let unfinished = |s: &Summary| !s.is_finished() && !s.checkpoints.is_empty();
        self.holder == Holder::Killed && self.summary().is_some_and(unfinished)
    }
}

/// A picture of a run's samples.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shot {
    /// The picture's file.
    pub path: PathBuf,
    /// Samples in it, in rows as a sheet has them; 1 for a single picture.
    pub samples: usize,
    /// All of it in readable size, or the first samples in the size of a row.
    pub is_large: bool,
}

/// Something that is read when it is looked at.
#[derive(Clone, Debug)]
pub enum Lazy<T> {
    /// On its way.
    Asked,
    /// There it is; `None` where it cannot be read.
    Read(Option<Arc<T>>),
}

impl<T> Lazy<T> {
    /// What was read.
    pub fn get(&self) -> Option<&Arc<T>> {
        match self {
            Self::Read(found) => found.as_ref(),
            Self::Asked => None,
        }
    }
}

/// The runs on disk.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// In order of their folders.
    pub entries: BTreeMap<PathBuf, Arc<Entry>>,
    /// Someone is looking.
    pub is_looking: bool,
    /// Something changed meanwhile, so that one more look is due.
    pub is_outdated: bool,
    /// When all were looked at last; `None` before the first time.
    pub looked: Option<SystemTime>,
    /// The folder for new runs.
    pub home: Option<PathBuf>,
    /// Bytes that are free there.
    pub free: Option<u64>,
    /// Pictures that were asked for.
    pub shots: BTreeMap<Shot, Lazy<ColorImage>>,
    /// Losses that were asked for, with the stamp of their run.
    pub curves: BTreeMap<PathBuf, (Stamp, Lazy<Curve>)>,
    /// Folders in which something is being changed.
    pub changing: BTreeSet<PathBuf>,
}

impl Runs {
    /// Takes in one folder.
    pub fn put(&mut self, entry: Arc<Entry>) {
        self.entries.insert(entry.folder.clone(), entry);
    }

    /// All folders were looked at: others are gone, and so is what was read of them.
    pub fn looked(&mut self, folders: &BTreeSet<PathBuf>, at: SystemTime, free: Option<u64>) {
        self.entries.retain(|folder, _| folders.contains(folder));
        self.curves.retain(|folder, _| folders.contains(folder));
        self.shots
            .retain(|shot, _| shot.path.ancestors().any(|folder| folders.contains(folder)));
        (self.is_looking, self.looked, self.free) = (false, Some(at), free);
    }

    /// Space of all runs.
    pub fn bytes(&self) -> u64 {
        self.entries.values().map(|entry| entry.bytes).sum()
    }

    /// The run that was interrupted last.
    pub fn interrupted(&self) -> Option<&Arc<Entry>> {
        let interrupted = self.entries.values().filter(|entry| entry.is_interrupted());
        interrupted.max_by_key(|entry| entry.stamp.trained())
    }

    /// Seconds since a run was trained, as of the last look.
    pub fn age(&self, entry: &Entry) -> Option<f64> {
        let span = self.looked?.duration_since(entry.stamp.trained()?);
        Some(span.map_or(0.0, |span| span.as_secs_f64()))
    }

    /// The losses of a run, where they were read and are still those.
    pub fn curve(&self, folder: &Path) -> Option<&Lazy<Curve>> {
        let (stamp, curve) = self.curves.get(folder)?;
        let fresh = self.entries.get(folder).is_some_and(|entry| entry.stamp == *stamp);
        // Old losses are better than none until the new ones are there.
        (fresh || curve.get().is_some()).then_some(curve)
    }

    /// Whether the losses of a run should be read (again).
    pub fn wants_curve(&self, entry: &Entry) -> bool {
        self.curves
            .get(&entry.folder)
            .is_none_or(|(stamp, _)| *stamp != entry.stamp)
    }
}
