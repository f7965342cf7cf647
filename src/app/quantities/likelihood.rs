//! What a picture costs under a model.

use super::{Quantity, digits};
use crate::engine::likelihood::{Bound, Likelihood, Unit};

/// The exact likelihood.
pub static PATH: Quantity = Quantity {
    name: "Likelihood along the path",
    said: "How many bits the model needs for each number of the picture, along the probability-flow path: exact but for \
           Hutchinson's estimate of the divergence. 8 bits would be no compression at all.",
    formula: "bits = −ln p ∕ (D ln 2) + log₂ 127.5\nfor points: −ln p",
    source: "Song et al. 2021 (score SDE), section 4.3",
};

/// The variational bound.
pub static BOUND: Quantity = Quantity {
    name: "Variational bound",
    said: "What a code for the picture that is built from the model's steps would need. The exact cost is at most this \
           much, and training holds it down.",
    formula: "L_T + Σ Lₜ₋₁ + L₀",
    source: "Ho et al. 2020, eq. 5",
};

/// The prior's term.
pub static PRIOR: Quantity = Quantity {
    name: "Prior L_T",
    said: "What is left of the picture at the noisiest level, which the start of sampling knows nothing of. Close to 0 in a \
           good schedule.",
    formula: "L_T = KL(q(x_T | x₀) ‖ N(0, 1))",
    source: "Ho et al. 2020, eq. 5",
};

/// The terms in between.
pub static MIDDLE: Quantity = Quantity {
    name: "Steps Lₜ₋₁",
    said: "How far the model's step is from the true step back, summed over all times. Measured at one time in each of \
           equal stretches.",
    formula: "Σ KL(q(xₜ₋₁ | xₜ, x₀) ‖ p(xₜ₋₁ | xₜ))",
    source: "Ho et al. 2020, eq. 5",
};

/// The last step's term.
pub static LAST: Quantity = Quantity {
    name: "Last step L₀",
    said: "What the bytes themselves cost at the last step, where each owns an interval of width 2/255.",
    formula: "L₀ = −ln p(x₀ | x₁)",
    source: "Ho et al. 2020, eq. 13",
};

/// The path's bits from the log-density.
pub fn path(found: &Likelihood) -> String {
    let Unit::Bits(numel) = found.unit else {
        return format!("−ln p = {} nats", digits(found.path));
    };
    let nats = (found.path - 127.5_f64.log2()) * numel as f64 * std::f64::consts::LN_2;
    format!(
        "−ln p = {} nats\n{} ∕ ({numel} · ln 2) + log₂ 127.5 = {:.3}",
        digits(nats),
        digits(nats),
        found.path
    )
    .replace('-', "−")
}

/// The bound from its parts.
pub fn bound(bound: &Bound, unit: Unit) -> String {
    let [prior, middle, first, total] =
        [bound.prior, bound.middle(), bound.first, bound.total()].map(|nats| unit.of_probability(nats));
    format!("{prior:.4} + {middle:.4} + {first:.4} = {total:.3}").replace("+ -", "− ")
}

/// A part of the bound, from nats.
pub fn part(nats: f64, unit: Unit) -> String {
    let told = unit.of_probability(nats);
    match unit {
        Unit::Nats => format!("{} nats", digits(nats)),
        Unit::Bits(numel) => format!("{} ∕ ({numel} · ln 2) = {told:.3}", digits(nats)),
    }
}
