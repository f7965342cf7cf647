//! Loads data, and remembers what was loaded last: the data view, the estimate and the training ask for the same.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Error, event::DataSummary};
use crate::{
    data::{self, Dataset, Progress, Split, Stats},
    files::recipe::DataRecipe,
    math::spec,
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
    /// The data of a recipe. The user's own files are read again every time: they may have changed.
    pub(super) fn load(&self, recipe: &DataRecipe, seed: u64) -> Result<Dataset, Error> {
        let has_name = spec::find("data set", data::ENTRIES, &recipe.source).is_ok();
        if has_name && let Some(data) = self.remembered(recipe, seed) {
            return Ok(data);
        }
        let data = data::load(recipe, seed, &Progress::default())?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Loaded {
            recipe: recipe.clone(),
            seed,
            data: data.clone(),
        });
        Ok(data)
    }

    fn remembered(&self, recipe: &DataRecipe, seed: u64) -> Option<Dataset> {
        let loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = loaded.as_ref().filter(|l| l.recipe == *recipe && l.seed == seed);
        fitting.map(|l| l.data.clone())
    }

    /// Data with everything that the data view shows.
    pub(super) fn summary(&self, recipe: &DataRecipe) -> Result<DataSummary, Error> {
        let data = self.load(recipe, VIEW_SEED)?;
        Ok(DataSummary {
            validation: Split::new(data.count, recipe.validation, VIEW_SEED).validation.len(),
            stats: Stats::of(&data),
            data,
        })
    }
}
