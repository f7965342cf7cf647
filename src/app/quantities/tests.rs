use std::{collections::BTreeSet, fs, path::Path};

use eframe::egui::{Context, FontId, RawInput};

use super::*;
use crate::{
    app::{run_view::RunView, theme},
    data::Progress,
    engine::{
        RunId,
        event::{self, Candidate, RunInfo, StepFrame},
        laboratory::{Row, Trial},
        likelihood::{Bound, Likelihood, Unit},
    },
    files::{Recipe, figures},
    math::{Frame, Level},
};

mod sums;

use sums::value;

#[test]
fn each_quantity_is_complete_and_has_one_name() {
    let mut names = BTreeSet::new();
    for of in ALL {
        assert!(names.insert(of.name), "{} is there twice", of.name);
        assert!(of.said.ends_with('.') && of.said.len() > 40, "{}: {}", of.name, of.said);
        assert!(!of.formula.is_empty(), "{} has no formula", of.name);
        assert!(!of.said.contains("  ") && !of.name.contains("  "), "{}", of.name);
    }
}

#[test]
fn each_entry_is_in_the_registry() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app/quantities");
    let text = |entry: std::io::Result<fs::DirEntry>| fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
    let written: usize = fs::read_dir(folder)
        .unwrap()
        .map(|entry| text(entry).matches("\npub static ").count())
        .sum();
    // The list itself is one as well.
    assert_eq!(written - 1, ALL.len());
}

#[test]
fn the_fonts_have_all_signs() {
    let ctx = Context::default();
    theme::install(&ctx);
    ctx.run_ui(RawInput::default(), |_| {}).textures_delta.clear();
    let lacks = |font: &FontId, text: &str| -> Vec<char> {
        let signs = text.chars().filter(|c| !c.is_whitespace());
        signs
            .filter(|c| !ctx.fonts_mut(|fonts| fonts.has_glyph(font, *c)))
            .collect()
    };
    let (words, formula) = (FontId::proportional(13.5), FontId::monospace(12.5));
    for of in ALL {
        for (font, text) in [
            (&words, of.name),
            (&words, of.said),
            (&words, of.source),
            (&formula, of.formula),
        ] {
            assert_eq!(lacks(font, text), Vec::<char>::new(), "{text}");
        }
    }
    let filled = [
        level::snr(LEVELS.map(|alpha_bar| Level::from_alpha_bar(740.0, alpha_bar))[3]),
        training::rate(&run(1200)),
        training::gradient(&run(1200)),
        sample::change(&frame(0.25), &frame(0.0)),
        sample::statistics(&frame(0.25), (0.0, 1.0)),
    ];
    for text in filled {
        assert_eq!(lacks(&formula, &text), Vec::<char>::new(), "{text}");
    }
    assert_eq!(lacks(&formula, "漢").len(), 1);
}

fn run(step: u64) -> RunView {
    let mut recipe = Recipe::default();
    recipe.train.steps = 2000;
    recipe.train.warmup = 100;
    recipe.train.lr = 1e-3;
    recipe.train.lr_end = 0.1;
    recipe.train.clip = 1.0;
    recipe.ema.decay = 0.995;
    let data = crate::data::load(&recipe.data, 0, &Progress::default()).unwrap();
    let mut run = RunView::new(RunInfo {
        run: RunId(1),
        recipe,
        folder: "run".into(),
        domain: data.domain,
        data,
        executor: "cpu".into(),
        weights: 1,
        step: 0,
        levels: Vec::new().into(),
    });
    let report = event::Progress {
        losses: (1..=step).map(|n| (n, 0.5 + 0.1 * (n as f32 * 0.7).sin())).collect(),
        lr: 1e-3
            * if step <= 100 {
                step as f64 / 100.0
            } else {
                by_cosine(step)
            },
        grad_norm: 2.5,
        ema_decay: 0.995_f64.min(step as f64 / (step + 9) as f64),
        steps_per_sec: 12.5,
        ..event::Progress::default()
    };
    run.progress(report);
    run
}

/// The share of the rate after warm-up, by hand.
fn by_cosine(step: u64) -> f64 {
    let way = (step - 101) as f64 / 1900.0;
    0.1 + 0.45 * (1.0 + (std::f64::consts::PI * way).cos())
}

#[test]
fn a_training_is_what_its_formulas_say() {
    for step in [50, 100, 101, 1200] {
        let run = run(step);
        assert_filled(&training::rate(&run), run.now.lr, 1e-6);
        assert_filled(&training::decay(&run), run.now.ema_decay, 1e-4);
        assert_filled(&training::loss(&run), run.losses.last_smooth().unwrap(), 1e-3);
        assert_filled(&training::left(&run), (2000 - step) as f64 / 12.5, 0.06);
        assert_filled(&training::speed(&run), 0.08, 1e-6);
        // A gradient of norm 2.5 that is clipped at 1.
        assert_filled(&training::gradient(&run), 0.4, 1e-9);
        let samples = step as f64 * run.info.recipe.train.batch as f64;
        assert_filled(&training::steps(step, &run.info.recipe), samples, 1e-9);
    }
}

#[test]
fn before_the_first_step_nothing_is_divided_by_zero() {
    let run = RunView::new(run(1).info);
    for text in [training::speed(&run), training::left(&run), training::loss(&run)] {
        assert!(!text.contains("inf") && !text.contains("NaN"), "{text}");
    }
}

#[test]
fn what_was_changed_by_hand_is_said_to_be() {
    let mut run = run(1200);
    assert!(!training::rate(&run).contains("by hand"));
    run.now.lr /= 2.0;
    run.now.ema_decay = 0.9;
    let text = training::rate(&run);
    assert!(
        text.contains("r = 5.000e-4 (changed by hand)") || text.contains("r = 0.0005000 (changed by hand)"),
        "{text}"
    );
    assert_filled(&text, run.now.lr, 1e-6);
    assert_filled(&training::decay(&run), 0.9, 1e-9);
}

/// The last line with an equals sign is a sum that is right, and its result is `shown`.
#[track_caller]
fn assert_filled(text: &str, shown: f64, within: f64) {
    let line = text.lines().rfind(|line| line.contains('=')).expect("a formula");
    let parts: Vec<&str> = line.split('=').collect();
    let [.., sum, result] = parts[..] else { panic!("{line}") };
    let (sum, result) = (value(sum), value(result));
    assert!((sum - result).abs() <= within, "{line}: {sum}");
    assert!((result - shown).abs() <= within, "{line}: {shown} is shown");
}

const LEVELS: [f64; 5] = [0.999, 0.7, 0.2753, 0.01, 4e-5];

#[test]
fn levels_are_what_their_formulas_say() {
    for at in LEVELS.map(|alpha_bar| Level::from_alpha_bar(740.0, alpha_bar)) {
        let alpha_bar = at.alpha * at.alpha;
        assert_filled(&level::alpha_bar(at), alpha_bar, 1e-3 * alpha_bar);
        assert_filled(&level::sigma(at), (1.0 - alpha_bar).sqrt(), 1e-4);
        assert_filled(&level::snr(at), 10.0 * (alpha_bar / (1.0 - alpha_bar)).log10(), 0.06);
        let before = Level::from_alpha_bar(739.0, alpha_bar / 0.99);
        assert_filled(&level::beta(before, at), 0.01, 1e-4);
    }
    assert_filled(&level::step(12, 50), 0.24, 1e-9);
    assert_eq!(level::snr(Level::clean(0.0)), "no noise is left");
    // Noise beside the whole signal, as in variance-exploding schedules: no variance is kept, so none is taken a root of.
    let exploding = Level {
        t: 1.0,
        alpha: 1.0,
        sigma: 14.6,
    };
    assert_eq!(level::sigma(exploding), "xₜ = 1.000 x₀ + 14.60 ε");
}

fn frame(change: f32) -> StepFrame {
    let points = Frame::Points {
        xy: vec![0.5, -1.0, 2.0, 0.25].into(),
    };
    StepFrame {
        index: 3,
        level: Level::from_alpha_bar(500.0, 0.4),
        x: points.clone(),
        x0: points.clone(),
        eps: points,
        change,
        x_stats: (0.1, 1.0),
        x0_stats: (0.0, 0.5),
    }
}

#[test]
fn samples_are_counted() {
    let text = sample::statistics(&frame(0.0), (0.1, 1.0));
    assert!(text.contains("n = 2 · 2 = 4"), "{text}");
    assert_filled(&sample::change(&frame(0.25), &frame(0.0)), 0.25, 1e-3);
}

#[test]
fn a_bound_is_the_sum_of_its_parts() {
    let bound = Bound {
        prior: 0.3,
        first: 90.0,
        terms: vec![(0.1, 2.0), (0.6, 1.0)],
        count: 998,
    };
    let unit = Unit::Bits(64);
    let bits = |nats: f64| nats / 64.0 / 2_f64.ln();
    assert_filled(&likelihood::bound(&bound, unit), bits(0.3 + 90.0 + 998.0 * 1.5), 2e-3);
    assert_filled(&likelihood::part(90.0, unit), bits(90.0), 2e-3);
    for nats in [-120.0, 40.0] {
        let found = Likelihood {
            model: String::new(),
            unit,
            path: unit.of_density(nats),
            bound: None,
        };
        assert_filled(&likelihood::path(&found), bits(nats) + 127.5_f64.log2(), 2e-3);
    }
}

#[test]
fn decibels_are_those_of_the_error() {
    // An error of a hundredth of black to white is 40 dB.
    assert_filled(&picture::psnr(40.0), 40.0, 0.06);
    assert!(picture::psnr(40.0).contains("0.02000"));
    let one = |residual, consistency_db| Candidate {
        residual,
        consistency_db,
        psnr_db: None,
        ssim: None,
        seam: None,
        class: None,
        class_probability: None,
    };
    assert_filled(&picture::known(&one(4.0, Some(-6.0206))), -6.0, 0.06);
    assert_eq!(picture::known(&one(0.0, None)), "the residual is 0");
}

#[test]
fn an_order_is_that_of_the_last_two_errors() {
    let trial = |calls, error| Trial {
        wanted: calls,
        calls,
        error: Some(error),
        distance: None,
    };
    let mut row = Row {
        sampler: "heun".into(),
        label: "Heun".into(),
        trials: vec![trial(5, 0.9), trial(10, 0.04), trial(20, 0.01)],
        order: None,
    };
    assert_filled(&laboratory::order(&row), 2.0, 1e-3);
    row.trials.truncate(1);
    assert!(!laboratory::order(&row).contains('='));
}

#[test]
fn figures_are_set_beside_real_data() {
    let row = figures::Row {
        step: 1200,
        figure: "feature-kid".into(),
        value: -0.012,
        error: Some(0.003),
        reference: Some(0.004),
    };
    let text = quality::figure(&row);
    let line = text.lines().find(|line| line.contains("times")).unwrap();
    assert_filled(line, -3.0, 1e-2);
}

#[test]
fn what_is_used_is_a_share() {
    assert_filled(&machine::memory(25 << 20, 100 << 20, 2), 0.25, 1e-9);
    assert_filled(&data::split(1000, 50), 1000.0, 1e-9);
}
