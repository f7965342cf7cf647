//! Where a step is on the noise axis.

use super::{Quantity, digits};
use crate::{app::words, math::Level};

/// How far a sampler has come.
pub static STEP: Quantity = Quantity {
    name: "Step",
    said: "How many moves the sampler has made: none is pure noise, all of them are the result.",
    formula: "t₀ > t₁ > … > t_N,  one move from each to the next",
    source: "",
};

/// The time that the network is told.
pub static TIME: Quantity = Quantity {
    name: "Time t",
    said: "What the network is told of how much noise it looks at. The schedule says how much signal and noise that is.",
    formula: "xₜ = α x₀ + σ ε",
    source: "Ho et al. 2020, eq. 4",
};

/// The share of the variance that is signal.
pub static ALPHA_BAR: Quantity = Quantity {
    name: "Signal left ᾱ",
    said: "Share of the picture's variance that is left at time t: 1 is the picture, 0 is noise.",
    formula: "ᾱ = α²,  in discrete schedules ᾱ = (1 − β₁)(1 − β₂) … (1 − βₜ)",
    source: "Ho et al. 2020, eq. 4",
};

/// The noise that a step adds.
pub static BETA: Quantity = Quantity {
    name: "Noise added β",
    said: "Variance of the noise that the step to time t adds, while the signal shrinks by as much. A continuous schedule is \
           seen in a thousand steps.",
    formula: "β = 1 − ᾱₜ ∕ ᾱₜ₋₁",
    source: "Ho et al. 2020, eq. 2",
};

/// The noise level.
pub static SIGMA: Quantity = Quantity {
    name: "Noise level σ",
    said: "Standard deviation of the noise in x at time t.",
    formula: "xₜ = α x₀ + σ ε,  σ² = 1 − ᾱ where variance is preserved",
    source: "Ho et al. 2020, eq. 4",
};

/// The signal-to-noise ratio in decibels.
pub static SNR: Quantity = Quantity {
    name: "Signal-to-noise ratio",
    said: "How much stronger the signal is than the noise: 0 dB is equal power, each 10 dB are ten times as much. Above 20 dB \
           a picture is nearly clean, below −20 dB it is gone.",
    formula: "SNR = 10 log₁₀(α² ∕ σ²) dB",
    source: "Kingma et al. 2021, eq. 2",
};

/// The place of a step among all.
pub fn step(index: usize, moves: usize) -> String {
    format!(
        "{index} of {moves} moves\n{index} ∕ {moves} = {} of the way",
        digits(index as f64 / moves.max(1) as f64)
    )
}

/// The mixture at a level.
pub fn time(at: Level) -> String {
    format!(
        "t = {}\nxₜ = {} x₀ + {} ε",
        words::number(at.t),
        digits(at.alpha),
        digits(at.sigma)
    )
}

/// The signal at a level.
pub fn alpha_bar(at: Level) -> String {
    format!("α² = {}² = {}", digits(at.alpha), digits(at.alpha.powi(2)))
}

/// The noise that the step between two levels adds.
pub fn beta(before: Level, at: Level) -> String {
    let [before, now] = [before, at].map(|level| level.alpha.powi(2));
    format!("β = 1 − {now:.9} ∕ {before:.9} = {}", digits(1.0 - now / before))
}

/// The noise at a level.
pub fn sigma(at: Level) -> String {
    let keeps_variance = (at.alpha.powi(2) + at.sigma.powi(2) - 1.0).abs() < 1e-6;
    if keeps_variance {
        format!("σ = √(1 − {:.7}) = {}", at.alpha.powi(2), digits(at.sigma))
    } else {
        format!("xₜ = {} x₀ + {} ε", digits(at.alpha), digits(at.sigma))
    }
}

/// Signal to noise at a level.
pub fn snr(at: Level) -> String {
    if at.sigma == 0.0 {
        return "no noise is left".into();
    }
    let decibels = 10.0 * at.snr().log10();
    format!(
        "10 log₁₀({}² ∕ {}²) = {decibels:.1} dB",
        digits(at.alpha),
        digits(at.sigma)
    )
    .replace('-', "−")
}
