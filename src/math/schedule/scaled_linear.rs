//! Betas whose square roots are linear (Rombach et al. 2022).

use super::{NoiseSchedule, Table, params};
use crate::math::{Entry, Param};

/// `beta_t = (a line from √beta-start to √beta-end)²`.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "scaled-linear",
    label: "Scaled linear",
    help: "Square roots of beta rise in a straight line; the schedule of Stable Diffusion",
    source: "arXiv:2112.10752",
    params: &[
        params::STEPS,
        Param::real("beta-start", 1e-6, 0.5, 8.5e-4, "First beta at T = 1000"),
        Param::real("beta-end", 1e-5, 0.999, 0.012, "Last beta at T = 1000"),
        params::SCALE,
        params::ZERO_SNR,
    ],
    build: |p| {
        let (first, last) = params::beta_ends(p);
        let roots = params::line(first.sqrt(), last.sqrt(), p.count("steps"));
        Ok(Box::new(Table::from_betas(roots.map(|r| r * r)).with_end(p)))
    },
};
