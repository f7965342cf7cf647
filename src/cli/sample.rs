//! `sample`: a reverse process without a window.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{args::SampleArgs, branch, key_and_value, repeat, train};
use crate::{
    diffusion::Guidance,
    engine::{
        Settings, TrajectoryId,
        command::{ClassChoice, ClassifierChoice, Model, SampleRequest},
        event::TrajectoryInfo,
        exact::ExactModel,
        export::{Kind, Shown},
        headless::{self, Samples},
        model::{self, ModelInfo},
        sample::class_names,
    },
    files::{Overwrite, RunFolder, Tensor, Tensors, bundled, tensors::Notes},
    math::{Params, Spec, Value, schedule, spec},
};

/// Makes the samples and writes what `--out` and `--trajectory` name.
pub(super) fn sample(args: &SampleArgs, settings: &Settings) -> anyhow::Result<()> {
    let format = Format::of(&args.out)?;
    refuse_existing(&args.out)?;
    args.trajectory.as_deref().map_or(Ok(()), refuse_existing)?;
    let request = request(args)?;
    let exact = args.trajectory.is_some();
    let bar = progress_bar(args.steps);
    let samples = headless::sample(&request, settings.device, exact, |info, step| {
        bar.set_length(info.moves as u64);
        bar.set_position(step.index as u64);
    })?;
    bar.finish_and_clear();
    let TrajectoryInfo { count, model, .. } = &samples.info;
    eprintln!("{count} samples of {model}, on {}", samples.executor);
    if let (Some(path), Some(tensors)) = (&args.trajectory, &samples.tensors) {
        written(&Overwrite::Refuse.write_tensors(path, tensors, &Notes::new())?);
    }
    written(&write(samples, &args.out, format)?);
    Ok(())
}

pub(super) fn written(path: &Path) {
    eprintln!("wrote {}", path.display());
}

/// What `--out` asks for, by its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Png,
    Gif,
    Apng,
    Safetensors,
    Folder,
}

impl Format {
    fn of(path: &Path) -> anyhow::Result<Self> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("png") => Ok(Self::Png),
            Some("gif") => Ok(Self::Gif),
            Some("apng") => Ok(Self::Apng),
            Some("safetensors") => Ok(Self::Safetensors),
            None => Ok(Self::Folder),
            Some(other) => bail!(
                "--out {}: the ending .{other} is not known; use .png, .gif, .apng, .safetensors, or a folder without an ending",
                path.display()
            ),
        }
    }
}

/// Says before the work, not after it, that a file is in the way.
pub(super) fn refuse_existing(path: &Path) -> anyhow::Result<()> {
    if path.is_file() || path.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        bail!(
            "“{}” already exists and is not overwritten; choose another name or remove it first",
            path.display()
        );
    }
    Ok(())
}

fn write(samples: Samples, out: &Path, format: Format) -> anyhow::Result<PathBuf> {
    if format == Format::Safetensors {
        let shape = samples.domain.shape(samples.info.count);
        let tensors = Tensors(BTreeMap::from([("x".to_owned(), Tensor { shape, data: samples.x })]));
        return Ok(Overwrite::Refuse.write_tensors(out, &tensors, &Notes::new())?);
    }
    let index = samples.info.moves;
    let shown = Shown {
        info: samples.info,
        steps: samples.path.into_iter().map(Arc::new).collect(),
    };
    let kind = match format {
        Format::Gif => Kind::Gif,
        Format::Apng => Kind::Apng,
        Format::Folder => Kind::Samples,
        Format::Png | Format::Safetensors => Kind::Grid { index },
    };
    Ok(shown.write(kind, out, Overwrite::Refuse)?)
}

fn request(args: &SampleArgs) -> anyhow::Result<SampleRequest> {
    if let Some(picture) = &args.from {
        return repeat::repeated(args, picture);
    }
    if let Some((picture, at)) = args.branch.as_deref().zip(args.at) {
        return branch::branched(args, picture, at);
    }
    if args.judge.is_some() && args.classifier.is_none() {
        bail!("--judge names a classifier that would do nothing: add --classifier SCALE");
    }
    let (chosen, schedule) = with_schedule(chosen(args)?, args.schedule.as_deref())?;
    let info = model::load(&chosen)?.info;
    let names = match args.classifier {
        Some(_) => class_names(&info, args.judge.as_deref())?,
        None => info.class_names.clone(),
    };
    let (sampler, spacing) = how(args, &info)?;
    let noise = args.noise.as_deref().map(noise).transpose()?;
    let held = noise.as_ref().map_or(16, |noise| noise.len() / info.domain.numel());
    Ok(SampleRequest {
        id: TrajectoryId(1),
        model: chosen,
        sampler,
        steps: args.steps as usize,
        spacing,
        schedule,
        seed: args.seed.unwrap_or(0),
        count: args.count.map_or(held, |n| n as usize),
        class: args
            .class
            .as_deref()
            .map_or(Ok(ClassChoice::None), |text| class(text, &names))?,
        guidance: guidance(args, args.class.is_some())?,
        weaker: args.autoguide.as_deref().map(model),
        classifier: args.classifier.map(|scale| ClassifierChoice {
            scale,
            judge: args.judge.clone(),
        }),
        noise,
        restore: None,
        branch: None,
    })
}

/// An exact model takes any noise schedule. A network has learned its own; there the schedule is left over, to choose the times
/// of samples by.
pub(super) fn with_schedule(model: Model, text: Option<&str>) -> anyhow::Result<(Model, Option<Spec>)> {
    let wanted = text.map(schedule).transpose()?;
    Ok(match (model, wanted) {
        (Model::Exact(exact), Some(schedule)) => {
            let exact = ExactModel { schedule, ..*exact };
            (Model::Exact(Box::new(exact)), None)
        }
        (model, wanted) => (model, wanted),
    })
}

/// A schedule by id, `ID[,KEY=VALUE…]`, or that of a recipe's file or of a picture.
pub(super) fn schedule(text: &str) -> anyhow::Result<Spec> {
    let spec = if Path::new(text).is_file() {
        train::open(Path::new(text))?.schedule
    } else {
        let mut words = text.split(',');
        let id = Spec::new(words.next().unwrap_or_default());
        words.try_fold(id, |spec, set| {
            let (key, value) = key_and_value(set)?;
            anyhow::Ok(spec.with(key, Value::parse(value)))
        })?
    };
    schedule::build(&spec).with_context(|| format!("--schedule {text}"))?;
    Ok(spec)
}

/// How guidance acts on samples of a class or of none; what could not act is refused.
pub(super) fn guidance(args: &SampleArgs, has_class: bool) -> anyhow::Result<Guidance> {
    let guidance = Guidance {
        scale: args.guidance.unwrap_or(1.0),
        interval: args.interval.unwrap_or(Guidance::default().interval),
        rescale: args.rescale,
    };
    let is_led = args.classifier.is_some() && args.rescale == 0.0;
    if !guidance.is_on() && guidance != Guidance::default() && !is_led {
        bail!("--interval and --rescale say how guidance acts, but it is off: add --guidance W, with W other than 1");
    }
    if guidance.is_on() && !has_class && args.autoguide.is_none() {
        bail!("--guidance amplifies a class or leaves a weaker model behind: add --class C or --autoguide MODEL");
    }
    Ok(guidance)
}

/// The model that is asked for, at an earlier training step where one is named.
pub(super) fn chosen(args: &SampleArgs) -> anyhow::Result<Model> {
    let Some(step) = args.at_training_step else {
        return Ok(model(&args.model));
    };
    let run = RunFolder::open(&args.model).context("--at-training-step needs a run folder")?;
    if let Some(path) = run.weights_at(step) {
        return Ok(Model::Folder(path));
    }
    let saved = run.checkpoints().into_iter().map(|(step, _)| step);
    let kept: BTreeSet<_> = saved.chain(run.learning()).collect();
    let kept = kept.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    bail!("--at-training-step {step}: the weights of that step were not kept; there are those of the steps {kept}")
}

/// A path, or where there is none, the id of a bundled model or an exact one.
pub(super) fn model(path: &Path) -> Model {
    let Some(id) = path.to_str().filter(|_| !path.exists()) else {
        return Model::Folder(path.to_owned());
    };
    if bundled::ALL.iter().any(|m| m.id == id) {
        return Model::Bundled(id.to_owned());
    }
    ExactModel::parse(id).map_or_else(|| Model::Folder(path.to_owned()), |exact| Model::Exact(Box::new(exact)))
}

/// Sampler and spacing: what an imported model brings along, or the defaults; options come before both.
fn how(args: &SampleArgs, info: &ModelInfo) -> anyhow::Result<(Spec, Spec)> {
    let setup = info.setup(args.sampler.as_deref(), args.steps as usize)?;
    let (sampler, spacing) = match setup {
        Some(setup) => (setup.sampler, setup.spacing),
        None => (
            Spec::new(args.sampler.as_deref().unwrap_or("ddim")),
            Spec::new("trailing"),
        ),
    };
    Ok((
        with_options(sampler, args)?,
        args.spacing.as_ref().map_or(spacing, |id| Spec::new(id)),
    ))
}

pub(super) fn with_options(mut chosen: Spec, args: &SampleArgs) -> anyhow::Result<Spec> {
    if let Some(eta) = args.eta {
        chosen = chosen.with("eta", Value::Real(eta));
    }
    for set in &args.sets {
        let (key, value) = key_and_value(set)?;
        chosen = chosen.with(key, Value::parse(value));
    }
    let entry = spec::find("sampler", crate::diffusion::sampler::ENTRIES, &chosen.id)?;
    Params::check(entry.params, &chosen.values).with_context(|| format!("sampler {}", chosen.id))?;
    Ok(chosen)
}

/// A class by name or index, or `each`.
pub(super) fn class(text: &str, names: &[String]) -> anyhow::Result<ClassChoice> {
    if names.is_empty() {
        bail!("--class {text}: this model was trained without classes; leave the option out");
    }
    if text == "each" {
        return Ok(ClassChoice::Each);
    }
    let by_name = names.iter().position(|n| n.eq_ignore_ascii_case(text));
    let by_index = text.parse().ok().filter(|i| *i < names.len());
    match by_name.or(by_index) {
        Some(index) => Ok(ClassChoice::One(index as u32)),
        None => bail!(
            "--class {text}: there is no such class{}; choose 0 to {} or one of: {}",
            spec::hint(text, names.iter().map(String::as_str)),
            names.len() - 1,
            names.join(", ")
        ),
    }
}

/// The tensor `x_init` of a file.
pub(super) fn noise(path: &Path) -> anyhow::Result<Arc<[f32]>> {
    let (_, tensors) = Tensors::read(path)?;
    let found = tensors.0.get("x_init").map(|t| &*t.data);
    let values = found.with_context(|| format!("“{}” holds no tensor named x_init", path.display()))?;
    Ok(values.into())
}

pub(super) fn progress_bar(steps: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{bar:30.cyan/blue} step {pos}/{len}  {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_by_name_and_index() {
        let names = ["shirt".to_owned(), "bag".to_owned()];
        let of = |text| class(text, &names);
        assert_eq!(of("Bag").unwrap(), ClassChoice::One(1));
        assert_eq!(of("0").unwrap(), ClassChoice::One(0));
        assert_eq!(of("each").unwrap(), ClassChoice::Each);
        let fault = of("shirr").unwrap_err().to_string();
        assert!(
            fault.contains("did you mean “shirt”?") && fault.contains("0 to 1"),
            "{fault}"
        );
        assert!(class("bag", &[]).unwrap_err().to_string().contains("without classes"));
    }

    #[test]
    fn the_ending_decides_the_format() {
        let of = |path: &str| Format::of(Path::new(path)).ok();
        assert_eq!(
            [of("a.png"), of("a.apng"), of("a"), of("a.jpg")],
            [Some(Format::Png), Some(Format::Apng), Some(Format::Folder), None]
        );
    }
}
