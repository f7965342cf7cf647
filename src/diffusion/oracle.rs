//! Exact denoisers for distributions whose score is known: mixtures of round Gaussians, down to single points.
//!
//! With `x = alpha * x0 + sigma * eps` and `x0` of component `k` normal around `m_k` with deviation `s_k`,
//! `x` is normal around `alpha * m_k` with variance `v_k = alpha² s_k² + sigma²`, and
//! `E[x0 | x, k] = (s_k² alpha x + sigma² m_k) / v_k`.

use candle_core::{DType, Tensor};

use super::{Denoiser, Prediction, Result};
use crate::math::Level;

mod component;
pub mod fit;
mod net;

pub use component::Component;
pub use net::ExactNet;

/// The exact denoiser of a mixture of round Gaussians.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    components: Vec<Component>,
}

impl Mixture {
    /// Any mixture.
    pub const fn new(components: Vec<Component>) -> Self {
        Self { components }
    }

    /// One Gaussian.
    pub fn gaussian(mean: Vec<f64>, std: f64) -> Self {
        Self::new(vec![Component { weight: 1.0, mean, std }])
    }

    /// A finite data set, each point equally likely: the ideal network that has learned its training set by heart.
    pub fn points(points: impl IntoIterator<Item = Vec<f64>>) -> Self {
        let point = |mean| Component {
            weight: 1.0,
            mean,
            std: 0.0,
        };
        Self::new(points.into_iter().map(point).collect())
    }

    /// How likely each component is after seeing one sample; those without any chance are left out.
    fn posterior(&self, x: &[f64], at: Level) -> Vec<(f64, &Component)> {
        let mut all = Vec::with_capacity(self.components.len());
        // Most mixtures have many components of one weight and size: logarithms cost more than the rest.
        let mut shared: Option<(&Component, f64)> = None;
        for c in &self.components {
            let same = shared.filter(|(last, _)| (last.weight, last.std) == (c.weight, c.std));
            let (_, scale) = *shared.insert(same.unwrap_or_else(|| (c, c.log_scale(at))));
            all.push((scale + c.log_shape(x, at), c));
        }
        let top = all.iter().map(|(log, _)| *log).fold(f64::NEG_INFINITY, f64::max);
        for (weight, _) in &mut all {
            *weight = (*weight - top).exp();
        }
        all.retain(|(weight, _)| *weight > 0.0);
        let total: f64 = all.iter().map(|(weight, _)| weight).sum();
        for (weight, _) in &mut all {
            *weight /= total;
        }
        all
    }

    /// `E[x0 | x]` of one sample.
    fn mean(&self, x: &[f64], at: Level) -> Vec<f64> {
        let mut sum = vec![0.0; x.len()];
        for (weight, component) in self.posterior(x, at) {
            add(&mut sum, weight, component.mean(x, at));
        }
        sum
    }

    /// `J^T c` with `J = dE[x0|x]/dx = sum_k w_k (s_k² alpha / v_k) I + sum_k w_k E[x0|x,k] (g_k - ḡ)^T`.
    fn pull_back(&self, x: &[f64], at: Level, cotangent: &[f64]) -> Vec<f64> {
        let all = self.posterior(x, at);
        let mut mean_score = vec![0.0; x.len()];
        for (weight, component) in &all {
            add(&mut mean_score, *weight, component.score(x, at));
        }
        let mut out = vec![0.0; x.len()];
        for (weight, component) in all {
            let along: f64 = component.mean(x, at).zip(cotangent).map(|(m, c)| m * c).sum();
            let slope = component.slope(at);
            let shift = component
                .score(x, at)
                .zip(&mean_score)
                .map(|(g, mean)| along * (g - mean));
            add(&mut out, weight, shift.zip(cotangent).map(|(s, c)| s + slope * c));
        }
        out
    }

    /// Applies `f` to the number of each sample, to it and to that of `also`, in `f64`.
    fn each_sample(x: &Tensor, also: &Tensor, f: impl Fn(usize, &[f64], &[f64]) -> Vec<f64>) -> Result<Tensor> {
        let rows = |t: &Tensor| t.flatten_from(1)?.to_dtype(DType::F64)?.to_vec2::<f64>();
        let pairs = rows(x)?.into_iter().zip(rows(also)?).enumerate();
        let out: Vec<f64> = pairs.flat_map(|(i, (a, b))| f(i, &a, &b)).collect();
        Tensor::from_vec(out, x.shape(), x.device())?.to_dtype(x.dtype())
    }
}

impl Denoiser for Mixture {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        if at.sigma == 0.0 {
            return Ok(Prediction {
                x0: (x / at.alpha)?,
                eps: x.zeros_like()?,
                var: None,
            });
        }
        let x0 = Self::each_sample(x, x, |_, x, _| self.mean(x, at))?;
        let eps = Self::each_sample(x, &x0, |_, x, x0| {
            x.iter().zip(x0).map(|(x, x0)| (x - at.alpha * x0) / at.sigma).collect()
        })?;
        Ok(Prediction { x0, eps, var: None })
    }

    fn vjp(&self, x: &Tensor, at: Level, cotangent: &Tensor) -> Result<(Prediction, Tensor)> {
        let grad = if at.sigma == 0.0 {
            (cotangent / at.alpha)?
        } else {
            Self::each_sample(x, cotangent, |_, x, c| self.pull_back(x, at, c))?
        };
        Ok((self.predict(x, at)?, grad))
    }
}

/// Adds `weight * term` to `sum`.
fn add(sum: &mut [f64], weight: f64, term: impl Iterator<Item = f64>) {
    for (sum, term) in sum.iter_mut().zip(term) {
        *sum += weight * term;
    }
}

#[cfg(test)]
mod tests;
