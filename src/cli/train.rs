//! `train`: the engine without a window, with a progress bar.

use std::{
    io::IsTerminal as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{args::TrainArgs, key_and_value, sample::model};
use crate::{
    data::{self, Dataset},
    engine::{
        Command, Event, RunId, Settings,
        command::TrainRequest,
        event::{Progress, RunInfo, RunState},
        finetune::Start,
        headless, suggest,
    },
    files::{Recipe, RunFolder, picture},
};

/// How often a diverged run is restored with a lower learning rate before it is given up.
const RESTORES: u32 = 3;

/// Without a terminal, a line is printed this often.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Trains until the recipe's last step, the time limit or Ctrl-C; all three save and are a success.
pub(super) fn train(args: &TrainArgs, settings: Settings) -> anyhow::Result<()> {
    let (recipe, data) = recipe(args)?;
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .context("cannot watch for Ctrl-C")?;
    let limit = args.minutes.map(|m| Duration::from_secs_f64(m.max(0.0) * 60.0));
    let longer = args.steps.filter(|_| args.resume);
    let request = TrainRequest {
        run: RunId(1),
        recipe,
        folder: args.out.clone(),
        resume: args.resume,
        // The recipe of a resumed run is its own; the number of steps is changed before it goes on.
        paused: longer.is_some(),
        start: args.from.as_deref().map(model),
        data,
    };
    let mut watch = Watch::new(limit, interrupted, longer);
    let ended = headless::train(request, settings, |event| watch.take(event));
    watch.bar.abandon();
    let (info, _) = ended?;
    eprintln!("saved in {}", info.folder.display());
    Ok(())
}

/// The recipe that the options describe, and its data where they had to be looked at for it.
fn recipe(args: &TrainArgs) -> anyhow::Result<(Recipe, Option<Dataset>)> {
    let (mut recipe, data) = match (&args.recipe, &args.data, &args.from) {
        (_, _, Some(path)) => onward(args, path)?,
        (Some(path), ..) => (open(path)?, None),
        (None, Some(source), None) => {
            let (recipe, data) = suggest::for_source(source, args.preset.as_deref())?;
            (recipe, Some(data))
        }
        (None, None, None) if args.resume => (Recipe::default(), None),
        (None, None, None) => bail!("say what to train: a recipe file, or --data NAME (see `list data`)"),
    };
    if let Some(steps) = args.steps {
        recipe.train.steps = steps;
    }
    if let Some(seed) = args.seed {
        recipe.seed = seed;
    }
    for set in &args.sets {
        let (key, value) = key_and_value(set)?;
        recipe.set(key, value).with_context(|| format!("--set {set}"))?;
    }
    // How a batch is split is chosen anew where it was chosen for a larger one.
    recipe.train.micro_batch.take_if(|split| *split > recipe.train.batch);
    // The data were loaded with the defaults; whoever changes how they are read gets them read again.
    let is_as_loaded = data.as_ref().is_some_and(|d| recipe.data == suggest::source(&d.id));
    // What no recipe can name is always taken as it was kept.
    Ok((recipe, data.filter(|d| is_as_loaded || !data::exists(&d.id))))
}

/// The recipe that trains a model on. A run's own data, which no recipe can name, come along where no others are asked for.
fn onward(args: &TrainArgs, path: &Path) -> anyhow::Result<(Recipe, Option<Dataset>)> {
    let start = Start::open(&model(path))?;
    if let Some(file) = &args.recipe {
        let recipe = open(file)?;
        let recipe = Recipe {
            net: start.info().recipe.net.clone(),
            start: recipe.start.or_else(|| Some(start.origin())),
            ..recipe
        };
        return Ok((recipe, None));
    }
    let recipe = start.recipe(args.data.as_deref().map(suggest::source))?;
    let kept = RunFolder::open(path).ok().filter(|_| args.data.is_none());
    Ok((recipe, kept.map_or(Ok(None), |run| run.kept_data())?))
}

/// A recipe file, a bundled recipe by id, or the recipe in a picture or film.
pub(super) fn open(path: &Path) -> anyhow::Result<Recipe> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if path.is_file() && ["png", "apng", "gif"].contains(&&*ending.to_ascii_lowercase()) {
        let made = picture::read_provenance(path)?;
        let made = made.with_context(|| format!("“{}” does not say how it was made", path.display()))?;
        return Ok(made.recipe);
    }
    let bundled = path.to_str().filter(|_| !path.exists()).and_then(suggest::bundled);
    Ok(bundled.unwrap_or_else(|| Recipe::load(path).map_err(Into::into))?)
}

/// Shows a run on the terminal and answers for the person who is not asked.
struct Watch {
    bar: ProgressBar,
    began: Instant,
    limit: Option<Duration>,
    interrupted: Arc<AtomicBool>,
    is_finishing: bool,
    /// Steps that a resumed run is to have, until they are set.
    longer: Option<u64>,
    restores: u32,
    last_line: Option<Instant>,
}

impl Watch {
    fn new(limit: Option<Duration>, interrupted: Arc<AtomicBool>, longer: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        let style = ProgressStyle::with_template("{bar:30.cyan/blue} {pos}/{len}  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar,
            began: Instant::now(),
            limit,
            interrupted,
            is_finishing: false,
            longer,
            restores: 0,
            last_line: None,
        }
    }

    fn take(&mut self, event: &Event) -> Option<Command> {
        match event {
            Event::Started(info) => {
                self.started(info);
                return self.longer.map(Command::SetSteps);
            }
            Event::RunState(_, RunState::Paused) if self.longer.take().is_some() => return Some(Command::Resume),
            Event::Progress(_, progress) => self.progress(progress),
            Event::Failed {
                what: "Learning",
                message,
            } => self.say(message),
            Event::Diverged { step, message, .. } => return self.diverged(*step, message),
            _ => {}
        }
        self.finish()
    }

    /// Ctrl-C and the time limit end the run after the step under way, once.
    fn finish(&mut self) -> Option<Command> {
        let is_due = self.interrupted.load(Ordering::Relaxed) || self.limit.is_some_and(|l| self.began.elapsed() >= l);
        (is_due && !std::mem::replace(&mut self.is_finishing, is_due)).then_some(Command::Finish)
    }

    fn started(&mut self, info: &RunInfo) {
        let RunInfo {
            recipe,
            data,
            executor,
            weights,
            step,
            ..
        } = info;
        self.say(&format!(
            "{}: {} samples, {weights} weights, on {executor}",
            data.label, data.count
        ));
        for skipped in data.skipped.iter() {
            self.say(&format!("left out {}: {}", skipped.what, skipped.why));
        }
        if *step > 0 {
            self.say(&format!("going on from step {step}"));
        }
        self.bar.set_length(self.longer.unwrap_or(recipe.train.steps));
        self.bar.set_position(*step);
    }

    fn progress(&mut self, progress: &Progress) {
        let Some(&(step, loss)) = progress.losses.last() else {
            return;
        };
        let Progress {
            steps_per_sec,
            secs_left,
            ..
        } = *progress;
        let text = format!("loss {loss:.4}  {steps_per_sec:.1} it/s  {} left", duration(secs_left));
        self.bar.set_position(step);
        self.bar.set_message(text.clone());
        let due = self.last_line.is_none_or(|at| at.elapsed() >= LINE_EVERY);
        if !std::io::stderr().is_terminal() && due {
            self.last_line = Some(Instant::now());
            eprintln!("step {step}  {text}");
        }
    }

    /// Restores with a lower rate; after too many times the run is left as it is, which ends it with the message.
    fn diverged(&mut self, step: u64, message: &str) -> Option<Command> {
        self.say(&format!("diverged at step {step}: {message}"));
        self.restores += 1;
        if self.restores > RESTORES {
            self.say("it diverges whatever the learning rate; start anew with another recipe");
            return None;
        }
        self.say("going back to the last healthy weights with a third of the learning rate");
        Some(Command::Restore { lr_factor: 1.0 / 3.0 })
    }

    /// A line above the bar, or on its own where there is no terminal to draw on.
    fn say(&self, text: &str) {
        if std::io::stderr().is_terminal() {
            self.bar.println(text);
        } else {
            eprintln!("{text}");
        }
    }
}

/// `1 h 02 min`, `3 min 05 s` or `12 s`.
fn duration(secs: f64) -> String {
    if !secs.is_finite() {
        return "unknown time".into();
    }
    let secs = secs.max(0.0).round() as u64;
    match (secs / 3600, secs / 60 % 60, secs % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let read = [12.4, 185.0, 3725.0, f64::INFINITY].map(duration);
        assert_eq!(read, ["12 s", "3 min 05 s", "1 h 02 min", "unknown time"]);
    }
}
