//! What is worked on is kept by itself: at most ten seconds of it are lost to a crash, and the next start offers it.
//!
//! Each start of the program writes into a document of its own, so that nothing an earlier one kept is overwritten.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use crossbeam_channel::{Receiver, bounded};

use crate::files::{Document, Recipe, document::ENDING};

/// Time between a change and its being kept.
const DELAY: Duration = Duration::from_secs(10);

/// Documents of earlier starts that are left.
const KEPT: usize = 5;

/// What an earlier start of the program kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// The document.
    pub path: PathBuf,
    /// When it was written last.
    pub when: SystemTime,
}

/// The document that is kept of what is worked on.
#[derive(Debug, Default)]
pub struct Desk {
    /// Where it is kept; nowhere in a program without a home.
    path: Option<PathBuf>,
    kept: Look,
    /// When the changes that were seen are to be written.
    due: Option<Instant>,
    writing: Option<Receiver<Result<(), String>>>,
}

/// By what a change is seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Which easel, and how often it changed.
    pub easel: Option<(String, u64)>,
    /// Ids of the trajectories, whether they are pinned, and what they are called.
    pub views: Vec<(u64, bool, Option<String>)>,
    /// The recipe in the form.
    pub form: Recipe,
}

impl Desk {
    /// A desk whose document lies in `folder`, and what the newest earlier one left there.
    pub fn open(folder: &Path) -> (Self, Option<Earlier>) {
        let earlier = newest_first(folder);
        for old in earlier.iter().skip(KEPT) {
            // What cannot be removed is tried again at the next start.
            drop(std::fs::remove_file(&old.path));
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let name = format!(
            "{:012}-{}.{ENDING}",
            now.unwrap_or_default().as_secs(),
            std::process::id()
        );
        let desk = Self {
            path: Some(folder.join(name)),
            ..Self::default()
        };
        (desk, earlier.into_iter().next())
    }

    /// Looks whether something changed. Gives the time until it is to be written, none when there is nothing to write.
    pub fn look(&mut self, now: Instant, look: Look) -> Option<Duration> {
        if self.path.is_none() || look == self.kept {
            return self.due.map(|due| due.saturating_duration_since(now));
        }
        self.kept = look;
        let due = *self.due.get_or_insert(now + DELAY);
        Some(due.saturating_duration_since(now))
    }

    /// Writes what `document` makes once it is due, on a thread of its own; `done` is called at the end.
    pub fn keep(&mut self, now: Instant, document: impl FnOnce() -> Document, done: impl FnOnce() + Send + 'static) {
        let (Some(path), Some(due)) = (&self.path, self.due) else {
            return;
        };
        if now < due || self.writing.is_some() {
            return;
        }
        self.due = None;
        let (document, path) = (document(), path.clone());
        let (send, answer) = bounded(1);
        let work = move || {
            drop(send.send(write(&document, &path)));
            done();
        };
        let started = std::thread::Builder::new().name("desk".into()).spawn(work).is_ok();
        self.writing = started.then_some(answer);
    }

    /// Why the last writing failed, told once.
    pub fn failure(&mut self) -> Option<String> {
        let answer = self.writing.as_ref()?.try_recv().ok()?;
        self.writing = None;
        answer.err()
    }

    /// Writes what is left to write, before the program ends.
    pub fn close(&mut self, document: impl FnOnce() -> Document) -> Result<(), String> {
        if let Some(writing) = self.writing.take() {
            drop(writing.recv());
        }
        match (&self.path, self.due.take()) {
            (Some(path), Some(_)) => write(&document(), path),
            _ => Ok(()),
        }
    }
}

fn write(document: &Document, path: &Path) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    document.replace(path).map_err(|e| e.to_string())
}

fn newest_first(folder: &Path) -> Vec<Earlier> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let documents = entries.filter(|entry| entry.path().extension().is_some_and(|e| e == ENDING));
    let mut all: Vec<_> = documents
        .filter_map(|entry| {
            let when = entry.metadata().and_then(|data| data.modified()).ok()?;
            Some(Earlier {
                path: entry.path(),
                when,
            })
        })
        .collect();
    all.sort_by_key(|earlier| std::cmp::Reverse((earlier.when, earlier.path.clone())));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::easel::Easel,
        draw::{Raster, mask::Edit},
    };

    fn drawn() -> Document {
        let mut easel = Easel::new("cat", Raster::filled(8, 8, 1, [90; 3]));
        easel.edit(Edit::Fill);
        Document {
            canvas: Some(easel.canvas()),
            ..Document::default()
        }
    }

    fn look(changes: u64) -> Look {
        Look {
            easel: Some(("cat".into(), changes)),
            ..Look::default()
        }
    }

    #[test]
    fn a_change_is_kept_after_ten_seconds_or_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let (mut desk, earlier) = Desk::open(folder.path());
        assert_eq!(earlier, None);
        let start = Instant::now();
        assert_eq!(desk.look(start, Look::default()), None, "nothing happened yet");
        assert_eq!(desk.look(start, look(1)), Some(DELAY));
        // Going on drawing does not put it off.
        assert_eq!(desk.look(start + DELAY / 2, look(2)), Some(DELAY / 2));
        desk.keep(start + DELAY / 2, || panic!("too early"), || ());
        desk.keep(start + DELAY, drawn, || ());
        desk.close(|| panic!("nothing changed since")).unwrap();
        let (_, earlier) = Desk::open(folder.path());
        assert_eq!(Document::read(&earlier.unwrap().path).unwrap(), drawn());

        assert!(desk.look(start + 2 * DELAY, look(3)).is_some());
        desk.close(Document::default).unwrap();
        let (_, earlier) = Desk::open(folder.path());
        assert_eq!(Document::read(&earlier.unwrap().path).unwrap(), Document::default());
    }

    #[test]
    fn the_newest_five_are_left_and_a_full_disk_is_told() {
        let folder = tempfile::tempdir().unwrap();
        for i in 0..8 {
            drawn().replace(&folder.path().join(format!("{i}.{ENDING}"))).unwrap();
        }
        Desk::open(folder.path());
        assert_eq!(newest_first(folder.path()).len(), KEPT);
        let file = folder.path().join("file");
        std::fs::write(&file, "no folder").unwrap();
        let (mut desk, _) = Desk::open(&file);
        desk.look(Instant::now(), look(1));
        assert!(desk.close(drawn).unwrap_err().contains("file"));
    }
}
