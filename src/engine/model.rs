//! Weights that trajectories are made with, together with what is needed to use them.

use std::{path::Path, sync::Arc};

use sha2::{Digest as _, Sha256};

use super::{
    Error,
    command::Model,
    exact,
    select::{Host, Runner},
};
use crate::{
    diffusion::{
        oracle::ExactNet,
        scheduler_config::{Scheduler, Setup},
    },
    files::{Recipe, SavedModel, bundled, diffusers::UNKNOWN_DATA},
    math::Domain,
    nn::{self, Graph, Weights},
};

/// What a set of weights is.
#[derive(Clone, Debug)]
pub struct ModelInfo {
    /// Where they come from, for people: `moons-0001, step 1200`; the same whether the run is present or on disk, so that
    /// pictures made either way are equal.
    pub label: String,
    /// The recipe they were trained with.
    pub recipe: Recipe,
    /// Training step.
    pub step: u64,
    /// What a sample is.
    pub domain: Domain,
    /// Names of the classes, where the network is told one.
    pub class_names: Arc<[String]>,
    /// How diffusers samples it, for models that came from there.
    pub scheduler: Option<Arc<Scheduler>>,
    /// SHA-256 of the weights with their names, where recipe and step do not determine them: for models that came from
    /// elsewhere.
    pub weights: Option<String>,
}

impl ModelInfo {
    /// The network as a graph.
    pub fn graph(&self) -> Result<Graph, Error> {
        graph(&self.recipe, self.domain, self.class_names.len())
    }

    /// Grid, sampler and clipping for `steps` moves: those that an imported model brings along, for its own sampler or
    /// for the one that is asked for.
    pub fn setup(&self, sampler: Option<&str>, steps: usize) -> Result<Option<Setup>, Error> {
        let setup = self.scheduler.as_ref().map(|scheduler| match sampler {
            None => scheduler.setup(steps),
            Some(id) => scheduler.setup_for(id, steps),
        });
        setup.transpose().map_err(|e| Error::refused(e.to_string()))
    }

    /// The null class, where the network is told a class.
    pub fn null_class(&self) -> Option<u32> {
        (!self.class_names.is_empty()).then_some(self.class_names.len() as u32)
    }
}

/// The network of a recipe for this kind of sample; `classes` without the null class, 0 for none.
pub(super) fn graph(recipe: &Recipe, domain: Domain, classes: usize) -> Result<Graph, Error> {
    Ok(nn::graph(&recipe.net, domain, (classes > 0).then_some(classes + 1))?)
}

/// A model that nothing changes any more.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// What it is.
    pub info: ModelInfo,
    pub(super) mind: Mind,
}

/// What answers for a model.
#[derive(Clone, Debug)]
pub(super) enum Mind {
    /// The weights of its network, by name.
    Weights(Arc<Weights>),
    /// An exact denoiser.
    Exact(Arc<ExactNet>),
}

impl Pinned {
    /// The network that holds the weights, or what stands in for it.
    pub(super) fn runner(&self, host: &Host) -> Result<Runner, Error> {
        match &self.mind {
            Mind::Weights(weights) if self.info.scheduler.is_some() => {
                Ok(host.imported(self.info.graph()?, weights)?.into())
            }
            Mind::Weights(weights) => Ok(host.runner(self.info.graph()?, weights)?.into()),
            Mind::Exact(net) => Ok(Runner::exact(net, self.info.domain)),
        }
    }

    /// SHA-256 of the weights; `None` for an exact model, which has none.
    pub(super) fn fingerprint(&self) -> Option<String> {
        match &self.mind {
            Mind::Weights(weights) => Some(fingerprint(weights)),
            Mind::Exact(_) => None,
        }
    }

    fn from_saved(saved: SavedModel, place: &str) -> Result<Self, Error> {
        let SavedModel {
            recipe,
            step,
            domain,
            class_names,
            weights,
            scheduler,
            rounded,
            ..
        } = saved;
        let domain = domain.ok_or_else(|| {
            Error::refused(format!(
                "{place} does not say what its samples are: open the run folder that it came from"
            ))
        })?;
        let graph = graph(&recipe, domain, class_names.len())?;
        let weights = weights
            .into_weights(&graph.params)
            .map_err(|misfit| Error::refused(format!("{place} cannot be used: {misfit}")))?;
        let is_foreign = rounded || scheduler.is_some() || recipe.data.source == UNKNOWN_DATA;
        Ok(Self {
            info: ModelInfo {
                label: label(place, step),
                recipe,
                step,
                domain,
                class_names: class_names.into(),
                weights: is_foreign.then(|| fingerprint(&weights)),
                scheduler: scheduler.map(Arc::new),
            },
            mind: Mind::Weights(Arc::new(weights)),
        })
    }
}

/// The SHA-256 of weights with their names, in hexadecimal: tells whether two models are the same, wherever they lie.
pub(super) fn fingerprint(weights: &Weights) -> String {
    digest(weights.iter().map(|(name, values)| (&**name, &**values)))
}

/// The same of named numbers, in the order of their names.
pub(super) fn digest<'a>(named: impl Iterator<Item = (&'a str, &'a [f32])>) -> String {
    let mut hash = Sha256::new();
    for (name, values) in named {
        hash.update(name.as_bytes());
        hash.update((values.len() as u64).to_le_bytes());
        hash.update(bytemuck::cast_slice(values));
    }
    let hex = |text: String, byte: &u8| text + &format!("{byte:02x}");
    hash.finalize().iter().fold(String::new(), hex)
}

/// `moons-0001, step 1200`.
pub(super) fn label(place: &str, step: u64) -> String {
    format!("{place}, step {step}")
}

/// The name of a run, from its folder or from a file or folder within it.
pub(super) fn name(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let run = path.ancestors().find(|folder| folder.join("recipe.toml").is_file());
    let named = run.unwrap_or(&path).file_name();
    named.map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// What a model is called, for people.
pub(super) fn place(model: &Model) -> String {
    match model {
        Model::Present => "the present run".into(),
        Model::Folder(path) => name(path),
        Model::Bundled(id) => id.clone(),
        Model::Exact(exact) => exact.label(),
    }
}

/// Reads a model that is not the present run.
pub fn load(model: &Model) -> Result<Pinned, Error> {
    match model {
        Model::Present => Err(Error::refused(
            "there is no run here: name a run folder or a model that ships with the program",
        )),
        Model::Folder(path) => Pinned::from_saved(SavedModel::open(path)?, &place(model)),
        Model::Bundled(id) => Pinned::from_saved(bundled::open(id)?, &place(model)),
        Model::Exact(wanted) => {
            let (info, net) = exact::load(wanted)?;
            let mind = Mind::Exact(Arc::new(net));
            Ok(Pinned { info, mind })
        }
    }
}
