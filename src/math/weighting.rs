//! How much each noise level counts in the loss.
//!
//! A squared error of any target is a squared error of the clean sample: with the determinant `a sigma - b alpha` of the
//! target, `|target error|² = (determinant / sigma)² |x0 error|²`. So each weighting is stated for the clean sample, and
//! divided by that factor for the target at hand.

use super::{Entry, Level, Param, Spec, SpecError, schedule::NoiseSchedule, spec, target::Target};

/// The weight of a noise level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weighting {
    /// 1 on the target's own error; on the score, the variance of the noise, which makes it the error of the noise.
    Simple,
    /// `SNR` on the clean sample: the error of the noise, whatever the target.
    Snr,
    /// `min(SNR, gamma)` on the clean sample.
    MinSnr {
        /// Where the weight stops to grow.
        gamma: f64,
    },
    /// `SNR gamma / (SNR + gamma)` on the clean sample.
    SoftMinSnr {
        /// Where the weight slows down.
        gamma: f64,
    },
    /// `SNR / (k + SNR)^gamma` on the clean sample.
    P2 {
        /// Keeps the weight finite at pure noise.
        k: f64,
        /// 0 is no change; 1 favours much noise most.
        gamma: f64,
    },
    /// `(sigma² + sigma_data²) / (sigma sigma_data)²` on the clean sample: unit weight on EDM's network.
    Edm {
        /// Standard deviation of the data.
        sigma_data: f64,
    },
    /// The variational bound in nats: `T (SNR(t-1) - SNR(t)) / 2` on the clean sample. Where the network says its variance,
    /// the bound with that variance takes the place of the squared error.
    Vlb,
    /// As [`Self::Simple`], with a share of the bound that teaches the network's variance (Nichol and Dhariwal 2021).
    Hybrid {
        /// Factor of the bound.
        share: f64,
    },
    /// As [`Self::Simple`], divided by the loss that is to be expected at the level, which is learned (Karras et al. 2024).
    Learned,
}

const GAMMA: Param = Param::real(
    "gamma",
    0.1,
    100.0,
    5.0,
    "Signal-to-noise ratio above which the weight is held",
);

/// All weightings.
pub const ENTRIES: &[&Entry<Weighting>] = &[
    &Entry {
        id: "simple",
        label: "Simple",
        help: "Every noise level counts the same in the network's own answer",
        source: "arXiv:2006.11239",
        params: &[],
        build: |_| Ok(Box::new(Weighting::Simple)),
    },
    &Entry {
        id: "snr",
        label: "SNR",
        help: "As if the noise were the target; favours little noise",
        source: "arXiv:2202.00512",
        params: &[],
        build: |_| Ok(Box::new(Weighting::Snr)),
    },
    &Entry {
        id: "min-snr",
        label: "Min-SNR",
        help: "Holds the weight of almost clean samples; trains faster",
        source: "arXiv:2303.09556",
        params: &[GAMMA],
        build: |p| Ok(Box::new(Weighting::MinSnr { gamma: p.real("gamma") })),
    },
    &Entry {
        id: "soft-min-snr",
        label: "Soft Min-SNR",
        help: "Min-SNR without the corner",
        source: "arXiv:2401.11605",
        params: &[GAMMA],
        build: |p| Ok(Box::new(Weighting::SoftMinSnr { gamma: p.real("gamma") })),
    },
    &Entry {
        id: "p2",
        label: "P2",
        help: "Favours the middle, where the content is decided",
        source: "arXiv:2204.00227",
        params: &[
            Param::real("k", 0.01, 10.0, 1.0, "Keeps the weight finite at pure noise"),
            Param::real("gamma", 0.0, 2.0, 1.0, "Strength; 0 is off"),
        ],
        build: |p| {
            Ok(Box::new(Weighting::P2 {
                k: p.real("k"),
                gamma: p.real("gamma"),
            }))
        },
    },
    &Entry {
        id: "edm",
        label: "EDM",
        help: "Every noise level counts the same in the preconditioned network",
        source: "arXiv:2206.00364",
        params: &[Param::real(
            "sigma-data",
            0.01,
            10.0,
            0.5,
            "Standard deviation of the data",
        )],
        build: |p| {
            Ok(Box::new(Weighting::Edm {
                sigma_data: p.real("sigma-data"),
            }))
        },
    },
    &Entry {
        id: "vlb",
        label: "Likelihood",
        help: "The variational bound itself: good likelihoods, plainer pictures",
        source: "arXiv:2107.00630",
        params: &[],
        build: |_| Ok(Box::new(Weighting::Vlb)),
    },
    &Entry {
        id: "hybrid",
        label: "Hybrid",
        help: "Simple, with a little of the bound to learn the variance by; needs a net with variance",
        source: "arXiv:2102.09672",
        params: &[Param::real("share", 1e-6, 1.0, 0.001, "Factor of the bound")],
        build: |p| Ok(Box::new(Weighting::Hybrid { share: p.real("share") })),
    },
    &Entry {
        id: "learned",
        label: "Learned uncertainty",
        help: "Every noise level is divided by its own expected loss, learned on the way; EDM2's choice",
        source: "arXiv:2312.02696",
        params: &[],
        build: |_| Ok(Box::new(Weighting::Learned)),
    },
];

/// Builds the chosen weighting.
pub fn build(spec: &Spec) -> Result<Weighting, SpecError> {
    spec::build("weighting", ENTRIES, spec).map(|w| *w)
}

impl Weighting {
    /// Factor of the squared error of `target` at a level of `schedule`. Where the target's error says nothing about the
    /// clean sample (noise as the target at pure noise) the factor is 1.
    pub fn weight(self, target: Target, at: Level, schedule: &dyn NoiseSchedule) -> f64 {
        let clean = match (self, target) {
            (Self::Simple | Self::Hybrid { .. } | Self::Learned, _) => {
                return if target == Target::Score { at.sigma.powi(2) } else { 1.0 };
            }
            _ => self.of_clean(at, schedule),
        };
        let factor = (target.determinant(at) / at.sigma).powi(2);
        if factor > 0.0 { clean / factor } else { 1.0 }
    }

    /// Factor of the squared error of the clean sample.
    fn of_clean(self, at: Level, schedule: &dyn NoiseSchedule) -> f64 {
        let snr = at.snr();
        match self {
            Self::Simple | Self::Hybrid { .. } | Self::Learned => 1.0,
            Self::Snr => snr,
            Self::MinSnr { gamma } => snr.min(gamma),
            Self::SoftMinSnr { gamma } => snr * gamma / (snr + gamma),
            Self::P2 { k, gamma } => snr / (k + snr).powf(gamma),
            Self::Edm { sigma_data } => {
                let variance = at.sigma_ve().powi(2);
                if variance.is_finite() {
                    (variance + sigma_data.powi(2)) / (variance * sigma_data.powi(2))
                } else {
                    sigma_data.powi(-2)
                }
            }
            Self::Vlb => fall_of_snr(at.t, schedule) / 2.0,
        }
    }
}

/// How much the SNR falls at `t` in all time, were it to fall as fast everywhere: the step before `t` (after it, for the
/// first index) times `T`; by a central difference in continuous time.
fn fall_of_snr(t: f64, schedule: &dyn NoiseSchedule) -> f64 {
    let (start, end) = schedule.domain().into_inner();
    let (from, to) = if schedule.steps().is_some() {
        (t.max(start + 1.0) - 1.0, t.max(start + 1.0))
    } else {
        let h = (end - start) * 1e-5;
        ((t - h).max(start), (t + h).min(end))
    };
    let length = schedule.steps().map_or(end - start, |steps| steps as f64);
    (schedule.level(from).snr() - schedule.level(to).snr()) * length / (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::schedule;

    fn at_snr(snr: f64) -> Level {
        Level::from_alpha_bar(0.0, snr / (1.0 + snr))
    }

    fn weight(weighting: Weighting, target: Target, snr: f64) -> f64 {
        weighting.weight(target, at_snr(snr), &*schedule::build(&Spec::new("linear")).unwrap())
    }

    /// Hang et al. 2023, table of weights for gamma = 5.
    #[test]
    fn min_snr_equals_the_paper() {
        let min = Weighting::MinSnr { gamma: 5.0 };
        for (target, snr, expected) in [
            (Target::Eps, 25.0, 0.2),
            (Target::X0, 25.0, 5.0),
            (Target::V, 25.0, 5.0 / 26.0),
            (Target::Eps, 0.01, 1.0),
            (Target::X0, 0.01, 0.01),
            (Target::V, 0.01, 0.01 / 1.01),
        ] {
            let found = weight(min, target, snr);
            assert!((found / expected - 1.0).abs() < 1e-9, "{target:?} {snr}: {found}");
        }
        assert_eq!(weight(min, Target::Eps, 0.0), 1.0);
        assert_eq!(weight(min, Target::V, 0.0), 0.0);
    }

    /// Two ways to say the same loss.
    #[test]
    fn equal_losses_have_equal_weights() {
        let linear = schedule::build(&Spec::new("linear")).unwrap();
        for snr in [0.02, 1.0, 30.0] {
            let at = at_snr(snr);
            let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{snr}: {a} is not {b}");
            // The error of the noise is SNR times that of the clean sample; of the velocity, SNR + 1 times.
            close(Weighting::Snr.weight(Target::Eps, at, &*linear), 1.0);
            close(Weighting::Snr.weight(Target::X0, at, &*linear), snr);
            close(Weighting::Snr.weight(Target::V, at, &*linear), snr / (snr + 1.0));
            close(
                Weighting::Simple.weight(Target::Score, at, &*linear),
                Weighting::Snr.weight(Target::Score, at, &*linear),
            );
            let edm = Weighting::Edm { sigma_data: 0.5 };
            close(edm.weight(Target::Edm { sigma_data: 0.5 }, at, &*linear), 1.0);
            // Soft Min-SNR with gamma = 4 is 1 / (sigma² + sigma_data²).
            let soft = Weighting::SoftMinSnr { gamma: 4.0 };
            close(soft.weight(Target::X0, at, &*linear), 1.0 / (1.0 / snr + 0.25));
            close(
                Weighting::P2 { k: 1.0, gamma: 0.0 }.weight(Target::Eps, at, &*linear),
                1.0,
            );
        }
    }

    #[test]
    fn the_bound_telescopes() {
        let linear = schedule::build(&Spec::new("linear")).unwrap();
        let sum: f64 = (1..1000)
            .map(|t| Weighting::Vlb.weight(Target::X0, linear.level(f64::from(t)), &*linear))
            .sum();
        let expected = 500.0 * (linear.level(0.0).snr() - linear.level(999.0).snr());
        assert!((sum / expected - 1.0).abs() < 1e-9);
        let vp = schedule::build(&Spec::new("vp")).unwrap();
        let found = Weighting::Vlb.weight(Target::X0, vp.level(500.0), &*vp);
        let slope = (vp.level(499.0).snr() - vp.level(501.0).snr()) / 2.0;
        assert!((found / (slope * 999.0 / 2.0) - 1.0).abs() < 1e-3, "{found}");
    }
}
