//! Traps of what is learned on a schedule.

use super::{Change, Found, Part, Seen, Severity, Trap, figure, is_set, real};
use crate::math::{Domain, Level, Spec, spec::Value, target, target::Target, weighting};

/// Shares of a schedule that are looked at.
const PLACES: usize = 64;

/// How much more a guess may be wrong than what the network says.
const AMPLIFIED: f64 = 1e3;

pub(super) const UNDEFINED_TARGET: Trap = Trap {
    part: Part::Training,
    id: "undefined-target",
    title: "Noise as the target where nothing else is left",
    reason: "At zero signal-to-noise ratio x = ε, and x₀ = (x - σ ε) / α is 0 / 0; v, x₀ and flow are defined there",
    source: "arXiv:2305.08891",
    look: |seen| {
        let (target, last) = (target::build(&seen.recipe.target).ok()?, seen.schedule.at_share(1.0));
        let tells = target.determinant(last).abs() > 1e-9;
        (last.alpha == 0.0 && !tells).then(|| {
            Found::new(
                Severity::Fault,
                "The schedule ends without any signal, where this target says nothing about the sample: the first step of \
                 sampling is undefined.",
            )
            .mended("Learn v instead", Change::Target(Spec::new("v")))
        })
    },
};

pub(super) const AMPLIFIED_GUESS: Trap = Trap {
    part: Part::Training,
    id: "amplified-guess",
    title: "Errors of the noise blown up at the noisy end",
    reason: "x₀ = (x - σ ε) / α multiplies an error of ε by σ / α; where samples have no range that clips them, nothing \
             catches it",
    source: "arXiv:2202.00512",
    look: |seen| {
        let (target, last) = (target::build(&seen.recipe.target).ok()?, seen.schedule.at_share(1.0));
        let is_free = seen.data.domain.is_some_and(|domain| domain.range().is_none());
        let factor = target.decode(last)[0][0].abs();
        (is_free && last.alpha > 0.0 && last.sigma <= 1.0 && factor > AMPLIFIED).then(|| {
            let text = format!(
                "At the noisy end an error of the network counts {} times in the sample, and nothing clips these samples.",
                figure(factor)
            );
            Found::new(Severity::Note, text).mended("Learn v instead", Change::Target(Spec::new("v")))
        })
    },
};

pub(super) const UNEVEN_TARGET: Trap = Trap {
    part: Part::Training,
    id: "uneven-target",
    title: "Answers of very different size",
    reason: "With the simple weighting a level counts by the square of what the network must answer there; on a schedule that \
             is not variance-preserving v = α ε - σ x₀ grows with the noise",
    source: "arXiv:2206.00364",
    look: |seen| {
        let recipe = seen.recipe;
        let (target, weighting) = (
            target::build(&recipe.target).ok()?,
            weighting::build(&recipe.weighting).ok()?,
        );
        if recipe.weighting.id == "learned" {
            return None;
        }
        let size = |at: Level| {
            let (a, b) = target.row(at);
            (a * seen.spread()).hypot(b) * weighting.weight(target, at, &*seen.schedule).sqrt()
        };
        let is_simple = recipe.weighting.id == "simple" || recipe.weighting.id == "hybrid";
        let sizes = places(seen).map(size).filter(|size| size.is_finite());
        let (low, high) = sizes.fold((f64::INFINITY, 0.0_f64), |(low, high), size| {
            (low.min(size), high.max(size))
        });
        (is_simple && high > 10.0 * low).then(|| {
            let text = format!(
                "The network's answers range from {} to {}: the largest drown what the others teach.",
                figure(low),
                figure(high)
            );
            Found::new(Severity::Warning, text).mended("Learn the noise instead", Change::Target(Spec::new("eps")))
        })
    },
};

pub(super) const WEIGHTLESS_END: Trap = Trap {
    part: Part::Training,
    id: "weightless-end",
    title: "The noisy end counts for nothing",
    reason: "Weights that hold the SNR of x₀, as Min-SNR does, are min(SNR, γ) / (SNR + 1) on v and vanish with the SNR; at \
             zero SNR the level that sampling starts from is not learned at all",
    source: "arXiv:2303.09556",
    look: |seen| {
        let recipe = seen.recipe;
        let (target, weighting) = (
            target::build(&recipe.target).ok()?,
            weighting::build(&recipe.weighting).ok()?,
        );
        if !matches!(recipe.weighting.id.as_str(), "snr" | "min-snr" | "soft-min-snr" | "p2") {
            return None;
        }
        let weight = |at: Level| weighting.weight(target, at, &*seen.schedule);
        let (last, most) = (
            weight(seen.schedule.at_share(1.0)),
            places(seen).map(weight).fold(0.0, f64::max),
        );
        (last < 1e-3 * most).then(|| {
            let (severity, text) = if last == 0.0 {
                (
                    Severity::Warning,
                    "Pure noise has the weight 0: what sampling starts from is never learned.".into(),
                )
            } else {
                let text = format!("The noisy end counts {} of what the rest does.", figure(last / most));
                (Severity::Note, text)
            };
            Found::new(severity, text).mended("Weigh all the same", Change::Weighting(Spec::new("simple")))
        })
    },
};

pub(super) const OTHER_SPREAD: Trap = Trap {
    part: Part::Training,
    id: "other-spread",
    title: "EDM with the deviation of other data",
    reason: "EDM's preconditioning makes the network's input and output of unit size only with the standard deviation of the \
             data at hand; data in [0, 1] instead of [-1, 1] have half of it",
    source: "arXiv:2206.00364",
    look: |seen| {
        let (Target::Edm { sigma_data }, found) = (target::build(&seen.recipe.target).ok()?, seen.data.spread?) else {
            return None;
        };
        let ratio = (sigma_data / found).max(found / sigma_data);
        (ratio > 1.25).then(|| {
            let text = format!(
                "The target takes the data's deviation for {}, but it is {}.",
                figure(sigma_data),
                figure(found)
            );
            let rounded = (found * 1000.0).round() / 1000.0;
            let spec = seen.recipe.target.clone().with("sigma-data", Value::Real(rounded));
            Found::new(Severity::Warning, text).mended("Take the data's", Change::Target(spec))
        })
    },
};

pub(super) const UNTAUGHT_VARIANCE: Trap = Trap {
    part: Part::Training,
    id: "untaught-variance",
    title: "A variance that nothing teaches",
    reason: "The variance is learned from the variational bound alone; the simple loss does not touch it",
    source: "arXiv:2102.09672",
    look: |seen| {
        let recipe = seen.recipe;
        let is_taught = matches!(recipe.weighting.id.as_str(), "hybrid" | "vlb");
        (is_set(&recipe.net, "variance") && !is_taught).then(|| {
            let text = "The network says a variance, but this weighting never teaches it.";
            Found::new(Severity::Warning, text).mended("Weigh with the bound", Change::Weighting(Spec::new("hybrid")))
        })
    },
};

/// Factor of the bound in the hybrid loss of its paper.
const BOUND: f64 = 0.001;

pub(super) const BOUND_SHARE: Trap = Trap {
    part: Part::Training,
    id: "bound-share",
    title: "A share of the bound far from its paper's",
    reason: "The hybrid loss is the simple one and 0.001 of the bound, summed over all T steps: much more drowns the simple \
             loss, and with much less, as in code that leaves out the factor T, the layers that both share hardly learn of \
             the variance",
    source: "arXiv:2102.09672",
    look: |seen| {
        let weighting = &seen.recipe.weighting;
        let share = real(weighting, "share").filter(|_| weighting.id == "hybrid")?;
        let times = (share / BOUND).max(BOUND / share);
        (times > 10.0).then(|| {
            let text = format!(
                "The bound counts {} times {} than in its paper.",
                figure(times),
                if share > BOUND { "more" } else { "less" }
            );
            let spec = weighting.clone().with("share", Value::Real(BOUND));
            Found::new(Severity::Note, text).mended("As in the paper", Change::Weighting(spec))
        })
    },
};

pub(super) const NETWORK_TIME: Trap = Trap {
    part: Part::Training,
    id: "network-time",
    title: "Another T than the model began with",
    reason: "A network is told t = 0 … T - 1: for another T the same t means another noise",
    source: "",
    look: |seen| {
        let steps = seen.schedule.steps().filter(|&steps| steps != 1000)?;
        let start = seen.recipe.start.as_ref()?;
        let text = format!(
            "Time counts to T = {steps} here; where {} learned with another T it must learn all times anew.",
            start.model
        );
        Some(Found::new(Severity::Note, text))
    },
};

pub(super) const NO_AVERAGE: Trap = Trap {
    part: Part::Training,
    id: "no-average",
    title: "Samples from the weights of the last step",
    reason: "Averaged weights make far better samples than those of any single step; the average here warms up by itself",
    source: "arXiv:2312.02696",
    look: |seen| {
        (seen.recipe.ema.decay == 0.0).then(|| {
            let text = "Weights are not averaged: samples change with every step of training.";
            Found::new(Severity::Note, text).mended("Average them", Change::EmaDecay(0.999))
        })
    },
};

pub(super) const MIRRORED_WRITING: Trap = Trap {
    part: Part::Training,
    id: "mirrored-writing",
    title: "Mirrored digits and letters",
    reason: "A mirrored digit is no digit: half of the samples would be mirror writing",
    source: "",
    look: |seen| {
        let data = &seen.recipe.data;
        let is_writing = ["digit", "letter"]
            .iter()
            .any(|word| data.source.to_lowercase().contains(word));
        let is_picture = seen.data.domain != Some(Domain::Points);
        (data.flip && is_writing && is_picture).then(|| {
            let text = "Half of the pictures are mirrored, and these show digits or letters.";
            Found::new(Severity::Warning, text).mended("Do not mirror", Change::Unmirrored)
        })
    },
};

/// Levels all over the schedule.
fn places<'a>(seen: &'a Seen<'_>) -> impl Iterator<Item = Level> + use<'a> {
    (0..=PLACES).map(|i| seen.schedule.at_share(i as f64 / PLACES as f64))
}
