use super::*;

#[test]
fn decoding_inverts_the_row() {
    for entry in ENTRIES {
        let target = build(&Spec::new(entry.id)).unwrap();
        for (alpha, sigma) in [(0.999, 0.045), (0.6, 0.8), (0.01, 0.99), (1.0, 40.0), (0.3, 0.7)] {
            let at = Level { t: 0.0, alpha, sigma };
            let (x0, eps) = (0.3, -1.7);
            let (a, b) = target.row(at);
            let (out, x) = (a * x0 + b * eps, at.alpha * x0 + at.sigma * eps);
            let m = target.decode(at);
            assert!((m[0][0] * out + m[0][1] * x - x0).abs() < 1e-10, "{} {at:?}", entry.id);
            assert!((m[1][0] * out + m[1][1] * x - eps).abs() < 1e-10, "{} {at:?}", entry.id);
        }
    }
}

/// Where there is no noise every target finds the sample clean, and decoding is the limit of decoding little noise.
#[test]
fn decoding_without_noise_is_a_limit() {
    for entry in ENTRIES {
        let target = build(&Spec::new(entry.id)).unwrap();
        let (x, score) = (0.6, -2.0);
        // What an exact network says at each level: the expected noise is `-sigma * score`.
        let decoded = |sigma: f64| {
            let at = Level {
                t: 0.0,
                alpha: 0.8,
                sigma,
            };
            let eps = -sigma * score;
            let (a, b) = target.row(at);
            let out = a * (x - sigma * eps) / at.alpha + if b == 0.0 { 0.0 } else { b * eps };
            target
                .decode(at)
                .map(|m| m[0] * if out.is_finite() { out } else { score } + m[1] * x)
        };
        for (limit, near) in decoded(0.0).into_iter().zip(decoded(1e-6)) {
            assert!((limit - near).abs() < 1e-5, "{}: {limit} is not {near}", entry.id);
        }
        let [x0, eps] = decoded(0.0);
        assert!((x0 - 0.75).abs() < 1e-12 && eps.abs() < 1e-12, "{}", entry.id);
    }
}

/// Karras et al. 2022, table 1, with data of deviation 0.5 at sigma 3.
#[test]
fn edm_preconditions_as_published() {
    let target = Target::Edm { sigma_data: 0.5 };
    let at = Level {
        t: 0.0,
        alpha: 1.0,
        sigma: 3.0,
    };
    let spread: f64 = 9.25;
    let (c_skip, c_out) = (0.25 / spread, 1.5 / spread.sqrt());
    assert!((target.decode(at)[0][0] - c_out).abs() < 1e-12);
    assert!((target.decode(at)[0][1] - c_skip).abs() < 1e-12);
    assert!((target.input_scale(at) - 1.0 / spread.sqrt()).abs() < 1e-12);
    let (a, b) = target.row(at);
    // The target has unit variance: a² sigma_data² + b² = 1.
    assert!((a * a * 0.25 + b * b - 1.0).abs() < 1e-12);
}

/// What each target is, of `x0 = 2` and `eps = -3` at `alpha = 0.6`, `sigma = 0.8`, by its definition.
#[test]
fn targets_are_what_they_are_called() {
    let at = Level {
        t: 0.0,
        alpha: 0.6,
        sigma: 0.8,
    };
    for (target, expected) in [
        (Target::Eps, -3.0),
        (Target::X0, 2.0),
        (Target::V, 0.6 * -3.0 - 0.8 * 2.0),
        // The score is the gradient of ln N(x; alpha x0, sigma²) at x = alpha x0 + sigma eps.
        (Target::Score, -(0.8 * -3.0) / 0.64),
        (Target::Flow, -3.0 - 2.0),
    ] {
        let (a, b) = target.row(at);
        assert!((2.0 * a - 3.0 * b - expected).abs() < 1e-12, "{target:?}");
    }
}

/// Noisy samples reach the network at unit size, whatever their units; those that are smaller pass as they are.
#[test]
fn inputs_have_unit_size() {
    let scale = |alpha, sigma| Target::Eps.input_scale(Level { t: 0.0, alpha, sigma });
    assert!((scale(1.0, 3.0) - 0.1_f64.sqrt()).abs() < 1e-15);
    assert_eq!((scale(0.6, 0.8), scale(0.4, 0.6)), (1.0, 1.0));
}
