//! Square-root `ᾱ` (Li et al. 2022, Diffusion-LM).

use super::{NoiseSchedule, Table, params};
use crate::math::{Entry, Param};

/// `ᾱ(u) ∝ 1 - √(u + offset)`.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "sqrt",
    label: "Square root",
    help: "Adds much noise at once, then slowly; meant for embedded words",
    source: "arXiv:2205.14217",
    params: &[
        params::STEPS,
        Param::real("offset", 1e-6, 0.01, 1e-4, "Keeps the slope finite at the start"),
        params::MAX_BETA,
        params::ZERO_SNR,
    ],
    build: |p| {
        let offset = p.real("offset");
        let alpha_bar = |u: f64| 1.0 - (u + offset).sqrt();
        Ok(Box::new(Table::from_curve(alpha_bar, p).with_end(p)))
    },
};
