//! Linear betas (Ho et al. 2020), scaled with the number of steps so that the end is noise whatever `T` is.

use super::{NoiseSchedule, table::Table};
use crate::math::{Entry, Param};

/// `beta_t` from `beta-start` to `beta-end`; times `1000 / T` where `scale` is on (improved-diffusion's convention).
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "linear",
    label: "Linear",
    help: "Betas rise in a straight line; the schedule of the first DDPM",
    source: "arXiv:2006.11239",
    params: &[
        Param::int("steps", 2, 10_000, 1000, "Number of noise levels T"),
        Param::real("beta-start", 1e-6, 0.5, 1e-4, "First beta at T = 1000"),
        Param::real("beta-end", 1e-5, 0.999, 0.02, "Last beta at T = 1000"),
        Param::flag(
            "scale",
            true,
            "Multiply betas by 1000 / T, so that few steps still end in noise",
        ),
    ],
    build: |p| {
        let steps = p.count("steps");
        let factor = if p.flag("scale") { 1000.0 / steps as f64 } else { 1.0 };
        let (first, last) = (p.real("beta-start") * factor, p.real("beta-end") * factor);
        let betas = (0..steps).map(|i| first + (last - first) * i as f64 / (steps - 1) as f64);
        Ok(Box::new(Table::from_betas(betas)))
    },
};
