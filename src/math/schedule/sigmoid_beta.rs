//! Sigmoid betas (Xu et al. 2022, `GeoDiff`); not the same thing as a sigmoid `ᾱ`.

use super::{NoiseSchedule, Table, params};
use crate::math::{Entry, Param};

/// `beta_t` follows the logistic curve from -6 to 6 between `beta-start` and `beta-end`.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "sigmoid-beta",
    label: "Sigmoid of beta",
    help: "Betas rise in an S; keeps signal long, then drops it",
    source: "arXiv:2203.02923",
    params: &[
        params::STEPS,
        Param::real("beta-start", 1e-6, 0.5, 1e-4, "First beta at T = 1000"),
        Param::real("beta-end", 1e-5, 0.999, 0.02, "Last beta at T = 1000"),
        params::SCALE,
        params::ZERO_SNR,
    ],
    build: |p| {
        let (first, last) = params::beta_ends(p);
        let betas = params::line(-6.0, 6.0, p.count("steps")).map(|v| first + params::logistic(v) * (last - first));
        Ok(Box::new(Table::from_betas(betas).with_end(p)))
    },
};
