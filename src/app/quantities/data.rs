//! What is said of data.

use super::{Quantity, digits};

/// How many samples there are.
pub static COUNT: Quantity = Quantity {
    name: "Samples",
    said: "Most are learned from; the others are never shown to the network in training, so that the validation loss tells \
           whether it learned them by heart.",
    formula: "all = to learn from + for validation",
    source: "",
};

/// Their mean.
pub static MEAN: Quantity = Quantity {
    name: "Mean of the data",
    said: "Mean of all values of a channel or coordinate, where −1 is black and +1 is white. Far from 0, pure noise is a poor \
           start: its mean is 0.",
    formula: "m = Σ xᵢ ∕ n",
    source: "",
};

/// Their deviation.
pub static DEVIATION: Quantity = Quantity {
    name: "Deviation of the data",
    said: "How much the values of a channel or coordinate vary. A schedule is made for about 1; with less, as in most \
           pictures, the same noise drowns more.",
    formula: "s = √(Σ (xᵢ − m)² ∕ n),  signal to noise: α² s² ∕ σ²",
    source: "Karras et al. 2022, table 1 (σ_data)",
};

/// How the samples are divided.
pub fn split(count: usize, validation: usize) -> String {
    format!("{} + {validation} = {count}", count - validation)
}

/// Mean and deviation of one channel.
pub fn channel(name: &str, mean: f64, std: f64) -> String {
    format!("{name}: m = {},  s = {}", digits(mean), digits(std)).replace('-', "−")
}
