//! What a list of runs shows of one, without reading its weights or its curves.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{Recipe, Remarks, Result, RunFolder, State, figures};
use crate::math::Domain;

/// Figures that runs are compared by, the first that a run has; less is better for both.
pub const FIGURES: [&str; 2] = ["feature-frechet", "energy-distance"];

/// What a list of runs shows of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// How it is trained.
    pub recipe: Recipe,
    /// Step of the newest checkpoint, 0 before the first.
    pub step: u64,
    /// Seconds of training up to there.
    pub secs: f64,
    /// Lowest validation loss among the checkpoints; the best one is always kept.
    pub validation: Option<f64>,
    /// Its best figure, of [`FIGURES`].
    pub figure: Option<figures::Row>,
    /// What a sample is, once there is a checkpoint.
    pub domain: Option<Domain>,
    /// Steps of the checkpoints, oldest first.
    pub checkpoints: Vec<u64>,
    /// The newest picture of its samples.
    pub preview: Option<PathBuf>,
    /// What a person noted.
    pub remarks: Remarks,
    /// What could not be read, for people.
    pub messages: Vec<String>,
}

impl Summary {
    /// Whether it trained as long as its recipe says.
    pub fn is_finished(&self) -> bool {
        self.step >= self.recipe.train.steps
    }

    /// Reads it. What is damaged beside the recipe is left out and told in the messages.
    pub fn read(run: &RunFolder) -> Result<Self> {
        let recipe = run.recipe()?;
        let mut messages = Vec::new();
        let states = states(run, &mut messages);
        let newest = states.last();
        let scores = states.iter().filter_map(|s| s.score).filter(|s| s.is_finite());
        Ok(Self {
            recipe,
            step: newest.map_or(0, |s| s.step),
            secs: newest.map_or(0.0, |s| s.secs),
            validation: scores.reduce(f64::min),
            figure: best(take(run.figures(), &mut messages)),
            domain: newest.and_then(|s| s.domain),
            checkpoints: states.iter().map(|s| s.step).collect(),
            preview: newest_picture(&run.previews()),
            remarks: take(run.remarks(), &mut messages),
            messages,
        })
    }
}

fn states(run: &RunFolder, messages: &mut Vec<String>) -> Vec<State> {
    let read = |(_, folder): (u64, PathBuf)| State::load(&folder).map_err(|e| messages.push(e.to_string())).ok();
    run.checkpoints().into_iter().filter_map(read).collect()
}

fn take<T: Default>(read: Result<T>, messages: &mut Vec<String>) -> T {
    read.unwrap_or_else(|e| {
        messages.push(e.to_string());
        T::default()
    })
}

fn best(rows: Vec<figures::Row>) -> Option<figures::Row> {
    let mut lowest = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.value.is_finite()) {
        if let Some(rank) = FIGURES.iter().position(|id| *id == row.figure) {
            let kept = lowest.entry(rank).or_insert_with(|| row.clone());
            if row.value < kept.value {
                *kept = row;
            }
        }
    }
    lowest.into_values().next()
}

/// The last picture in name order, which is the order of steps.
fn newest_picture(folder: &Path) -> Option<PathBuf> {
    let paths = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|p| p.extension().is_some_and(|e| e == "png")).max()
}

/// Bytes that a folder takes with all that is in it. Links are not followed; what cannot be read counts nothing.
pub fn bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes(&entry.path()),
        Ok(about) if about.is_file() => about.len(),
        _ => 0,
    };
    entries.filter_map(std::result::Result::ok).map(size).sum()
}

/// When the parts of a run folder that a [`Summary`] is made of were last changed: an equal stamp means an equal summary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp([Option<SystemTime>; 6]);

impl Stamp {
    /// Of a run folder as it is now.
    pub fn of(folder: &Path) -> Self {
        let parts = [
            "",
            "recipe.toml",
            "remarks.toml",
            "figures.csv",
            "checkpoints",
            "previews",
        ];
        Self(parts.map(|part| fs::metadata(folder.join(part)).and_then(|about| about.modified()).ok()))
    }

    /// When the newest checkpoint was written, or the recipe before there is one.
    pub fn trained(&self) -> Option<SystemTime> {
        self.0[4].or(self.0[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Checkpoint;

    fn figure(figure: &str, value: f64) -> figures::Row {
        figures::Row {
            step: 1,
            figure: figure.into(),
            value,
            error: None,
            reference: None,
        }
    }

    fn run_at(folder: &Path, scores: &[(u64, f64)]) -> RunFolder {
        let (run, _lock) = RunFolder::create(&folder.join("run"), &Recipe::default()).unwrap();
        for &(step, score) in scores {
            let state = State {
                step,
                secs: step as f64 / 2.0,
                score: Some(score),
                domain: Some(Domain::Points),
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

    #[test]
    fn a_run_is_summed_up_without_its_weights() {
        let folder = tempfile::tempdir().unwrap();
        let run = run_at(
            folder.path(),
            &[(10, 0.2), (20, 0.1), (30, f64::NAN), (40, 0.3), (50, 0.4)],
        );
        let rows = [
            ("energy-distance", 0.2),
            ("feature-frechet", 9.0),
            ("feature-frechet", 7.0),
            ("other", 0.0),
        ];
        run.add_figures(&rows.map(|(name, value)| figure(name, value))).unwrap();
        for step in [7, 30] {
            fs::create_dir_all(run.previews()).unwrap();
            fs::write(run.previews().join(format!("step-{step:09}.png")), "x").unwrap();
        }
        let found = Summary::read(&run).unwrap();
        assert_eq!((found.step, found.secs, found.validation), (50, 25.0, Some(0.1)));
        assert_eq!(found.checkpoints, [20, 30, 40, 50]);
        assert_eq!(found.figure, Some(figure("feature-frechet", 7.0)));
        assert!(found.preview.unwrap().ends_with("step-000000030.png"));
        assert_eq!((found.domain, found.messages), (Some(Domain::Points), vec![]));
    }

    #[test]
    fn damage_is_told_and_leaves_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let run = run_at(folder.path(), &[(10, 0.2), (20, 0.1)]);
        fs::write(run.checkpoint_path(20).join("state.json"), "{").unwrap();
        fs::write(run.path().join("remarks.toml"), "star = 7").unwrap();
        let found = Summary::read(&run).unwrap();
        assert_eq!((found.step, found.messages.len()), (10, 2), "{:?}", found.messages);
        fs::write(run.path().join("recipe.toml"), "sede = 1").unwrap();
        assert!(Summary::read(&run).unwrap_err().to_string().contains("sede"));
    }

    #[test]
    fn sizes_add_up_and_stamps_follow_changes() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("a/b/x"), [0; 300]).unwrap();
        fs::write(folder.path().join("y"), [0; 50]).unwrap();
        assert_eq!(bytes(folder.path()), 350);
        let run = run_at(folder.path(), &[]);
        let before = Stamp::of(run.path());
        assert_eq!(before, Stamp::of(run.path()));
        fs::create_dir(run.previews()).unwrap();
        assert_ne!(before, Stamp::of(run.path()));
    }
}
