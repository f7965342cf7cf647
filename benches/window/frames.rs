//! Frames while a network trains, and while nothing happens.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    person::{DIGITS, FASHION, Person, of_steps},
    process,
    table::{remark, row},
};

pub(crate) fn frames() {
    for (name, recipe) in [("digits", DIGITS), ("Fashion-MNIST", FASHION)] {
        let mut person = Person::begin(Some(&of_steps(recipe, 1_000_000)));
        person.train();
        sleep(Duration::from_secs(5));
        person.measure();
        sleep(Duration::from_secs(25));
        let measured = person.measured();
        for (part, bound) in [("total", 16.0), ("whole", 50.0)] {
            let about = if part == "total" {
                "own work of a frame"
            } else {
                "whole frame"
            };
            row(
                &format!("{about} while training {name}, p95"),
                measured[part].p95,
                bound,
                "ms",
            );
        }
        for part in ["frames", "logic", "layout", "paint", "total", "whole"] {
            remark(&measured[part].text);
        }
    }
}

pub(crate) fn idle() {
    let mut person = Person::begin(Some(&of_steps(DIGITS, 40)));
    person.train();
    person.0.wait_for_text("finished");
    sleep(Duration::from_secs(3));
    // Each look makes frames itself, in both cases as many.
    let short = frames_within(&mut person, 500);
    let long = frames_within(&mut person, 2500);
    row("frames in 2 s without news or input", long - short, 2.0, "");
    let (before, begun) = (process::computed(person.0.process()), Instant::now());
    sleep(Duration::from_secs(20));
    let share = (process::computed(person.0.process()) - before) / begun.elapsed().as_secs_f64();
    row("processor without news or input", 100.0 * share, 1.0, "%");
}

fn frames_within(person: &mut Person, millis: u64) -> f64 {
    let before = person.0.frames();
    sleep(Duration::from_millis(millis));
    (person.0.frames() - before) as f64
}
