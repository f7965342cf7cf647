//! `import` and `export`: models and curves on their way from and to other programs.

use std::{path::Path, sync::Arc, time::UNIX_EPOCH};

use anyhow::{Context as _, bail};

use super::{
    args::{Exchange, ExportArgs, ImportArgs},
    key_and_value,
    sample::{model, refuse_existing},
};
use crate::{
    engine::{
        Settings, TrajectoryId,
        command::{Model, SampleRequest},
        export::{Kind, Shown},
        headless,
    },
    files::{
        Overwrite, RunFolder, SavedModel, bundled, curves,
        diffusers::{self, Card, Export},
        metrics::Row,
        picture, tensorboard,
    },
};

/// Moves of the samples on a model's card.
const STEPS: usize = 20;

/// Makes a run folder out of a model of diffusers.
pub(super) fn import(args: &ImportArgs) -> anyhow::Result<()> {
    if args.model.exists() && !diffusers::is_one(&args.model) {
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
    let run = diffusers::import(&model, &args.out)?;
    eprintln!("wrote {}", run.path().display());
    Ok(())
}

/// Writes what `--to` asks for.
pub(super) fn export(args: &ExportArgs, settings: &Settings) -> anyhow::Result<()> {
    refuse_existing(&args.out)?;
    if args.raw && args.to != Exchange::Diffusers {
        bail!("--raw says which weights go to diffusers; curves have none");
    }
    let written = match args.to {
        Exchange::Diffusers => to_diffusers(args, settings)?,
        Exchange::Tensorboard => {
            let rows = rows(&args.model)?;
            let start = start(&args.model, &rows);
            let file = (tensorboard::file_name(start), tensorboard::event_file(&rows, start));
            Overwrite::Refuse.write_folder(&args.out, &[file])?
        }
        Exchange::Plots => Overwrite::Refuse.write_folder(&args.out, &curves::files(&rows(&args.model)?)?)?,
    };
    eprintln!("wrote {}", written.display());
    Ok(())
}

fn to_diffusers(args: &ExportArgs, settings: &Settings) -> anyhow::Result<std::path::PathBuf> {
    let mut saved = match model(&args.model) {
        Model::Folder(path) => SavedModel::open(&path)?,
        Model::Bundled(id) => bundled::open(&id)?,
        Model::Present | Model::Exact(_) => bail!("an exact model has no weights that could go to diffusers"),
    };
    if args.raw {
        saved.weights = RunFolder::open(&args.model)?.newest()?.content.model;
    }
    let export = Export::new(&saved)?;
    let card = Card {
        rows: RunFolder::open(&args.model).map_or_else(|_| Ok(Vec::new()), |run| run.metrics())?,
        samples: (args.samples > 0).then(|| samples(args, settings)).transpose()?,
    };
    Ok(export.write(&args.out, &card, Overwrite::Refuse)?)
}

/// A grid of samples for the card.
fn samples(args: &ExportArgs, settings: &Settings) -> anyhow::Result<(Vec<u8>, String)> {
    let request = SampleRequest {
        id: TrajectoryId(1),
        model: model(&args.model),
        steps: STEPS,
        count: args.samples as usize,
        ..SampleRequest::default()
    };
    let made = headless::sample(&request, settings.device, false, |_, _| {})?;
    let shown = Shown {
        info: made.info,
        steps: made.path.into_iter().map(Arc::new).collect(),
    };
    let raster = shown.raster(Kind::Samples)?;
    let how = format!("{} samples, DDIM, {STEPS} steps, averaged weights", args.samples);
    Ok((picture::png(&raster, None)?, how))
}

/// The metrics of a run, of which there must be some.
fn rows(run: &Path) -> anyhow::Result<Vec<Row>> {
    let rows = RunFolder::open(run)?.metrics()?;
    if rows.is_empty() {
        bail!("“{}” has no curves yet; train for a while first", run.display());
    }
    Ok(rows)
}

/// When training began, in seconds since 1970: as long before the last row was written as it had trained.
fn start(run: &Path, rows: &[Row]) -> f64 {
    let written = run.join("metrics.csv").metadata().and_then(|meta| meta.modified()).ok();
    let written = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let trained = rows.last().map_or(0.0, |row| row.secs);
    written.map_or(0.0, |time| time.as_secs_f64() - trained)
}
