//! AdamW, gradient clipping and the course of the learning rate, on flat buffers.

use std::f64::consts::PI;

use candle_core::Result;
use rayon::prelude::*;

use super::{Executor, Weights};

/// Numbers that one task handles. Fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 1 << 14;

/// Constants of AdamW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hyper {
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Added to the root of the latter.
    pub eps: f64,
    /// Share of the learning rate by which weights shrink at every step.
    pub weight_decay: f64,
}

impl Default for Hyper {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.01,
        }
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019) as PyTorch computes it. The fields are the whole state.
#[derive(Clone, Debug, PartialEq)]
pub struct AdamW {
    /// Constants.
    pub hyper: Hyper,
    /// Updates made so far.
    pub step: u64,
    /// Decayed mean of the gradients, flat.
    pub mean: Vec<f32>,
    /// Decayed mean of the squared gradients, flat.
    pub square: Vec<f32>,
}

impl AdamW {
    /// The state before the first update of `len` numbers.
    pub fn new(len: usize, hyper: Hyper) -> Self {
        Self {
            hyper,
            step: 0,
            mean: vec![0.0; len],
            square: vec![0.0; len],
        }
    }

    /// One update. All buffers have the same length and order.
    pub fn update(&mut self, params: &mut [f32], grads: &[f32], lr: f64) {
        self.step += 1;
        let factors = self.factors(lr);
        let moments = self.mean.par_chunks_mut(CHUNK).zip(self.square.par_chunks_mut(CHUNK));
        let values = params.par_chunks_mut(CHUNK).zip(grads.par_chunks(CHUNK));
        values
            .zip(moments)
            .for_each(|((p, g), (m, v))| factors.update(p, g, m, v));
    }

    fn factors(&self, lr: f64) -> Factors {
        let Hyper {
            beta1,
            beta2,
            eps,
            weight_decay,
        } = self.hyper;
        let correction = |beta: f64| 1.0 - libm::pow(beta, self.step as f64);
        Factors {
            keep: (1.0 - lr * weight_decay) as f32,
            new_mean: (1.0 - beta1) as f32,
            old_square: beta2 as f32,
            new_square: (1.0 - beta2) as f32,
            root: correction(beta2).sqrt() as f32,
            eps: eps as f32,
            rate: (lr / correction(beta1)) as f32,
        }
    }
}

/// What one update multiplies by.
#[derive(Clone, Copy)]
struct Factors {
    keep: f32,
    new_mean: f32,
    old_square: f32,
    new_square: f32,
    root: f32,
    eps: f32,
    rate: f32,
}

impl Factors {
    fn update(self, params: &mut [f32], grads: &[f32], means: &mut [f32], squares: &mut [f32]) {
        for (((p, &g), m), v) in params.iter_mut().zip(grads).zip(means).zip(squares) {
            *m += (g - *m) * self.new_mean;
            *v = *v * self.old_square + g * g * self.new_square;
            *p = *p * self.keep - self.rate * *m / (v.sqrt() / self.root + self.eps);
        }
    }
}

/// Euclidean norm, summed in double precision in an order that does not depend on the number of threads.
pub fn norm(x: &[f32]) -> f64 {
    let sums: Vec<f64> = x.par_chunks(CHUNK).map(square_sum).collect();
    sums.into_iter().sum::<f64>().sqrt()
}

/// Eight sums side by side: one alone would wait for each addition.
fn square_sum(x: &[f32]) -> f64 {
    let (eights, rest) = x.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        for (sum, &v) in sums.iter_mut().zip(eight) {
            *sum += f64::from(v) * f64::from(v);
        }
    }
    let rest = rest.iter().map(|&v| f64::from(v) * f64::from(v));
    sums.into_iter().chain(rest).sum()
}

/// Shrinks the gradients to at most `max_norm` (0: never) as `clip_grad_norm_` does. Returns the norm before.
pub fn clip(grads: &mut [f32], max_norm: f64) -> f64 {
    let norm = norm(grads);
    let factor = max_norm / (norm + 1e-6);
    if max_norm > 0.0 && factor < 1.0 {
        let factor = factor as f32;
        grads
            .par_chunks_mut(CHUNK)
            .for_each(|chunk| chunk.iter_mut().for_each(|g| *g *= factor));
    }
    norm
}

/// Weights that the optimiser must leave alone: 1 where a parameter is trained, 0 where it is fixed, in the executor's
/// order. `None` where all are trained.
pub fn trained(executor: &dyn Executor) -> Result<Option<Vec<f32>>> {
    let params = &executor.graph().params;
    if params.iter().all(|p| p.trained) {
        return Ok(None);
    }
    let marks: Weights = params
        .iter()
        .map(|p| (p.name.clone(), vec![f32::from(u8::from(p.trained)); p.numel()]))
        .collect();
    executor.pack(&marks).map(Some)
}

/// The learning rate of step `step` (from 0): a linear rise over `warmup` steps, then half a cosine down to `end` times
/// `lr` at step `steps`.
pub fn rate(step: u64, steps: u64, warmup: u64, lr: f64, end: f64) -> f64 {
    if step < warmup {
        return lr * (step + 1) as f64 / warmup as f64;
    }
    let way = (step - warmup) as f64 / steps.saturating_sub(warmup).max(1) as f64;
    let cosine = 0.5 * (1.0 + libm::cos(PI * way.min(1.0)));
    lr * (end + (1.0 - end) * cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_equal_those_of_pytorch() {
        // p = torch.tensor([1., -2., 0.5], requires_grad=True); o = torch.optim.AdamW([p], 0.1, weight_decay=0.1)
        // for g in ([0.5, -1., 0.], [0.25, 2., 1e-3]): p.grad = torch.tensor(g); o.step()
        // The same recurrence written out in f64.
        let mut expected = [1.0_f64, -2.0, 0.5];
        let (mut m, mut v) = ([0.0_f64; 3], [0.0_f64; 3]);
        let mut params = [1.0_f32, -2.0, 0.5];
        let hyper = Hyper {
            weight_decay: 0.1,
            ..Hyper::default()
        };
        let mut adam = AdamW::new(3, hyper);
        for (step, grads) in [[0.5_f32, -1.0, 0.0], [0.25, 2.0, 1e-3]].into_iter().enumerate() {
            adam.update(&mut params, &grads, 0.1);
            for i in 0..3 {
                let (g, t) = (f64::from(grads[i]), step as i32 + 1);
                expected[i] *= 1.0 - 0.1 * 0.1;
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.999 * v[i] + 0.001 * g * g;
                let (mean, square) = (m[i] / (1.0 - 0.9_f64.powi(t)), v[i] / (1.0 - 0.999_f64.powi(t)));
                expected[i] -= 0.1 * mean / (square.sqrt() + 1e-8);
            }
        }
        for (found, expected) in params.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn clipping_keeps_the_direction_and_reports_the_norm_before() {
        let mut grads = vec![3.0, 4.0];
        assert!((clip(&mut grads, 1.0) - 5.0).abs() < 1e-12);
        assert!((grads[0] - 0.6).abs() < 1e-6 && (grads[1] - 0.8).abs() < 1e-6);
        for max_norm in [0.0, 9.0] {
            let mut grads = vec![3.0, 4.0];
            clip(&mut grads, max_norm);
            assert_eq!(grads, [3.0, 4.0]);
        }
    }

    #[test]
    fn the_norm_does_not_depend_on_threads() {
        let x: Vec<f32> = (0..100_000).map(|i| (i as f32 * 0.37).sin()).collect();
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let many = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(one.install(|| norm(&x)).to_bits(), many.install(|| norm(&x)).to_bits());
        let exact = x.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        assert!((norm(&x) - exact).abs() < 1e-9 * exact);
    }

    #[test]
    fn the_rate_rises_then_falls() {
        let at = |step| rate(step, 110, 10, 2.0, 0.1);
        assert_eq!((at(0), at(9), at(10)), (0.2, 2.0, 2.0));
        assert!((at(60) - 1.1).abs() < 1e-12);
        assert!((at(110) - 0.2).abs() < 1e-12 && at(500) == at(110));
        assert_eq!(rate(7, 10, 0, 2.0, 1.0), 2.0);
    }
}
