//! Loads data, and remembers what was loaded last: the data view, the estimate and the training ask for the same.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Error, event::DataSummary};
use crate::{
    data::{self, Dataset, Progress, Split, Stats},
    files::recipe::DataRecipe,
};

/// Seed of the data view, which is not part of any run.
const VIEW_SEED: u64 = 0;

/// What was loaded last, shared between the lanes.
#[derive(Clone, Debug, Default)]
pub(super) struct Library(Arc<Mutex<Option<Loaded>>>);

#[derive(Clone, Debug)]
struct Loaded {
    recipe: DataRecipe,
    seed: u64,
    data: Dataset,
}

impl Library {
    /// The data of a recipe: those that were loaded last, if they are the same, as the data view showed them.
    pub(super) fn load(&self, recipe: &DataRecipe, seed: u64) -> Result<Dataset, Error> {
        let mut last = self.last();
        match last.as_ref().filter(|loaded| loaded.fits(recipe, seed)) {
            Some(loaded) => Ok(loaded.data.clone()),
            None => read(&mut last, recipe, seed, &Progress::default()),
        }
    }

    /// Data with everything that the data view shows. Own files are read again: they may have changed.
    pub(super) fn summary(&self, recipe: &DataRecipe, progress: &Progress) -> Result<DataSummary, Error> {
        let data = if data::is_registered(&recipe.source) {
            self.load(recipe, VIEW_SEED)
        } else {
            read(&mut self.last(), recipe, VIEW_SEED, progress)
        }?;
        Ok(DataSummary {
            validation: Split::new(data.count, recipe.validation, VIEW_SEED).validation.len(),
            stats: Stats::of(&data),
            data,
        })
    }

    /// Held while data are read, so that whoever wants the same waits and reads nothing.
    fn last(&self) -> MutexGuard<'_, Option<Loaded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loaded {
    /// The seed makes a difference only to data that are made by it.
    fn fits(&self, recipe: &DataRecipe, seed: u64) -> bool {
        self.recipe.stores_like(recipe) && (self.seed == seed || !data::is_registered(&recipe.source))
    }
}

fn read(last: &mut Option<Loaded>, recipe: &DataRecipe, seed: u64, progress: &Progress) -> Result<Dataset, Error> {
    let data = data::load(recipe, seed, progress)?;
    *last = Some(Loaded {
        recipe: recipe.clone(),
        seed,
        data: data.clone(),
    });
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(path: &std::path::Path, rows: usize) -> DataRecipe {
        let text: Vec<_> = (0..rows).map(|i| format!("{i},{}", i * i % 5)).collect();
        std::fs::write(path, text.join("\n")).unwrap();
        DataRecipe {
            source: path.display().to_string(),
            ..DataRecipe::default()
        }
    }

    #[test]
    fn training_takes_what_the_data_view_showed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("points.csv");
        let library = Library::default();
        let recipe = csv(&path, 10);
        assert_eq!(library.summary(&recipe, &Progress::default()).unwrap().data.count, 10);
        csv(&path, 20);
        assert_eq!(library.load(&recipe, 7).unwrap().count, 10);
        assert_eq!(library.summary(&recipe, &Progress::default()).unwrap().data.count, 20);
        assert_eq!(library.load(&recipe, 7).unwrap().count, 20);
    }

    #[test]
    fn the_seed_counts_where_it_makes_the_data() {
        let library = Library::default();
        let moons = DataRecipe::default();
        let one = library.load(&moons, 1).unwrap();
        assert_eq!(library.load(&moons, 1).unwrap().hash, one.hash);
        assert_ne!(library.load(&moons, 2).unwrap().hash, one.hash);
    }
}
