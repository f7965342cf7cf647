//! How good restored pictures are.

use super::{Quantity, digits};
use crate::engine::event::Candidate;

/// Peak signal-to-noise ratio.
pub static PSNR: Quantity = Quantity {
    name: "PSNR",
    said: "How near the answer is to the picture that was given; more is nearer. Of a hole there are many right answers, and \
           a blurred one scores well.",
    formula: "20 log₁₀(2 ∕ RMS difference) dB,  black to white is 2",
    source: "",
};

/// Structural similarity.
pub static SSIM: Quantity = Quantity {
    name: "SSIM",
    said: "Structural similarity: brightness, contrast and structure in small windows, from 1 for equal pictures down.",
    formula: "mean over windows of (2 m m′ + c)(2 s″ + d) ∕ ((m² + m′² + c)(s² + s′² + d))\nm: means, s²: variances, s″: \
              covariance, c = 0.02², d = 0.06²",
    source: "Wang et al. 2004, eq. 13",
};

/// Visibility of the mask's edge.
pub static SEAM: Quantity = Quantity {
    name: "Seam",
    said: "Mean step from pixel to pixel across the mask's edge, beside the mean step elsewhere: 1 is no seam, more is a \
           visible one.",
    formula: "mean |xᵢ − xⱼ| across the edge ∕ mean |xᵢ − xⱼ| elsewhere",
    source: "",
};

/// How well what was known was kept.
pub static KNOWN: Quantity = Quantity {
    name: "Known to",
    said: "How exactly the answer keeps what was measured, as a peak signal-to-noise ratio; more is more exact.",
    formula: "20 log₁₀(2 ∕ residual) dB,  residual = √(mean (H x − y)²)",
    source: "",
};

/// What was measured and is not kept.
pub static RESIDUAL: Quantity = Quantity {
    name: "Residual",
    said: "Root mean square of what was known and is not kept; black to white is 2.",
    formula: "√(mean (H x − y)²)",
    source: "",
};

/// How much answers differ.
pub static DIVERSITY: Quantity = Quantity {
    name: "Diversity",
    said: "Root mean square distance of the answers from their mean, where they are free to differ.",
    formula: "√(mean over free pixels of the variance over answers)",
    source: "",
};

/// Network calls.
pub static CALLS: Quantity = Quantity {
    name: "Calls",
    said: "How often the network was asked for one answer; a gradient counts as one call.",
    formula: "calls of all answers ∕ answers",
    source: "",
};

/// Network time.
pub static SECS: Quantity = Quantity {
    name: "Seconds",
    said: "Time of the network for all answers together.",
    formula: "Σ seconds of its calls",
    source: "",
};

/// From a peak signal-to-noise ratio to the error it stands for.
pub fn psnr(db: f64) -> String {
    decibels(2.0 / 10_f64.powf(db / 20.0), db)
}

/// What is not kept, in decibels.
pub fn known(one: &Candidate) -> String {
    match one.consistency_db {
        Some(db) => decibels(one.residual, db),
        None => "the residual is 0".into(),
    }
}

fn decibels(error: f64, db: f64) -> String {
    format!("20 log₁₀(2 ∕ {}) = {db:.1} dB", digits(error)).replace('-', "−")
}

/// A number as it is.
pub fn plain(name: &str, value: f64) -> String {
    format!("{name} = {}", digits(value))
}
