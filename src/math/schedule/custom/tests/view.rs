//! Knots as they are seen in each view.

use proptest::prelude::*;

use super::super::*;
use crate::math::{Spec, schedule};

fn drawing(zero_snr: bool, steps: usize) -> Drawing {
    Drawing {
        steps,
        zero_snr,
        ..Drawing::of(&Spec::new("custom")).unwrap()
    }
}

proptest! {
    /// Where a knot is seen and what it is dragged to are each other's inverse, in every view.
    #[test]
    fn dragging_to_where_it_is_seen_changes_nothing(i in 0..COUNT, log_snr in -14.0..14.0_f64, zero_snr: bool) {
        let mut drawing = drawing(zero_snr, 1000);
        drawing.knots = drawing.knots.moved(i, log_snr);
        for view in View::ALL {
            let Some(value) = view.value(&drawing, i) else { continue };
            let again = view.moved(&drawing, i, value).0[i];
            prop_assert!((again - log_snr).abs() < 1e-4, "{view:?} {value}: {again} is not {log_snr}");
        }
    }

    #[test]
    fn a_knot_is_seen_where_it_was_dragged(i in 0..COUNT, share in 0.001..0.9999_f64, zero_snr: bool) {
        let before = drawing(zero_snr, 1000);
        for (view, value) in [(View::AlphaBar, share), (View::Sigma, share), (View::Decibels, 60.0 * share - 30.0)] {
            if view.value(&before, i).is_none() {
                continue;
            }
            let after = Drawing { knots: view.moved(&before, i, value), ..before };
            // Pushing an end of the curve moves what zero SNR is measured by.
            let is_same = !zero_snr || (after.knots.0[0], after.knots.0[8]) == (before.knots.0[0], before.knots.0[8]);
            let found = view.value(&after, i).unwrap();
            prop_assert!(!is_same || (found - value).abs() < 1e-6 * (1.0 + value.abs()), "{view:?}: {found} is not {value}");
        }
    }
}

/// What is seen of a knot is what the built schedule has there.
#[test]
fn knots_lie_on_the_curve() {
    for zero_snr in [false, true] {
        let drawing = drawing(zero_snr, 1001);
        let built = schedule::build(&drawing.spec()).unwrap();
        for i in 0..COUNT {
            let at = built.level(125.0 * i as f64);
            for (view, expected) in [
                (View::AlphaBar, at.alpha.powi(2)),
                (View::Sigma, at.sigma),
                (View::Decibels, 10.0 * at.snr().log10()),
            ] {
                let Some(found) = view.value(&drawing, i) else {
                    assert!(zero_snr && i == COUNT - 1);
                    continue;
                };
                assert!(
                    (found - expected).abs() < 1e-8 * (1.0 + expected.abs()),
                    "{view:?} {i}: {found}"
                );
            }
        }
    }
}

/// The mean rate, taken over all steps of the way, leaves what the schedule leaves.
#[test]
fn rates_multiply_to_the_signal_that_is_left() {
    let drawing = drawing(false, 1001);
    let built = schedule::build(&drawing.spec()).unwrap();
    let mut left = built.level(0.0).alpha.powi(2);
    for i in 1..COUNT {
        left *= (1.0 - View::Beta.value(&drawing, i).unwrap()).powi(125);
        let expected = built.level(125.0 * i as f64).alpha.powi(2);
        assert!((left / expected - 1.0).abs() < 1e-9, "{i}: {left} is not {expected}");
    }
}
