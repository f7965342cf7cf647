//! Models as diffusers keeps them: a pipeline's folder, a bare `unet/`, or a single file of weights with `config.json`.
//!
//! Nothing in such a folder is passed over: what is not understood is refused by name, and tensors that are missing,
//! surplus or of another shape are listed.

use std::{fs, io::Read as _, path::Path};

use serde_json::{Map, Value as Json};

use super::{Error, Recipe, Result, SavedModel, Tensors, checkpoint, tensors::Notes};
use crate::{
    diffusion::scheduler_config::{Scheduler, parse_json},
    math::{Domain, Spec, Value},
    nn::{self, unet::Config},
};

mod card;
mod export;
mod import;
pub mod pickle;
mod weights;

pub use card::Card;
pub use export::Export;
pub use import::import;

/// The list of a pipeline's parts.
const INDEX: &str = "model_index.json";
/// The description of a network.
const CONFIG: &str = "config.json";
/// The description of a scheduler.
const SCHEDULER: &str = "scheduler_config.json";

/// Longest description that is read, in bytes: thousands of listed betas have a tenth of it.
const LONGEST: u64 = 1 << 20;

/// What a recipe names as data where nobody knows what a model learned from.
pub const UNKNOWN_DATA: &str = "imported";

/// Pipelines that turn noise into pictures with a network and a scheduler and nothing else.
const PIPELINES: [&str; 3] = ["DDPMPipeline", "DDIMPipeline", "PNDMPipeline"];

/// Whether [`open`] is the one to ask about this path.
pub fn is_one(path: &Path) -> bool {
    path.join(INDEX).is_file() || path.join(CONFIG).is_file() || (path.is_file() && beside(path, CONFIG).is_some())
}

/// Opens a pipeline's folder, a network's folder, or a file of weights that lies beside its `config.json`.
pub fn open(path: &Path) -> Result<SavedModel> {
    if path.is_file() {
        let folder = super::atomic::parent(path);
        let read = weights::read(path)?;
        return assemble(folder, read, scheduler(folder, None)?);
    }
    if !path.join(INDEX).is_file() {
        return assemble(path, weights::find(path)?, scheduler(path, None)?);
    }
    let class = pipeline(&path.join(INDEX))?;
    let part = |name: &str| {
        Some(path.join(name))
            .filter(|p| p.is_dir())
            .unwrap_or_else(|| path.to_owned())
    };
    let unet = part("unet");
    assemble(
        &unet,
        weights::find(&unet)?,
        scheduler(&part("scheduler"), Some(&class))?,
    )
}

fn beside(file: &Path, name: &str) -> Option<std::path::PathBuf> {
    Some(super::atomic::parent(file).join(name)).filter(|p| p.is_file())
}

/// Reads a short text.
fn text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let file = fs::File::open(path).map_err(Error::io("read", path))?;
    let read = file.take(LONGEST + 1).read_to_string(&mut text);
    match read {
        Ok(length) if length as u64 <= LONGEST => Ok(text),
        Ok(_) => Err(Error::broken(path, format!("it is longer than {LONGEST} bytes"))),
        Err(cause) => Err(Error::io("read", path)(cause)),
    }
}

/// The scheduler's class in a pipeline's list of parts, which must be a network and a scheduler.
fn pipeline(path: &Path) -> Result<String> {
    scheduler_of(&text(path)?).map_err(|reason| Error::broken(path, reason))
}

/// Reads a `model_index.json`: the class of its scheduler, or why this is no pipeline for us.
pub fn scheduler_of(index: &str) -> std::result::Result<String, String> {
    let parts: Map<String, Json> = serde_json::from_str(index).map_err(|e| e.to_string())?;
    let class = parts.get("_class_name").and_then(Json::as_str).unwrap_or_default();
    if !PIPELINES.contains(&class) {
        return Err(format!(
            "it is a “{class}”, but only {} are opened here",
            PIPELINES.join(", ")
        ));
    }
    let of = |name: &str| {
        let found = parts.get(name).and_then(|part| part.get(1)).and_then(Json::as_str);
        found.ok_or_else(|| format!("it names no {name}"))
    };
    if let Some(other) = parts
        .keys()
        .find(|k| !k.starts_with('_') && !["unet", "scheduler"].contains(&k.as_str()))
    {
        return Err(format!("it has the part “{other}”, which is not known here"));
    }
    match of("unet")? {
        "UNet2DModel" => of("scheduler").map(Into::into),
        net => Err(format!("its network is a “{net}”; only UNet2DModel is opened here")),
    }
}

/// The scheduler in a folder, which must be there where a pipeline named its class.
fn scheduler(folder: &Path, class: Option<&str>) -> Result<Option<Scheduler>> {
    let path = folder.join(SCHEDULER);
    if class.is_none() && !path.is_file() {
        return Ok(None);
    }
    let broken = |e: &dyn std::fmt::Display| Error::broken(&path, e.to_string());
    let config = parse_json(&text(&path)?).map_err(|e| broken(&e))?;
    let own = config.get("_class_name").and_then(Json::as_str).unwrap_or_default();
    let class = class.unwrap_or(own).to_owned();
    Scheduler::new(&class, config).map(Some).map_err(|e| broken(&e))
}

/// Puts the parts together as a model of ours.
fn assemble(folder: &Path, (notes, weights): (Notes, Tensors), scheduler: Option<Scheduler>) -> Result<SavedModel> {
    let path = folder.join(CONFIG);
    let broken = |e: &dyn std::fmt::Display| Error::broken(&path, e.to_string());
    let config = Config::from_json(&text(&path)?).map_err(|e| broken(&e))?;
    let domain = domain(&config).map_err(|e| broken(&e))?;
    let graph = nn::unet::graph(&config, domain).map_err(|e| broken(&e))?;
    weights
        .check(&graph.params)
        .map_err(|misfit| Error::broken(folder, misfit.to_string()))?;
    let class_names = class_names(&config, &notes);
    let recipe = recipe(&config, domain, &notes, scheduler.as_ref()).map_err(|e| broken(&e))?;
    Ok(SavedModel {
        recipe,
        step: notes.get("step").and_then(|s| s.parse().ok()).unwrap_or(0),
        domain: Some(domain),
        class_names,
        weights,
        scheduler,
        rounded: false,
        skipped: Vec::new(),
    })
}

/// What a sample is; this program draws grey and coloured pictures.
fn domain(config: &Config) -> std::result::Result<Domain, String> {
    if ![1, 3].contains(&config.in_channels) {
        return Err(format!(
            "in_channels is {}, but pictures have 1 or 3",
            config.in_channels
        ));
    }
    if ![1, 2].map(|n| n * config.in_channels).contains(&config.out_channels) {
        return Err(format!(
            "out_channels is {}, but must be in_channels, or twice that",
            config.out_channels
        ));
    }
    config
        .domain()
        .ok_or_else(|| "it names no sample_size: write the side of the pictures there".into())
}

/// Names from the notes, or numbers. The last row of the table is the null class.
fn class_names(config: &Config, notes: &Notes) -> Vec<String> {
    let Some(rows) = config.num_class_embeds else {
        return Vec::new();
    };
    let named = notes
        .get(checkpoint::CLASSES)
        .and_then(|json| serde_json::from_str::<Vec<String>>(json).ok());
    let named = named.filter(|names| names.len() + 1 == rows);
    named.unwrap_or_else(|| (0..rows - 1).map(|i| i.to_string()).collect())
}

/// The recipe in the notes of a model of ours, or an empty one, with what the folder says about net, schedule and target.
fn recipe(
    config: &Config,
    domain: Domain,
    notes: &Notes,
    scheduler: Option<&Scheduler>,
) -> std::result::Result<Recipe, String> {
    let mut recipe = match notes.get("recipe") {
        Some(text) => Recipe::parse(text, "the recipe in the weights").map_err(|e| e.to_string())?,
        None => Recipe::default(),
    };
    if !notes.contains_key("recipe") {
        recipe.data.source = UNKNOWN_DATA.into();
    }
    let described = nn::build(&recipe.net).and_then(|net| net.diffusers_config(domain, config.num_class_embeds));
    if described.ok().flatten().as_ref() != Some(config) {
        let json = config.to_json().map_err(|e| e.to_string())?;
        recipe.net = Spec::new("unet").with("config", Value::Text(json));
    }
    if let Some(scheduler) = scheduler {
        let setup = scheduler.setup(10).map_err(|e| e.to_string())?;
        (recipe.schedule, recipe.target) = (setup.schedule, setup.target);
    }
    recipe.condition.classes = config.num_class_embeds.is_some();
    recipe.check().map(|()| recipe).map_err(|e| e.to_string())
}
