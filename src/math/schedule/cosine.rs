//! Cosine `ᾱ` (Nichol and Dhariwal 2021, eq. 17).

use super::{NoiseSchedule, table::Table};
use crate::math::{Entry, Param};

/// `ᾱ(u) ∝ cos²((u + offset) / (1 + offset) · π/2)` with betas capped.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "cosine",
    label: "Cosine",
    help: "Removes signal evenly; better than linear for small pictures",
    source: "arXiv:2102.09672",
    params: &[
        Param::int("steps", 2, 10_000, 1000, "Number of noise levels T"),
        Param::real("offset", 0.0, 0.2, 0.008, "Keeps the first betas from vanishing"),
        Param::real("max-beta", 0.5, 0.9999, 0.999, "Cap of beta near the end"),
    ],
    build: |p| {
        let (steps, offset, cap) = (p.count("steps"), p.real("offset"), p.real("max-beta"));
        let alpha_bar = |i: usize| {
            ((i as f64 / steps as f64 + offset) / (1.0 + offset) * std::f64::consts::FRAC_PI_2)
                .cos()
                .powi(2)
        };
        let betas = (0..steps).map(|i| (1.0 - alpha_bar(i + 1) / alpha_bar(i)).min(cap));
        Ok(Box::new(Table::from_betas(betas)))
    },
};
