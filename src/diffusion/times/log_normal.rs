//! Log-normal noise (Karras et al. 2022, table 1): `ln(sigma / alpha) ~ N(mean, std²)`.

use super::{Draw, TimeSampling};
use crate::math::{Entry, Param, normal, schedule::NoiseSchedule};

/// Registry entry.
pub const ENTRY: Entry<dyn TimeSampling> = Entry {
    id: "log-normal",
    label: "Log-normal noise",
    help: "The logarithm of the noise is normal; for the EDM target",
    source: "arXiv:2206.00364",
    params: &[
        Param::real("mean", -10.0, 10.0, -1.2, "Mean of ln(sigma / alpha)"),
        Param::real("std", 0.01, 10.0, 1.2, "Its standard deviation"),
    ],
    build: |p| {
        Ok(Box::new(LogNormal {
            mean: p.real("mean"),
            std: p.real("std"),
        }))
    },
};

/// `ln(sigma / alpha)` normal.
struct LogNormal {
    mean: f64,
    std: f64,
}

impl TimeSampling for LogNormal {
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, _place: u64, _batch: u64) -> Draw {
        let at = schedule.at_sigma((self.mean + self.std * normal::quantile(u)).exp());
        let level = match schedule.steps() {
            Some(_) => schedule.level(at.t.round()),
            None => at,
        };
        Draw { level, weight: 1.0 }
    }
}
