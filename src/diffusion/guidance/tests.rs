//! Guidance against closed forms, Bayes' rule and differences.

use std::sync::Arc;

use candle_core::Device;

use super::*;
use crate::{
    diffusion::{
        Denoiser as _, Net, Prediction,
        oracle::{Component, Mixture},
    },
    math::{Cond, target::Target},
};

/// `out = x * (1 + class) + t / 1000`.
struct Scaling;

impl Net for Scaling {
    fn forward(&self, x: &Tensor, at: Level, cond: &Cond) -> Result<Tensor> {
        let Cond::Class(ids) = cond else {
            return Err(candle_core::Error::Msg("no classes".into()));
        };
        let factors: Vec<f64> = ids.iter().map(|&id| 1.0 + f64::from(id)).collect();
        let offsets = vec![at.t / 1000.0; x.dim(0)?];
        x.broadcast_mul(&column(&factors, x)?)?
            .broadcast_add(&column(&offsets, x)?)
    }

    fn vjp(&self, x: &Tensor, at: Level, cond: &Cond, cotangent: &Tensor) -> Result<(Tensor, Tensor)> {
        let no_time = Level { t: 0.0, ..at };
        Ok((self.forward(x, at, cond)?, self.forward(cotangent, no_time, cond)?))
    }
}

fn guided(guidance: Guidance) -> Guided {
    Guided {
        net: Arc::new(Scaling),
        target: Target::V,
        classes: vec![0, 2],
        null_class: 4,
        guidance,
    }
}

fn x() -> Tensor {
    Tensor::new(&[[0.3_f32, -1.25, 0.7], [0.9, 0.1, -0.4]], &Device::Cpu).unwrap()
}

fn values(t: &Tensor) -> Vec<Vec<f32>> {
    t.to_vec2().unwrap()
}

#[test]
fn scale_one_is_the_identity_bit_for_bit() {
    let at = Level::from_alpha_bar(300.0, 0.3);
    let plain = guided(Guidance::scale(1.0)).conditional().predict(&x(), at).unwrap();
    let same = guided(Guidance::scale(1.0)).predict(&x(), at).unwrap();
    assert_eq!(values(&same.x0), values(&plain.x0));
    assert_eq!(values(&same.eps), values(&plain.eps));
    let elsewhere = Guidance {
        interval: (10.0, 20.0),
        ..Guidance::scale(5.0)
    };
    assert_eq!(
        values(&guided(elsewhere).predict(&x(), at).unwrap().x0),
        values(&plain.x0)
    );
}

#[test]
fn guidance_extrapolates_from_the_null_class() {
    let at = Level::from_alpha_bar(0.0, 0.3);
    let strong = guided(Guidance::scale(3.0)).predict(&x(), at).unwrap();
    // Output 5x without, x or 3x with: 5 + 3 * (1 - 5) = -7 and 5 + 3 * (3 - 5) = -1.
    let factors = Tensor::new(&[[-7.0_f32], [-1.0]], &Device::Cpu).unwrap();
    let expected = Prediction::from_output(&x().broadcast_mul(&factors).unwrap(), &x(), Target::V, at).unwrap();
    for (a, b) in values(&strong.x0).concat().iter().zip(values(&expected.x0).concat()) {
        assert!((a - b).abs() < 1e-5, "{a} is not {b}");
    }
}

#[test]
fn full_rescaling_restores_the_conditional_spread() {
    let (with, without) = (x(), (x() * 5.0).unwrap());
    let guidance = Guidance {
        rescale: 1.0,
        ..Guidance::scale(3.0)
    };
    let out = guidance.combine(&with, &without).unwrap();
    for (a, b) in spread(&out).unwrap().iter().zip(spread(&with).unwrap()) {
        assert!((a - b).abs() < 1e-6, "{a} is not {b}");
    }
}

#[test]
fn the_gradient_is_that_of_the_prediction() {
    let model = guided(Guidance::scale(2.5));
    let at = Level::from_alpha_bar(300.0, 0.3);
    let cotangent = Tensor::new(&[[1.0_f32, -2.0, 0.5], [0.25, 3.0, -1.0]], &Device::Cpu).unwrap();
    let (_, grad) = model.vjp(&x(), at, &cotangent).unwrap();
    // The model is linear in x: the derivative of <x0, cotangent> along d is a difference.
    let d = Tensor::new(&[[1.0_f32, 0.5, -0.25], [-1.0, 2.0, 0.75]], &Device::Cpu).unwrap();
    let moved = model.predict(&(x() + &d).unwrap(), at).unwrap().x0;
    let still = model.predict(&x(), at).unwrap().x0;
    let dot = |a: Tensor, b: &Tensor| (a * b).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
    let (left, right) = (dot((moved - still).unwrap(), &cotangent), dot(grad, &d));
    assert!((left - right).abs() < 1e-4 * left.abs(), "{left} is not {right}");
}

// Autoguidance.

const AT: Level = Level {
    t: 0.0,
    alpha: 0.8,
    sigma: 0.5,
};

fn component(weight: f64, mean: [f64; 2], std: f64) -> Component {
    Component {
        weight,
        mean: mean.into(),
        std,
    }
}

fn left() -> Vec<Component> {
    vec![component(1.0, [-1.0, 0.3], 0.4), component(0.5, [-0.6, -0.8], 0.2)]
}

fn right() -> Vec<Component> {
    vec![component(2.0, [1.1, 0.1], 0.3)]
}

fn points() -> Tensor {
    Tensor::new(&[[0.2_f64, 0.1], [-1.4, 0.9], [0.7, -0.3]], &Device::Cpu).unwrap()
}

fn close(a: &Tensor, b: &Tensor, tolerance: f64) {
    let all = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    for (a, b) in all(a).iter().zip(all(b)) {
        assert!((a - b).abs() < tolerance, "{a} is not {b}");
    }
}

fn auto(guidance: Guidance) -> AutoGuided<Mixture, Mixture> {
    AutoGuided {
        good: Mixture::gaussian(vec![0.4, -0.2], 0.3),
        bad: Mixture::gaussian(vec![0.0, 0.0], 0.6),
        guidance,
    }
}

/// Both denoisers of Gaussians are `E[x0 | x]` in closed form.
#[test]
fn autoguidance_extrapolates_from_the_bad_denoiser() {
    let x = points();
    let mean = |m: f64, std: f64, x: f64| {
        let v = (AT.alpha * std).powi(2) + AT.sigma.powi(2);
        (std * std * AT.alpha * x + AT.sigma.powi(2) * m) / v
    };
    let expected: Vec<Vec<f64>> = x
        .to_vec2::<f64>()
        .unwrap()
        .iter()
        .map(|row| {
            [(0.4, row[0]), (-0.2, row[1])]
                .map(|(m, x)| mean(0.0, 0.6, x) + 2.5 * (mean(m, 0.3, x) - mean(0.0, 0.6, x)))
                .to_vec()
        })
        .collect();
    let expected = Tensor::new(expected, &Device::Cpu).unwrap();
    for rescale in [0.0, 0.7] {
        let belief = auto(Guidance {
            rescale,
            ..Guidance::scale(2.5)
        })
        .predict(&x, AT)
        .unwrap();
        // Both parts still add up to x.
        let sum = ((&belief.x0 * AT.alpha).unwrap() + (&belief.eps * AT.sigma).unwrap()).unwrap();
        close(&sum, &x, 1e-12);
        if rescale == 0.0 {
            close(&belief.x0, &expected, 1e-12);
        }
    }
    let off = auto(Guidance::default()).predict(&x, AT).unwrap();
    let good = auto(Guidance::default()).good.predict(&x, AT).unwrap();
    assert_eq!(values64(&off.x0), values64(&good.x0));
}

fn values64(t: &Tensor) -> Vec<f64> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn guidance_acts_within_its_interval_alone() {
    let (x, ratio) = (points(), AT.sigma / AT.alpha);
    for (interval, acts) in [
        ((0.0, ratio), true),
        ((ratio, 9.0), true),
        ((ratio + 0.01, 9.0), false),
        ((0.0, ratio - 0.01), false),
    ] {
        let guided = auto(Guidance {
            interval,
            ..Guidance::scale(2.0)
        });
        let good = values64(&guided.good.predict(&x, AT).unwrap().x0);
        assert_eq!(
            values64(&guided.predict(&x, AT).unwrap().x0) != good,
            acts,
            "{interval:?}"
        );
    }
}

/// Central differences of the guided clean sample along each coordinate.
#[test]
fn autoguidance_has_its_gradient() {
    let model = auto(Guidance::scale(2.5));
    let (x, c) = (
        points(),
        Tensor::new(&[[0.7_f64, -1.3], [0.2, 0.4], [-1.0, 0.5]], &Device::Cpu).unwrap(),
    );
    let (_, grad) = model.vjp(&x, AT, &c).unwrap();
    let h = 1e-5;
    let differences: Vec<f64> = (0..6)
        .map(|i| {
            let at = |by: f64| {
                let mut moved = values64(&x);
                moved[i] += by;
                let moved = Tensor::from_vec(moved, (3, 2), &Device::Cpu).unwrap();
                let x0 = model.predict(&moved, AT).unwrap().x0;
                values64(&(x0 * &c).unwrap()).iter().sum::<f64>()
            };
            (at(h) - at(-h)) / (2.0 * h)
        })
        .collect();
    close(
        &grad,
        &Tensor::from_vec(differences, (3, 2), &Device::Cpu).unwrap(),
        1e-8,
    );
}

// Classifier guidance.

/// `ln p(class | x)` of two known mixtures by central differences of their densities.
struct Exact;

impl Exact {
    fn density(parts: &[Component], x: [f64; 2]) -> f64 {
        let one = |c: &Component| {
            let v = (AT.alpha * c.std).powi(2) + AT.sigma.powi(2);
            let square: f64 = x.iter().zip(&c.mean).map(|(x, m)| (x - AT.alpha * m).powi(2)).sum();
            c.weight / v * (-0.5 * square / v).exp()
        };
        parts.iter().map(one).sum()
    }

    fn log_p(x: [f64; 2], class: u32) -> f64 {
        let (l, r) = (Self::density(&left(), x), Self::density(&right(), x));
        ((if class == 0 { l } else { r }) / (l + r)).ln()
    }
}

impl Classifier for Exact {
    fn gradient(&self, x: &Tensor, _at: Level, classes: &[u32]) -> Result<Tensor> {
        let h = 1e-5;
        let slope = |(x, &class): (&Vec<f64>, &u32)| {
            let along = |d: [f64; 2]| {
                let at = |s: f64| Self::log_p([x[0] + s * d[0], x[1] + s * d[1]], class);
                (at(h) - at(-h)) / (2.0 * h)
            };
            vec![along([1.0, 0.0]), along([0.0, 1.0])]
        };
        let rows: Vec<Vec<f64>> = x.to_vec2::<f64>()?.iter().zip(classes).map(slope).collect();
        Tensor::new(rows, x.device())
    }
}

/// Bayes' rule: the denoiser of everything, guided by the true classifier, is the denoiser of the class.
#[test]
fn the_true_classifier_turns_all_into_one_class() {
    let x = points();
    let guided = |classes: Vec<u32>, scale| ClassifierGuided {
        inner: Mixture::new([left(), right()].concat()),
        classifier: Arc::new(Exact),
        classes,
        scale,
        interval: (0.0, f64::INFINITY),
    };
    for (class, parts) in [(0, left()), (1, right())] {
        let found = guided(vec![class; 3], 1.0).predict(&x, AT).unwrap();
        let expected = Mixture::new(parts).predict(&x, AT).unwrap();
        close(&found.x0, &expected.x0, 1e-8);
        close(&found.eps, &expected.eps, 1e-8);
    }
    let elsewhere = ClassifierGuided {
        interval: (0.0, AT.sigma_ve() - 0.01),
        ..guided(vec![0; 3], 1.0)
    };
    let alone = values64(&elsewhere.inner.predict(&x, AT).unwrap().x0);
    assert_eq!(values64(&elsewhere.predict(&x, AT).unwrap().x0), alone);
    let off = guided(vec![0; 3], 0.0).predict(&x, AT).unwrap();
    assert_eq!(
        values64(&off.x0),
        values64(&guided(vec![0; 3], 0.0).inner.predict(&x, AT).unwrap().x0)
    );
}

/// At two places: a feature that does not count and logits whose means over the places are `(x0, 2 x1, x0 x1)`, all times
/// the time.
struct Logits;

impl Net for Logits {
    fn forward(&self, x: &Tensor, at: Level, _cond: &Cond) -> Result<Tensor> {
        let (a, b) = (x.narrow(1, 0, 1)?, x.narrow(1, 1, 1)?);
        let means = Tensor::cat(&[&b, &a, &(&b * 2.0)?, &(&a * &b)?], 1)?;
        let places = [(&means * (0.5 * at.t))?, (&means * (1.5 * at.t))?];
        Tensor::stack(&places, 2)?.unsqueeze(3)
    }

    fn vjp(&self, x: &Tensor, at: Level, cond: &Cond, c: &Tensor) -> Result<(Tensor, Tensor)> {
        let place = |i| c.narrow(2, i, 1)?.squeeze(3)?.squeeze(2);
        let c = ((place(0)? * (0.5 * at.t))? + (place(1)? * (1.5 * at.t))?)?;
        let part = |t: &Tensor, i| t.narrow(1, i, 1);
        let by_a = (part(&c, 1)? + (part(&c, 3)? * part(x, 1)?)?)?;
        let by_b = ((part(&c, 0)? + (part(&c, 2)? * 2.0)?)? + (part(&c, 3)? * part(x, 0)?)?)?;
        Ok((self.forward(x, at, cond)?, Tensor::cat(&[by_a, by_b], 1)?))
    }
}

#[test]
fn a_network_of_logits_has_the_gradient_of_its_logarithm() {
    let classifier = NetClassifier {
        net: Arc::new(Logits),
        classes: 3,
    };
    // sigma / alpha = 1 is half a right angle; the sample is too large by the root of 2 times 3.
    let at = Level {
        t: 17.0,
        alpha: 3.0,
        sigma: 3.0,
    };
    let (classes, scale) = ([0_usize, 2, 1], 1.0 / (3.0 * 2.0_f64.sqrt()));
    let log_p = |x: [f64; 2], class: usize| {
        let x = x.map(|v| v * scale);
        let logits = [x[0], 2.0 * x[1], x[0] * x[1]].map(|l| 500.0 * l);
        let greatest = logits.into_iter().fold(f64::NEG_INFINITY, f64::max);
        logits[class] - greatest - logits.iter().map(|l| (l - greatest).exp()).sum::<f64>().ln()
    };
    let x = (points() * 0.01).unwrap();
    let found = classifier.gradient(&x, at, &classes.map(|c| c as u32)).unwrap();
    let said = classifier.opinion(&x, at).unwrap().probabilities().unwrap();
    let (found, said) = (found.to_vec2::<f64>().unwrap(), said.to_vec2::<f64>().unwrap());
    let h = 1e-6;
    for (sample, (x, class)) in x.to_vec2::<f64>().unwrap().iter().zip(classes).enumerate() {
        assert!(
            (said[sample][class].ln() - log_p([x[0], x[1]], class)).abs() < 1e-9,
            "{sample}"
        );
        for (i, found) in found[sample].iter().enumerate() {
            let along = |by: f64| {
                let mut moved = [x[0], x[1]];
                moved[i] += by;
                log_p(moved, class)
            };
            let difference = (along(h) - along(-h)) / (2.0 * h);
            assert!(
                (found - difference).abs() < 1e-6 * (1.0 + difference.abs()),
                "{x:?} {i}: {found} is not {difference}"
            );
        }
    }
}
