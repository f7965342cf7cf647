//! Linear betas (Ho et al. 2020), scaled with the number of steps so that the end is noise whatever `T` is.

use super::{NoiseSchedule, Table, params};
use crate::math::{Entry, Param};

/// `beta_t` from `beta-start` to `beta-end`; times `1000 / T` where `scale` is on (improved-diffusion's convention).
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "linear",
    label: "Linear",
    help: "Betas rise in a straight line; the schedule of the first DDPM",
    source: "arXiv:2006.11239",
    params: &[
        params::STEPS,
        Param::real("beta-start", 1e-6, 0.5, 1e-4, "First beta at T = 1000"),
        Param::real("beta-end", 1e-5, 0.999, 0.02, "Last beta at T = 1000"),
        params::SCALE,
        params::ZERO_SNR,
    ],
    build: |p| {
        let (first, last) = params::beta_ends(p);
        let line = params::line(first, last, p.count("steps"));
        Ok(Box::new(Table::from_betas(line).with_end(p)))
    },
};
