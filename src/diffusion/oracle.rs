//! Exact denoisers for distributions whose score is known: mixtures of round Gaussians, down to single points.
//!
//! With `x = alpha * x0 + sigma * eps` and `x0` of component `k` normal around `m_k` with deviation `s_k`,
//! `x` is normal around `alpha * m_k` with variance `v_k = alpha² s_k² + sigma²`, and
//! `E[x0 | x, k] = (s_k² alpha x + sigma² m_k) / v_k`.

use candle_core::{DType, Tensor};

use super::{Denoiser, Prediction, Result};
use crate::math::Level;

/// One round Gaussian of a [`Mixture`].
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Share of the samples; need not be normalised.
    pub weight: f64,
    /// Centre; one number a dimension.
    pub mean: Vec<f64>,
    /// Standard deviation in every direction; 0 for a single point.
    pub std: f64,
}

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

    /// What each component says about one sample.
    fn posteriors(&self, x: &[f64], at: Level) -> Vec<Posterior> {
        let mut all: Vec<Posterior> = self.components.iter().map(|c| c.posterior(x, at)).collect();
        let top = all.iter().map(|p| p.weight).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = all.iter().map(|p| (p.weight - top).exp()).sum();
        for p in &mut all {
            p.weight = (p.weight - top).exp() / total;
        }
        all
    }

    /// `E[x0 | x]`.
    fn mean(&self, x: &[f64], at: Level) -> Vec<f64> {
        weighted(&self.posteriors(x, at), |p| &p.mean)
    }

    /// `J^T c` with `J = dE[x0|x]/dx = sum_k w_k (s_k² alpha / v_k) I + sum_k w_k E[x0|x,k] (g_k - ḡ)^T`.
    fn pull_back(&self, x: &[f64], at: Level, cotangent: &[f64]) -> Vec<f64> {
        let all = self.posteriors(x, at);
        let mean_score = weighted(&all, |p| &p.score);
        let mut out = vec![0.0; x.len()];
        for p in &all {
            let along: f64 = p.mean.iter().zip(cotangent).map(|(m, c)| m * c).sum();
            for (i, o) in out.iter_mut().enumerate() {
                *o += p.weight * (p.slope * cotangent[i] + along * (p.score[i] - mean_score[i]));
            }
        }
        out
    }

    /// Applies `f` to each sample of `x` (and of `also`), in `f64`.
    fn each_sample(x: &Tensor, also: &Tensor, f: impl Fn(&[f64], &[f64]) -> Vec<f64>) -> Result<Tensor> {
        let rows = |t: &Tensor| t.flatten_from(1)?.to_dtype(DType::F64)?.to_vec2::<f64>();
        let out: Vec<f64> = rows(x)?.iter().zip(rows(also)?).flat_map(|(a, b)| f(a, &b)).collect();
        Tensor::from_vec(out, x.shape(), x.device())?.to_dtype(x.dtype())
    }
}

struct Posterior {
    /// First the log of prior times likelihood, then normalised.
    weight: f64,
    mean: Vec<f64>,
    slope: f64,
    /// `d log N(x; alpha m, v I) / dx`.
    score: Vec<f64>,
}

impl Component {
    fn posterior(&self, x: &[f64], at: Level) -> Posterior {
        let Level { alpha, sigma, .. } = at;
        let (prior, noise) = (self.std.powi(2), sigma.powi(2));
        // A point seen without noise has no variance at all; the smallest number stands for the limit.
        let v = (alpha.powi(2) * prior + noise).max(f64::MIN_POSITIVE);
        let score: Vec<f64> = x.iter().zip(&self.mean).map(|(x, m)| (alpha * m - x) / v).collect();
        let distance: f64 = score.iter().map(|s| s * s * v).sum();
        let mean = |(x, m): (&f64, &f64)| (prior * alpha * x + noise * m) / v;
        Posterior {
            weight: self.weight.ln() - 0.5 * (distance + x.len() as f64 * v.ln()),
            mean: x.iter().zip(&self.mean).map(mean).collect(),
            slope: prior * alpha / v,
            score,
        }
    }
}

fn weighted(all: &[Posterior], part: impl Fn(&Posterior) -> &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; all.first().map_or(0, |p| part(p).len())];
    for p in all {
        for (s, v) in sum.iter_mut().zip(part(p)) {
            *s += p.weight * v;
        }
    }
    sum
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
        let x0 = Self::each_sample(x, x, |x, _| self.mean(x, at))?;
        let eps = Self::each_sample(x, &x0, |x, x0| {
            x.iter().zip(x0).map(|(x, x0)| (x - at.alpha * x0) / at.sigma).collect()
        })?;
        Ok(Prediction { x0, eps, var: None })
    }

    fn vjp(&self, x: &Tensor, at: Level, cotangent: &Tensor) -> Result<(Prediction, Tensor)> {
        let grad = if at.sigma == 0.0 {
            (cotangent / at.alpha)?
        } else {
            Self::each_sample(x, cotangent, |x, c| self.pull_back(x, at, c))?
        };
        Ok((self.predict(x, at)?, grad))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    const AT: Level = Level {
        t: 0.0,
        alpha: 0.8,
        sigma: 0.5,
    };

    fn mixture() -> Mixture {
        let component = |weight, mean: [f64; 2], std| Component {
            weight,
            mean: mean.into(),
            std,
        };
        Mixture::new(vec![
            component(1.0, [1.0, -0.5], 0.3),
            component(2.0, [-1.0, 0.25], 0.0),
            component(0.5, [0.0, 1.5], 0.7),
        ])
    }

    /// The score of the density of `x`, by central differences of its logarithm, against `-eps / sigma`.
    #[test]
    fn the_noise_is_the_score() {
        let model = mixture();
        let log_p = |x: [f64; 2]| {
            let density = |c: &Component| {
                let v = (AT.alpha * c.std).powi(2) + AT.sigma.powi(2);
                let d: f64 = x.iter().zip(&c.mean).map(|(x, m)| (x - AT.alpha * m).powi(2)).sum();
                c.weight / v * (-0.5 * d / v).exp()
            };
            model.components.iter().map(density).sum::<f64>().ln()
        };
        for x in [[0.2, 0.1], [-1.4, 0.9], [2.0, -3.0]] {
            let belief = model.predict(&Tensor::new(&[x], &Device::Cpu).unwrap(), AT).unwrap();
            let eps = belief.eps.to_vec2::<f64>().unwrap();
            let h = 1e-5;
            let score = [
                (log_p([x[0] + h, x[1]]) - log_p([x[0] - h, x[1]])) / (2.0 * h),
                (log_p([x[0], x[1] + h]) - log_p([x[0], x[1] - h])) / (2.0 * h),
            ];
            for i in 0..2 {
                assert!((eps[0][i] + AT.sigma * score[i]).abs() < 1e-8, "{x:?} {i}");
            }
        }
    }

    #[test]
    fn the_pull_back_is_the_transposed_jacobian() {
        let model = mixture();
        let (x, c) = ([0.2, 0.1], [0.7, -1.3]);
        let h = 1e-6;
        let along = |i: usize| {
            let (mut up, mut down) = (x, x);
            up[i] += h;
            down[i] -= h;
            let (up, down) = (model.mean(&up, AT), model.mean(&down, AT));
            (0..2).map(|k| c[k] * (up[k] - down[k]) / (2.0 * h)).sum::<f64>()
        };
        let found = model.pull_back(&x, AT, &c);
        for (i, found) in found.iter().enumerate() {
            assert!((found - along(i)).abs() < 1e-8, "{i}: {found} is not {}", along(i));
        }
    }

    #[test]
    fn a_data_set_pulls_to_its_nearest_point() {
        let model = Mixture::points([vec![1.0, 0.0], vec![-1.0, 0.0]]);
        let at = Level {
            t: 0.0,
            alpha: 0.99,
            sigma: 0.05,
        };
        let x = Tensor::new(&[[0.7_f64, 0.1]], &Device::Cpu).unwrap();
        let x0 = model.predict(&x, at).unwrap().x0.to_vec2::<f64>().unwrap();
        assert!((x0[0][0] - 1.0).abs() < 1e-9 && x0[0][1].abs() < 1e-9);
        let clean = model.predict(&x, Level::clean(0.0)).unwrap();
        assert_eq!(clean.x0.to_vec2::<f64>().unwrap(), [[0.7, 0.1]]);
    }
}
