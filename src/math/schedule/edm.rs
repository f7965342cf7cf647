//! EDM's time (Karras et al. 2022): the network is told `ln(sigma) / 4`.

use std::ops::RangeInclusive;

use super::NoiseSchedule;
use crate::math::{Entry, Level, Param};

/// `alpha = 1`, `sigma = exp(4 t)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edm {
    /// Least noise.
    pub sigma_min: f64,
    /// Greatest noise.
    pub sigma_max: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "edm",
    label: "EDM",
    help: "The signal stays, noise from 0.002 to 80; for the EDM target and Karras spacing",
    source: "arXiv:2206.00364",
    params: &[
        Param::real("sigma-min", 1e-4, 1.0, 0.002, "Least noise"),
        Param::real("sigma-max", 1.5, 1000.0, 80.0, "Greatest noise"),
    ],
    build: |p| {
        Ok(Box::new(Edm {
            sigma_min: p.real("sigma-min"),
            sigma_max: p.real("sigma-max"),
        }))
    },
};

impl NoiseSchedule for Edm {
    fn level(&self, t: f64) -> Level {
        Level {
            t,
            alpha: 1.0,
            sigma: (4.0 * t).exp(),
        }
    }

    fn domain(&self) -> RangeInclusive<f64> {
        self.sigma_min.ln() / 4.0..=self.sigma_max.ln() / 4.0
    }

    fn steps(&self) -> Option<usize> {
        None
    }

    fn at_sigma(&self, sigma_ve: f64) -> Level {
        Level {
            t: sigma_ve.ln() / 4.0,
            alpha: 1.0,
            sigma: sigma_ve,
        }
    }
}
