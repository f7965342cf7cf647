//! The drawn curve, and listed betas in its place.

use super::*;
use crate::math::{Spec, Value, schedule};

mod knots;
mod view;

#[test]
fn the_curve_meets_its_knots_and_never_turns() {
    let knots = [9.0, 8.9, 2.0, 1.9, -4.0];
    let curve = Monotone::through(&knots);
    for (i, k) in knots.iter().enumerate() {
        assert!((curve.at(i as f64 / 4.0) - k).abs() < 1e-12);
    }
    let values: Vec<f64> = (0..=400).map(|i| curve.at(f64::from(i) / 400.0)).collect();
    assert!(values.windows(2).all(|w| w[1] < w[0]));
}

#[test]
fn the_defaults_resemble_the_cosine_schedule() {
    let [custom, cosine] = ["custom", "cosine"].map(|id| schedule::build(&Spec::new(id)).unwrap());
    for t in [100.0, 250.0, 500.0, 750.0, 900.0] {
        let difference = custom.level(t).alpha.powi(2) - cosine.level(t).alpha.powi(2);
        assert!(difference.abs() < 0.02, "{t}: {difference}");
    }
}

#[test]
fn listed_betas_take_the_place_of_the_curve() {
    let spec = |betas: &str| {
        let steps = Spec::new("custom").with("steps", Value::Int(2));
        schedule::build(&steps.with("betas", Value::Text(betas.into())))
    };
    let alpha_bar = spec("0.1 0.2").unwrap().level(1.0).alpha.powi(2);
    assert!((alpha_bar - 0.9 * 0.8).abs() < 1e-15);
    for (betas, words) in [("0.1", "1 numbers"), ("0.1 1.5", "1.5"), ("0.1 x", "is x")] {
        let message = spec(betas).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_rising_curve_is_refused() {
    let spec = Spec::new("custom").with("log-snr-3", Value::Real(5.0));
    let error = schedule::build(&spec).unwrap_err().to_string();
    assert!(error.contains("log-snr-3"), "{error}");
}
