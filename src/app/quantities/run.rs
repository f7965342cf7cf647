//! What a list of runs says of one.

use super::{Quantity, digits};
use crate::{app::words, files::Summary};

/// The best validation loss.
pub static VALIDATION: Quantity = Quantity {
    name: "Validation loss",
    said: "The loss of the averaged weights on samples that were never trained on, always with the same times and noise: the \
           lowest of all checkpoints.",
    formula: "min over checkpoints of mean w(t) (target − network(xₜ, t))²",
    source: "",
};

/// The time of training.
pub static TIME: Quantity = Quantity {
    name: "Time of training",
    said: "How long it was trained up to its newest checkpoint; pauses do not count, training that was resumed does.",
    formula: "Σ seconds of its steps",
    source: "",
};

/// Room on disk.
pub static SIZE: Quantity = Quantity {
    name: "Size on disk",
    said: "All files in its folder: recipe, checkpoints, kept weights, curves and pictures.",
    formula: "Σ bytes of its files",
    source: "",
};

/// The lowest validation loss.
pub fn validation(summary: &Summary, value: f64) -> String {
    format!("{} of {} checkpoints", digits(value), summary.checkpoints.len())
}

/// Time and steps.
pub fn time(summary: &Summary) -> String {
    let (secs, steps) = (summary.secs, summary.step);
    format!(
        "{} s ∕ {steps} = {} s a step",
        digits(secs),
        digits(secs / steps.max(1) as f64)
    )
}

/// Bytes.
pub fn size(bytes: u64, checkpoints: usize) -> String {
    format!("{} bytes, {checkpoints} checkpoints", words::count(bytes))
}
