//! How far samplers are from the exact path.

use super::{Quantity, digits};
use crate::engine::laboratory::{self, Row, Trial};

/// The distance from the exact end of the path.
pub static ERROR: Quantity = Quantity {
    name: "Error of a sampler",
    said: "Root mean square distance of its samples from the exact end of the path that each began on, for samplers that \
           follow it. With an exact model the whole error is the sampler's.",
    formula: "√(Σ (xᵢ − exactᵢ)² ∕ n)",
    source: "",
};

/// The measured order.
pub static ORDER: Quantity = Quantity {
    name: "Order of a sampler",
    said: "By which power of the calls the error falls, between the last two that are more than rounding: with order 2 twice \
           the calls leave a quarter of the error.",
    formula: "ln(e ∕ e′) ∕ ln(n′ ∕ n),  e: error with n calls",
    source: "",
};

/// A trial in words.
pub fn trial(row: &Row, trial: &Trial, value: f64) -> String {
    format!(
        "{} with {} calls ({} allowed): {}",
        row.label,
        trial.calls,
        trial.wanted,
        digits(value)
    )
}

/// The order from the two trials that it was measured by.
pub fn order(row: &Row) -> String {
    match row.slope() {
        Some(trials @ [(few, large), (many, small)]) => format!(
            "ln({} ∕ {}) ∕ ln({many} ∕ {few}) = {:.2}",
            digits(large),
            digits(small),
            laboratory::order(trials)
        ),
        None => "Fresh noise follows no path, or the error is mere rounding.".into(),
    }
}
