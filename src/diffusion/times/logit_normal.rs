//! Logit-normal times (Esser et al. 2024, eq. 19 and 23): `logit(u) ~ N(mean, std²)`, then `shift u / (1 + (shift - 1) u)`.

use super::{Draw, TimeSampling, at_share};
use crate::math::{Entry, Param, normal, schedule::NoiseSchedule};

/// Registry entry.
pub const ENTRY: Entry<dyn TimeSampling> = Entry {
    id: "logit-normal",
    label: "Logit-normal",
    help: "More often the middle times; for the flow target",
    source: "arXiv:2403.03206",
    params: &[
        Param::real("mean", -5.0, 5.0, 0.0, "Above 0 favours much noise"),
        Param::real("std", 0.01, 5.0, 1.0, "Smaller keeps nearer to the middle"),
        Param::real(
            "shift",
            0.1,
            20.0,
            1.0,
            "Above 1 favours much noise, as larger pictures want",
        ),
    ],
    build: |p| {
        Ok(Box::new(LogitNormal {
            mean: p.real("mean"),
            std: p.real("std"),
            shift: p.real("shift"),
        }))
    },
};

/// The share of time is the logistic function of a normal number, then shifted.
struct LogitNormal {
    mean: f64,
    std: f64,
    shift: f64,
}

impl TimeSampling for LogitNormal {
    fn draw(&self, schedule: &dyn NoiseSchedule, u: f64, _place: u64, _batch: u64) -> Draw {
        let share = 1.0 / (1.0 + (-self.mean - self.std * normal::quantile(u)).exp());
        at_share(schedule, self.shift * share / (1.0 + (self.shift - 1.0) * share))
    }
}
