//! Parameters and small functions that several schedules share.

use crate::math::{Param, Params};

/// Number of noise levels.
pub(super) const STEPS: Param = Param::int("steps", 2, 10_000, 1000, "Number of noise levels T");

/// Whether betas are stated for `T = 1000`.
pub(super) const SCALE: Param = Param::flag(
    "scale",
    true,
    "Multiply betas by 1000 / T, so that few steps still end in noise",
);

/// Cap of betas that follow from a curve of `ᾱ`.
pub(super) const MAX_BETA: Param = Param::real("max-beta", 0.5, 0.9999, 0.999, "Cap of beta near the end");

/// Whether the last level has no signal at all.
pub(super) const ZERO_SNR: Param = Param::flag(
    "zero-snr",
    false,
    "End in pure noise (needs a v, x₀ or flow target and trailing spacing)",
);

/// First and last beta from the parameters `beta-start`, `beta-end`, `scale` and `steps`.
pub(super) fn beta_ends(p: &Params) -> (f64, f64) {
    let factor = if p.flag("scale") {
        1000.0 / p.count("steps") as f64
    } else {
        1.0
    };
    (p.real("beta-start") * factor, p.real("beta-end") * factor)
}

/// `n` even numbers from `first` to `last`, both included; `n` is at least 2.
pub(super) fn line(first: f64, last: f64, n: usize) -> impl Iterator<Item = f64> {
    (0..n).map(move |i| first + (last - first) * i as f64 / (n - 1) as f64)
}

/// `1 / (1 + e^-v)`.
pub(super) fn logistic(v: f64) -> f64 {
    1.0 / (1.0 + (-v).exp())
}
