//! `import` and `export`: models and curves on their way from and to other programs.

use anyhow::{Context as _, bail};

use super::{
    args::{Exchange, ExportArgs, ImportArgs},
    key_and_value, sample,
};
use crate::{
    engine::Settings,
    files::{SavedModel, diffusers},
};

/// Makes a run folder out of a model of diffusers.
pub(super) fn import(args: &ImportArgs) -> anyhow::Result<()> {
    if !diffusers::is_one(&args.model) {
        bail!(
            "“{}” is no model of diffusers: there is neither a model_index.json nor a config.json",
            args.model.display()
        );
    }
    let mut model = SavedModel::open(&args.model)?;
    for set in &args.sets {
        let (key, value) = key_and_value(set)?;
        model.recipe.set(key, value).with_context(|| format!("--set {set}"))?;
    }
    model.recipe.check()?;
    let run = diffusers::import(&model, &model.recipe, &args.out)?;
    eprintln!("wrote {}", run.path().display());
    Ok(())
}

/// Writes what `--to` asks for.
pub(super) fn export(args: &ExportArgs, _settings: &Settings) -> anyhow::Result<()> {
    let _ = (args.to, Exchange::Plots, sample::refuse_existing);
    bail!("not yet")
}
