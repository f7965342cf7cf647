//! Every way to draw times against what it promises.

use super::*;
use crate::math::{Value, schedule};

#[test]
fn uniform_times_meet_every_index_equally_often() {
    let linear = schedule::build(&Spec::new("linear").with("steps", Value::Int(10))).unwrap();
    let uniform = build(&Spec::new("uniform")).unwrap();
    let mut counts = [0_u32; 10];
    for step in 0..1000 {
        for d in draw(&*uniform, &*linear, 3, step, 0..10, 10) {
            assert_eq!((d.level, d.weight), (linear.level(d.level.t), 1.0));
            counts[d.level.t as usize] += 1;
        }
    }
    // Five standard deviations of a binomial count.
    assert!(counts.iter().all(|&n| n.abs_diff(1000) < 150), "{counts:?}");
}

#[test]
fn strata_hold_one_time_each() {
    let linear = schedule::build(&Spec::new("linear")).unwrap();
    let stratified = build(&Spec::new("stratified")).unwrap();
    let drawn = draw(&*stratified, &*linear, 3, 7, 0..10, 10);
    for (i, d) in drawn.iter().enumerate() {
        assert_eq!(d.level.t as usize / 100, i);
    }
}

/// Quartiles of many draws against those of the distribution.
#[test]
fn normal_times_have_their_quartiles() {
    let quartiles = |sampling: &str, schedule: &str, value: fn(Level) -> f64| {
        let schedule = schedule::build(&Spec::new(schedule)).unwrap();
        let sampling = build(&Spec::new(sampling)).unwrap();
        let drawn = draw(&*sampling, &*schedule, 3, 7, 0..20_000, 20_000);
        let mut values: Vec<f64> = drawn.iter().map(|d| value(d.level)).collect();
        values.sort_by(f64::total_cmp);
        [values[5_000], values[10_000], values[15_000]]
    };
    let check = |found: [f64; 3], expected: [f64; 3]| {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 0.05, "{found:?} is not {expected:?}");
        }
    };
    let reach = 0.674_489_8;
    let log = [-1.2 - 1.2 * reach, -1.2, -1.2 + 1.2 * reach];
    check(quartiles("log-normal", "edm", |at| at.sigma.ln()), log);
    check(quartiles("log-normal", "linear", |at| at.sigma_ve().ln()), log);
    let logistic = |z: f64| 1.0 / (1.0 + (-z).exp());
    check(
        quartiles("logit-normal", "flow", |at| at.sigma),
        [logistic(-reach), 0.5, logistic(reach)],
    );
}

/// Each quantile of the logarithm of the noise, and of the shifted logit of the time, in closed form.
#[test]
fn normal_times_follow_their_formulas() {
    let z = [(0.1, -1.281_551_565_5), (0.5, 0.0), (0.8, 0.841_621_233_6)];
    let edm = schedule::build(&Spec::new("edm")).unwrap();
    let log_normal = Spec::new("log-normal")
        .with("mean", Value::Real(-0.4))
        .with("std", Value::Real(0.9));
    let log_normal = build(&log_normal).unwrap();
    let flow = schedule::build(&Spec::new("flow").with("steps", Value::Int(10_000))).unwrap();
    let logit_normal = Spec::new("logit-normal")
        .with("mean", Value::Real(0.7))
        .with("std", Value::Real(0.8));
    let logit_normal = build(&logit_normal.with("shift", Value::Real(3.0))).unwrap();
    for (u, z) in z {
        let drawn = log_normal.draw(&*edm, u, 0, 1);
        assert!(
            (drawn.level.sigma.ln() - (-0.4 + 0.9 * z)).abs() < 1e-6,
            "{u}: {drawn:?}"
        );
        assert_eq!(drawn.weight, 1.0);
        let odds = f64::exp(0.7 + 0.8 * z);
        let share = odds / (1.0 + odds);
        let drawn = logit_normal.draw(&*flow, u, 0, 1);
        assert!(
            (drawn.level.sigma - 3.0 * share / (1.0 + 2.0 * share)).abs() < 1.1e-4,
            "{u}: {drawn:?}"
        );
    }
}

/// A continuous schedule whose times do not begin at zero.
#[test]
fn a_share_of_a_continuous_schedule_is_found_again() {
    for id in ["vp", "edm", "sub-vp"] {
        let schedule = schedule::build(&Spec::new(id)).unwrap();
        let (start, end) = schedule.domain().into_inner();
        assert!(schedule.steps().is_none() && start != 0.0, "{id}");
        for u in [0.0, 0.25, 1.0] {
            let at = at_share(&*schedule, u).level;
            assert!((at.t - (start * (1.0 - u) + end * u)).abs() < 1e-9, "{id} {u}: {at:?}");
            assert!((share_of(&*schedule, at) - u).abs() < 1e-12, "{id} {u}");
        }
    }
}

#[test]
fn without_any_loss_all_times_are_alike() {
    let schedule = schedule::build(&Spec::new("linear").with("steps", Value::Int(4))).unwrap();
    let mut sampling = build(&Spec::new("importance").with("history", Value::Int(1))).unwrap();
    let none: Vec<_> = (0..4).map(|t| (schedule.level(f64::from(t)), 0.0)).collect();
    sampling.learn(&*schedule, &none);
    for u in [0.1, 0.3, 0.6, 0.9] {
        let drawn = sampling.draw(&*schedule, u, 0, 1);
        assert!(
            (drawn.weight - 1.0).abs() < 1e-9 && drawn.level.t == (4.0 * u).floor(),
            "{u}: {drawn:?}"
        );
    }
}

#[test]
fn a_part_of_a_batch_draws_the_same_times() {
    let linear = schedule::build(&Spec::new("linear")).unwrap();
    let uniform = build(&Spec::new("uniform")).unwrap();
    let whole = draw(&*uniform, &*linear, 3, 7, 0..8, 8);
    assert_eq!(whole[5..], draw(&*uniform, &*linear, 3, 7, 5..8, 8));
}

/// Losses that grow with the time, shown often enough for the sampling to begin.
fn taught(schedule: &dyn NoiseSchedule, spec: &Spec) -> Box<dyn TimeSampling> {
    let mut sampling = build(spec).unwrap();
    let loss = |i: u32| {
        (
            at_share(schedule, (f64::from(i % 50) + 0.5) / 50.0).level,
            0.1 + f64::from(i % 50),
        )
    };
    sampling.learn(schedule, &(0..500).map(loss).collect::<Vec<_>>());
    sampling
}

fn importance() -> Spec {
    Spec::new("importance").with("pieces", Value::Int(50))
}

/// The mean of `weight * f` over all `u` is the mean of `f` over all times, whatever was learned, on discrete schedules
/// whose indices fill pieces evenly or not, and on continuous ones.
#[test]
fn importance_leaves_the_expected_loss_as_it_is() {
    let discrete = |steps| schedule::build(&Spec::new("linear").with("steps", Value::Int(steps))).unwrap();
    for schedule in [
        discrete(50),
        discrete(130),
        discrete(20),
        schedule::build(&Spec::new("vp")).unwrap(),
    ] {
        let taught = taught(&*schedule, &importance().with("history", Value::Int(2)));
        let n = 1_000_000;
        let f = |at: Level| (1.0 + at.sigma).powi(3);
        let mean =
            |g: &dyn Fn(f64) -> f64| (0..n).map(|i| g((f64::from(i) + 0.5) / f64::from(n))).sum::<f64>() / f64::from(n);
        let drawn = mean(&|u| {
            let d = taught.draw(&*schedule, u, 0, 1);
            d.weight * f(d.level)
        });
        let even = mean(&|u| f(at_share(&*schedule, u).level));
        assert!((drawn / even - 1.0).abs() < 1e-4, "{schedule:?}: {drawn} is not {even}");
        let weights: Vec<f64> = [0.01, 0.99].map(|u| taught.draw(&*schedule, u, 0, 1).weight).into();
        assert!(weights[0] > 1.0 && weights[1] < 1.0, "{schedule:?}: {weights:?}");
    }
}

/// `p_t` in closed form: 0.999 of `√E[L²]` normalised, 0.001 uniform; and the variance of the weighted loss that follows
/// is all but gone, where each time has one loss.
#[test]
fn importance_makes_the_loss_calm() {
    let schedule = schedule::build(&Spec::new("linear").with("steps", Value::Int(50))).unwrap();
    let taught = taught(&*schedule, &importance());
    let total: f64 = (0..50).map(|i| 0.1 + f64::from(i)).sum();
    for u in [0.003, 0.2, 0.77, 0.999] {
        let d = taught.draw(&*schedule, u, 0, 1);
        let p = 0.999 * (0.1 + d.level.t) / total + 0.001 / 50.0;
        assert!((d.weight * 50.0 * p - 1.0).abs() < 1e-6, "{u}: {}", d.weight);
        assert!(d.level.t < 1.0 || (d.weight * (0.1 + d.level.t) * 50.0 / total - 1.0).abs() < 0.03);
    }
}

#[test]
fn importance_waits_for_enough_losses_and_remembers_the_newest() {
    let schedule = schedule::build(&Spec::new("linear").with("steps", Value::Int(3))).unwrap();
    let mut sampling = build(&Spec::new("importance").with("history", Value::Int(2))).unwrap();
    let teach = |sampling: &mut Box<dyn TimeSampling>, losses: &[(f64, f64)]| {
        let losses: Vec<_> = losses.iter().map(|&(t, l)| (schedule.level(t), l)).collect();
        sampling.learn(&*schedule, &losses);
    };
    teach(
        &mut sampling,
        &[(0.0, 9.0), (0.0, 1.0), (0.0, 1.0), (1.0, 2.0), (1.0, 2.0), (2.0, 5.0)],
    );
    assert_eq!(sampling.draw(&*schedule, 0.3, 0, 1).weight, 1.0);
    let mut resumed = build(&Spec::new("importance").with("history", Value::Int(2))).unwrap();
    resumed.recall(&sampling.memory());
    for s in [&mut sampling, &mut resumed] {
        teach(s, &[(2.0, 1.0)]);
        // Roots of mean squares: 1, 2 and √13; the nine is forgotten.
        let total = 3.0 + 13.0_f64.sqrt();
        let p = 0.999 / total + 0.001 / 3.0;
        assert!((s.draw(&*schedule, 0.01, 0, 1).weight * 3.0 * p - 1.0).abs() < 1e-6);
    }
    assert_eq!(sampling.memory(), resumed.memory());
}

#[test]
fn the_very_end_of_a_schedule_belongs_to_its_last_piece() {
    let vp = schedule::build(&Spec::new("vp")).unwrap();
    let mut sampling = build(&importance().with("history", Value::Int(1))).unwrap();
    sampling.learn(&*vp, &[(vp.level(*vp.domain().end()), 2.5)]);
    let memory = sampling.memory();
    assert_eq!((memory.len(), memory[49]), (50, 2.5));
}
