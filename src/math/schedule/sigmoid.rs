//! Sigmoid `ᾱ` (Jabri et al. 2022; Chen 2023).

use super::{NoiseSchedule, Table, params};
use crate::math::{Entry, Param};

/// The logistic curve between `start` and `end`, mapped to `ᾱ` from 1 to 0.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "sigmoid",
    label: "Sigmoid",
    help: "Spends more time at both ends; for larger pictures",
    source: "arXiv:2212.11972",
    params: &[
        params::STEPS,
        Param::real("start", -10.0, 0.0, -3.0, "Where on the logistic curve it starts"),
        Param::real("end", 0.1, 10.0, 3.0, "Where on the logistic curve it ends"),
        Param::real("tau", 0.1, 10.0, 1.0, "Temperature: smaller is steeper"),
        params::MAX_BETA,
        params::ZERO_SNR,
    ],
    build: |p| {
        let (start, end, tau) = (p.real("start"), p.real("end"), p.real("tau"));
        let at = |v: f64| params::logistic(v / tau);
        let alpha_bar = |u: f64| (at(end) - at(start + u * (end - start))) / (at(end) - at(start));
        Ok(Box::new(Table::from_curve(alpha_bar, p).with_end(p)))
    },
};
