//! Traps of the schedule itself.

use super::{Change, Found, Part, Severity, Trap, figure};
use crate::math::spec::Value;

pub(super) const UNSCALED_BETAS: Trap = Trap {
    part: Part::Schedule,
    id: "unscaled-betas",
    title: "β of 1000 steps used for fewer",
    reason: "Published values of β are meant for T = 1000; with fewer steps they must be multiplied by 1000 / T, or the \
             noise never gets to the end",
    source: "arXiv:2006.11239",
    look: |seen| {
        let spec = &seen.recipe.schedule;
        let steps = seen.schedule.steps().filter(|&steps| steps < 1000)?;
        let is_unscaled = spec.values.get("scale") == Some(&Value::Flag(false));
        let left = seen.schedule.at_share(1.0).snr();
        (is_unscaled && left > 0.01).then(|| {
            Found::new(
                Severity::Warning,
                format!(
                    "β is that of 1000 steps, but there are only {steps}: at the end the signal-to-noise ratio is still {}.",
                    figure(left)
                ),
            )
            .mended("Scale β", Change::Schedule(spec.clone().with("scale", Value::Flag(true))))
        })
    },
};

pub(super) const PALE_END: Trap = Trap {
    part: Part::Schedule,
    id: "pale-end",
    title: "The end is not pure noise",
    reason: "Sampling starts from pure noise, but the network only ever saw noise with some signal in it, above all the \
             mean brightness: very dark and very bright samples cannot be made",
    source: "arXiv:2305.08891",
    look: |seen| {
        let last = seen.schedule.at_share(1.0);
        let left = last.alpha.powi(2);
        (last.sigma <= 1.0 && left > 0.01).then(|| {
            Found::new(
                Severity::Warning,
                format!(
                    "The end is not pure noise: {} % of the signal is left (ᾱ = {}), {} bits a number. Sampling starts from \
                     pure noise, so samples will look pale.",
                    figure(100.0 * left),
                    figure(left),
                    figure(prior_bits(last.sigma))
                ),
            )
        })
    },
};

/// How far the end is from pure noise for data of unit size: the Kullback-Leibler divergence of `N(alpha x0, sigma²)` from
/// `N(0, 1)` in bits, for each number of a sample.
pub(super) fn prior_bits(sigma: f64) -> f64 {
    -sigma.log2()
}

pub(super) const SMALL_RANGE: Trap = Trap {
    part: Part::Schedule,
    id: "small-range",
    title: "Less noise than the data are wide",
    reason: "Where the signal stays as it is, the greatest noise must reach from any sample to any other; otherwise the start \
             is not the noise that sampling begins with",
    source: "arXiv:2006.09011",
    look: |seen| {
        let last = seen.schedule.at_share(1.0);
        let apart = seen.spread() * (2.0 * seen.data.domain?.numel() as f64).sqrt();
        (last.sigma > 1.0 && last.sigma < apart).then(|| {
            Found::new(
                Severity::Warning,
                format!(
                    "Two samples lie about {} apart, but the noise grows to σ = {} only.",
                    figure(apart),
                    figure(last.sigma)
                ),
            )
        })
    },
};

pub(super) const NOISY_START: Trap = Trap {
    part: Part::Schedule,
    id: "noisy-start",
    title: "The first level is noisy",
    reason: "What is below the least noise of the schedule is never learned, and the last step of sampling has to guess it",
    source: "arXiv:2102.09672",
    look: |seen| {
        let first = seen.schedule.at_share(0.0);
        (first.sigma > 0.2).then(|| {
            let text = format!(
                "Already the first level is noisy (σ = {}): fine detail is never learned.",
                figure(first.sigma)
            );
            Found::new(Severity::Warning, text)
        })
    },
};

pub(super) const WASTED_END: Trap = Trap {
    part: Part::Schedule,
    id: "wasted-end",
    title: "Much of the schedule is noise only",
    reason: "Where nothing of the sample is left there is nothing to learn; uniform times spend their share of the training \
             there all the same",
    source: "arXiv:2102.09672",
    look: |seen| {
        let is_gone = |percent: &f64| seen.schedule.at_share(percent / 100.0).alpha.powi(2) < 1e-4;
        let gone = (0..75).map(f64::from).find(is_gone)?;
        let text = format!(
            "From {gone} % of the schedule on nothing of the sample is left: much of the training teaches nothing."
        );
        Some(Found::new(Severity::Warning, text))
    },
};
