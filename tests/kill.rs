//! Training that is killed at random moments, with the real program: never a lost or unreadable run, at most ten seconds
//! lost, and in the end the weights of a run that nobody disturbed.
//!
//! A few rounds run always; `KILL_ROUNDS=50` asks for more.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use diffusion_studio::{
    engine::{
        Command as Order, Event, RunId, Settings,
        command::TrainRequest,
        event::{MarkKind, RunState},
        headless,
    },
    files::{Recipe, RunFolder, SavedModel, State},
    math::noise::{Address, Stream},
};

/// One row of the matrix: what is trained, as options of `train`, and on which executor.
struct Case {
    name: &'static str,
    steps: u64,
    device: &'static str,
    options: &'static [&'static str],
}

const CASES: [Case; 4] = [
    Case {
        name: "perceptron, averaged weights",
        steps: 200,
        device: "cpu",
        options: &["data.source=moons", "ema.decay=0.99"],
    },
    Case {
        name: "perceptron, candle, times by importance",
        steps: 120,
        device: "cpu-candle",
        options: &["data.source=rings", "times=importance", "train.lr-end=0.1"],
    },
    Case {
        name: "U-Net, augmentation, classes dropped",
        steps: 8,
        device: "cpu",
        options: &[
            "data.source=digits8x8",
            "net=unet",
            "data.rotate=10",
            "condition.classes=true",
            "condition.drop=0.5",
            "train.batch=4",
        ],
    },
    Case {
        name: "U-Net, candle, no averaged weights, learned uncertainty",
        steps: 6,
        device: "cpu-candle",
        options: &[
            "data.source=digits8x8",
            "net=unet",
            "ema.decay=0",
            "weighting=learned",
            "train.batch=4",
        ],
    },
];

impl Case {
    /// The recipe's file, saving ten times a second.
    fn recipe(&self, folder: &Path) -> PathBuf {
        let mut recipe = Recipe::default();
        let steps = format!("train.steps={}", self.steps);
        let fixed = ["train.batch=16", "train.save-every-secs=0.1", "preview.count=0", &steps];
        for option in fixed.iter().chain(self.options) {
            let (key, value) = option.split_once('=').unwrap();
            recipe.set(key, value).unwrap();
        }
        recipe.check().unwrap();
        let path = folder.join("case.toml");
        recipe.save(&path).unwrap();
        path
    }

    fn start(&self, recipe: &Path, run: &Path) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_diffusion-studio"));
        program
            .arg("train")
            .arg("--device")
            .arg(self.device)
            .arg("--out")
            .arg(run);
        if run.join("recipe.toml").exists() {
            program.arg("--resume");
        } else {
            program.arg(recipe);
        }
        program
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        program
    }
}

fn number(round: u64, draw: u64) -> f64 {
    let address = Address {
        seed: 2024,
        stream: Stream::Data,
        sample: round,
        mv: 0,
        draw,
    };
    address.uniform()
}

fn rounds() -> u64 {
    std::env::var("KILL_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(4)
}

/// Weights, averaged weights and moments of the last checkpoint, and the weights that were kept while it learned.
fn weights(run: &Path, step: u64) -> Vec<Vec<u8>> {
    let folder = RunFolder::open(run).unwrap().checkpoint_path(step);
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let saved = ["model.safetensors", "ema.safetensors", "optimizer.safetensors"].map(read);
    let run = RunFolder::open(run).unwrap();
    let kept = run
        .learning()
        .into_iter()
        .map(|step| fs::read(run.learning_path(step)).unwrap());
    saved.into_iter().chain(kept).collect()
}

/// Runs to the end.
fn finish(mut program: Command) {
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Seconds of training in the newest checkpoint, which must be sound where there is one.
fn saved(run: &Path) -> f64 {
    let Ok(folder) = RunFolder::open(run) else { return 0.0 };
    folder.recipe().unwrap();
    folder.metrics().unwrap();
    for step in folder.learning() {
        assert_eq!(SavedModel::open(&folder.learning_path(step)).unwrap().step, step);
    }
    if folder.checkpoints().is_empty() {
        return 0.0;
    }
    let newest = folder.newest().unwrap();
    assert!(newest.skipped.is_empty(), "{:?}", newest.skipped);
    newest.content.state.secs
}

/// Starts the run, kills it after a random part of `whole`, and looks at what is left.
fn killed(name: &str, program: &mut Command, run: &Path, whole: Duration, share: f64) {
    let before = saved(run);
    let began = Instant::now();
    let mut child = program.spawn().unwrap();
    while began.elapsed() < whole.mul_f64(share) && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (lived, kept) = (began.elapsed().as_secs_f64(), saved(run) - before);
    assert!(
        lived - kept < 10.0 + whole.as_secs_f64(),
        "{name}: {lived} s passed, {kept} s were kept"
    );
    assert!(kept >= 0.0, "{name}: a checkpoint was lost");
}

#[test]
fn a_killed_run_ends_with_the_weights_of_an_undisturbed_one() {
    let mut undisturbed: Vec<Option<(Vec<Vec<u8>>, Duration)>> = CASES.iter().map(|_| None).collect();
    for round in 0..rounds() {
        let index = round as usize % CASES.len();
        let case = &CASES[index];
        let home = tempfile::tempdir().unwrap();
        let recipe = case.recipe(home.path());
        let (expected, whole) = undisturbed[index].get_or_insert_with(|| {
            let (run, began) = (home.path().join("whole"), Instant::now());
            finish(case.start(&recipe, &run));
            (weights(&run, case.steps), began.elapsed())
        });
        let run = home.path().join("run");
        for draw in 0..=round % 3 {
            killed(
                case.name,
                &mut case.start(&recipe, &run),
                &run,
                *whole,
                number(round, draw),
            );
        }
        finish(case.start(&recipe, &run));
        assert!(
            weights(&run, case.steps) == *expected,
            "{}: other weights after round {round}",
            case.name
        );
        println!(
            "round {round}, {}: the same weights after {} kills",
            case.name,
            1 + round % 3
        );
    }
}

/// The step after which the learning rate changes.
const CHANGED_AT: u64 = 60;

/// The learning rate changed while training: the command line cannot, so this program trains, and is killed.
const CHILD: &str = "KILL_CHILD_RUN";

#[test]
#[ignore = "started by the test below, which kills it"]
fn child() {
    let Some(run) = std::env::var_os(CHILD).map(PathBuf::from) else {
        return;
    };
    let case = &CASES[0];
    let recipe = Recipe::load(&case.recipe(run.parent().unwrap())).unwrap();
    let resume = run.join("recipe.toml").exists();
    let request = TrainRequest {
        run: RunId(1),
        recipe,
        folder: Some(run),
        resume,
        paused: true,
        start: None,
        data: None,
    };
    // Paused between the steps, so that the rate changes at the same step in every life.
    let (mut step, mut is_waiting) = (0, false);
    let changed = |event: &Event| match event {
        Event::RunState(_, RunState::Paused) => {
            is_waiting = step == CHANGED_AT;
            Some(if is_waiting {
                Order::SetLearningRate(2e-4)
            } else {
                Order::StepOnce
            })
        }
        Event::Mark(_, mark) if mark.kind == MarkKind::Change && std::mem::take(&mut is_waiting) => {
            Some(Order::StepOnce)
        }
        Event::Started(info) => {
            step = info.step;
            None
        }
        Event::Progress(_, progress) => {
            step = progress.losses.last().map_or(step, |(step, _)| *step);
            None
        }
        _ => None,
    };
    headless::train(request, Settings::default(), changed).unwrap();
}

fn child_of(run: &Path) -> Command {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", "child", "--ignored"]).env(CHILD, run);
    program
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    program
}

#[test]
fn a_rate_that_was_changed_while_training_outlives_a_kill() {
    let home = tempfile::tempdir().unwrap();
    let case = &CASES[0];
    let folder = |name: &str| {
        let folder = home.path().join(name);
        fs::create_dir(&folder).unwrap();
        folder.join("run")
    };
    let (whole, run) = (folder("whole"), folder("killed"));
    let began = Instant::now();
    finish(child_of(&whole));
    let took = began.elapsed();
    assert_eq!(
        State::load(&RunFolder::open(&whole).unwrap().checkpoint_path(case.steps))
            .unwrap()
            .lr,
        Some(2e-4)
    );
    for draw in 0..rounds().div_ceil(4) {
        killed(case.name, &mut child_of(&run), &run, took, number(99, draw));
    }
    finish(child_of(&run));
    assert!(
        weights(&run, case.steps) == weights(&whole, case.steps),
        "other weights"
    );
}

#[test]
fn a_read_only_run_folder_costs_only_the_checkpoint() {
    use std::os::unix::fs::PermissionsExt as _;

    let home = tempfile::tempdir().unwrap();
    let (case, run) = (&CASES[0], home.path().join("run"));
    let recipe = case.recipe(home.path());
    let mut child = case.start(&recipe, &run).spawn().unwrap();
    let checkpoints = run.join("checkpoints");
    while RunFolder::open(&run).map_or(true, |folder| folder.checkpoints().is_empty()) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before its first save");
        std::thread::yield_now();
    }
    // For the administrator nothing is read-only: a file in the place of the folder stops the writing as well.
    let aside = run.join("aside");
    fs::set_permissions(&checkpoints, fs::Permissions::from_mode(0o555)).unwrap();
    fs::rename(&checkpoints, &aside).unwrap();
    fs::write(&checkpoints, "").unwrap();
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("checkpoints"), "{message}");
    fs::remove_file(&checkpoints).unwrap();
    fs::rename(&aside, &checkpoints).unwrap();
    fs::set_permissions(&checkpoints, fs::Permissions::from_mode(0o755)).unwrap();
    let before = RunFolder::open(&run).unwrap().newest().unwrap();
    assert!(before.skipped.is_empty(), "the last good checkpoint is whole");
    finish(case.start(&recipe, &run));
    assert_eq!(
        State::load(&RunFolder::open(&run).unwrap().checkpoint_path(case.steps))
            .unwrap()
            .step,
        case.steps
    );
}
