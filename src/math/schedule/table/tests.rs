use super::*;
use crate::math::schedule::params;
use crate::math::{Spec, Value, schedule};

fn alpha_bar(id: &str, steps: i64, index: usize) -> f64 {
    let schedule = schedule::build(&Spec::new(id).with("steps", Value::Int(steps))).unwrap();
    schedule.level(index as f64).alpha.powi(2)
}

/// Computed in f64 from the formulas of the papers.
#[test]
fn golden_values() {
    let check = |id, steps, index, expected: f64| {
        let found = alpha_bar(id, steps, index);
        assert!(
            (found / expected - 1.0).abs() < 1e-5,
            "{id} {steps} {index}: {found} is not {expected}"
        );
    };
    check("linear", 1000, 0, 0.9999);
    check("linear", 1000, 499, 0.0785872);
    check("linear", 1000, 999, 4.03583e-5);
    check("linear", 50, 49, 7.74477e-6);
    check("linear", 250, 249, 3.26441e-5);
    check("scaled-linear", 1000, 0, 0.99915);
    check("scaled-linear", 1000, 249, 0.675432);
    check("scaled-linear", 1000, 999, 4.6601e-3);
    check("cosine", 1000, 0, 0.99995872);
    check("cosine", 1000, 749, 0.144272);
    check("cosine", 1000, 999, 2.42877e-9);
    check("sigmoid", 1000, 0, 0.99969972);
    check("sigmoid", 1000, 249, 0.850854);
    check("sigmoid", 1000, 499, 0.5);
    check("sigmoid", 1000, 999, 3.00279e-7);
    check("sigmoid-beta", 1000, 0, 0.99985079);
    check("sigmoid-beta", 1000, 499, 0.301931);
    check("sigmoid-beta", 1000, 999, 3.96818e-5);
    check("sqrt", 1000, 0, (1.0 - 0.0011_f64.sqrt()) / 0.99);
    check("sqrt", 1000, 499, (1.0 - 0.5001_f64.sqrt()) / 0.99);
}

#[test]
fn zero_snr_moves_the_end_and_keeps_the_start() {
    let spec = Spec::new("linear").with("zero-snr", Value::Flag(true));
    let table = schedule::build(&spec).unwrap();
    assert!((table.level(0.0).alpha.powi(2) - 0.9999).abs() < 1e-12);
    assert!((table.level(499.0).alpha.powi(2) - 0.07602875).abs() < 1e-8);
    assert_eq!(table.level(999.0).alpha, 0.0);
    assert!(table.level(998.5).sigma_ve().is_finite());
}

#[test]
fn every_schedule_gets_noisier() {
    for entry in schedule::ENTRIES {
        let s = schedule::build(&Spec::new(entry.id)).unwrap();
        let t = |i: usize| s.domain().start() + (s.domain().end() - s.domain().start()) * i as f64 / 100.0;
        let levels: Vec<Level> = (0..=100).map(|i| s.level(t(i))).collect();
        assert!(
            levels.windows(2).all(|w| w[1].sigma_ve() > w[0].sigma_ve()),
            "{}",
            entry.id
        );
        assert!(levels[0].sigma > 0.0, "{}", entry.id);
    }
}

#[test]
fn a_level_is_found_by_its_noise() {
    for entry in schedule::ENTRIES {
        let s = schedule::build(&Spec::new(entry.id)).unwrap();
        let (low, high) = s.sigma_range();
        for share in [0.0_f64, 0.1, 0.5, 0.9, 1.0] {
            let sigma = low * (high / low).powf(share);
            let at = s.at_sigma(sigma);
            assert!((at.sigma_ve() / sigma - 1.0).abs() < 1e-6, "{} {share}", entry.id);
            // Between table entries one direction is linear and the other logarithmic; the neighbours are shared.
            let [below, above] = match s.steps() {
                Some(_) => [at.t.floor(), at.t.ceil()],
                None => [at.t, at.t],
            }
            .map(|t| s.level(t).with_signal().sigma_ve());
            let name = format!("{} {share}: {sigma} in {below}..{above}", entry.id);
            // The last times of the Laplace schedule are so near to each other that a double tells their levels to 1e-7.
            assert!(below <= sigma * (1.0 + 1e-7) && above >= sigma * (1.0 - 1e-7), "{name}");
        }
    }
}

#[test]
fn betas_rebuild_the_table() {
    let table = Table::from_betas(params::line(1e-4, 0.02, 1000));
    let again = Table::from_betas(table.betas());
    for (a, b) in table.alpha_bar.iter().zip(&again.alpha_bar) {
        assert!((a / b - 1.0).abs() < 1e-12);
    }
}
