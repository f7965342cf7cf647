//! Memory over a long training with a trajectory that is scrubbed all the time.

use std::time::{Duration, Instant};

use eframe::egui::{Key, Modifiers};

use crate::{
    person::{FASHION, Person, of_steps},
    process,
    table::{remark, row},
};

const EVERY: Duration = Duration::from_secs(30);

/// MiB that trajectories may take (`app/trajectories.rs`), beyond what the program has once it trains.
const KEPT: f64 = 256.0;

/// MiB an hour that are no sign of growth.
const SLOPE: f64 = 16.0;

/// Trains for so many minutes.
pub(crate) fn memory(minutes: f64) {
    let mut person = Person::begin(Some(&of_steps(FASHION, 100_000_000)));
    person.train();
    person.sample();
    let (begun, mut curve) = (Instant::now(), Vec::new());
    let mut due = Duration::ZERO;
    while begun.elapsed().as_secs_f64() < 60.0 * minutes {
        if begun.elapsed() >= due {
            due += EVERY;
            let [secs, mib] = [begun.elapsed().as_secs_f64(), process::resident(person.0.process())];
            remark(&format!("{secs:6.0} s {mib:8.1} MiB"));
            curve.push([secs / 3600.0, mib]);
        }
        scrub(&mut person);
    }
    let most = curve.iter().map(|[_, mib]| *mib).fold(0.0, f64::max);
    row(
        "resident memory over its first value, most",
        most - curve[0][1],
        KEPT,
        "MiB",
    );
    row(
        "its slope in the second half",
        slope(&curve[curve.len() / 2..]),
        SLOPE,
        "MiB/h",
    );
}

/// Once back and once on.
fn scrub(person: &mut Person) {
    for (modifiers, key) in [
        (Modifiers::NONE, Key::ArrowLeft),
        (Modifiers::SHIFT, Key::ArrowLeft),
        (Modifiers::SHIFT, Key::ArrowRight),
        (Modifiers::NONE, Key::ArrowRight),
    ] {
        for _ in 0..4 {
            person.0.key(modifiers, key);
        }
    }
}

/// Of the straight line with the least squares.
fn slope(curve: &[[f64; 2]]) -> f64 {
    let n = curve.len() as f64;
    let mean = |i: usize| curve.iter().map(|p| p[i]).sum::<f64>() / n;
    let (x, y) = (mean(0), mean(1));
    let covariance: f64 = curve.iter().map(|p| (p[0] - x) * (p[1] - y)).sum();
    let variance: f64 = curve.iter().map(|p| (p[0] - x).powi(2)).sum();
    covariance / variance
}
