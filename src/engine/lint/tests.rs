//! Every trap is seen where it is, and not where it is not.

use super::*;
use crate::{diffusion::Guidance, engine::suggest, files::recipe::StartRecipe};

/// Settings that can be changed one by one: sound ones to begin with.
#[derive(Clone)]
struct Case {
    recipe: Recipe,
    request: SampleRequest,
    data: About,
}

impl Case {
    fn sound() -> Self {
        Self {
            recipe: Recipe {
                schedule: Spec::new("cosine"),
                target: Spec::new("v"),
                ..Recipe::default()
            },
            request: SampleRequest::default(),
            data: About {
                domain: Some(PICTURES),
                spread: Some(0.5),
            },
        }
    }

    fn on(schedule: Spec) -> Self {
        let mut case = Self::sound();
        case.recipe.schedule = schedule;
        case
    }

    fn learning(mut self, target: Spec, weighting: &str) -> Self {
        self.recipe.target = target;
        self.recipe.weighting = Spec::new(weighting);
        self
    }

    fn by(mut self, sampler: Spec, steps: usize, spacing: Spec) -> Self {
        (self.request.sampler, self.request.steps, self.request.spacing) = (sampler, steps, spacing);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn told(&self) -> Vec<Advice> {
        look(Settings {
            recipe: &self.recipe,
            request: Some(&self.request),
            data: self.data,
        })
    }

    fn finds(&self, id: &str) -> Option<Advice> {
        self.told().into_iter().find(|advice| advice.trap.id == id)
    }
}

const PICTURES: Domain = Domain::Image {
    channels: 1,
    height: 28,
    width: 28,
};

fn linear(steps: i64, scale: bool) -> Spec {
    Spec::new("linear")
        .with("steps", Value::Int(steps))
        .with("scale", Value::Flag(scale))
}

fn zero_snr() -> Spec {
    Spec::new("cosine").with("zero-snr", Value::Flag(true))
}

fn word(spec: &str, key: &str, value: &str) -> Spec {
    Spec::new(spec).with(key, Value::Text(value.into()))
}

fn number(spec: &str, key: &str, value: f64) -> Spec {
    Spec::new(spec).with(key, Value::Real(value))
}

/// For each trap settings that fall into it, and others that nearly do.
fn cases() -> Vec<(&'static str, Case, Case)> {
    let (sound, ddim, trailing) = (Case::sound, || Spec::new("ddim"), || Spec::new("trailing"));
    let guided = |scale, rescale| {
        Case::sound().with(|case| {
            case.request.guidance = Guidance {
                scale,
                rescale,
                ..Guidance::default()
            };
        })
    };
    let points = |case: Case| case.with(|case| case.data.domain = Some(Domain::Points));
    let heun = |churn| sound().by(number("heun", "churn", churn), 50, trailing());
    let mirrored =
        |source: &str| sound().with(|case| (case.recipe.data.source, case.recipe.data.flip) = (source.into(), true));
    let varied = |weighting: &str| {
        sound().with(|case| {
            case.recipe.net = case.recipe.net.clone().with("variance", Value::Flag(true));
            case.recipe.weighting = Spec::new(weighting);
        })
    };
    let bounded = |share| varied("hybrid").with(|case| case.recipe.weighting = number("hybrid", "share", share));
    let started = |steps| Case::on(linear(steps, true)).with(|case| case.recipe.start = Some(StartRecipe::default()));
    let edm = |spread| {
        Case::on(Spec::new("edm"))
            .learning(Spec::new("edm"), "edm")
            .with(|case| case.data.spread = Some(spread))
    };
    vec![
        (
            "unscaled-betas",
            Case::on(linear(100, false)),
            Case::on(linear(100, true)),
        ),
        (
            "pale-end",
            Case::on(number("linear", "beta-end", 0.005)),
            Case::on(number("linear", "beta-end", 0.012)),
        ),
        (
            "small-range",
            Case::on(number("ve", "sigma-max", 10.0)),
            Case::on(number("ve", "sigma-max", 25.0)),
        ),
        (
            "noisy-start",
            Case::on(number("linear", "beta-start", 0.05)),
            Case::on(number("linear", "beta-start", 0.01)),
        ),
        (
            "wasted-end",
            Case::on(number("linear", "beta-end", 0.05)),
            Case::on(number("linear", "beta-end", 0.02)),
        ),
        (
            "undefined-target",
            Case::on(zero_snr()).learning(Spec::new("eps"), "simple"),
            Case::on(zero_snr()).learning(Spec::new("v"), "simple"),
        ),
        (
            "amplified-guess",
            points(sound().learning(Spec::new("eps"), "simple")),
            sound().learning(Spec::new("eps"), "simple"),
        ),
        (
            "uneven-target",
            Case::on(Spec::new("ve")),
            Case::on(Spec::new("ve")).learning(Spec::new("score"), "simple"),
        ),
        (
            "weightless-end",
            sound().learning(Spec::new("v"), "min-snr"),
            sound().learning(Spec::new("eps"), "min-snr"),
        ),
        ("other-spread", edm(1.0), edm(0.5)),
        ("untaught-variance", varied("simple"), varied("hybrid")),
        ("bound-share", bounded(1e-6), bounded(2e-4)),
        ("network-time", started(100), started(1000)),
        ("no-average", sound().with(|case| case.recipe.ema.decay = 0.0), sound()),
        ("mirrored-writing", mirrored("digits8x8"), mirrored("fashion-mnist")),
        (
            "late-start",
            sound().by(ddim(), 10, Spec::new("leading")),
            sound().by(ddim(), 10, Spec::new("linspace")),
        ),
        (
            "last-jump",
            sound().by(ddim(), 2, trailing()),
            sound().by(ddim(), 10, trailing()),
        ),
        (
            "gaps",
            sound().by(ddim(), 30, word("linspace", "landing", "stride")),
            sound().by(ddim(), 50, word("leading", "landing", "stride")),
        ),
        (
            "fewer-steps",
            Case::on(linear(20, true)).by(ddim(), 50, trailing()),
            Case::on(linear(20, true)).by(ddim(), 20, trailing()),
        ),
        (
            "beyond-training",
            Case::on(linear(1000, true)).by(ddim(), 20, number("karras", "sigma-max", 400.0)),
            Case::on(linear(1000, true)).by(ddim(), 20, number("karras", "sigma-max", 100.0)),
        ),
        (
            "cut-schedule",
            Case::on(linear(1000, true)).with(|case| case.request.schedule = Some(Spec::new("cosine"))),
            Case::on(Spec::new("cosine")).with(|case| case.request.schedule = Some(linear(1000, true))),
        ),
        (
            "changed-spread",
            Case::on(linear(1000, true)).by(Spec::new("ddpm"), 50, trailing()),
            Case::on(linear(1000, true)).by(word("ddpm", "variance", "large"), 50, trailing()),
        ),
        ("strong-guidance", guided(7.5, 0.0), guided(7.5, 0.7)),
        ("saturated-churn", heun(40.0), heun(20.0)),
        (
            "clipped-inversion",
            sound().by(Spec::new("ddim-inverse"), 50, trailing()),
            points(sound().by(Spec::new("ddim-inverse"), 50, trailing())),
        ),
    ]
}

#[test]
fn every_trap_is_seen_where_it_is_and_only_there() {
    let cases = cases();
    let covered: Vec<_> = cases.iter().map(|(id, ..)| *id).collect();
    let known: Vec<_> = TRAPS.iter().map(|trap| trap.id).collect();
    assert_eq!(covered, known);
    for (id, caught, spared) in cases {
        let found = caught.finds(id);
        assert!(found.is_some(), "{id} was not seen; instead {:?}", caught.told());
        assert!(spared.finds(id).is_none(), "{id}: {:?}", spared.finds(id));
    }
}

#[test]
fn a_remedy_mends_what_it_is_offered_for() {
    let mut mended = 0;
    for (id, mut case, _) in cases() {
        let Some(Remedy { change, .. }) = case.finds(id).and_then(|advice| advice.remedy) else {
            continue;
        };
        let (recipe, request) = (change.of_recipe(&case.recipe), change.of_request(&case.request));
        assert!(
            recipe.is_some() != request.is_some(),
            "{id}: {change:?} changes one thing"
        );
        case.recipe = recipe.unwrap_or(case.recipe);
        case.request = request.unwrap_or(case.request);
        assert!(case.finds(id).is_none(), "{id} after {change:?}: {:?}", case.finds(id));
        mended += 1;
    }
    assert!(mended > 12, "{mended}");
}

#[test]
fn remedies_for_the_number_of_steps_do_not_chase_each_other() {
    let steps = |advice: Advice| advice.remedy.filter(|remedy| matches!(remedy.change, Change::Steps(_)));
    for (levels, asked) in [(2, 1), (2, 50), (4, 4), (8, 1), (8, 50), (20, 2), (1000, 1)] {
        let mut case = Case::on(linear(levels, true)).by(Spec::new("ddim"), asked, Spec::new("trailing"));
        let mut followed = 0;
        while let Some(remedy) = case.told().into_iter().find_map(steps) {
            case.request = remedy.change.of_request(&case.request).unwrap();
            followed += 1;
            assert!(followed < 2, "{levels} levels, {asked} steps: {remedy:?}");
        }
    }
}

#[test]
fn sound_settings_are_not_complained_about() {
    assert!(Case::sound().told().is_empty(), "{:?}", Case::sound().told());
    for (id, _) in suggest::RECIPES {
        let recipe = suggest::bundled(id).unwrap().unwrap();
        let told = look(Settings {
            recipe: &recipe,
            request: Some(&SampleRequest::default()),
            data: About::default(),
        });
        assert!(told.is_empty(), "{id}: {told:?}");
    }
}

#[test]
fn a_share_of_the_bound_is_too_large_or_too_small() {
    for (share, told) in [(0.5, "500 times more"), (1e-5, "100 times less")] {
        let case = Case::sound().with(|case| case.recipe.weighting = number("hybrid", "share", share));
        let text = case.finds("bound-share").unwrap().text;
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn nothing_is_said_of_what_cannot_be_built() {
    let broken = Case::on(number("linear", "beta-end", 7.0));
    assert!(broken.told().is_empty());
    let broken = Case::sound().by(Spec::new("ddim"), 5, Spec::new("nowhere"));
    assert!(broken.told().is_empty(), "{:?}", broken.told());
}

#[test]
fn the_worst_comes_first() {
    let case = Case::on(zero_snr())
        .learning(Spec::new("eps"), "simple")
        .with(|case| case.recipe.ema.decay = 0.0);
    let told: Vec<_> = case.told().iter().map(|advice| advice.severity).collect();
    assert_eq!(told, [Severity::Fault, Severity::Note]);
}

/// End of the linear schedule with unscaled betas: figures that were computed without this program.
#[test]
fn figures_of_short_schedules_are_those_that_are_known() {
    for (steps, snr, bits) in [
        (50, 1.52, 0.67),
        (100, 0.57, 0.33),
        (200, 0.15, 0.10),
        (1000, 4e-5, 3e-5),
    ] {
        let case = Case::on(linear(steps, false));
        let last = schedule::build(&case.recipe.schedule)
            .unwrap()
            .level(steps as f64 - 1.0);
        let close = |found: f64, expected: f64| (found / expected - 1.0).abs() < 0.05;
        assert!(close(last.snr(), snr), "T = {steps}: {}", last.snr());
        assert!(
            close(shape::prior_bits(last.sigma), bits),
            "T = {steps}: {}",
            shape::prior_bits(last.sigma)
        );
    }
    let text = Case::on(linear(50, false)).finds("pale-end").unwrap().text;
    assert!(text.contains("60.3 %") && text.contains("0.666 bits"), "{text}");
}

#[test]
fn figures_have_three_digits() {
    for (value, text) in [
        (0.60312, "0.603"),
        (4.036e-5, "4.04e-5"),
        (1234.5, "1230"),
        (0.0, "0"),
        (900.0, "900"),
    ] {
        assert_eq!(figure(value), text);
    }
}
