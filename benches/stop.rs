//! How long Stop and Pause take to act while a network trains, for every preset: `cargo bench --bench stop`; with a name
//! behind `--`, for the data sets with that in their names.
//!
//! A quarter of a second is the most that a person takes for immediate.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement fails by panicking and says what it found"
)]

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use diffusion_studio::engine::{
    Command, Event, Handle, Settings,
    command::{RunId, TrainRequest},
    event::RunState,
    suggest, thread,
};

/// Data and preset.
const CASES: &[(&str, &str)] = &[
    ("moons", "tiny"),
    ("digits8x8", "tiny"),
    ("pixel-avatars16", "tiny"),
    ("fashion-mnist", "tiny"),
    ("fashion-mnist", "small"),
    ("brain-slices64", "base"),
];

/// How often each command is given.
const TIMES: u64 = 12;

fn wait(engine: &Handle, wanted: RunState) {
    loop {
        match engine.events.recv_timeout(Duration::from_mins(2)).unwrap() {
            Event::RunState(_, state) if state == wanted => return,
            Event::Failed { what, message } => panic!("{what}: {message}"),
            _ => {}
        }
    }
}

/// Milliseconds from the command to the state that it leads to.
fn delay(engine: &Handle, command: Command, wanted: RunState) -> f64 {
    let begun = Instant::now();
    engine.send(command);
    wait(engine, wanted);
    begun.elapsed().as_secs_f64() * 1e3
}

fn main() {
    println!("milliseconds until the command acts: median and worst of {TIMES} pauses, and the stop");
    let wanted = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with("--"))
        .unwrap_or_default();
    for &(source, preset) in CASES.iter().filter(|(source, _)| source.contains(&wanted)) {
        let runs = tempfile::tempdir().unwrap();
        let settings = Settings {
            runs: Some(runs.path().to_owned()),
            ..Settings::default()
        };
        let engine = thread::spawn(settings, || {}).unwrap();
        let (recipe, _) = suggest::for_source(source, Some(preset)).unwrap();
        engine.send(Command::Train(Box::new(TrainRequest {
            start: None,
            run: RunId(1),
            recipe,
            folder: None,
            resume: false,
            paused: false,
            data: None,
        })));
        wait(&engine, RunState::Running);
        let mut pauses: Vec<f64> = (0..TIMES)
            .map(|i| {
                sleep(Duration::from_millis(300 + 77 * i % 200));
                let pause = delay(&engine, Command::Pause, RunState::Paused);
                delay(&engine, Command::Resume, RunState::Running);
                pause
            })
            .collect();
        pauses.sort_by(f64::total_cmp);
        sleep(Duration::from_millis(500));
        let stop = delay(&engine, Command::Stop, RunState::Stopped);
        let (median, worst) = (pauses[pauses.len() / 2], pauses[pauses.len() - 1]);
        println!("{source:<16} {preset:<6} pause {median:6.0} {worst:6.0}   stop {stop:6.0}");
    }
}
