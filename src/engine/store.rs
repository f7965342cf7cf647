//! A run's place on disk, shared between the engine and the lane that writes.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Error, RunId,
    export::{Kind, Shown},
    ports::{Done, Lane, Ports, Task},
    snapshot::{Moment, Snapshot},
};
use crate::files::{
    Lock, Overwrite, Recipe, RunFolder, figures,
    metrics::{Metrics, Row},
};

/// Where a run is saved.
pub(super) struct Store {
    folder: RunFolder,
    /// Held as long as the run.
    lock: Lock,
    /// Only the writing lane uses it, one task at a time. `None` after a failure: it is opened again where it stood.
    metrics: Arc<Mutex<Option<Metrics>>>,
}

impl Store {
    /// Rows of the metrics beyond `step` are dropped.
    pub(super) fn new(folder: RunFolder, lock: Lock, step: u64) -> Result<Self, Error> {
        let metrics = Arc::new(Mutex::new(Some(folder.open_metrics(step)?)));
        folder.cut_figures(step)?;
        folder.cut_learning(step);
        Ok(Self { folder, lock, metrics })
    }

    /// The run folder.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Says whether a sudden end would interrupt the run.
    pub(super) fn set_working(&self, is_working: bool) {
        self.lock.set_working(is_working);
    }

    /// Hands rows and a snapshot to the writing lane.
    pub(super) fn save(&self, run: RunId, rows: Vec<Row>, snapshot: Arc<Snapshot>, recipe: Recipe, ports: &mut Ports) {
        let (folder, metrics) = (self.folder.clone(), self.metrics.clone());
        let work = move || {
            let saved =
                append(&folder, &metrics, &rows).and_then(|()| folder.save(&snapshot.checkpoint(), &recipe).map(drop));
            let saved = saved.map_err(|e| {
                *metrics.lock().unwrap_or_else(PoisonError::into_inner) = None;
                (e.to_string(), rows)
            });
            Done::Saved(run, snapshot.state.step, saved)
        };
        ports.background.submit(Lane::Write, Task::new("Save", work));
    }

    /// Replaces the folder's recipe.
    pub(super) fn write_recipe(&self, recipe: Recipe, ports: &mut Ports) {
        let folder = self.folder.clone();
        let work = move || Done::Settled("SetSteps", folder.write_recipe(&recipe).map_err(|e| e.to_string()));
        ports.background.submit(Lane::Write, Task::new("SetSteps", work));
    }

    /// Puts a preview's last step into the run folder as a picture. A picture of that step that is there already is kept.
    pub(super) fn keep_preview(&self, shown: Shown, ports: &mut Ports) {
        let path = self.folder.previews().join(format!("step-{:09}.png", shown.info.step));
        let work = move || Done::Settled("Preview", write_preview(&shown, &path).map_err(|e| e.to_string()));
        ports.background.submit(Lane::Write, Task::new("Preview", work));
    }

    /// The training steps whose averaged weights are kept.
    pub(super) fn learning(&self) -> Vec<u64> {
        self.folder.learning()
    }

    /// Keeps averaged weights, and lets go of those between the steps that `spacing` leaves.
    pub(super) fn keep_learning(&self, run: RunId, spacing: u64, moment: Moment, ports: &mut Ports) {
        let folder = self.folder.clone();
        let work = move || {
            let kept = moment.keep(&folder).and_then(|()| folder.thin_learning(spacing));
            Done::Kept(run, kept.map(|()| folder.learning()).map_err(|e| e.to_string()))
        };
        ports.background.submit(Lane::Write, Task::new("Learning", work));
    }

    /// Adds to the run's figures.
    pub(super) fn keep_figures(&self, rows: Vec<figures::Row>, ports: &mut Ports) {
        let folder = self.folder.clone();
        let work = move || Done::Settled("Figures", folder.add_figures(&rows).map_err(|e| e.to_string()));
        ports.background.submit(Lane::Write, Task::new("Figures", work));
    }

    /// Forgets everything after `step`: the run goes back there.
    pub(super) fn rewind(&self, step: u64, ports: &mut Ports) {
        let (folder, metrics) = (self.folder.clone(), self.metrics.clone());
        let work = move || Done::Settled("Restore", rewind(&folder, &metrics, step).map_err(|e| e.to_string()));
        ports.background.submit(Lane::Write, Task::new("Restore", work));
    }
}

fn append(folder: &RunFolder, metrics: &Mutex<Option<Metrics>>, rows: &[Row]) -> crate::files::Result<()> {
    let mut slot = metrics.lock().unwrap_or_else(PoisonError::into_inner);
    let mut file = match (slot.take(), rows.first()) {
        (Some(file), _) => file,
        (None, Some(first)) => folder.open_metrics(first.step - 1)?,
        (None, None) => return Ok(()),
    };
    rows.iter().try_for_each(|row| file.push(row))?;
    file.flush()?;
    *slot = Some(file);
    Ok(())
}

fn write_preview(shown: &Shown, path: &Path) -> Result<(), Error> {
    let index = shown.info.moves;
    if path.exists() {
        return Ok(());
    }
    path.parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .map_err(|e| Error::refused(e.to_string()))?;
    shown.write(Kind::Grid { index }, path, Overwrite::Refuse).map(drop)
}

fn rewind(folder: &RunFolder, metrics: &Mutex<Option<Metrics>>, step: u64) -> crate::files::Result<()> {
    let mut slot = metrics.lock().unwrap_or_else(PoisonError::into_inner);
    // The file must not be open twice while it is cut.
    *slot = None;
    folder.discard_after(step)?;
    folder.cut_figures(step)?;
    *slot = Some(folder.open_metrics(step)?);
    Ok(())
}
