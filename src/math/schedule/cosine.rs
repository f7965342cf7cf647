//! Cosine `ᾱ` (Nichol and Dhariwal 2021, eq. 17).

use std::f64::consts::FRAC_PI_2;

use super::{NoiseSchedule, Table, params};
use crate::math::{Entry, Param};

/// `ᾱ(u) ∝ cos²((u + offset) / (1 + offset) · π/2)` with betas capped.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "cosine",
    label: "Cosine",
    help: "Removes signal evenly; better than linear for small pictures",
    source: "arXiv:2102.09672",
    params: &[
        params::STEPS,
        Param::real("offset", 0.0, 0.2, 0.008, "Keeps the first betas from vanishing"),
        params::MAX_BETA,
        params::ZERO_SNR,
    ],
    build: |p| {
        let offset = p.real("offset");
        let alpha_bar = |u: f64| ((u + offset) / (1.0 + offset) * FRAC_PI_2).cos().powi(2);
        Ok(Box::new(Table::from_curve(alpha_bar, p).with_end(p)))
    },
};
