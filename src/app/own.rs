//! The user's own data that no path describes: drawn points, pasted pictures, several dropped files, and what an earlier
//! run kept of them. Loaded on a thread of its own, so that the window never waits.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crossbeam_channel::{Receiver, bounded};

use crate::{
    data::{self, DataError, Dataset, Picture, Progress, Split, Stats},
    engine::{Error, event::DataSummary},
    files::{RunFolder, recipe::DataRecipe},
};

/// Own data and what they are called in a recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct Own {
    /// Name in the recipe.
    pub id: String,
    /// Name in the window.
    pub label: String,
    /// What they are made of.
    pub source: OwnSource,
}

/// What own data are made of.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnSource {
    /// Drawn points in any units.
    Points(Vec<[f64; 2]>),
    /// Pictures without files.
    Pictures(Vec<Picture>),
    /// Several files and folders.
    Files(Vec<PathBuf>),
    /// What the run in this folder learned from.
    Kept(PathBuf),
}

impl Own {
    /// Points drawn by hand.
    pub fn points(xy: Vec<[f64; 2]>) -> Self {
        Self {
            id: "drawn".into(),
            label: "Your points".into(),
            source: OwnSource::Points(xy),
        }
    }

    /// A pasted picture, added to those that were pasted before.
    pub fn pasted(picture: Picture, before: Option<&Self>) -> Self {
        let mut pictures = match before.map(|own| &own.source) {
            Some(OwnSource::Pictures(pictures)) => pictures.clone(),
            _ => Vec::new(),
        };
        pictures.push(picture);
        Self {
            id: "pasted".into(),
            label: "Pasted pictures".into(),
            source: OwnSource::Pictures(pictures),
        }
    }

    /// Several dropped files and folders.
    pub fn files(paths: Vec<PathBuf>) -> Self {
        Self {
            id: "dropped".into(),
            label: format!("{} dropped files", paths.len()),
            source: OwnSource::Files(paths),
        }
    }

    /// What an earlier run was given that its recipe cannot name, where there was such a thing.
    pub fn kept(run: &RunFolder, recipe: &DataRecipe) -> Option<Self> {
        let is_needed = run.keeps_data() && !data::is_registered(&recipe.source);
        is_needed.then(|| Self {
            id: recipe.source.clone(),
            label: "Data of an earlier run".into(),
            source: OwnSource::Kept(run.path().to_owned()),
        })
    }

    fn load(&self, recipe: &DataRecipe, progress: &Progress) -> Result<Dataset, Error> {
        let data = match &self.source {
            OwnSource::Points(xy) => Dataset::from_points(&self.label, xy)?,
            OwnSource::Pictures(pictures) => data::from_pictures(pictures, recipe, progress)?,
            OwnSource::Files(paths) => data::from_files(paths, recipe, progress)?,
            OwnSource::Kept(folder) => kept(folder)?,
        };
        Ok(Dataset {
            id: self.id.clone(),
            label: self.label.clone(),
            ..data
        })
    }

    /// Loads and describes the data.
    pub fn describe(&self, recipe: &DataRecipe, progress: &Progress) -> Result<DataSummary, Error> {
        let data = self.load(recipe, progress)?;
        let stats = Stats::of(&data);
        let validation = Split::new(data.count, recipe.validation, 0).validation.len();
        Ok(DataSummary {
            data,
            stats,
            validation,
        })
    }
}

fn kept(folder: &Path) -> Result<Dataset, Error> {
    let gone = || {
        Error::Refused(format!(
            "{} keeps no data any more; choose other data",
            folder.display()
        ))
    };
    RunFolder::open(folder)?.kept_data()?.ok_or_else(gone)
}

/// Own data on their way.
#[derive(Debug, Default)]
pub struct Importer(Option<Receiver<Result<DataSummary, Error>>>);

impl Importer {
    /// Begins to load; what was being loaded before is no longer waited for.
    pub fn begin(
        &mut self,
        own: Own,
        recipe: DataRecipe,
        progress: Arc<Progress>,
        done: impl FnOnce() + Send + 'static,
    ) {
        let (send, answer) = bounded(1);
        let work = move || {
            // Nobody waits any more when the import was given up.
            drop(send.send(own.describe(&recipe, &progress)));
            done();
        };
        let started = std::thread::Builder::new().name("import".into()).spawn(work).is_ok();
        self.0 = started.then_some(answer);
    }

    /// What was loaded since the last call. Nothing comes of an import that was cancelled.
    pub fn poll(&mut self) -> Option<Result<DataSummary, Error>> {
        let answer = self.0.as_ref()?.try_recv().ok()?;
        self.0 = None;
        Some(answer).filter(|a| !matches!(a, Err(Error::Data(DataError::Cancelled))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Recipe;

    fn picture(grey: u8) -> Picture {
        Picture {
            name: format!("pasted {grey}"),
            width: 4,
            height: 4,
            rgba: [grey, grey, grey, 255].repeat(16),
        }
    }

    #[test]
    fn pasting_again_adds_to_what_was_pasted() {
        let one = Own::pasted(picture(10), None);
        let two = Own::pasted(picture(200), Some(&one));
        let summary = two.describe(&DataRecipe::default(), &Progress::default()).unwrap();
        assert_eq!((summary.data.count, summary.data.id.as_str()), (2, "pasted"));
    }

    #[test]
    fn drawn_points_are_described() {
        let xy = (0..50).map(|i| [f64::from(i), f64::from(i % 7)]).collect();
        let summary = Own::points(xy)
            .describe(&DataRecipe::default(), &Progress::default())
            .unwrap();
        assert_eq!((summary.data.count, summary.validation), (50, 5));
        assert!(summary.stats.mean.iter().all(|m| m.abs() < 1e-6));
    }

    #[test]
    fn an_import_answers_once() {
        let (send, done) = bounded(1);
        let mut importer = Importer::default();
        let own = Own::points(vec![[0.0, 0.0], [1.0, 2.0]]);
        let progress = Arc::new(Progress::default());
        importer.begin(own, DataRecipe::default(), progress, move || send.send(()).unwrap());
        done.recv().unwrap();
        assert_eq!(importer.poll().unwrap().unwrap().data.count, 2);
        assert!(importer.poll().is_none());
    }

    #[test]
    fn a_cancelled_import_says_nothing() {
        let (send, done) = bounded(1);
        let mut importer = Importer::default();
        let own = Own::pasted(picture(10), Some(&Own::pasted(picture(20), None)));
        let progress = Arc::new(Progress::default());
        progress.cancel();
        importer.begin(own, DataRecipe::default(), progress, move || send.send(()).unwrap());
        done.recv().unwrap();
        assert!(importer.poll().is_none());
    }

    #[test]
    fn what_an_earlier_run_kept_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut recipe = Recipe::default();
        recipe.data.source = "drawn".into();
        let (run, _lock) = RunFolder::create(&folder.path().join("run"), &recipe).unwrap();
        assert!(Own::kept(&run, &recipe.data).is_none());
        let xy: Vec<_> = (0..20).map(|i| [f64::from(i), f64::from(i * i % 7)]).collect();
        let drawn = Dataset::from_points("Your points", &xy).unwrap();
        run.keep_data(&drawn).unwrap();
        let own = Own::kept(&run, &recipe.data).unwrap();
        let summary = own.describe(&recipe.data, &Progress::default()).unwrap();
        assert_eq!((summary.data.hash, summary.data.id.as_str()), (drawn.hash, "drawn"));
    }
}
