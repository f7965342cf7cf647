//! A person who trains, samples, scrubs, and reads the frame times that the window shows with F12.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use eframe::egui::{Key, Modifiers};

use crate::studio::{Studio, runs};

/// Of the screen, and of the window on it.
const SIZE: [u32; 2] = [1280, 720];

/// Where the program writes its timings.
const TOLD: &str = "timings";

pub(crate) const DIGITS: &str = include_str!("../../assets/recipes/digits8x8.toml");
pub(crate) const FASHION: &str = include_str!("../../assets/recipes/fashion-mnist.toml");

/// The same recipe with another number of steps.
pub(crate) fn of_steps(recipe: &str, steps: u64) -> String {
    let line = |line: &str| {
        if line.starts_with("steps = ") {
            format!("steps = {steps}\n")
        } else {
            format!("{line}\n")
        }
    };
    let (head, rest) = recipe.split_once("[train]").unwrap();
    let (train, tail) = rest.split_once("\n[").unwrap_or((rest, ""));
    let train: String = train.lines().map(line).collect();
    let tail = if tail.is_empty() {
        String::new()
    } else {
        format!("\n[{tail}")
    };
    format!("{head}[train]{train}{tail}")
}

/// A duration's line in the window of frame times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    pub(crate) p95: f64,
    pub(crate) max: f64,
    pub(crate) text: String,
}

impl Times {
    fn read(line: &str) -> Self {
        let behind = |name: &str| {
            let mut words = line.split_whitespace().skip_while(|word| *word != name);
            words.nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
        };
        Self {
            p95: behind("p95"),
            max: behind("max"),
            text: line.to_owned(),
        }
    }
}

/// A person at the window.
pub(crate) struct Person(pub(crate) Studio);

impl Person {
    /// Opens the window, with a recipe where there is one.
    pub(crate) fn begin(recipe: Option<&str>) -> Self {
        let files: Vec<_> = recipe.iter().map(|text| ("recipe.toml", *text)).collect();
        let studio = Studio::start_with(SIZE, &files, |program, home| {
            let told = fs::File::create(home.join(TOLD)).unwrap();
            program.arg("--timings").stderr(told);
        });
        Self(studio)
    }

    /// The seconds in the line of timings that begins so, once it is there.
    pub(crate) fn told(&mut self, beginning: &str) -> f64 {
        loop {
            let told = fs::read_to_string(self.0.home().join(TOLD)).unwrap();
            let line = told.lines().find_map(|line| line.strip_prefix(beginning));
            if let Some(secs) = line.and_then(|rest| rest.split_whitespace().find_map(|word| word.parse().ok())) {
                return secs;
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Trains what is in the form.
    pub(crate) fn train(&mut self) {
        self.0.key(Modifiers::ALT, Key::Num1);
        self.0.press("Train");
        self.0.button("Pause");
    }

    /// Makes samples with the newest weights.
    pub(crate) fn sample(&mut self) {
        self.0.key(Modifiers::ALT, Key::Num3);
        self.0.press("Sample");
        self.0.wait_for_text("step 50/50");
    }

    pub(crate) fn press(&mut self, key: Key) {
        self.0.key(Modifiers::NONE, key);
    }

    /// Frame times count from now on.
    pub(crate) fn measure(&mut self) {
        self.press(Key::F12);
        self.0.press("Measure anew");
        self.press(Key::F12);
    }

    /// What was measured.
    pub(crate) fn measured(&mut self) -> BTreeMap<String, Times> {
        self.press(Key::F12);
        self.0.wait_for_text("whole   p50");
        let widgets = self.0.widgets();
        self.press(Key::F12);
        let is_figure =
            |line: &&str| line.contains(" p50 ") || line.starts_with("at most") || line.starts_with("frames ");
        let lines = widgets.iter().map(|w| w.value.trim()).filter(is_figure);
        let named = lines.filter_map(|line| Some((line.split_whitespace().next()?.to_owned(), Times::read(line))));
        named.collect()
    }

    /// The only run's folder.
    pub(crate) fn run(&self) -> PathBuf {
        runs(self.0.home()).pop().unwrap()
    }
}

/// The newest row of a run's `metrics.csv` that has reached the disk: bytes of the file and number of the step.
pub(crate) fn newest(run: &Path) -> Option<(usize, u64)> {
    let text = fs::read_to_string(run.join("metrics.csv")).ok()?;
    let whole = &text[..=text.rfind('\n')?];
    let step = whole.lines().next_back()?.split(',').next()?.parse().ok()?;
    Some((text.len(), step))
}
