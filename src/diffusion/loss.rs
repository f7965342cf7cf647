//! What a network is shown and asked in a training step, and how its answer is judged.

use std::ops::Range;

use candle_core::{DType, Device, Tensor};

use super::Result;
use crate::math::{
    Level,
    noise::{Address, Stream},
    target::Target,
};

/// One (part of a) batch of a training step. Samples are along the first axis everywhere.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// What the network sees: the noisy samples, scaled by [`Target::input_scale`].
    pub input: Tensor,
    /// The time that the network is told, one a sample.
    pub t: Vec<f64>,
    /// What it should answer; shape of the clean samples.
    pub answer: Tensor,
    /// Weight of each sample in the loss.
    pub weights: Vec<f64>,
}

impl Lesson {
    /// Noises `x0` with `eps` (same shape) to one level a sample.
    pub fn new(x0: &Tensor, eps: &Tensor, levels: &[Level], target: Target, weights: Vec<f64>) -> Result<Self> {
        let mix = |row: &dyn Fn(Level) -> (f64, f64)| {
            let (a, b): (Vec<f64>, Vec<f64>) = levels.iter().map(|&at| row(at)).unzip();
            x0.broadcast_mul(&column(&a, x0)?)? + eps.broadcast_mul(&column(&b, eps)?)?
        };
        let seen = |at: Level| {
            let scale = target.input_scale(at);
            (at.alpha * scale, at.sigma * scale)
        };
        Ok(Self {
            input: mix(&seen)?,
            t: levels.iter().map(|at| at.t).collect(),
            answer: mix(&|at| target.row(at))?,
            weights,
        })
    }

    /// Judges the network's output. `batch` is the number of samples of the whole training step, so that the losses and
    /// gradients of its parts add up to those of the whole, however it is split.
    pub fn mse(&self, out: &Tensor, batch: usize) -> Result<Loss> {
        let difference = (out - &self.answer)?;
        let per_sample = mean_of_samples(&difference.sqr()?)?;
        let numel = (out.elem_count() / out.dim(0)?) as f64;
        let slopes: Vec<f64> = self.weights.iter().map(|w| 2.0 * w / (numel * batch as f64)).collect();
        Ok(Loss {
            value: per_sample.iter().zip(&self.weights).map(|(l, w)| l * w).sum::<f64>() / batch as f64,
            grad: difference.broadcast_mul(&column(&slopes, &difference)?)?,
            per_sample,
        })
    }
}

/// How far an answer is from the right one.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Share of this part in the weighted mean over the whole batch.
    pub value: f64,
    /// Mean squared error of each sample over its dimensions, without weights.
    pub per_sample: Vec<f64>,
    /// Derivative of `value` with respect to the network's output, in its shape.
    pub grad: Tensor,
}

/// Standard normal noise for the samples at `places` of the batch of training step `step`; `shape` is that of all these
/// samples together, batch first.
pub fn noise(seed: u64, step: u64, places: Range<u64>, shape: &[usize], device: &Device) -> Result<Tensor> {
    let numel: usize = shape.iter().skip(1).product();
    let mut values = vec![0.0; shape.iter().product()];
    for (sample, out) in places.zip(values.chunks_exact_mut(numel.max(1))) {
        Address {
            seed,
            stream: Stream::Noise,
            sample,
            mv: step,
            draw: 0,
        }
        .normals(out);
    }
    Tensor::from_vec(values, shape, device)
}

/// One number a sample, shaped to multiply or be added to `like`.
pub(super) fn column(values: &[f64], like: &Tensor) -> Result<Tensor> {
    let mut shape = vec![1; like.rank()];
    shape[0] = values.len();
    Tensor::from_slice(values, shape, like.device())?.to_dtype(like.dtype())
}

/// The mean of each sample over its dimensions, summed in `f64`.
pub(super) fn mean_of_samples(x: &Tensor) -> Result<Vec<f64>> {
    x.flatten_from(1)?.to_dtype(DType::F64)?.mean(1)?.to_vec1()
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;
    use crate::math::target;

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
            let target = target::build(&crate::math::Spec::new(entry.id)).unwrap();
            for (i, &at) in levels().iter().enumerate() {
                let lesson = part(target, i..i + 1);
                let x = (&lesson.input / target.input_scale(at)).unwrap();
                let belief = crate::diffusion::Prediction::from_output(&lesson.answer, &x, target, at).unwrap();
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
        let loss = lesson.mse(&out, 4).unwrap();
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
        let whole = part(Target::Eps, 0..4).mse(&out, 4).unwrap();
        let parts = [0..1, 1..4].map(|r| {
            let cut = out.narrow(0, r.start, r.len()).unwrap();
            part(Target::Eps, r).mse(&cut, 4).unwrap()
        });
        assert!((whole.value - parts[0].value - parts[1].value).abs() < 1e-12);
        assert_eq!(flat(&whole.grad), [flat(&parts[0].grad), flat(&parts[1].grad)].concat());
    }

    #[test]
    fn the_noise_of_a_sample_does_not_depend_on_its_batch() {
        let alone = noise(5, 1, 2..3, &[1, 2, 3, 3], &Device::Cpu).unwrap();
        assert_eq!(flat(&draw(1).narrow(0, 2, 1).unwrap()), flat(&alone));
    }
}
