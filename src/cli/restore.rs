//! `restore`: a picture is filled, sharpened, coloured or cleaned without a window, by one method or by several side by side.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use serde_json::{Value as Json, json};

use super::{
    args::{FitTo, RestoreArgs},
    key_and_value,
    sample::{class, model, progress_bar, refuse_existing, written},
};
use crate::{
    data::photo::Photo,
    diffusion::{
        Guidance,
        restore::{method, task},
    },
    draw::{Raster, Sheet},
    engine::{
        Settings, TrajectoryId,
        command::{ClassChoice, ClassifierChoice, Model, Restoration, SampleRequest},
        event::{Candidate, Figures},
        export::{Kind, Shown},
        headless::{self, Samples},
        model::{self as models, ModelInfo},
        restore::frame::{Size, Window},
        sample::class_names,
    },
    files::{Overwrite, Tensor, Tensors, picture, tensors::Notes},
    math::{Domain, Entry, Frame, Params, Spec, Value, spec},
};

/// Restores, writes what `--out` names, and gives the figures as text or JSON.
pub(super) fn restore(args: &RestoreArgs, settings: &Settings) -> anyhow::Result<String> {
    let format = Format::of(&args.out)?;
    refuse_existing(&args.out)?;
    let methods = methods(args)?;
    let chosen = model(&args.model);
    let info = models::load(&chosen)?.info;
    let subject = Subject::open(args, &info)?;
    let made = methods
        .into_iter()
        .map(|method| made(args, settings, &chosen, &info, &subject, method));
    let made: Vec<Made> = made.collect::<anyhow::Result<_>>()?;
    write(&made, &subject, args, format)?;
    if args.json {
        let rows: Vec<Json> = made.iter().flat_map(|made| made.rows(args)).collect();
        return Ok(serde_json::to_string_pretty(&rows)?);
    }
    Ok(table(&made))
}

/// What `--out` asks for, by its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Png,
    Safetensors,
    Folder,
}

impl Format {
    fn of(path: &Path) -> anyhow::Result<Self> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("png") => Ok(Self::Png),
            Some("safetensors") => Ok(Self::Safetensors),
            None => Ok(Self::Folder),
            Some(other) => bail!(
                "--out {}: the ending .{other} is not known; use .png, .safetensors, or a folder without an ending",
                path.display()
            ),
        }
    }
}

/// The picture, and the part of it that the model works on.
struct Subject {
    photo: Photo,
    window: Window,
    /// What comes out of the model.
    made: Size,
    /// How much of each pixel is filled, for inpainting.
    fill: Option<Vec<f32>>,
    task: Spec,
    restoration: Arc<Restoration>,
}

impl Subject {
    fn open(args: &RestoreArgs, info: &ModelInfo) -> anyhow::Result<Self> {
        let Domain::Image {
            channels,
            height,
            width,
        } = info.domain
        else {
            bail!("{} makes points: restore works on pictures", info.label);
        };
        let made = Size { width, height };
        let task = task_spec(args)?;
        let (channels, needed) = match &*task.id {
            "sr2" if args.measurement => (channels, divided(made, 2)),
            "sr4" if args.measurement => (channels, divided(made, 4)),
            "colourise" if args.measurement => (1, made),
            _ => (channels, made),
        };
        let opened = Photo::open(&args.image)?;
        if opened.channels != channels {
            let kinds = |n| if n == 1 { "grey" } else { "colour" };
            super::say(&format!(
                "“{}” is a {} picture; it is taken as a {} one",
                args.image.display(),
                kinds(opened.channels),
                kinds(channels)
            ));
        }
        let photo = opened.with_channels(channels);
        let size = size_of(&photo);
        let fill = (task.id == "inpaint").then(|| fill(args, size)).transpose()?;
        let window = window(args, fill.as_deref(), size, needed)?;
        let restoration = Restoration {
            task: task.clone(),
            picture: window.cut(&photo.units(), size, needed).into(),
            measured: args.measurement,
            fill: fill.as_deref().map(|fill| cut_fill(window, fill, size, needed).into()),
            guide: None,
        };
        Ok(Self {
            photo,
            window,
            made,
            fill,
            task,
            restoration: Arc::new(restoration),
        })
    }

    /// A candidate at the depth of the picture and in its place there; what was measured smaller is made as large as the model
    /// has it.
    fn composed(&self, domain: Domain, candidate: &[f32]) -> Photo {
        let pixels = self.made.width * self.made.height;
        let channels = domain.numel() / pixels;
        if self.restoration.measured && self.task.id.starts_with("sr") {
            let blank = Photo {
                width: self.made.width,
                height: self.made.height,
                channels,
                depth: self.photo.depth,
                values: vec![0; channels * pixels],
            };
            return Window::whole(self.made).pasted(&blank, candidate, self.made, None);
        }
        let photo = self.photo.clone().with_channels(channels);
        self.window.pasted(&photo, candidate, self.made, self.fill.as_deref())
    }
}

fn size_of(photo: &Photo) -> Size {
    Size {
        width: photo.width,
        height: photo.height,
    }
}

fn divided(size: Size, by: usize) -> Size {
    Size {
        width: size.width / by,
        height: size.height / by,
    }
}

/// How much of each pixel is filled; without a mask all of it.
fn fill(args: &RestoreArgs, picture: Size) -> anyhow::Result<Vec<f32>> {
    let Some(path) = &args.mask else {
        if args.method.iter().all(|method| method == "sdedit") {
            return Ok(vec![1.0; picture.width * picture.height]);
        }
        bail!("inpainting needs --mask F, as large as the picture: white is filled, black is kept");
    };
    let mask = Photo::open(path)?;
    if size_of(&mask) != picture {
        bail!(
            "“{}” is {} × {} pixels, but the picture is {} × {}: a mask has the size of its picture",
            path.display(),
            mask.width,
            mask.height,
            picture.width,
            picture.height
        );
    }
    Ok(mask.light())
}

/// The part of the mask that the model sees.
fn cut_fill(window: Window, fill: &[f32], picture: Size, to: Size) -> Vec<f32> {
    let units: Vec<f32> = fill.iter().map(|f| 2.0 * f - 1.0).collect();
    let cut = window.cut(&units, picture, to);
    cut.into_iter().map(|unit| unit.midpoint(1.0)).collect()
}

/// The part of the picture that becomes the model's `needed` size.
fn window(args: &RestoreArgs, fill: Option<&[f32]>, picture: Size, needed: Size) -> anyhow::Result<Window> {
    let fits = picture == needed;
    Ok(match (args.fit, fill) {
        _ if fits => Window::whole(picture),
        (Some(FitTo::Refuse), _) => bail!(
            "“{}” is {} × {} pixels, but the model takes {} × {}: choose --fit crop or --fit resize",
            args.image.display(),
            picture.width,
            picture.height,
            needed.width,
            needed.height
        ),
        (Some(FitTo::Resize), _) => Window::whole(picture),
        (None, Some(fill)) => Window::around(fill, picture, needed)?,
        (Some(FitTo::Crop), _) | (None, None) => Window::middle(picture, needed),
    })
}

/// The task with the parameters that `--set task.KEY=VALUE` names.
fn task_spec(args: &RestoreArgs) -> anyhow::Result<Spec> {
    let mut chosen = Spec::new(&args.task);
    for set in &args.sets {
        let (key, value) = key_and_value(set)?;
        if let Some(key) = key.strip_prefix("task.") {
            chosen = chosen.with(key, Value::parse(value));
        }
    }
    checked("task", task::ENTRIES, chosen)
}

/// The methods with their parameters: `--set ID.KEY=VALUE` goes to one of them, `--set KEY=VALUE` to all that have the key.
fn methods(args: &RestoreArgs) -> anyhow::Result<Vec<Spec>> {
    let mut chosen: Vec<Spec> = args.method.iter().map(|id| Spec::new(id)).collect();
    for set in &args.sets {
        let (key, value) = key_and_value(set)?;
        let (owner, key) = key.split_once('.').map_or((None, key), |(id, key)| (Some(id), key));
        if owner == Some("task") {
            continue;
        }
        let mut taken = false;
        for spec in &mut chosen {
            let entry = spec::find("method", method::ENTRIES, &spec.id)?;
            let has = entry.params.iter().any(|param| param.id == key);
            if owner.is_none_or(|id| id == spec.id) && (has || owner.is_some()) {
                spec.values.insert(key.into(), Value::parse(value));
                taken = true;
            }
        }
        if !taken {
            bail!(
                "--set {set}: none of {} has this parameter; see `list methods`",
                args.method.join(", ")
            );
        }
    }
    chosen
        .into_iter()
        .map(|spec| checked("method", method::ENTRIES, spec))
        .collect()
}

fn checked<T: ?Sized>(what: &'static str, entries: &[&'static Entry<T>], spec: Spec) -> anyhow::Result<Spec> {
    let entry = spec::find(what, entries, &spec.id)?;
    Params::check(entry.params, &spec.values).with_context(|| format!("{what} {}", spec.id))?;
    Ok(spec)
}

/// What one method made.
struct Made {
    method: Spec,
    steps: usize,
    samples: Samples,
    figures: Figures,
}

fn made(
    args: &RestoreArgs,
    settings: &Settings,
    chosen: &Model,
    info: &ModelInfo,
    subject: &Subject,
    spec: Spec,
) -> anyhow::Result<Made> {
    let built = method::build(&spec)?;
    let steps = args.steps.map_or(built.steps(), |steps| steps as usize);
    let spacing = args.spacing.as_deref().unwrap_or(built.spacing());
    let request = SampleRequest {
        schedule: None,
        id: TrajectoryId(1),
        model: chosen.clone(),
        sampler: spec.clone(),
        steps,
        spacing: Spec::new(spacing),
        seed: args.seed,
        count: args.count as usize,
        class: class_choice(args, info)?,
        guidance: Guidance::scale(args.guidance),
        weaker: None,
        classifier: args.classifier.map(|scale| ClassifierChoice {
            scale,
            judge: args.judge.clone(),
        }),
        noise: None,
        restore: Some(subject.restoration.clone()),
        branch: None,
    };
    let bar = progress_bar(steps as u64);
    let samples = headless::sample(&request, settings.device, false, |info, step| {
        bar.set_length(info.moves as u64);
        bar.set_position(step.index as u64);
    })?;
    bar.finish_and_clear();
    let figures = samples.figures.clone().context("a restoration has figures")?;
    super::say(&format!("{}: {:.1} s, on {}", spec.id, figures.secs, samples.executor));
    Ok(Made {
        method: spec,
        steps,
        samples,
        figures,
    })
}

fn class_choice(args: &RestoreArgs, info: &ModelInfo) -> anyhow::Result<ClassChoice> {
    let Some(text) = &args.class else {
        return Ok(ClassChoice::None);
    };
    let names = match args.classifier {
        Some(_) => class_names(info, args.judge.as_deref())?,
        None => info.class_names.clone(),
    };
    class(text, &names)
}

impl Made {
    fn candidates(&self) -> impl Iterator<Item = &[f32]> {
        self.samples.x.chunks_exact(self.samples.domain.numel())
    }

    /// One JSON object a candidate.
    fn rows(&self, args: &RestoreArgs) -> Vec<Json> {
        let row = |(index, candidate): (usize, &Candidate)| {
            json!({
                "method": self.method.id,
                "params": self.method.values,
                "task": args.task,
                "steps": self.steps,
                "moves": self.samples.info.moves,
                "seed": args.seed,
                "candidate": index,
                "residual": candidate.residual,
                "consistency_db": candidate.consistency_db,
                "psnr_db": candidate.psnr_db,
                "ssim": candidate.ssim,
                "seam": candidate.seam,
                "class": candidate.class,
                "class_probability": candidate.class_probability,
                "diversity": self.figures.diversity,
                "calls": self.figures.calls,
                "secs": self.figures.secs / self.figures.candidates.len() as f64,
                "executor": self.samples.executor,
            })
        };
        self.figures.candidates.iter().enumerate().map(row).collect()
    }

    fn shown(&self) -> Shown {
        Shown {
            info: self.samples.info.clone(),
            steps: self.samples.path.iter().cloned().map(Arc::new).collect(),
        }
    }
}

/// A line a candidate; a dash where nothing can be said.
fn table(made: &[Made]) -> String {
    let mut text = String::from(
        "method    candidate   residual  consistency     PSNR   SSIM   seam  diversity   calls       s  taken for\n",
    );
    let number = |value: Option<f64>, digits: usize| value.map_or("–".to_owned(), |v| format!("{v:.digits$}"));
    for made in made {
        let Figures {
            candidates,
            diversity,
            calls,
            secs,
            ..
        } = &made.figures;
        for (index, candidate) in candidates.iter().enumerate() {
            let _ = writeln!(
                text,
                "{:<9} {index:>9} {:>10} {:>12} {:>8} {:>6} {:>6} {:>10} {calls:>7} {:>7.2}  {}",
                made.method.id,
                format!("{:.2e}", candidate.residual),
                candidate
                    .consistency_db
                    .map_or("exact".into(), |db| format!("{db:.1} dB")),
                number(candidate.psnr_db, 2),
                number(candidate.ssim, 3),
                number(candidate.seam, 2),
                number(*diversity, 3),
                secs / candidates.len() as f64,
                taken_for(candidate),
            );
        }
    }
    text.trim_end().to_owned()
}

/// `Ankle boot (0.97)`.
fn taken_for(candidate: &Candidate) -> String {
    match (&candidate.class, candidate.class_probability) {
        (Some(class), Some(probability)) => format!("{class} ({probability:.2})"),
        _ => "–".into(),
    }
}

fn write(made: &[Made], subject: &Subject, args: &RestoreArgs, format: Format) -> anyhow::Result<()> {
    let over = Overwrite::Refuse;
    let path = match (format, made) {
        (Format::Safetensors, _) => over.write_tensors(&args.out, &tensors(made), &Notes::new())?,
        (Format::Folder, _) => over.write_folder(&args.out, &files(made, subject)?)?,
        (Format::Png, [only]) if args.count == 1 => {
            let (_, bytes) = files(std::slice::from_ref(only), subject)?.remove(0);
            over.write(&args.out, &bytes)?
        }
        (Format::Png, _) => picture::write_png(&args.out, &sheet(made, subject), None, over)?,
    };
    written(&path);
    Ok(())
}

/// The results as the model made them: `x` of a single method, `x_ID` of several.
fn tensors(made: &[Made]) -> Tensors {
    let name = |made: &Made, alone: bool| {
        if alone {
            "x".into()
        } else {
            format!("x_{}", made.method.id)
        }
    };
    let tensor = |made: &Made| Tensor {
        shape: made.samples.domain.shape(made.samples.info.count),
        data: made.samples.x.clone(),
    };
    let each = made.iter().map(|m| (name(m, made.len() == 1), tensor(m)));
    Tensors(each.collect::<BTreeMap<_, _>>())
}

/// One PNG a candidate.
fn files(made: &[Made], subject: &Subject) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for made in made {
        let shown = made.shown();
        for (sample, candidate) in made.candidates().enumerate() {
            let index = made.samples.info.moves;
            let provenance = shown.provenance(Kind::Picture { index, sample });
            let photo = subject.composed(made.samples.domain, candidate);
            let name = format!("{}-{sample:03}.png", made.method.id);
            files.push((name, picture::photo_png(&photo, Some(&provenance))?));
        }
    }
    Ok(files)
}

/// A row a method: the original where it is known, what was measured, and the candidates.
fn sheet(made: &[Made], subject: &Subject) -> Raster {
    let mut pictures = Vec::new();
    for made in made {
        let original = (!subject.restoration.measured).then(|| made.samples.domain.frame(&subject.restoration.picture));
        let degraded = made.samples.info.restore.as_ref().map(|r| r.degraded.clone());
        let results = made.candidates().map(|c| made.samples.domain.frame(c));
        let row = original.into_iter().chain(degraded).chain(results);
        pictures.extend(row.filter_map(|frame: Frame| Raster::picture(&frame, 0)));
    }
    let side = pictures.first().map_or(1, |p| p.width.max(p.height));
    Sheet {
        columns: Some(pictures.len() / made.len().max(1)),
        scale: (64 / side.max(1)).max(1),
        ..Sheet::default()
    }
    .arrange(&pictures)
}
