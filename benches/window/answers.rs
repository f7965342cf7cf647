//! From an input to the frame that answers it, by the window's own clock.

use std::{collections::BTreeMap, thread::sleep, time::Duration};

use eframe::egui::{Key, Modifiers, Role};

use crate::{
    person::{DIGITS, Person, Times, of_steps},
    table::{remark, row},
};

/// Enough steps for ten kept weights.
fn sampled() -> Person {
    let mut person = Person::begin(Some(&of_steps(DIGITS, 160)));
    person.train();
    person.0.wait_for_text("finished");
    person.sample();
    sleep(Duration::from_secs(1));
    person
}

pub(crate) fn scrub() {
    let mut person = sampled();
    person.measure();
    sweep(&mut person);
    let first = person.measured();
    person.measure();
    sweep(&mut person);
    let again = person.measured();
    row(
        "kept frame under the cursor, most frames to the answer",
        moved(&again, 2),
        2.0,
        "frames",
    );
    row("the same, pictures uploaded", moved(&again, 5), 0.0, "");
    for (name, measured) in [("at first", first), ("again", again)] {
        remark(&format!("{name}: {}", measured["cursor"].text));
        remark(&format!("{name}: {}", measured["at"].text));
    }
}

/// A number in `at most 2 frames; uploaded: 0 pictures, 0 bytes`.
fn moved(measured: &BTreeMap<String, Times>, word: usize) -> f64 {
    let mut words = measured["at"].text.split_whitespace();
    words.nth(word).unwrap().parse().unwrap()
}

/// To the beginning and back again.
fn sweep(person: &mut Person) {
    for key in [Key::ArrowLeft, Key::ArrowRight] {
        for i in 0..30 {
            let modifiers = if i % 8 == 7 { Modifiers::SHIFT } else { Modifiers::NONE };
            person.0.key(modifiers, key);
        }
    }
    for key in [Key::Home, Key::End] {
        person.press(key);
    }
}

pub(crate) fn weights() {
    let mut person = sampled();
    let clock = person.0.wait_for("training clock", |widgets| {
        let fits = |w: &&crate::studio::Widget| w.role == Role::Slider && w.name == "Training step";
        widgets.iter().find(fits).cloned()
    });
    person.0.hover(clock.rect.center());
    person.press(Key::Home);
    sleep(Duration::from_secs(3));
    // In the middle of the process.
    person.0.leave();
    person.press(Key::Home);
    for _ in 0..2 {
        person.0.key(Modifiers::SHIFT, Key::ArrowRight);
    }
    person.measure();
    person.0.hover(clock.rect.center());
    for _ in 0..8 {
        person.press(Key::ArrowRight);
        sleep(Duration::from_millis(1500));
    }
    let measured = person.measured();
    row(
        "frame made again with other weights, digits tiny, p95",
        measured["weights"].p95,
        150.0,
        "ms",
    );
    remark(&measured["weights"].text);
    remark(&measured["cursor"].text);
    remark(&measured["at"].text);
}

pub(crate) fn stop() {
    let mut person = Person::begin(Some(&of_steps(DIGITS, 1_000_000)));
    person.0.key(Modifiers::ALT, Key::Num1);
    person.measure();
    for i in 0..24 {
        person.train();
        // Previews are due all the time; so each press meets another moment.
        sleep(Duration::from_millis(400 + 377 * i % 1900));
        person.0.press("Stop");
        person.0.wait_for_text("stopped");
    }
    let measured = person.measured();
    row(
        "Stop seen to be heard, the longest of 24",
        measured["heard"].max,
        50.0,
        "ms",
    );
    row(
        "Stop in effect, the longest of 24",
        measured["stopped"].max,
        250.0,
        "ms",
    );
    for part in ["heard", "stopped"] {
        remark(&measured[part].text);
    }
}
