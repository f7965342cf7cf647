//! What the program itself needs.

use super::{Quantity, digits};
use crate::app::words;

/// Memory of kept trajectories.
pub static MEMORY: Quantity = Quantity {
    name: "Memory of trajectories",
    said: "Memory of all kept trajectories, of what they may have. When it is used up the oldest one that is not pinned goes \
           first.",
    formula: "Σ bytes of the frames of all trajectories; shared frames count once",
    source: "",
};

/// What is used of the budget.
pub fn memory(used: usize, budget: usize, trajectories: usize) -> String {
    format!(
        "{trajectories} trajectories, {} of {}\n{used} ∕ {budget} = {}",
        words::bytes(used as u64),
        words::bytes(budget as u64),
        digits(used as f64 / budget.max(1) as f64)
    )
}
