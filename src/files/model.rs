//! A trained model as samples need it: recipe and averaged weights, from wherever they are kept.

use std::path::Path;

use super::{
    Error, Newest, Recipe, Result, RunFolder, State, Tensors, checkpoint, diffusers, learning, tensors::Notes,
};
use crate::{diffusion::scheduler_config::Scheduler, math::Domain};

/// Recipe and averaged weights.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedModel {
    /// How it was trained.
    pub recipe: Recipe,
    /// Training steps of the weights.
    pub step: u64,
    /// What a sample is, where the file says so.
    pub domain: Option<Domain>,
    /// Names of the classes that the network is told, without the null class.
    pub class_names: Vec<String>,
    /// The averaged weights.
    pub weights: Tensors,
    /// How diffusers samples it, for models that came from there.
    pub scheduler: Option<Scheduler>,
    /// Whether the weights were rounded when they were kept, see [`learning`].
    pub rounded: bool,
    /// Messages about newer checkpoints that could not be used.
    pub skipped: Vec<String>,
}

impl SavedModel {
    /// Opens a run folder (its newest sound checkpoint), a checkpoint folder, an `ema.safetensors`, weights that
    /// were kept while it learned, or a model of diffusers (see [`diffusers::open`]).
    pub fn open(path: &Path) -> Result<Self> {
        if path.join("recipe.toml").is_file() {
            Self::from_run(&RunFolder::open(path)?)
        } else if path.join(checkpoint::STATE).is_file() {
            Self::from_file(path, State::load(path)?.tensors(path, checkpoint::EMA)?)
        } else if diffusers::is_one(path) {
            diffusers::open(path)
        } else if path.is_file() {
            Self::from_file(path, learning::read(path)?)
        } else if path.exists() {
            Err(Error::broken(
                path,
                "it is neither a run folder nor a checkpoint nor a model of diffusers",
            ))
        } else {
            Err(Error::io("open", path)(std::io::ErrorKind::NotFound.into()))
        }
    }

    fn from_run(run: &RunFolder) -> Result<Self> {
        let recipe = run.recipe()?;
        let Newest {
            content: (state, weights),
            skipped,
        } = run.newest_ema()?;
        Ok(Self {
            recipe,
            step: state.step,
            domain: state.domain,
            class_names: state.class_names,
            weights,
            scheduler: run.scheduler()?,
            rounded: false,
            skipped,
        })
    }

    fn from_file(path: &Path, (notes, weights): (Notes, Tensors)) -> Result<Self> {
        let recipe = notes.get("recipe").ok_or_else(|| {
            Error::broken(
                path,
                "it carries no recipe; open the run folder or a file called ema.safetensors",
            )
        })?;
        let recipe = Recipe::parse(recipe, &format!("the recipe in {}", path.display()))?;
        Ok(Self::from_parts(recipe, &notes, weights))
    }

    pub(super) fn from_parts(recipe: Recipe, notes: &Notes, weights: Tensors) -> Self {
        let note = |key| notes.get(key).map_or("null", String::as_str);
        Self {
            domain: serde_json::from_str(note(checkpoint::DOMAIN)).unwrap_or_default(),
            class_names: serde_json::from_str(note(checkpoint::CLASSES)).unwrap_or_default(),
            recipe,
            step: notes.get("step").and_then(|s| s.parse().ok()).unwrap_or(0),
            weights,
            scheduler: None,
            rounded: notes.contains_key(learning::ROUNDED),
            skipped: Vec::new(),
        }
    }
}
