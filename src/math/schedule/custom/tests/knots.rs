//! Knots that are dragged, and schedules that are drawn on from.

use proptest::prelude::*;

use super::super::{knots::REACH, *};
use crate::math::{Spec, Value, schedule};

fn default() -> Drawing {
    Drawing::of(&Spec::new("custom")).unwrap()
}

fn is_sound(Knots(knots): Knots) -> bool {
    knots.windows(2).all(|w| w[0] - w[1] > GAP - 1e-9) && knots.iter().all(|k| k.abs() <= REACH)
}

proptest! {
    #[test]
    fn no_sequence_of_drags_breaks_the_fall(drags in prop::collection::vec((0..COUNT, -200.0..200.0_f64), 1..40)) {
        let mut drawing = default();
        for (i, wanted) in drags {
            drawing.knots = drawing.knots.moved(i, wanted);
            prop_assert!(is_sound(drawing.knots), "{drawing:?}");
            let schedule = schedule::build(&drawing.spec()).unwrap();
            let levels: Vec<_> = (0..1000).map(|t| schedule.level(f64::from(t)).sigma_ve()).collect();
            prop_assert!(levels.windows(2).all(|w| w[0] <= w[1]), "{drawing:?}");
        }
    }

    #[test]
    fn a_knot_lies_where_it_was_put_and_others_give_way_only_when_passed(i in 0..COUNT, wanted in -12.0..10.0_f64) {
        let before = default().knots;
        let after = before.moved(i, wanted);
        prop_assert_eq!(after.0[i], wanted);
        for j in 0..COUNT {
            let room = GAP * i.abs_diff(j) as f64;
            let is_passed = if j < i { before.0[j] < wanted + room } else { before.0[j] > wanted - room };
            prop_assert!(j == i || is_passed || after.0[j] == before.0[j], "{j}: {after:?}");
        }
    }
}

#[test]
fn what_is_drawn_is_read_again() {
    let drawing = Drawing {
        knots: default().knots.moved(3, 2.25),
        steps: 400,
        zero_snr: true,
    };
    assert_eq!(Drawing::of(&drawing.spec()), Some(drawing));
    assert_eq!(Drawing::of(&Spec::new("linear")), None);
    assert_eq!(
        Drawing::of(&Spec::new("custom").with("betas", Value::Text("0.1".into()))),
        None
    );
}

/// Nine knots follow nearly every schedule of the program to a few percent of the signal.
#[test]
fn presets_can_be_drawn_on_from() {
    for entry in schedule::ENTRIES {
        for zero_snr in [false, true] {
            let mut spec = Spec::new(entry.id);
            if zero_snr && entry.params.iter().any(|p| p.id == "zero-snr") {
                spec = spec.with("zero-snr", Value::Flag(true));
            }
            let drawing = Drawing::along(&spec).unwrap();
            assert!(is_sound(drawing.knots), "{}: {drawing:?}", entry.id);
            let [preset, drawn] = [&spec, &drawing.spec()].map(|spec| schedule::build(spec).unwrap());
            let apart = departure(&*preset, &*drawn);
            let most = match entry.id {
                // Both have ends that are steeper than the curve between two knots.
                "laplace" => 0.26,
                "sqrt" => 0.13,
                _ => 0.05,
            };
            assert!(apart < most, "{} {zero_snr}: {apart}", entry.id);
        }
    }
}

#[test]
fn a_drawn_schedule_follows_itself_exactly() {
    let spec = default().spec();
    let [a, b] = [&spec, &Drawing::along(&spec).unwrap().spec()].map(|spec| schedule::build(spec).unwrap());
    assert!(departure(&*a, &*b) < 1e-4, "{}", departure(&*a, &*b));
}
