//! `sample --from`: a picture or film says how it was made, and is made again.

use std::{fmt::Write as _, path::Path, sync::Arc};

use anyhow::{Context as _, bail};

use super::{
    args::SampleArgs,
    sample::{chosen, model, noise},
};
use crate::{
    engine::{
        TrajectoryId,
        command::{Branch, ClassChoice, ClassifierChoice, Model, SampleRequest},
        exact::ExactModel,
        model::{self, ModelInfo},
        sample::{fingerprint, prints},
    },
    files::{
        Provenance, RunFolder, picture,
        provenance::{Prints, Restoration},
    },
    math::Spec,
};

/// What a picture says of itself, for the model that it was made with. What is not the same is refused with what to pass.
pub(super) fn repeated(args: &SampleArgs, path: &Path) -> anyhow::Result<SampleRequest> {
    let made = picture::read_provenance(path)?;
    let made = made.with_context(|| format!("“{}” does not say how it was made", path.display()))?;
    if let Some(restored) = &made.restored {
        bail!(
            "“{}” was restored from a picture that it does not hold: repeat it with `{}`",
            path.display(),
            restoring(args, &made, restored)
        );
    }
    let chosen = match kept(args, &made).map_or_else(|| chosen(args), Ok)? {
        Model::Exact(exact) => Model::Exact(Box::new(ExactModel {
            schedule: made.recipe.schedule.clone(),
            ..*exact
        })),
        model => model,
    };
    let info = model::load(&chosen)?.info;
    let is_other = made.prints.model.is_some() && made.prints.model != info.weights;
    if (&info.recipe, info.step) != (&made.recipe, made.training_step) || is_other {
        bail!(
            "“{}” was made with {}, but {} is another model",
            path.display(),
            made.model,
            info.label
        );
    }
    named(args, path, &made)?;
    let request = request(args, path, &chosen, &info, &made)?;
    for (request, made) in std::iter::once(&request).chain(request.ancestors()).zip(made.lineage()) {
        compare(args, path, &made.prints, &prints(request, &info)?)?;
    }
    Ok(request)
}

/// The weights that a run kept as it learned, where the picture was made with such ones.
fn kept(args: &SampleArgs, made: &Provenance) -> Option<Model> {
    let is_named = made.prints.model.is_none() || args.at_training_step.is_some();
    let run = RunFolder::open(&args.model).ok().filter(|_| !is_named)?;
    let path = run.learning_path(made.training_step);
    path.is_file().then_some(Model::Folder(path))
}

/// Whether the options name what took part, and nothing else.
fn named(args: &SampleArgs, path: &Path, made: &Provenance) -> anyhow::Result<()> {
    let weaker = made.lineage().find_map(|made| made.weaker.as_ref());
    match (weaker, &args.autoguide) {
        (Some(weaker), None) => bail!(
            "“{}” was guided away from {weaker}: name that model with --autoguide",
            path.display()
        ),
        (None, Some(_)) => bail!(
            "“{}” was guided away from no weaker model: leave --autoguide out",
            path.display()
        ),
        _ => {}
    }
    if args.judge.is_some() && made.lineage().all(|made| made.classifier.is_none()) {
        bail!("“{}” followed no classifier: leave --judge out", path.display());
    }
    Ok(())
}

fn request(
    args: &SampleArgs,
    path: &Path,
    chosen: &Model,
    info: &ModelInfo,
    made: &Provenance,
) -> anyhow::Result<SampleRequest> {
    let branch = made.branch.as_deref().map(|branched| {
        anyhow::Ok(Arc::new(Branch {
            parent: request(args, path, chosen, info, &branched.parent)?,
            step: branched.step,
            sample: branched.sample,
            remaining: branched.remaining,
        }))
    });
    Ok(SampleRequest {
        id: TrajectoryId::default(),
        model: chosen.clone(),
        sampler: made.sampler.clone(),
        steps: made.steps,
        spacing: made.spacing.clone(),
        schedule: made.schedule.clone(),
        seed: made.seed,
        count: made.count,
        class: match &*made.class {
            "" => ClassChoice::None,
            "each" => ClassChoice::Each,
            index => ClassChoice::One(
                index
                    .parse()
                    .with_context(|| format!("its class “{index}” is no number"))?,
            ),
        },
        guidance: made.guidance,
        weaker: made.weaker.as_ref().and(args.autoguide.as_deref()).map(model),
        classifier: made.classifier.map(|scale| ClassifierChoice {
            scale,
            judge: args.judge.clone(),
        }),
        noise: match branch {
            None => start(args, path, info, made)?,
            Some(_) => None,
        },
        restore: None,
        branch: branch.transpose()?,
    })
}

/// The noise that a trajectory began with, where it was given.
fn start(args: &SampleArgs, path: &Path, info: &ModelInfo, made: &Provenance) -> anyhow::Result<Option<Arc<[f32]>>> {
    let noise = args.noise.as_deref().map(noise).transpose()?;
    let found = noise
        .as_deref()
        .map(|noise| fingerprint(noise, made.count * info.domain.numel()));
    if found != made.noise {
        bail!(
            "“{}” began with {}",
            path.display(),
            match made.noise {
                Some(_) => "noise from a file: name that file with --noise",
                None => "the noise of its seed: leave --noise out",
            }
        );
    }
    Ok(noise)
}

/// Whether the other networks are those that took part. Pictures of older versions do not say.
fn compare(args: &SampleArgs, path: &Path, expected: &Prints, found: &Prints) -> anyhow::Result<()> {
    let differs = |expected: &Option<String>, found: &Option<String>| expected.is_some() && expected != found;
    if differs(&expected.weaker, &found.weaker) {
        bail!(
            "“{}” was guided away from other weights than these: name the same checkpoint with --autoguide",
            path.display()
        );
    }
    if differs(&expected.judge, &found.judge) {
        bail!(
            "“{}” followed another classifier: {}",
            path.display(),
            match &args.judge {
                Some(_) => "name its file with --judge, or leave --judge out for the one that ships with the program",
                None => "name its file with --judge",
            }
        );
    }
    Ok(())
}

/// The command that restores again.
fn restoring(args: &SampleArgs, made: &Provenance, restored: &Restoration) -> String {
    let mut words = format!(
        "diffusion-studio restore {} --method {} --task {} --steps {} --spacing {} --seed {} --count {}",
        args.model.display(),
        made.sampler.id,
        restored.task.id,
        made.steps,
        made.spacing.id,
        made.seed,
        made.count
    );
    let mut set = |prefix: &str, spec: &Spec| {
        for (key, value) in &spec.values {
            let _ = write!(words, " --set {prefix}{key}={value}");
        }
    };
    set("", &made.sampler);
    set("task.", &restored.task);
    if !made.class.is_empty() {
        let _ = write!(words, " --class {} --guidance {}", made.class, made.guidance.scale);
    }
    if let Some(scale) = made.classifier {
        let _ = write!(words, " --classifier {scale}");
    }
    if restored.measured {
        words.push_str(" --measurement --image MEASUREMENT");
    } else {
        words.push_str(" --image ORIGINAL");
    }
    if restored.task.id == "inpaint" {
        words.push_str(" --mask MASK");
    }
    words + " --out FOLDER"
}
