//! The user's own data that no path describes: drawn points, pasted pictures, several dropped files. Loaded on a thread
//! of its own, so that the window never waits.

use std::{path::PathBuf, sync::Arc};

use crossbeam_channel::{Receiver, bounded};

use crate::{
    data::{self, DataError, Dataset, Picture, Progress, Split, Stats},
    engine::event::DataSummary,
    files::recipe::DataRecipe,
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

    fn load(&self, recipe: &DataRecipe, progress: &Progress) -> Result<Dataset, DataError> {
        let data = match &self.source {
            OwnSource::Points(xy) => Dataset::from_points(&self.label, xy),
            OwnSource::Pictures(pictures) => data::from_pictures(pictures, recipe, progress),
            OwnSource::Files(paths) => data::from_files(paths, recipe, progress),
        }?;
        Ok(Dataset {
            id: self.id.clone(),
            label: self.label.clone(),
            ..data
        })
    }

    /// Loads and describes the data.
    pub fn describe(&self, recipe: &DataRecipe, progress: &Progress) -> Result<DataSummary, DataError> {
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

/// Own data on their way.
#[derive(Debug, Default)]
pub struct Importer(Option<Job>);

#[derive(Debug)]
struct Job {
    answer: Receiver<Result<DataSummary, DataError>>,
    progress: Arc<Progress>,
}

impl Importer {
    /// Begins to load; what was being loaded before is given up.
    pub fn begin(&mut self, own: Own, recipe: DataRecipe, done: impl FnOnce() + Send + 'static) {
        self.cancel();
        let (send, answer) = bounded(1);
        let progress = Arc::new(Progress::default());
        let seen = progress.clone();
        let work = move || {
            // Nobody waits any more when the import was given up.
            drop(send.send(own.describe(&recipe, &seen)));
            done();
        };
        if std::thread::Builder::new().name("import".into()).spawn(work).is_ok() {
            self.0 = Some(Job { answer, progress });
        }
    }

    /// Gives up.
    pub fn cancel(&mut self) {
        if let Some(job) = self.0.take() {
            job.progress.cancel();
        }
    }

    /// `(done, total)` of what is being loaded.
    pub fn progress(&self) -> Option<(usize, usize)> {
        Some(self.0.as_ref()?.progress.get())
    }

    /// What was loaded since the last call.
    pub fn poll(&mut self) -> Option<Result<DataSummary, DataError>> {
        let answer = self.0.as_ref()?.answer.try_recv().ok()?;
        self.0 = None;
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        importer.begin(own, DataRecipe::default(), move || send.send(()).unwrap());
        done.recv().unwrap();
        assert_eq!(importer.poll().unwrap().unwrap().data.count, 2);
        assert!(importer.poll().is_none() && importer.progress().is_none());
    }
}
