//! From the start of the program to what is seen first.

use crate::{
    person::Person,
    table::{quantile, row},
};

const STARTS: usize = 10;

/// Clean profile; the program's files may be in the system's cache. The film on the start screen is made by a model that
/// ships with the program.
pub(crate) fn start() {
    let (mut first, mut moving): (Vec<f64>, Vec<f64>) = (0..STARTS)
        .map(|_| {
            let mut person = Person::begin(None);
            ["first frame:", "first moving trajectory:"]
                .map(|line| person.told(line))
                .into()
        })
        .unzip();
    row("start to first frame, p90 of 10", quantile(&mut first, 0.9), 2.5, "s");
    row(
        "start to first moving trajectory, p90 of 10",
        quantile(&mut moving, 0.9),
        5.0,
        "s",
    );
}
