//! The loss against candle's own gradients, differences and itself in parts.

use candle_core::Var;

use super::*;
use crate::{
    diffusion::{Denoiser, Prediction, likelihood::bound_term, sampler::ddpm::Variance},
    math::{Domain, Spec, Value, schedule, target},
};

const SHAPE: [usize; 4] = [4, 2, 3, 3];

fn draw(step: u64) -> Tensor {
    noise(5, step, 0..4, &SHAPE, &Device::Cpu).unwrap()
}

fn levels() -> Vec<Level> {
    [0.99, 0.7, 0.3, 0.01]
        .iter()
        .enumerate()
        .map(|(i, &ab)| Level::from_alpha_bar(i as f64, ab))
        .collect()
}

fn part(target: Target, samples: Range<usize>) -> Lesson {
    let cut = |t: Tensor| t.narrow(0, samples.start, samples.len()).unwrap();
    let weights = [1.0, 0.5, 2.0, 1.5][samples.clone()].to_vec();
    Lesson::new(
        &cut(draw(1)),
        &cut(draw(2)),
        &levels()[samples.clone()],
        target,
        weights,
    )
    .unwrap()
}

fn flat(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

fn close(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b}");
    }
}

#[test]
fn a_network_that_answers_right_knows_both_parts() {
    for entry in target::ENTRIES {
        let target = target::build(&Spec::new(entry.id)).unwrap();
        for (i, &at) in levels().iter().enumerate() {
            let lesson = part(target, i..i + 1);
            let x = (&lesson.input / target.input_scale(at)).unwrap();
            let belief = Prediction::from_output(&lesson.answer, &x, target, at).unwrap();
            close(&flat(&belief.x0), &flat(&draw(1).narrow(0, i, 1).unwrap()), 1e-4);
            close(&flat(&belief.eps), &flat(&draw(2).narrow(0, i, 1).unwrap()), 1e-4);
        }
    }
}

#[test]
fn the_gradient_is_that_of_candle() {
    let lesson = part(Target::V, 0..4);
    let out = Var::from_tensor(&draw(3)).unwrap();
    let weights = Tensor::new(&[[1.0_f32], [0.5], [2.0], [1.5]], &Device::Cpu).unwrap();
    let squares = (out.as_tensor() - &lesson.answer).unwrap().sqr().unwrap();
    let value = squares
        .flatten_from(1)
        .unwrap()
        .broadcast_mul(&weights)
        .unwrap()
        .mean_all()
        .unwrap();
    let loss = lesson.judge(&out, 4).unwrap();
    assert!((loss.value - f64::from(value.to_scalar::<f32>().unwrap())).abs() < 1e-6);
    close(
        &flat(&loss.grad),
        &flat(value.backward().unwrap().get(&out).unwrap()),
        1e-7,
    );
}

#[test]
fn the_parts_of_a_batch_add_up_to_the_whole() {
    let out = draw(3);
    let whole = part(Target::Eps, 0..4).judge(&out, 4).unwrap();
    let parts = [0..1, 1..4].map(|r| {
        let cut = out.narrow(0, r.start, r.len()).unwrap();
        part(Target::Eps, r).judge(&cut, 4).unwrap()
    });
    assert!((whole.value - parts[0].value - parts[1].value).abs() < 1e-12);
    assert_eq!(flat(&whole.grad), [flat(&parts[0].grad), flat(&parts[1].grad)].concat());
}

#[test]
fn the_noise_of_a_sample_does_not_depend_on_its_batch() {
    let alone = noise(5, 1, 2..3, &[1, 2, 3, 3], &Device::Cpu).unwrap();
    assert_eq!(flat(&draw(1).narrow(0, 2, 1).unwrap()), flat(&alone));
}

// Networks that say their variance.

const PICTURE: Domain = Domain::Image {
    channels: 2,
    height: 3,
    width: 3,
};

/// Times 0, 1, 20 and 49 of a schedule of 50.
fn learned(share: Share, domain: Domain, weights: Vec<f64>) -> Lesson {
    let schedule = schedule::build(&Spec::new("linear").with("steps", Value::Int(50))).unwrap();
    let levels: Vec<Level> = [0.0, 1.0, 20.0, 49.0].map(|t| schedule.level(t)).into();
    let (x0, eps) = (draw(1).clamp(-1.0, 1.0).unwrap(), draw(2));
    let bound = Bound::new((&x0, &eps), &levels, Target::V, &*schedule, domain, share).unwrap();
    Lesson {
        factors: vec![1.0, 0.7, 2.0, 1.0],
        bound: Some(bound),
        ..Lesson::new(&x0, &eps, &levels, Target::V, weights).unwrap()
    }
}

fn doubled() -> Tensor {
    // Not far from the right answer, so that no byte has a vanishing probability.
    let lesson = learned(HYBRID, PICTURE, vec![1.0; 4]);
    let near = (lesson.answer + (draw(3) * 0.02).unwrap()).unwrap();
    Tensor::cat(&[&near, &(draw(4) * 0.3).unwrap()], 1).unwrap()
}

/// A network that always answers the same.
struct Told(Tensor);

impl Denoiser for Told {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        Prediction::from_output(&self.0, x, Target::V, at)
    }
}

const HYBRID: Share = Share {
    of_bound: 0.001,
    detached: true,
};
const BOUND: Share = Share {
    of_bound: 1.0,
    detached: false,
};

/// Central differences of the loss by every number of the output, in double precision; of the first half only where
/// the bound may teach it.
#[test]
fn the_bound_has_its_gradient() {
    for (share, domain) in [(BOUND, PICTURE), (BOUND, Domain::Points), (HYBRID, PICTURE)] {
        let weights = if share.detached { vec![1.0; 4] } else { vec![0.0; 4] };
        let mut lesson = learned(share, domain, weights);
        lesson.answer = lesson.answer.to_dtype(DType::F64).unwrap();
        let out = doubled().to_dtype(DType::F64).unwrap();
        let grad = lesson
            .judge(&out, 4)
            .unwrap()
            .grad
            .flatten_all()
            .unwrap()
            .to_vec1::<f64>()
            .unwrap();
        let values = out.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let value = |i: usize, by: f64| {
            let mut moved = values.clone();
            moved[i] += by;
            let moved = Tensor::from_vec(moved, out.shape(), &Device::Cpu).unwrap();
            lesson.judge(&moved, 4).unwrap().value
        };
        for (i, found) in grad.iter().enumerate() {
            if share.detached && i % 36 < 18 {
                continue;
            }
            let difference = (value(i, 1e-5) - value(i, -1e-5)) / 2e-5;
            assert!(
                (found - difference).abs() < 1e-6 + 1e-4 * difference.abs(),
                "{i}: {found} is not {difference}"
            );
        }
    }
}

/// The bound of the hybrid loss leaves the gradient of the answer as it is, bit for bit, and all the rest is its share:
/// a thousandth of the sum over `T = 50` times for one time drawn.
#[test]
fn the_hybrid_loss_teaches_the_variance_alone() {
    let out = doubled();
    let hybrid = learned(HYBRID, PICTURE, vec![1.0; 4]).judge(&out, 4).unwrap();
    let simple = Lesson {
        bound: None,
        ..learned(HYBRID, PICTURE, vec![1.0; 4])
    };
    let simple = simple.judge(&out, 4).unwrap();
    let half = |loss: &Loss, first: usize| flat(&loss.grad.narrow(1, first, 2).unwrap());
    assert_eq!(half(&hybrid, 0), half(&simple, 0));
    assert!(half(&simple, 2).iter().all(|g| *g == 0.0));
    let bound = learned(BOUND, PICTURE, vec![0.0; 4]).judge(&out, 4).unwrap();
    for i in 0..4 {
        let sum = simple.losses[i] + 0.001 * bound.losses[i];
        assert!((hybrid.losses[i] - sum).abs() < 1e-12, "{i}");
    }
    for (h, b) in half(&hybrid, 2).iter().zip(half(&bound, 2)) {
        assert!((h - 0.001 * b).abs() < 1e-9, "{h} {b}");
    }
    // The term itself, in nats a dimension, by the independent route of the likelihood.
    let schedule = schedule::build(&Spec::new("linear").with("steps", Value::Int(50))).unwrap();
    let (x0, eps) = (draw(1).clamp(-1.0, 1.0).unwrap(), draw(2));
    let cost = bound_term(&Told(out), &*schedule, Variance::Learned, &x0, &eps, 20).unwrap()[2];
    assert!(
        (bound.losses[2] - 50.0 * cost / 18.0).abs() < 1e-4 * bound.losses[2],
        "{} {cost}",
        bound.losses[2]
    );
}
