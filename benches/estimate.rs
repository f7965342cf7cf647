//! What a run takes against what was said before it began: `cargo bench --bench estimate`; with a name behind `--`, for
//! the data sets with that in their names.
//!
//! Each case is a process of its own, so that memory is its own too. Previews and validation are as the recipe has them,
//! as they are for a person who presses Train.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement fails by panicking and says what it found"
)]

use std::time::{Duration, Instant};

use diffusion_studio::engine::{
    Command, Event, Handle, Settings,
    command::{RunId, TrainRequest},
    event::{Estimate, RunState},
    suggest, thread,
};

/// Data and preset.
const CASES: &[(&str, &str)] = &[
    ("moons", "tiny"),
    ("moons", "small"),
    ("digits8x8", "tiny"),
    ("pixel-avatars16", "tiny"),
    ("fashion-mnist", "tiny"),
    ("fashion-mnist", "small"),
    ("brain-slices64", "tiny"),
];

/// How long a run is watched.
const WATCHED: Duration = Duration::from_secs(30);

fn next(engine: &Handle) -> Event {
    match engine.events.recv_timeout(Duration::from_mins(2)).unwrap() {
        Event::Failed { what, message } => panic!("{what}: {message}"),
        event => event,
    }
}

/// Mebibytes that this process has had at most, and has now.
fn memory() -> (f64, f64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mib = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        kib.unwrap_or(f64::NAN) / 1024.0
    };
    (mib("VmHWM"), mib("VmRSS"))
}

/// Seconds per step while the run is watched, from its first second on: what was begun then is not known.
fn watch(engine: &Handle) -> f64 {
    let mut first: Option<(Instant, u64)> = None;
    loop {
        let Event::Progress(_, progress) = next(engine) else {
            continue;
        };
        let Some(step) = progress.losses.last().map(|l| l.0) else {
            continue;
        };
        let (begun, from) = *first.get_or_insert_with(|| (Instant::now(), step));
        if begun.elapsed() > WATCHED {
            return begun.elapsed().as_secs_f64() / (step - from) as f64;
        }
    }
}

fn case(source: &str, preset: &str) {
    let runs = tempfile::tempdir().unwrap();
    let settings = Settings {
        runs: Some(runs.path().to_owned()),
        ..Settings::default()
    };
    let engine = thread::spawn(settings, || {}).unwrap();
    let (mut recipe, _) = suggest::for_source(source, Some(preset)).unwrap();
    // Longer than it is watched.
    recipe.train.steps = 10_000_000;
    let (_, before) = memory();
    engine.send(Command::Estimate(Box::new(recipe.clone())));
    let said: Estimate = loop {
        if let Event::Estimated(estimate) = next(&engine) {
            break estimate;
        }
    };
    engine.send(Command::Train(Box::new(TrainRequest {
        start: None,
        run: RunId(1),
        recipe,
        folder: None,
        resume: false,
        paused: false,
        data: None,
    })));
    while !matches!(next(&engine), Event::RunState(_, RunState::Running)) {}
    let secs = watch(&engine);
    let (peak, _) = memory();
    let (ms, said_ms) = (secs * 1e3, said.secs_per_step * 1e3);
    let (mib, said_mib) = (peak - before, said.bytes as f64 / f64::from(1 << 20));
    println!(
        "{source:<18}{preset:<7}{said_ms:9.2}{ms:9.2}{:8.2}   {said_mib:8.0}{mib:8.0}{:8.2}",
        ms / said_ms,
        mib / said_mib
    );
}

fn main() {
    let args: Vec<_> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if let [source, preset] = &args[..] {
        return case(source, preset);
    }
    let wanted = args.first().cloned().unwrap_or_default();
    println!("                          ms per step              MiB at most");
    println!("data              preset      said    found   ratio       said   found   ratio");
    for (source, preset) in CASES.iter().filter(|(source, _)| source.contains(&wanted)) {
        let this = std::env::current_exe().unwrap();
        let ended = std::process::Command::new(this).args([source, preset]).status();
        assert!(ended.unwrap().success(), "{source} {preset}");
    }
}
