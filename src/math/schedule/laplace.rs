//! Laplace log-SNR (Hang et al. 2024): uniform times spend most of training where signal and noise are about equal.

use std::ops::RangeInclusive;

use super::{NoiseSchedule, params::logistic};
use crate::math::{Entry, Level, Param};

/// `ln SNR = mean - scale sgn(1/2 - u) ln(1 - 2 |u - 1/2|)` with `u = t / 1000`, the quantile of a Laplace distribution;
/// variance-preserving. The tails end where the log-SNR is `reach` above and below the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Laplace {
    /// Log-SNR in the middle.
    pub mean: f64,
    /// Scale of the distribution.
    pub scale: f64,
    /// Greatest distance of the log-SNR from the mean.
    pub reach: f64,
}

/// Registry entry.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "laplace",
    label: "Laplace",
    help: "Trains mostly where signal and noise are about equal; for exponential spacing",
    source: "arXiv:2407.03297",
    params: &[
        Param::real("mean", -4.0, 4.0, 0.0, "Log-SNR in the middle"),
        Param::real("scale", 0.4, 4.0, 0.5, "Spread of the log-SNR: smaller is narrower"),
        Param::real("reach", 5.0, 12.0, 10.0, "Farthest log-SNR from the middle"),
    ],
    build: |p| {
        Ok(Box::new(Laplace {
            mean: p.real("mean"),
            scale: p.real("scale"),
            reach: p.real("reach"),
        }))
    },
};

impl NoiseSchedule for Laplace {
    fn level(&self, t: f64) -> Level {
        let u = t / 1000.0;
        // Of the two tails the one that `u` is in: what is left to its end, twice.
        let tail = (2.0 * u.min(1.0 - u)).ln();
        let log_snr = self.mean - self.scale * tail.copysign(u - 0.5);
        Level {
            t,
            alpha: logistic(log_snr).sqrt(),
            sigma: logistic(-log_snr).sqrt(),
        }
    }

    fn domain(&self) -> RangeInclusive<f64> {
        let end = 500.0 * (-self.reach / self.scale).exp();
        end..=1000.0 - end
    }

    fn steps(&self) -> Option<usize> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Spec, schedule};

    fn log_snr(schedule: &dyn NoiseSchedule, t: f64) -> f64 {
        schedule.level(t).snr().ln()
    }

    /// The share of times with a log-SNR below `l` is the distribution function of Laplace, and so are both ends.
    #[test]
    fn uniform_times_have_laplace_distributed_log_snr() {
        let laplace = Laplace {
            mean: 0.7,
            scale: 0.5,
            reach: 10.0,
        };
        let (start, end) = laplace.domain().into_inner();
        assert!((log_snr(&laplace, start) - 10.7).abs() < 1e-6 && (log_snr(&laplace, end) + 9.3).abs() < 1e-5);
        for l in [-3.0, 0.0, 0.7, 0.9, 4.0_f64] {
            let below = if l < 0.7 {
                0.5 * ((l - 0.7) / 0.5).exp()
            } else {
                1.0 - 0.5 * (-(l - 0.7) / 0.5).exp()
            };
            // Noisier times come later.
            assert!((log_snr(&laplace, 1000.0 * (1.0 - below)) - l).abs() < 1e-9, "{l}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_paper() {
        let laplace = schedule::build(&Spec::new("laplace")).unwrap();
        assert!(log_snr(&*laplace, 500.0).abs() < 1e-12);
        assert!((log_snr(&*laplace, 250.0) - 0.5 * 2.0_f64.ln()).abs() < 1e-12);
    }
}
