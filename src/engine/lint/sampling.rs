//! Traps of how samples are made.

use super::{Change, Found, Part, Severity, Trap, figure, real};
use crate::{
    diffusion::sampler,
    math::{
        Spec, schedule,
        spec::Value,
        spread::{Draw, of_samples},
    },
};

/// Guidance above which colours burn out.
const STRONG: f64 = 5.0;

pub(super) const LATE_START: Trap = Trap {
    part: Part::Sampling,
    id: "late-start",
    title: "The sampler does not start at the end",
    reason: "Leading spacing never visits the last level: the network is given pure noise and told that it is less",
    source: "arXiv:2305.08891",
    look: |seen| {
        let first = seen.moves.first()?.from;
        let (start, end) = seen.schedule.domain().into_inner();
        let share = (first.t - start) / (end - start);
        (share < 0.985).then(|| {
            let text = format!(
                "The sampler starts at t = {}, {} % of the way: the network is told that pure noise is less noisy than it \
                 is.",
                figure(first.t),
                figure((100.0 * share).round())
            );
            Found::new(Severity::Warning, text).mended("Trailing spacing", Change::Spacing(Spec::new("trailing")))
        })
    },
};

pub(super) const LAST_JUMP: Trap = Trap {
    part: Part::Sampling,
    id: "last-jump",
    title: "The last step jumps",
    reason: "The last move goes to no noise at all, so its guess is the sample: a guess from much noise is a mean of many",
    source: "arXiv:2206.00364",
    look: |seen| {
        let last = seen
            .moves
            .last()
            .filter(|mv| mv.to.sigma == 0.0 && mv.from.sigma > 0.5)?;
        let jump = format!(
            "The last step jumps from σ = {} to no noise at once",
            figure(last.from.sigma)
        );
        let most = seen.schedule.steps().unwrap_or(usize::MAX);
        if seen.moves.len() >= most {
            let text = format!("{jump}, and the schedule has no levels between: train with more of them.");
            return Some(Found::new(Severity::Warning, text));
        }
        let steps = (2 * seen.moves.len()).max(10).min(most);
        let text = format!("{jump}: take more steps or another spacing.");
        Some(Found::new(Severity::Warning, text).mended("More steps", Change::Steps(steps)))
    },
};

pub(super) const GAPS: Trap = Trap {
    part: Part::Sampling,
    id: "gaps",
    title: "Steps that do not meet",
    reason: "diffusers' DDIM lands ⌊T / steps⌋ below, whatever the spacing: unless the times are that far apart, the next \
             step is told another noise than there is",
    source: "",
    look: |seen| {
        let apart = |pair: &[crate::math::Move]| (pair[0].to.sigma_ve() / pair[1].from.sigma_ve()).ln().abs();
        let worst = seen.moves.windows(2).map(apart).fold(0.0, f64::max);
        (worst > 1e-3).then(|| {
            let text = format!(
                "Moves land beside where the next begins, by up to {} % of the noise.",
                figure(100.0 * worst.exp_m1())
            );
            let spacing = &seen
                .request
                .map_or(Spec::new("trailing"), |request| request.spacing.clone());
            let mended = spacing.clone().with("landing", Value::Text("next".into()));
            Found::new(Severity::Warning, text).mended("Land where the next begins", Change::Spacing(mended))
        })
    },
};

pub(super) const FEWER_STEPS: Trap = Trap {
    part: Part::Sampling,
    id: "fewer-steps",
    title: "More steps than levels",
    reason: "A discrete schedule is visited level by level at most",
    source: "",
    look: |seen| {
        let (asked, made) = (seen.request?.steps, seen.moves.len());
        (0 < made && made < asked).then(|| {
            let text = format!("{asked} steps are asked for, but the schedule has levels for {made}.");
            Found::new(Severity::Note, text).mended("As many as there are", Change::Steps(made))
        })
    },
};

pub(super) const BEYOND_TRAINING: Trap = Trap {
    part: Part::Sampling,
    id: "beyond-training",
    title: "Noise that the network never saw",
    reason: "Outside the levels of its training a network answers at random",
    source: "",
    look: |seen| {
        let (least, most) = seen.schedule.sigma_range();
        let told = |mv: &crate::math::Move| mv.from.with_signal().sigma_ve();
        let (first, last) = (seen.moves.first().map(told)?, seen.moves.last().map(told)?);
        let (is_above, is_below) = (first > 1.01 * most, last < 0.99 * least);
        (is_above || is_below).then(|| {
            let (found, end) = if is_above { (first, most) } else { (last, least) };
            let text = format!(
                "The sampler asks at σ/α = {}, but the network has learned {} {} only.",
                figure(found),
                if is_above { "up to" } else { "from" },
                figure(end)
            );
            let mut spacing = seen
                .request
                .map_or(Spec::new("trailing"), |request| request.spacing.clone());
            spacing.values.retain(|key, _| !key.starts_with("sigma-"));
            Found::new(Severity::Warning, text).mended("Only learned noise", Change::Spacing(spacing))
        })
    },
};

pub(super) const CUT_SCHEDULE: Trap = Trap {
    part: Part::Sampling,
    id: "cut-schedule",
    title: "Steps along more noise than was learned",
    reason: "Of another schedule than the model's only the levels within its own can be visited; those beyond become its ends",
    source: "",
    look: |seen| {
        let path = schedule::build(seen.request?.schedule.as_ref()?).ok()?;
        let ((least, most), (low, high)) = (seen.schedule.sigma_range(), path.sigma_range());
        (high > 1.5 * most || 1.5 * low < least).then(|| {
            let text = format!(
                "These steps go along noise from {} to {}, but the network has learned {} to {}: what lies beyond is left \
                 out.",
                figure(low),
                figure(high),
                figure(least),
                figure(most)
            );
            Found::new(Severity::Note, text).mended("The model's own schedule", Change::OwnSchedule)
        })
    },
};

pub(super) const CHANGED_SPREAD: Trap = Trap {
    part: Part::Sampling,
    id: "changed-spread",
    title: "Fresh noise in few steps",
    reason: "The posterior's variance is exact for small steps only: even a perfect network loses or gains contrast in large \
             ones",
    source: "arXiv:2010.02502",
    look: |seen| {
        let spread = seen.spread();
        let found = of_samples(&seen.moves, spread, drawn(&seen.request?.sampler)?);
        ((found / spread).ln().abs() > 0.1 && !seen.moves.is_empty()).then(|| {
            let text = format!(
                "With {} steps even a perfect network would make samples of deviation {} from data of {}.",
                seen.moves.len(),
                figure(found),
                figure(spread)
            );
            Found::new(Severity::Warning, text).mended("DDIM without noise", Change::Sampler(Spec::new("ddim")))
        })
    },
};

/// How a sampler draws fresh noise, where the recursion of the spread knows it and there is some.
fn drawn(sampler: &Spec) -> Option<Draw> {
    match (sampler.id.as_str(), sampler.values.get("variance")) {
        ("ddim", _) => real(sampler, "eta").filter(|eta| *eta > 0.0).map(Draw::Posterior),
        ("ddpm", None) => Some(Draw::Posterior(1.0)),
        ("ddpm", Some(Value::Text(text))) if text == "small" => Some(Draw::Posterior(1.0)),
        ("ddpm", Some(Value::Text(text))) if text == "large" => Some(Draw::Forward),
        _ => None,
    }
}

pub(super) const STRONG_GUIDANCE: Trap = Trap {
    part: Part::Sampling,
    id: "strong-guidance",
    title: "Strong guidance with nothing that holds it",
    reason: "Guidance w multiplies the difference that a class makes by w, and the contrast with it; rescaling brings it \
             back, an interval of noise spares the levels where it only harms",
    source: "arXiv:2305.08891",
    look: |seen| {
        let guidance = seen.request?.guidance;
        let is_held = guidance.rescale > 0.0 || guidance.interval.1.is_finite();
        (guidance.scale > STRONG && !is_held).then(|| {
            let text = format!(
                "Guidance of {} burns out colours and contrast, and nothing holds it back.",
                figure(guidance.scale)
            );
            Found::new(Severity::Warning, text).mended("Rescale by 0.7", Change::Rescale(0.7))
        })
    },
};

pub(super) const SATURATED_CHURN: Trap = Trap {
    part: Part::Sampling,
    id: "saturated-churn",
    title: "More churn than a step can take",
    reason: "EDM adds the share min(churn / steps, √2 - 1) of the noise before each step: more changes nothing",
    source: "arXiv:2206.00364",
    look: |seen| {
        let request = seen.request?;
        let churn = real(&request.sampler, "churn")?;
        let most = (std::f64::consts::SQRT_2 - 1.0) * request.steps as f64;
        (churn > most).then(|| {
            let text = format!(
                "With {} steps a churn above {} changes nothing.",
                request.steps,
                figure(most)
            );
            let spec = request
                .sampler
                .clone()
                .with("churn", Value::Real((most * 100.0).floor() / 100.0));
            Found::new(Severity::Note, text).mended("As much as counts", Change::Sampler(spec))
        })
    },
};

pub(super) const CLIPPED_INVERSION: Trap = Trap {
    part: Part::Sampling,
    id: "clipped-inversion",
    title: "Inversion with clipped guesses",
    reason: "Clipping the guess of x₀ while its noise stays is no longer the path of the ODE, and the way back leads elsewhere",
    source: "arXiv:2010.02502",
    look: |seen| {
        let is_inverse = seen.request?.sampler.id == sampler::ddim_inverse::ENTRY.id;
        let is_clipped = seen.data.domain.is_some_and(|domain| domain.range().is_some());
        (is_inverse && is_clipped).then(|| {
            let text = "Guesses are clipped to the range of pictures on the way to noise: sampling from there does not lead \
                        back exactly.";
            Found::new(Severity::Note, text)
        })
    },
};
