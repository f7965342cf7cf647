//! What the window takes from training.

use std::{
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    person::{DIGITS, Person, newest, of_steps},
    table::{quantile, remark, row},
};

const PAIRS: usize = 3;
const SPAN: Duration = Duration::from_secs(20);

/// In alternation, so that a machine that slows down does so for both.
pub(crate) fn speed() {
    let mut lost: Vec<f64> = (0..PAIRS)
        .map(|_| {
            let (alone, window) = (without_window(), in_window());
            remark(&format!(
                "{alone:.1} steps a second without a window, {window:.1} in it"
            ));
            100.0 * (1.0 - window / alone)
        })
        .collect();
    row(
        "training speed lost to the window, median of 3 pairs",
        quantile(&mut lost, 0.5),
        15.0,
        "%",
    );
}

fn in_window() -> f64 {
    let mut person = Person::begin(Some(&of_steps(DIGITS, 1_000_000)));
    person.train();
    steps_per_second(&person.run())
}

fn without_window() -> f64 {
    let home = tempfile::tempdir().unwrap();
    let [recipe, run] = ["recipe.toml", "run"].map(|name| home.path().join(name));
    std::fs::write(&recipe, of_steps(DIGITS, 1_000_000)).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_diffusion-studio"))
        .arg("train")
        .arg(recipe)
        .arg("--out")
        .arg(&run)
        .env("HOME", home.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let speed = steps_per_second(&run);
    program.kill().unwrap();
    program.wait().unwrap();
    speed
}

fn steps_per_second(run: &Path) -> f64 {
    // The first block holds the start.
    while written(run).1 == 0 {}
    let from = written(run);
    sleep(SPAN);
    let to = written(run);
    (to.1 - from.1) as f64 / to.0.duration_since(from.0).as_secs_f64()
}

/// When rows reached the disk next, and the newest step among them: they come in blocks.
fn written(run: &Path) -> (Instant, u64) {
    let size = |found: Option<(usize, u64)>| found.map_or(0, |(bytes, _)| bytes);
    let before = size(newest(run));
    loop {
        sleep(Duration::from_millis(10));
        let now = newest(run);
        if size(now) > before {
            return (Instant::now(), now.map_or(0, |(_, step)| step));
        }
    }
}
