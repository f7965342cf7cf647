//! Looks at the runs on disk and changes them, on two threads of their own, so that neither the window nor a look has to
//! wait for a large copy.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{Builder, sleep},
    time::{Duration, SystemTime},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use eframe::egui::ColorImage;

use super::{
    run_view,
    runs::{Entry, Shot},
    words,
};
use crate::{
    data::read_picture,
    draw::{
        Raster, Sheet,
        pyramid::Curve,
        thumb::{reduced, size_within},
    },
    files::{
        Error, Lock, Remarks, RunFolder, Summary, atomic,
        run::free_bytes,
        summary::{self, Stamp},
    },
};

/// Side of the picture in a row, in pixels.
pub const SMALL: usize = 80;

/// Side of the picture beside the list, in pixels.
pub const LARGE: usize = 512;

/// An ended run of this program lets its folder go within this many looks.
const TRIES: u32 = 40;

/// Between two looks.
const BETWEEN: Duration = Duration::from_millis(50);

/// Where runs are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The folder for new runs.
    pub home: Option<PathBuf>,
    /// Runs elsewhere, and other folders of runs.
    pub others: Vec<PathBuf>,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Errand {
    /// Looks at all runs; what did not change since is taken as known.
    Look(Places, BTreeMap<PathBuf, Arc<Entry>>),
    /// Reads a picture.
    Shot(Shot),
    /// Reads the losses of a run.
    Curve(PathBuf, Stamp),
    /// Changes a run.
    Change(PathBuf, Change),
}

/// What is to be changed about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What a person notes.
    Remarks(Remarks),
    /// Another name for its folder.
    Rename(String),
    /// A second folder beside it.
    Copy,
    /// Into the platform's trash.
    Remove,
    /// No longer offered as interrupted.
    Leave,
    /// Shows it in the platform's file manager.
    Reveal,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum News {
    /// A folder was looked at.
    Entry(Arc<Entry>),
    /// All folders were looked at.
    Looked {
        /// Those that there are.
        folders: BTreeSet<PathBuf>,
        /// When.
        at: SystemTime,
        /// Bytes that are free in the folder for new runs.
        free: Option<u64>,
    },
    /// A picture was read, or cannot be.
    Shot(Shot, Option<Arc<ColorImage>>),
    /// Losses were read, or cannot be.
    Curve(PathBuf, Stamp, Option<Arc<Curve>>),
    /// A run was changed.
    Changed {
        /// The folder as it was called before.
        folder: PathBuf,
        /// The folder that it led to.
        now: Option<PathBuf>,
        /// What to tell, or what went wrong.
        told: Result<Option<String>, String>,
    },
}

/// How a folder gets into the trash.
pub type Trash = fn(&Path) -> Result<(), String>;

/// The line to the two threads.
pub struct Shelf {
    reading: Sender<Errand>,
    changing: Sender<Errand>,
    news: Receiver<News>,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

impl Shelf {
    /// Starts the threads; they end with it. `wake` is called when there is news.
    pub fn new(trash: Trash, wake: impl Fn() + Clone + Send + 'static) -> Self {
        let (out, news) = unbounded();
        let lane = |name: &str| {
            let (errands, inbox) = unbounded::<Errand>();
            let (out, wake) = (out.clone(), wake.clone());
            let work = move || {
                for errand in inbox {
                    errand.run(trash, &mut |news| {
                        // Nobody waits any more only while the program ends.
                        drop(out.send(news));
                        wake();
                    });
                }
            };
            // Without its thread the list stays empty, and everything else works.
            drop(Builder::new().name(name.into()).spawn(work));
            errands
        };
        Self {
            reading: lane("runs"),
            changing: lane("runs-changes"),
            news,
        }
    }

    /// Sends someone.
    pub fn send(&self, errand: Errand) {
        let lane = match errand {
            Errand::Change(..) => &self.changing,
            _ => &self.reading,
        };
        drop(lane.send(errand));
    }

    /// What came since the last call.
    pub fn news(&self) -> impl Iterator<Item = News> + '_ {
        self.news.try_iter()
    }
}

/// The platform's trash.
pub fn platform_trash(folder: &Path) -> Result<(), String> {
    trash::delete(folder).map_err(|e| format!("“{}” could not be moved to the trash: {e}", folder.display()))
}

impl Errand {
    fn run(self, trash: Trash, tell: &mut dyn FnMut(News)) {
        match self {
            Self::Look(places, known) => look(&places, &known, tell),
            Self::Shot(shot) => {
                let read = shoot(&shot).map(Arc::new);
                tell(News::Shot(shot, read));
            }
            Self::Curve(folder, stamp) => {
                let read = curve(&folder).ok().map(Arc::new);
                tell(News::Curve(folder, stamp, read));
            }
            Self::Change(folder, change) => {
                let (now, told) = match change.apply(&folder, trash) {
                    Ok((now, told)) => (now, Ok(told)),
                    Err(message) => (None, Err(message)),
                };
                tell(News::Changed { folder, now, told });
            }
        }
    }
}

impl Places {
    /// The folders that are runs, or look as if they had been.
    pub fn folders(&self) -> BTreeSet<PathBuf> {
        let mut found: BTreeSet<PathBuf> = self.home.iter().flat_map(|home| within(home)).collect();
        for place in self.others.iter().filter(|place| place.is_dir()) {
            if is_run(place) {
                found.insert(place.clone());
            } else {
                found.extend(within(place).into_iter().filter(|folder| is_run(folder)));
            }
        }
        found
    }
}

fn is_run(folder: &Path) -> bool {
    folder.join("recipe.toml").is_file() || folder.join("checkpoints").is_dir()
}

/// Folders in a folder, without hidden ones.
fn within(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let is_hidden = |path: &Path| words::file_name(path).starts_with('.');
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.is_dir() && !is_hidden(path)).collect()
}

fn look(places: &Places, known: &BTreeMap<PathBuf, Arc<Entry>>, tell: &mut dyn FnMut(News)) {
    let folders = places.folders();
    for folder in &folders {
        if let Some(entry) = entry(folder, known.get(folder)) {
            tell(News::Entry(Arc::new(entry)));
        }
    }
    tell(News::Looked {
        free: places
            .home
            .as_deref()
            .and_then(|home| nearest(home).and_then(free_bytes)),
        folders,
        at: SystemTime::now(),
    });
}

/// The folder itself, or the one above it that exists.
fn nearest(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|path| path.is_dir())
}

/// What a folder is now; `None` where that is known already.
fn entry(folder: &Path, known: Option<&Arc<Entry>>) -> Option<Entry> {
    let stamp = Stamp::of(folder);
    let run = RunFolder::open(folder);
    let holder = run.as_ref().map_or(crate::files::Holder::Nobody, RunFolder::holder);
    match known {
        Some(known) if known.stamp == stamp && known.holder == holder => None,
        Some(known) if known.stamp == stamp => Some(Entry {
            holder,
            ..(**known).clone()
        }),
        _ => Some(Entry {
            folder: folder.to_owned(),
            stamp,
            bytes: summary::bytes(folder),
            holder,
            found: run.and_then(|run| Summary::read(&run)).map_err(|e| e.to_string()),
        }),
    }
}

/// The losses of a run.
fn curve(folder: &Path) -> crate::files::Result<Curve> {
    let mut curve = Curve::new(run_view::KEEP);
    for row in RunFolder::open(folder)?.metrics()? {
        curve.push(row.step as f64, f64::from(row.loss));
    }
    Ok(curve)
}

fn shoot(shot: &Shot) -> Option<ColorImage> {
    let picture = read_picture(&shot.path).ok()?;
    let whole = Raster {
        width: picture.width as usize,
        height: picture.height as usize,
        channels: 4,
        data: picture.rgba,
    };
    let (part, side) = if shot.is_large {
        (whole, LARGE)
    } else {
        (first_samples(&whole, shot.samples), SMALL)
    };
    let (width, height) = size_within(part.width, part.height, side);
    let small = reduced(&part, width, height);
    Some(ColorImage::from_rgba_unmultiplied(
        [small.width, small.height],
        &small.data,
    ))
}

/// The first two rows and columns of a sheet, which a small picture has room for.
fn first_samples(sheet: &Raster, samples: usize) -> Raster {
    let (columns, _) = Sheet::default().cells(samples);
    if columns <= 2 {
        return sheet.clone();
    }
    let gap = Sheet::default().gap;
    let side = |whole: usize| 2 * (whole.saturating_sub(gap) / columns) + gap;
    let (width, height) = (side(sheet.width), side(sheet.width).min(sheet.height));
    let row = |y: usize| &sheet.data[y * sheet.width * 4..][..width * 4];
    Raster {
        width,
        height,
        channels: 4,
        data: (0..height).flat_map(row).copied().collect(),
    }
}

/// The folder that it led to, and what to tell.
type Outcome = Result<(Option<PathBuf>, Option<String>), String>;

impl Change {
    fn apply(self, folder: &Path, trash: Trash) -> Outcome {
        let text = |e: Error| e.to_string();
        let here = Some(folder.to_owned());
        match self {
            Self::Remarks(remarks) => {
                let run = RunFolder::open(folder).map_err(text)?;
                run.write_remarks(&remarks).map_err(text)?;
                Ok((here, None))
            }
            Self::Leave => {
                drop(RunFolder::open(folder).and_then(|run| run.lock()).map_err(text)?);
                Ok((here, None))
            }
            Self::Rename(name) => {
                let now = rename(folder, &name)?;
                Ok((Some(now), None))
            }
            Self::Copy => {
                let now = copy(folder)?;
                let told = format!("Copied to {}", words::file_name(&now));
                Ok((Some(now), Some(told)))
            }
            Self::Remove => {
                drop(claim(folder)?);
                trash(folder)?;
                let told = format!(
                    "{} is in the trash, from where it can be put back",
                    words::file_name(folder)
                );
                Ok((None, Some(told)))
            }
            Self::Reveal => reveal(folder).map(|()| (here, None)),
        }
    }
}

/// The right to write into a folder, so that nobody trains into what is moved away; a folder that is no run needs none.
fn claim(folder: &Path) -> Result<Option<Lock>, String> {
    let Ok(run) = RunFolder::open(folder) else {
        return Ok(None);
    };
    let mut tries = 0;
    loop {
        match run.lock() {
            Ok(lock) => return Ok(Some(lock)),
            // A run of this program that has just been let go of.
            Err(Error::Busy { .. }) if tries < TRIES => sleep(BETWEEN),
            Err(e @ Error::Busy { .. }) => return Err(e.to_string()),
            // A folder that nobody can write into is held by nobody.
            Err(_) => return Ok(None),
        }
        tries += 1;
    }
}

fn rename(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let name = name.trim();
    let is_plain = Path::new(name).components().count() == 1 && !name.contains(['/', '\\']) && !name.starts_with('.');
    if !is_plain {
        return Err(format!(
            "“{name}” cannot be the name of a folder; leave out slashes and a dot in front"
        ));
    }
    let now = folder.with_file_name(name);
    if now == folder {
        return Ok(now);
    }
    if now.exists() {
        return Err(format!("“{}” already exists; choose another name", now.display()));
    }
    drop(claim(folder)?);
    fs::rename(folder, &now).map_err(|e| format!("“{}” cannot be renamed: {e}", folder.display()))?;
    Ok(now)
}

fn copy(folder: &Path) -> Result<PathBuf, String> {
    let _lock = claim(folder)?;
    let (needed, free) = (summary::bytes(folder), free_bytes(folder));
    if let Some(free) = free.filter(|free| *free < needed) {
        let [needed, free] = [needed, free].map(words::bytes);
        return Err(format!("A copy needs {needed}, and {free} are free; make room first."));
    }
    let name = words::file_name(folder);
    let names = (1..).map(|n| {
        if n == 1 {
            format!("{name}-copy")
        } else {
            format!("{name}-copy-{n}")
        }
    });
    let target = names
        .map(|name| folder.with_file_name(name))
        .find(|path| !path.exists());
    let target = target.ok_or("there is no free name for a copy")?;
    let stage = atomic::temporary(&target);
    let copied = copy_all(folder, &stage).and_then(|()| fs::rename(&stage, &target));
    copied.map_err(|e| {
        drop(fs::remove_dir_all(&stage));
        format!("“{}” cannot be copied: {e}", folder.display())
    })?;
    Ok(target)
}

/// All files and folders, without locks, what was cut short, and links.
fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let target = to.join(entry.file_name());
        if atomic::is_temporary(&path) || entry.file_name() == "run.lock" {
            continue;
        }
        if kind.is_dir() {
            copy_all(&path, &target)?;
        } else if kind.is_file() {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

/// Shows a folder in the platform's file manager.
fn reveal(folder: &Path) -> Result<(), String> {
    let program = if cfg!(windows) {
        "explorer"
    } else if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let started = std::process::Command::new(program).arg(folder).status();
    // Explorer answers 1 whatever happens.
    let is_shown = started.as_ref().is_ok_and(|status| status.success() || cfg!(windows));
    if is_shown {
        Ok(())
    } else {
        Err(format!(
            "No file manager could be opened; the folder is {}",
            folder.display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Checkpoint, Holder, Recipe, State};

    /// A trash that the test can look into.
    fn bin(folder: &Path) -> Result<(), String> {
        fs::rename(folder, folder.with_file_name(".trash")).map_err(|e| e.to_string())
    }

    fn news(errand: Errand) -> Vec<News> {
        let mut told = Vec::new();
        errand.run(bin, &mut |news| told.push(news));
        told
    }

    fn run_in(home: &Path, name: &str, steps: &[u64]) -> RunFolder {
        let (run, _lock) = RunFolder::create(&home.join(name), &Recipe::default()).unwrap();
        for &step in steps {
            let state = State {
                step,
                ..State::default()
            };
            let checkpoint = Checkpoint {
                state,
                ..Checkpoint::default()
            };
            run.save(&checkpoint, &Recipe::default()).unwrap();
        }
        run
    }

    fn looked(places: &Places, known: BTreeMap<PathBuf, Arc<Entry>>) -> (Vec<Arc<Entry>>, usize) {
        let mut entries = Vec::new();
        let mut count = 0;
        for news in news(Errand::Look(places.clone(), known)) {
            match news {
                News::Entry(entry) => entries.push(entry),
                News::Looked { folders, .. } => count = folders.len(),
                other => panic!("{other:?}"),
            }
        }
        (entries, count)
    }

    fn change(folder: &Path, change: Change) -> Outcome {
        change.apply(folder, bin)
    }

    #[test]
    fn a_look_finds_runs_broken_ones_too_and_does_not_read_twice() {
        let (home, away) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let moons = run_in(home.path(), "moons", &[10, 20]);
        fs::create_dir(home.path().join("broken")).unwrap();
        fs::create_dir(home.path().join(".hidden")).unwrap();
        run_in(away.path(), "rings", &[]);
        fs::create_dir(away.path().join("holiday pictures")).unwrap();
        let places = Places {
            home: Some(home.path().to_owned()),
            others: vec![away.path().to_owned(), moons.path().to_owned(), "gone".into()],
        };
        let (entries, count) = looked(&places, BTreeMap::new());
        let names: Vec<_> = entries.iter().map(|e| (e.name(), e.found.is_ok())).collect();
        assert_eq!(count, 3);
        for expected in [("moons", true), ("rings", true), ("broken", false)] {
            assert!(names.contains(&(expected.0.into(), expected.1)), "{names:?}");
        }
        let known: BTreeMap<_, _> = entries.into_iter().map(|e| (e.folder.clone(), e)).collect();
        let (news, count) = looked(&places, known.clone());
        assert_eq!((news.len(), count), (0, 3));
        let _lock = moons.lock().unwrap();
        let (entries, _) = looked(&places, known);
        assert_eq!(entries.len(), 1);
        assert_eq!(
            (entries[0].name().as_str(), entries[0].holder),
            ("moons", Holder::Program)
        );
    }

    #[test]
    fn runs_are_renamed_copied_and_put_into_the_trash() {
        let home = tempfile::tempdir().unwrap();
        let run = run_in(home.path(), "moons", &[5]);
        let (now, _) = change(run.path(), Change::Rename("best moons".into())).unwrap();
        let now = now.unwrap();
        assert!(now.ends_with("best moons") && !run.path().exists());
        for taken in ["a/b", "..", ".x", "", "best\\moons"] {
            assert!(change(&now, Change::Rename(taken.into())).is_err(), "{taken}");
        }
        let copies = [1, 2].map(|_| change(&now, Change::Copy).unwrap().0.unwrap());
        assert!(copies[0].ends_with("best moons-copy") && copies[1].ends_with("best moons-copy-2"));
        let copy = RunFolder::open(&copies[0]).unwrap();
        assert_eq!(copy.newest().unwrap().content.state.step, 5);
        assert_eq!(copy.holder(), Holder::Nobody);
        assert!(
            change(&now, Change::Rename("best moons-copy".into()))
                .unwrap_err()
                .contains("already exists")
        );
        change(&now, Change::Remove).unwrap();
        assert!(!now.exists() && home.path().join(".trash/recipe.toml").exists());
    }

    #[test]
    fn a_run_in_use_is_not_moved() {
        let home = tempfile::tempdir().unwrap();
        let run = run_in(home.path(), "moons", &[]);
        let _lock = run.lock().unwrap();
        for wanted in [Change::Remove, Change::Rename("rings".into()), Change::Copy] {
            let message = change(run.path(), wanted).unwrap_err();
            assert!(message.contains("in use"), "{message}");
        }
        assert!(run.path().exists());
    }

    #[test]
    fn what_was_left_alone_is_not_offered_again() {
        let home = tempfile::tempdir().unwrap();
        let run = run_in(home.path(), "moons", &[5]);
        fs::write(run.path().join("run.lock"), "1").unwrap();
        let is_interrupted = || entry(run.path(), None).unwrap().is_interrupted();
        assert!(is_interrupted());
        change(run.path(), Change::Leave).unwrap();
        assert!(!is_interrupted());
    }

    #[test]
    fn small_pictures_show_the_first_samples() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grid.png");
        // Four columns of samples, 10 pixels and a gap each; the first four are white.
        let side = 4 * 12 + 2;
        let picture = image::RgbImage::from_fn(side, side, |x, y| {
            image::Rgb([if x < 26 && y < 26 { 255 } else { 0 }; 3])
        });
        picture.save(&path).unwrap();
        let shot = |samples, is_large| {
            shoot(&Shot {
                path: path.clone(),
                samples,
                is_large,
            })
            .unwrap()
        };
        let small = shot(16, false);
        assert_eq!(small.size, [26, 26]);
        assert!(small.pixels.iter().all(|p| p.r() == 255));
        assert_eq!(shot(1, false).size, [50, 50]);
        assert_eq!(shot(16, true).size, [50, 50]);
    }
}
