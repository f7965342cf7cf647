//! How good samples are in the eyes of a small classifier.

use super::{Quantity, digits};
use crate::files::figures::Row;

/// The Fréchet distance of features.
pub static FRECHET: Quantity = Quantity {
    name: "Feature-Fréchet",
    said: "Distance between samples and training pictures in the eyes of a small classifier; less is better. It falls with \
           the number of samples, so compare only equal numbers, and never with FID, which has other features.",
    formula: "|m − m′|² + tr(S + S′ − 2 (S S′)^½),  m and S: mean and covariance of the features",
    source: "Heusel et al. 2017, eq. 6",
};

/// The kernel distance of features.
pub static KERNEL: Quantity = Quantity {
    name: "Feature-KID",
    said: "Kernel distance between samples and training pictures in the eyes of a small classifier; less is better, about \
           zero for equal ones and, being without bias, now and then a little below.",
    formula: "mean k(x, x′) + mean k(y, y′) − 2 mean k(x, y)\nk(x, y) = (x·y ∕ d + 1)³",
    source: "Bińkowski et al. 2018",
};

/// The share of samples that are recognised.
pub static RECOGNISED: Quantity = Quantity {
    name: "Recognised",
    said: "Share of samples of whose class a small classifier is sure; more is better, up to what real data have.",
    formula: "samples with max p(class) > 0.9, of all",
    source: "",
};

/// The share of samples of the right class.
pub static ACCURACY: Quantity = Quantity {
    name: "Right class",
    said: "Share of samples that a small classifier puts into the class that was asked for; more is better.",
    formula: "samples with argmax p(class) as asked, of all",
    source: "",
};

/// A figure with its error, beside what data score.
pub fn figure(row: &Row) -> String {
    let error = row.error.map_or_else(String::new, |e| format!(" ± {}", digits(e)));
    let text = format!("step {}: {}{error}", row.step, digits(row.value));
    let beside = |real: f64| {
        format!(
            "\nreal data {}\n{} ∕ {} = {} times that",
            digits(real),
            digits(row.value),
            digits(real),
            digits(row.value / real)
        )
    };
    let real = row.reference.filter(|real| *real != 0.0);
    text + &real.map_or_else(String::new, beside) + "\n± is one standard error over rounds, s ∕ √rounds"
}
