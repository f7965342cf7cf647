//! How much each noise level counts in the loss.
//!
//! A squared error of any target is a squared error of the clean sample: with the determinant `a sigma - b alpha` of the
//! target, `|target error|² = (determinant / sigma)² |x0 error|²`. So each weighting is stated for the clean sample, and
//! divided by that factor for the target at hand.

use super::{Level, Spec, SpecError, schedule::NoiseSchedule, spec, target::Target};

mod entries;

pub use entries::ENTRIES;

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
mod tests;
