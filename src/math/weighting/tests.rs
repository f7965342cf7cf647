use super::*;
use crate::math::schedule;

fn at_snr(snr: f64) -> Level {
    Level::from_alpha_bar(0.0, snr / (1.0 + snr))
}

fn weight(weighting: Weighting, target: Target, snr: f64) -> f64 {
    weighting.weight(target, at_snr(snr), &*schedule::build(&Spec::new("linear")).unwrap())
}

/// Hang et al. 2023, table of weights for gamma = 5.
#[test]
fn min_snr_equals_the_paper() {
    let min = Weighting::MinSnr { gamma: 5.0 };
    for (target, snr, expected) in [
        (Target::Eps, 25.0, 0.2),
        (Target::X0, 25.0, 5.0),
        (Target::V, 25.0, 5.0 / 26.0),
        (Target::Eps, 0.01, 1.0),
        (Target::X0, 0.01, 0.01),
        (Target::V, 0.01, 0.01 / 1.01),
    ] {
        let found = weight(min, target, snr);
        assert!((found / expected - 1.0).abs() < 1e-9, "{target:?} {snr}: {found}");
    }
    assert_eq!(weight(min, Target::Eps, 0.0), 1.0);
    assert_eq!(weight(min, Target::V, 0.0), 0.0);
}

/// Two ways to say the same loss.
#[test]
fn equal_losses_have_equal_weights() {
    let linear = schedule::build(&Spec::new("linear")).unwrap();
    for snr in [0.02, 1.0, 30.0] {
        let at = at_snr(snr);
        let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{snr}: {a} is not {b}");
        // The error of the noise is SNR times that of the clean sample; of the velocity, SNR + 1 times.
        close(Weighting::Snr.weight(Target::Eps, at, &*linear), 1.0);
        close(Weighting::Snr.weight(Target::X0, at, &*linear), snr);
        close(Weighting::Snr.weight(Target::V, at, &*linear), snr / (snr + 1.0));
        close(
            Weighting::Simple.weight(Target::Score, at, &*linear),
            Weighting::Snr.weight(Target::Score, at, &*linear),
        );
        let edm = Weighting::Edm { sigma_data: 0.5 };
        close(edm.weight(Target::Edm { sigma_data: 0.5 }, at, &*linear), 1.0);
        // Soft Min-SNR with gamma = 4 is 1 / (sigma² + sigma_data²).
        let soft = Weighting::SoftMinSnr { gamma: 4.0 };
        close(soft.weight(Target::X0, at, &*linear), 1.0 / (1.0 / snr + 0.25));
        close(
            Weighting::P2 { k: 1.0, gamma: 0.0 }.weight(Target::Eps, at, &*linear),
            1.0,
        );
    }
}

#[test]
fn the_bound_telescopes() {
    let linear = schedule::build(&Spec::new("linear")).unwrap();
    let sum: f64 = (1..1000)
        .map(|t| Weighting::Vlb.weight(Target::X0, linear.level(f64::from(t)), &*linear))
        .sum();
    let expected = 500.0 * (linear.level(0.0).snr() - linear.level(999.0).snr());
    assert!((sum / expected - 1.0).abs() < 1e-9);
    let vp = schedule::build(&Spec::new("vp")).unwrap();
    let found = Weighting::Vlb.weight(Target::X0, vp.level(500.0), &*vp);
    let slope = (vp.level(499.0).snr() - vp.level(501.0).snr()) / 2.0;
    assert!((found / (slope * 999.0 / 2.0) - 1.0).abs() < 1e-3, "{found}");
}
