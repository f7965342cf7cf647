//! Grids against those of the papers and of diffusers.

use super::*;
use crate::math::{Value, schedule};

fn spacing_of(id: &str) -> Spacing {
    build(&Spec::new(id)).unwrap()
}

fn told_times(schedule: &str, spacing: Spacing, steps: usize) -> Vec<f64> {
    let s = schedule::build(&Spec::new(schedule)).unwrap();
    time_grid(&*s, spacing, steps).iter().map(|m| m.from.t).collect()
}

/// As listed by diffusers' schedulers for `T = 1000` and ten steps.
#[test]
fn spacings_equal_diffusers() {
    let t = |id: &str| told_times("linear", spacing_of(id), 10);
    assert_eq!(
        t("leading"),
        [900.0, 800.0, 700.0, 600.0, 500.0, 400.0, 300.0, 200.0, 100.0, 0.0]
    );
    assert_eq!(
        t("trailing"),
        [999.0, 899.0, 799.0, 699.0, 599.0, 499.0, 399.0, 299.0, 199.0, 99.0]
    );
    assert_eq!(
        t("linspace"),
        [999.0, 888.0, 777.0, 666.0, 555.0, 444.0, 333.0, 222.0, 111.0, 0.0]
    );
    let exclusive = build(&Spec::new("linspace").with("exclusive", Value::Flag(true))).unwrap();
    assert_eq!(
        told_times("linear", exclusive, 10),
        [999.0, 899.0, 799.0, 699.0, 599.0, 500.0, 400.0, 300.0, 200.0, 100.0]
    );
    let exclusive = build(&Spec::new("leading").with("exclusive", Value::Flag(true))).unwrap();
    assert_eq!(
        told_times("linear", exclusive, 10),
        [900.0, 810.0, 720.0, 630.0, 540.0, 450.0, 360.0, 270.0, 180.0, 90.0]
    );
}

/// Karras et al. 2022 with 18 steps, and a tenth of the way of diffusers' shifted flow.
#[test]
fn noise_grids_equal_the_papers() {
    let edm = schedule::build(&Spec::new("edm")).unwrap();
    let sigma: Vec<f64> = time_grid(&*edm, spacing_of("karras"), 18)
        .iter()
        .map(|m| m.from.sigma)
        .collect();
    for (i, expected) in [
        (0, 80.0),
        (1, 57.586),
        (2, 40.7856),
        (10, 1.0882),
        (16, 0.0075),
        (17, 0.002),
    ] {
        assert!((sigma[i] / expected - 1.0).abs() < 1e-2, "{i}: {}", sigma[i]);
    }
    let exponential: Vec<f64> = time_grid(&*edm, spacing_of("exponential"), 5)
        .iter()
        .map(|m| m.from.lambda())
        .collect();
    let gaps: Vec<f64> = exponential.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(gaps.iter().all(|g| (g - gaps[0]).abs() < 1e-9), "{gaps:?}");
    let shifted = build(&Spec::new("shifted").with("shift", Value::Real(3.0))).unwrap();
    let t = told_times("flow", shifted, 10);
    for (i, expected) in [(0, 1000.0), (1, 960.1293), (8, 278.0488), (9, 8.928571)] {
        assert!((t[i] - expected).abs() < 1e-3, "{i}: {}", t[i]);
    }
}

#[test]
fn grids_are_contiguous_and_end_clean() {
    for schedule in schedule::ENTRIES {
        let s = schedule::build(&Spec::new(schedule.id)).unwrap();
        for entry in ENTRIES {
            for steps in [1, 2, 7, 50, 1000, 5000] {
                let moves = time_grid(&*s, spacing_of(entry.id), steps);
                let name = format!("{} {} {steps}", schedule.id, entry.id);
                assert!(moves.windows(2).all(|w| w[0].to == w[1].from), "{name}");
                assert!(moves.iter().all(|m| m.from.sigma > 0.0 && !m.is_upward()), "{name}");
                assert_eq!(moves.last().map(|m| m.to.sigma), Some(0.0), "{name}");
                assert!(moves.len() <= steps, "{name}");
            }
        }
    }
}

#[test]
fn the_end_and_the_landing_can_be_chosen() {
    let linear = schedule::build(&Spec::new("linear")).unwrap();
    let spacing = Spacing {
        landing: Landing::Stride,
        end: End::First,
        ..spacing_of("linspace")
    };
    let moves = time_grid(&*linear, spacing, 10);
    assert_eq!((moves[0].from.t, moves[0].to), (999.0, linear.level(899.0)));
    assert_eq!((moves[9].from.t, moves[9].to), (0.0, linear.level(0.0)));
}

#[test]
fn inversion_climbs_with_the_higher_label() {
    let linear = schedule::build(&Spec::new("linear")).unwrap();
    let moves = inverted(&time_grid(&*linear, spacing_of("leading"), 10));
    assert_eq!(
        (moves[0].from.t, moves[0].from.sigma, moves[0].to),
        (0.0, 0.0, linear.level(0.0))
    );
    assert_eq!(moves[1].from.t, 100.0);
    assert_eq!(moves[1].from.sigma, linear.level(0.0).sigma);
    assert_eq!(moves.last().map(|m| m.to), Some(linear.level(900.0)));
}

#[test]
fn jumps_make_the_published_number_of_calls() {
    let linear = schedule::build(&Spec::new("linear")).unwrap();
    for (steps, length, passes, calls) in [
        (250, 10, 10, 2410),
        (100, 10, 10, 910),
        (100, 10, 5, 460),
        (50, 10, 10, 410),
        (50, 5, 5, 230),
    ] {
        let moves = with_jumps(&time_grid(&*linear, spacing_of("trailing"), steps), length, passes);
        assert!(moves.windows(2).all(|w| w[0].to == w[1].from));
        let down = moves.iter().filter(|m| !m.is_upward()).count();
        assert_eq!(down, calls, "{steps} {length} {passes}");
    }
    assert_eq!(
        with_jumps(&time_grid(&*linear, spacing_of("trailing"), 10), 3, 2).len(),
        28
    );
}
