//! How far samples are from others.

use super::{Quantity, digits};
use crate::engine::likeness::Measure;

/// Sliced Wasserstein distance.
pub static WASSERSTEIN: Quantity = Quantity {
    name: "Sliced Wasserstein",
    said: "How far the points as a set must move to lie as the others do, whichever belong together, seen along 64 \
           directions. 0 is the same distribution.",
    formula: "√(mean over directions u of W₂(u·x, u·y)²)",
    source: "Rabin et al. 2012",
};

/// Energy distance.
pub static ENERGY: Quantity = Quantity {
    name: "Energy distance",
    said: "How much farther samples are from the data than each set is from itself; less is better, about zero where both \
           have one distribution.",
    formula: "2 mean |x − y| − mean |x − x′| − mean |y − y′|",
    source: "Székely and Rizzo 2013",
};

/// Root mean square difference.
pub static RMS: Quantity = Quantity {
    name: "RMS difference",
    said: "Root mean square difference from the reference, sample by sample, in sample units (black to white is 2); the mean \
           over the samples. 0 is equal.",
    formula: "mean over samples of √(Σ (xᵢ − yᵢ)² ∕ n)",
    source: "",
};

/// A measure over samples with its error.
pub fn measured(measure: Measure, samples: usize, pair: &str) -> String {
    let error = |e: f64| format!(" ± {} (one standard error)", digits(e));
    let error = measure.error.map_or_else(String::new, error);
    format!("{pair}, {samples} samples\n{}{error}", digits(measure.value))
}
