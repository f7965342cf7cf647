//! From the start of the program to what is seen first.

use crate::{
    person::{DIGITS, Person},
    table::{quantile, row},
};

const STARTS: usize = 10;

/// Clean profile; files of the program may be in the system's cache.
pub(crate) fn start() {
    let mut first: Vec<f64> = (0..STARTS).map(|_| Person::begin(None).told("first frame:")).collect();
    row("start to first frame, p90 of 10", quantile(&mut first, 0.9), 2.5, "s");
    let mut moving: Vec<f64> = (0..STARTS).map(|_| first_motion()).collect();
    row(
        "start to first moving trajectory, p90 of 10",
        quantile(&mut moving, 0.9),
        5.0,
        "s",
    );
}

/// A recipe is opened with the program and trained as soon as that can be pressed.
fn first_motion() -> f64 {
    let mut person = Person::begin(Some(DIGITS));
    person.0.press("Train");
    person.told("first moving trajectory:")
}
