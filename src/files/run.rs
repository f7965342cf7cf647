//! The run folder: `recipe.toml`, `metrics.csv`, `checkpoints/`, `learning/`, `previews/`, `samples/`, and
//! `data.safetensors` for data that have no other home.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use super::{
    Checkpoint, Error, Recipe, Remarks, Result, State, Tensors, atomic, checkpoint, figures, kept_data, learning,
    metrics::{self, Metrics},
};
use crate::{data::Dataset, diffusion::scheduler_config::Scheduler};

/// How many of the newest checkpoints are kept, besides the best and the pinned ones.
const KEPT: usize = 3;

/// Marks a checkpoint that is never removed.
const PIN: &str = "pinned";

/// Where a run is saved. Cheap to clone, and everything but [`RunFolder::lock`] may be called from any thread, so that
/// saving never keeps training waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// The right to write into a run folder. The system takes it back when the process ends, however it ends.
#[derive(Debug)]
#[must_use = "the folder is free again when this is dropped"]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Says whether work is under way that a sudden end would interrupt, see [`Holder::Killed`]. A lock begins with it.
    pub fn set_working(&self, is_working: bool) {
        // Best effort: at worst a run that had ended is taken for one that was interrupted.
        drop(if is_working {
            write_pid(&self.file)
        } else {
            self.file.set_len(0)
        });
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.set_working(false);
    }
}

/// Who writes into a run folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// A program, this one perhaps.
    Program,
    /// Nobody any more: the program that did was ended in the middle of its work.
    Killed,
}

/// What was read of a run folder's newest usable checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Newest<T> {
    /// The checkpoint, or the part that was asked for.
    pub content: T,
    /// Messages about newer ones that could not be used.
    pub skipped: Vec<String>,
}

impl RunFolder {
    /// Starts a run in a folder that does not exist or is empty.
    pub fn create(path: &Path, recipe: &Recipe) -> Result<(Self, Lock)> {
        fs::create_dir_all(path).map_err(Error::io("create", path))?;
        let run = Self { path: path.to_owned() };
        // What a killed process left half-written does not count; taking the lock sweeps it away.
        let is_left = |p: &PathBuf| *p == run.lock_path() || atomic::is_temporary(p);
        let is_taken = !list(path)?.iter().all(is_left);
        if is_taken {
            return Err(Error::NotEmpty {
                folder: path.to_owned(),
            });
        }
        let lock = run.lock()?;
        run.write_recipe(recipe)?;
        Ok((run, lock))
    }

    /// Starts a run in a new folder `name-0001`, `name-0002`, … within `parent`.
    pub fn create_numbered(parent: &Path, name: &str, recipe: &Recipe) -> Result<(Self, Lock)> {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        let stem = file_stem(name);
        let number = |path: &PathBuf| {
            let name = path.file_name()?.to_str()?;
            name.strip_prefix(&stem)?.strip_prefix('-')?.parse::<u32>().ok()
        };
        let mut next = list(parent)?.iter().filter_map(number).max().unwrap_or(0);
        loop {
            next = next.saturating_add(1);
            let path = parent.join(format!("{stem}-{next:04}"));
            match fs::create_dir(&path) {
                Ok(()) => return Self::create(&path, recipe),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::io("create", &path)(e)),
            }
        }
    }

    /// An existing run.
    pub fn open(path: &Path) -> Result<Self> {
        let run = Self { path: path.to_owned() };
        if run.recipe_path().is_file() {
            Ok(run)
        } else {
            Err(Error::broken(
                path,
                "there is no recipe.toml in it, so it is not a run folder",
            ))
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the right to write, and sweeps away what a killed process left half-written.
    pub fn lock(&self) -> Result<Lock> {
        let path = self.lock_path();
        let io = Error::io("write", &path);
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = match opened {
            Ok(file) => file,
            Err(cause) => return Err(io(cause)),
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy {
                    folder: self.path.clone(),
                    pid: read_pid(&mut file),
                });
            }
            // Some network drives know no locks; the run is worth more than the protection.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        write_pid(&file).map_err(io)?;
        self.sweep();
        Ok(Lock { file })
    }

    /// Who writes into it now, or did. Where the system knows no locks it is taken for nobody.
    pub fn holder(&self) -> Holder {
        let Ok(mut file) = File::open(self.lock_path()) else {
            return Holder::Nobody;
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Holder::Program,
            Ok(()) if read_pid(&mut file).is_some() => Holder::Killed,
            Ok(()) | Err(TryLockError::Error(_)) => Holder::Nobody,
        }
    }

    /// Best effort: a temporary file that stays is ignored everywhere.
    fn sweep(&self) {
        for folder in [
            self.path.clone(),
            self.checkpoints_path(),
            self.learning_folder(),
            self.previews(),
            self.samples(),
        ] {
            for path in list(&folder).unwrap_or_default() {
                if atomic::is_temporary(&path) && path.is_dir() {
                    drop(fs::remove_dir_all(path));
                } else if atomic::is_temporary(&path) {
                    drop(fs::remove_file(path));
                }
            }
        }
    }

    /// Reads `recipe.toml`.
    pub fn recipe(&self) -> Result<Recipe> {
        Recipe::load(&self.recipe_path())
    }

    /// Writes `recipe.toml`, e.g. with values measured at the start.
    pub fn write_recipe(&self, recipe: &Recipe) -> Result<()> {
        recipe.save(&self.recipe_path())
    }

    /// How diffusers samples the model, where it came from there.
    pub fn scheduler(&self) -> Result<Option<Scheduler>> {
        let path = self.scheduler_path();
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let scheduler = Scheduler::from_json(&text).map_err(|e| Error::broken(&path, e.to_string()))?;
        Ok(Some(scheduler))
    }

    /// Keeps how diffusers samples the model.
    pub fn write_scheduler(&self, scheduler: &Scheduler) -> Result<()> {
        atomic::write(&self.scheduler_path(), scheduler.to_json().as_bytes())
    }

    /// Opens `metrics.csv` to go on after `step`; rows beyond it are dropped.
    pub fn open_metrics(&self, step: u64) -> Result<Metrics> {
        Metrics::open(&self.metrics_path(), step)
    }

    /// Reads `metrics.csv`; a run that has none yet has no rows.
    pub fn metrics(&self) -> Result<Vec<metrics::Row>> {
        if self.metrics_path().exists() {
            metrics::read(&self.metrics_path())
        } else {
            Ok(Vec::new())
        }
    }

    /// Reads `figures.csv`; none where there is no such file.
    pub fn figures(&self) -> Result<Vec<figures::Row>> {
        figures::read(&self.figures_path())
    }

    /// Adds to `figures.csv`.
    pub fn add_figures(&self, rows: &[figures::Row]) -> Result<()> {
        figures::append(&self.figures_path(), rows)
    }

    /// Drops the figures of later steps than this.
    pub fn cut_figures(&self, step: u64) -> Result<()> {
        figures::cut(&self.figures_path(), step)
    }

    /// Reads `remarks.toml`; nothing was noted where there is no such file.
    pub fn remarks(&self) -> Result<Remarks> {
        Remarks::load(&self.remarks_path())
    }

    /// Writes `remarks.toml`.
    pub fn write_remarks(&self, remarks: &Remarks) -> Result<()> {
        remarks.save(&self.remarks_path())
    }

    fn remarks_path(&self) -> PathBuf {
        self.path.join("remarks.toml")
    }

    fn figures_path(&self) -> PathBuf {
        self.path.join("figures.csv")
    }

    /// Steps and folders of all checkpoints, oldest first, sound or not.
    pub fn checkpoints(&self) -> Vec<(u64, PathBuf)> {
        let step = |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix("step-")?.parse().ok();
        let paths = list(&self.checkpoints_path()).unwrap_or_default();
        let mut found: Vec<_> = paths.into_iter().filter_map(|p| Some((step(&p)?, p))).collect();
        found.sort();
        found
    }

    /// The newest sound checkpoint.
    pub fn newest(&self) -> Result<Newest<Checkpoint>> {
        self.newest_with(Checkpoint::load)
    }

    /// Counters and averaged weights of the newest checkpoint in which both are sound.
    pub fn newest_ema(&self) -> Result<Newest<(State, Tensors)>> {
        self.newest_with(|folder| {
            let state = State::load(folder)?;
            let (_, ema) = state.tensors(folder, checkpoint::EMA)?;
            Ok((state, ema))
        })
    }

    fn newest_with<T>(&self, read: impl Fn(&Path) -> Result<T>) -> Result<Newest<T>> {
        let mut skipped = Vec::new();
        for (_, folder) in self.checkpoints().into_iter().rev() {
            match read(&folder) {
                Ok(content) => return Ok(Newest { content, skipped }),
                Err(e) => skipped.push(e.to_string()),
            }
        }
        Err(Error::NoCheckpoint {
            folder: self.path.clone(),
            skipped,
        })
    }

    /// Saves a checkpoint with its recipe, then removes those that are neither among the newest three nor the best nor
    /// pinned. [`Metrics::flush`] must have been called for the rows up to the checkpoint's step.
    pub fn save(&self, checkpoint: &Checkpoint, recipe: &Recipe) -> Result<PathBuf> {
        let folder = self.checkpoint_path(checkpoint.state.step);
        // The rows must be on the disk before the checkpoint that a resume cuts them at.
        if let Ok(metrics) = File::open(self.metrics_path()) {
            metrics.sync_all().map_err(Error::io("write", &self.metrics_path()))?;
        }
        checkpoint.save(&folder, &recipe.to_toml()?).map_err(|e| match e {
            Error::Io { path, cause, .. } if cause.kind() == std::io::ErrorKind::StorageFull => Error::Full {
                needed: checkpoint.bytes(),
                free: free_bytes(&self.path),
                path,
            },
            e => e,
        })?;
        self.prune()?;
        Ok(folder)
    }

    /// Removes the checkpoints and kept weights after `step`, pinned ones too: the run goes back there. Its metrics are cut by
    /// [`RunFolder::open_metrics`].
    pub fn discard_after(&self, step: u64) -> Result<()> {
        let mut later = self.checkpoints().into_iter().filter(|(s, _)| *s > step);
        later.try_for_each(|(_, folder)| fs::remove_dir_all(&folder).map_err(Error::io("remove", &folder)))?;
        learning::retain(&self.learning_folder(), |kept| kept <= step)
    }

    /// Keeps averaged weights of a training step, rounded to half precision, see [`learning`].
    pub fn keep_learning(&self, step: u64, ema: Tensors, recipe: &Recipe, about: &learning::About<'_>) -> Result<()> {
        learning::write(&self.learning_path(step), ema, &recipe.to_toml()?, step, about)
    }

    /// Lets go of the kept weights of later steps than this. Best effort: those that stay are written again.
    pub fn cut_learning(&self, step: u64) {
        drop(learning::retain(&self.learning_folder(), |kept| kept <= step));
    }

    /// Lets go of the kept steps that are no multiples of `spacing`.
    pub fn thin_learning(&self, spacing: u64) -> Result<()> {
        learning::retain(&self.learning_folder(), |kept| kept.is_multiple_of(spacing))
    }

    /// The training steps whose averaged weights were kept, oldest first, whether they can be read or not.
    pub fn learning(&self) -> Vec<u64> {
        let files = learning::list(&self.learning_folder());
        files.into_iter().map(|(step, _)| step).collect()
    }

    /// The file of the kept weights of a step.
    pub fn learning_path(&self, step: u64) -> PathBuf {
        self.learning_folder().join(format!("step-{step:09}.safetensors"))
    }

    /// Where the averaged weights of a training step are: in a checkpoint, or rounded among the kept ones.
    pub fn weights_at(&self, step: u64) -> Option<PathBuf> {
        let places = [self.checkpoint_path(step), self.learning_path(step)];
        places.into_iter().find(|path| path.exists())
    }

    fn learning_folder(&self) -> PathBuf {
        self.path.join("learning")
    }

    /// Keeps a checkpoint for ever, or no longer.
    pub fn pin(&self, step: u64, is_pinned: bool) -> Result<()> {
        let path = self.checkpoint_path(step).join(PIN);
        let done = if is_pinned {
            fs::write(&path, "")
        } else {
            fs::remove_file(&path)
        };
        done.map_err(Error::io("write", &path))
    }

    fn prune(&self) -> Result<()> {
        let all = self.checkpoints();
        let best = best(&all);
        let old = all.len().saturating_sub(KEPT);
        for (step, folder) in &all[..old] {
            if Some(*step) != best && !folder.join(PIN).exists() {
                fs::remove_dir_all(folder).map_err(Error::io("remove", folder))?;
            }
        }
        Ok(())
    }

    /// Keeps data that the recipe cannot name, so that the run can go on another day.
    pub fn keep_data(&self, data: &Dataset) -> Result<()> {
        kept_data::save(data, &self.data_path())
    }

    /// Whether there are data that the recipe cannot name.
    pub fn keeps_data(&self) -> bool {
        self.data_path().exists()
    }

    /// The data that were kept, where there are any.
    pub fn kept_data(&self) -> Result<Option<Dataset>> {
        self.keeps_data()
            .then(|| kept_data::load(&self.data_path()))
            .transpose()
    }

    /// Where previews go.
    pub fn previews(&self) -> PathBuf {
        self.path.join("previews")
    }

    /// Where samples go.
    pub fn samples(&self) -> PathBuf {
        self.path.join("samples")
    }

    /// The folder of the checkpoint at `step`.
    pub fn checkpoint_path(&self, step: u64) -> PathBuf {
        self.checkpoints_path().join(format!("step-{step:09}"))
    }

    fn checkpoints_path(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    fn recipe_path(&self) -> PathBuf {
        self.path.join("recipe.toml")
    }

    fn data_path(&self) -> PathBuf {
        self.path.join("data.safetensors")
    }

    fn scheduler_path(&self) -> PathBuf {
        self.path.join("scheduler_config.json")
    }

    fn metrics_path(&self) -> PathBuf {
        self.path.join("metrics.csv")
    }

    fn lock_path(&self) -> PathBuf {
        self.path.join("run.lock")
    }
}

/// The checkpoint with the lowest validation loss; the newest of equals.
fn best(all: &[(u64, PathBuf)]) -> Option<u64> {
    let scored = all.iter().filter_map(|(step, folder)| {
        let score = State::load(folder).ok()?.score.filter(|s| !s.is_nan())?;
        Some((score, *step))
    });
    scored
        .min_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
        .map(|(_, step)| step)
}

/// The platform's folder for runs.
pub fn default_parent() -> Result<PathBuf> {
    let home = directories::ProjectDirs::from("", "", "diffusion-studio").ok_or_else(|| {
        Error::broken(
            Path::new("~"),
            "this account has no home folder; say where the run goes with --out",
        )
    })?;
    Ok(home.data_dir().join("runs"))
}

/// Bytes that can still be written to the disk of `path`, where the system tells.
pub fn free_bytes(path: &Path) -> Option<u64> {
    fs4::available_space(path).ok()
}

/// A name for files made from a data source: the last part of a path, without characters that some system forbids.
pub fn file_stem(source: &str) -> String {
    let name = Path::new(source).file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| {
        if c.is_alphanumeric() || "-_".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().take(40).map(plain).collect();
    if name.chars().any(char::is_alphanumeric) {
        name
    } else {
        "run".into()
    }
}

/// Paths in a folder, in name order.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).and_then(|all| all.map(|e| Ok(e?.path())).collect::<std::io::Result<Vec<_>>>());
    let mut paths = entries.map_err(Error::io("read", folder))?;
    paths.sort();
    Ok(paths)
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(mut file: &File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}
