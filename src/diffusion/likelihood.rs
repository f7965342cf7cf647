//! How likely samples are under a model: the terms of the variational bound (Ho et al. 2020, eq. 5) and the exact density
//! of the probability-flow path (Song et al. 2021, section 4.3). All in nats a sample.

use candle_core::{DType, Tensor};

use super::{Denoiser, Prediction, Result, loss::mean_of_samples, sampler::ddpm::Variance};
use crate::math::{Level, Move, normal, schedule::NoiseSchedule};

/// Nats of a whole sample as bits a dimension.
pub fn bits_per_dim(nats: f64, dimensions: usize) -> f64 {
    nats / (dimensions as f64 * std::f64::consts::LN_2)
}

/// `KL(q(x_T | x0) || N(0, 1))` of a variance-preserving schedule's last level.
pub fn prior_kl(x0: &Tensor, last: Level) -> Result<Vec<f64>> {
    let spread = last.sigma.powi(2);
    let mean_square = mean_of_samples(&x0.sqr()?)?;
    let dimensions = (x0.elem_count() / x0.dim(0)?) as f64;
    let term = |square: f64| 0.5 * dimensions * (last.alpha.powi(2) * square + spread - 1.0 - spread.ln());
    Ok(mean_square.into_iter().map(term).collect())
}

/// The bound's term for index `t` of a discrete schedule: the divergence of the model's step from the posterior, or for
/// `t = 0` the discretised likelihood of 8-bit data in `[-1, 1]`. `eps` is the noise that `x0` is seen through.
///
/// Needs at least two indices.
pub fn bound_term(
    model: &dyn Denoiser,
    schedule: &dyn NoiseSchedule,
    variance: Variance,
    x0: &Tensor,
    eps: &Tensor,
    t: usize,
) -> Result<Vec<f64>> {
    let level = |t: usize| schedule.level(t as f64);
    let from = level(t);
    let x = ((x0 * from.alpha)? + (eps * from.sigma)?)?;
    let belief = model.predict(&x, from)?;
    if t == 0 {
        // The posterior of the first index has no variance; that of the next stands in.
        let next = Move {
            from: level(1),
            to: from,
        };
        return decoder_nll(x0, &belief.x0, next.posterior_std());
    }
    let mv = Move { from, to: level(t - 1) };
    step_kl(mv, x0, &belief, variance)
}

/// `KL(q(x_to | x, x0) || p(x_to | x))`, both Gaussian: `(-1 + r + e^-r + (difference of means)² / v e^-r) / 2` a
/// dimension, with `v` the posterior's variance and `r` the log-ratio of the model's variance to it.
pub fn step_kl(mv: Move, x0: &Tensor, belief: &Prediction, variance: Variance) -> Result<Vec<f64>> {
    let (small, large) = (mv.posterior_std(), mv.forward_std());
    let of_x0 = mv.to.alpha * (large / mv.from.sigma).powi(2);
    let apart = (((x0 - &belief.x0)? * (of_x0 / small))?).sqr()?;
    let most = 2.0 * (large / small).ln();
    let ratio = match (variance, &belief.var) {
        (Variance::Learned, Some(share)) => (share * most)?,
        (Variance::Large, _) => apart.ones_like()?.affine(most, 0.0)?,
        _ => apart.zeros_like()?,
    };
    let decay = ratio.neg()?.exp()?;
    let nats = (((&ratio - 1.0)? + &decay)? + (apart * decay)?)?;
    let dimensions = (x0.elem_count() / x0.dim(0)?) as f64;
    Ok(mean_of_samples(&nats)?
        .into_iter()
        .map(|m| 0.5 * dimensions * m)
        .collect())
}

/// Negative log-probability of 8-bit values in `[-1, 1]` under a Gaussian, each value owning the interval of width 2/255
/// around it, the outermost all that lies beyond.
pub fn decoder_nll(x0: &Tensor, mean: &Tensor, std: f64) -> Result<Vec<f64>> {
    let rows = |t: &Tensor| t.flatten_from(1)?.to_dtype(DType::F64)?.to_vec2::<f64>();
    let nll = |(x, m): (f64, f64)| {
        let half = 1.0 / 255.0;
        let up_to = |edge: f64| normal::cumulative((edge - m) / std);
        let above = if x > 0.999 { 1.0 } else { up_to(x + half) };
        let below = if x < -0.999 { 0.0 } else { up_to(x - half) };
        -(above - below).max(1e-12).ln()
    };
    let samples = rows(x0)?.into_iter().zip(rows(mean)?);
    Ok(samples.map(|(x, m)| x.into_iter().zip(m).map(nll).sum()).collect())
}

/// The log-density of `x0` (in variance-exploding units at the schedule's least noise) by `steps` Runge–Kutta steps in
/// `l = ln(sigma)` up to the greatest, where samples are normal around 0 with variance `prior_var`.
///
/// Along the path `dx/dl = x - x0(x)` the log-density falls by the divergence, estimated as `e^T J e` with the `probe` e
/// of independent signs (Hutchinson 1990); exact in one dimension.
pub fn log_likelihood(
    model: &dyn Denoiser,
    schedule: &dyn NoiseSchedule,
    x0: &Tensor,
    probe: &Tensor,
    steps: usize,
    prior_var: f64,
) -> Result<Vec<f64>> {
    let dimensions = (x0.elem_count() / x0.dim(0)?) as f64;
    let sum =
        |t: &Tensor| Ok::<_, candle_core::Error>(mean_of_samples(t)?.into_iter().map(|m| m * dimensions).collect());
    let flow = |x: &Tensor, l: f64| -> Result<(Tensor, Vec<f64>)> {
        let at = schedule.at_sigma(l.exp());
        let (belief, pulled) = model.vjp(&(x * at.alpha)?, at, probe)?;
        let trace: Vec<f64> = sum(&(pulled * probe)?)?;
        let divergence = trace.into_iter().map(|t| dimensions - at.alpha * t);
        Ok(((x - belief.x0)?, divergence.collect()))
    };
    let (low, high) = schedule.sigma_range();
    let h = (high / low).ln() / steps as f64;
    let mut x = x0.clone();
    let mut gathered = vec![0.0; x0.dim(0)?];
    for i in 0..steps {
        let l = low.ln() + h * i as f64;
        let (k1, d1) = flow(&x, l)?;
        let (k2, d2) = flow(&(&x + (&k1 * (h / 2.0))?)?, l + h / 2.0)?;
        let (k3, d3) = flow(&(&x + (&k2 * (h / 2.0))?)?, l + h / 2.0)?;
        let (k4, d4) = flow(&(&x + (&k3 * h)?)?, l + h)?;
        let slope = (((k1 + (k2 * 2.0)?)? + (k3 * 2.0)?)? + k4)?;
        x = (x + (slope * (h / 6.0))?)?;
        for (j, g) in gathered.iter_mut().enumerate() {
            *g += h / 6.0 * (d1[j] + 2.0 * d2[j] + 2.0 * d3[j] + d4[j]);
        }
    }
    let squares: Vec<f64> = sum(&x.sqr()?)?;
    let prior = |square: f64| -0.5 * (square / prior_var + dimensions * (std::f64::consts::TAU * prior_var).ln());
    Ok(squares.into_iter().zip(gathered).map(|(s, g)| prior(s) + g).collect())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::{
        diffusion::{loss, oracle::Mixture},
        math::{Spec, schedule},
    };

    fn one(x: f64) -> Tensor {
        Tensor::new(&[[x]], &Device::Cpu).unwrap()
    }

    fn belief(x0: f64, var: f64) -> Prediction {
        Prediction {
            x0: one(x0),
            eps: one(0.0),
            var: Some(one(var)),
        }
    }

    #[test]
    fn with_the_posterior_variance_a_term_is_a_fall_of_snr() {
        let schedule = schedule::build(&Spec::new("linear")).unwrap();
        let mv = Move {
            from: schedule.level(400.0),
            to: schedule.level(399.0),
        };
        let found = step_kl(mv, &one(0.5), &belief(0.2, 0.0), Variance::Small).unwrap()[0];
        let expected = 0.5 * (mv.to.snr() - mv.from.snr()) * 0.09;
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} is not {expected}");
    }

    /// The divergence as an integral over the line.
    #[test]
    fn a_term_is_the_divergence_of_two_gaussians() {
        let schedule = schedule::build(&Spec::new("linear")).unwrap();
        let mv = Move {
            from: schedule.level(3.0),
            to: schedule.level(2.0),
        };
        for (variance, share) in [(Variance::Small, 0.0), (Variance::Large, 1.0), (Variance::Learned, 0.3)] {
            let found = step_kl(mv, &one(0.5), &belief(0.45, 0.3), variance).unwrap()[0];
            let (s1, large) = (mv.posterior_std(), mv.forward_std());
            let s2 = s1 * (large / s1).powf(share);
            let m2 = -0.05 * mv.to.alpha * (large / mv.from.sigma).powi(2);
            let density = |x: f64, m: f64, s: f64| normal::density((x - m) / s) / s;
            let (n, reach) = (20_000, 12.0 * s1);
            let h = 2.0 * reach / f64::from(n);
            let integral: f64 = (0..n)
                .map(|i| {
                    let x = -reach + h * (f64::from(i) + 0.5);
                    let p = density(x, 0.0, s1);
                    h * p * (p / density(x, m2, s2)).ln()
                })
                .sum();
            assert!(
                (found - integral).abs() < 1e-6,
                "{variance:?}: {found} is not {integral}"
            );
        }
    }

    #[test]
    fn the_decoder_is_a_distribution_over_bytes() {
        let total: f64 = (0..=255)
            .map(|b| {
                let x = f64::from(b) / 127.5 - 1.0;
                (-decoder_nll(&one(x), &one(0.9), 0.2).unwrap()[0]).exp()
            })
            .sum();
        assert!((total - 1.0).abs() < 1e-9, "{total}");
    }

    /// Data N(0.3, 0.5²), its exact model, x0 = 0.8: the sum of the divergences is 4.3685 nats in closed form; the decoder
    /// costs 1.735, by a large sample drawn apart from this program. Together they exceed the exact 5.574.
    #[test]
    fn the_bound_of_an_exact_model_is_as_computed() {
        let schedule = schedule::build(&Spec::new("linear")).unwrap();
        let model = Mixture::gaussian(vec![0.3], 0.5);
        let mean_term = |t: usize, batch: usize| {
            let x0 = one(0.8).broadcast_as((batch, 1)).unwrap().contiguous().unwrap();
            let eps = loss::noise(1, t as u64, 0..batch as u64, &[batch, 1], &Device::Cpu).unwrap();
            let eps = eps.to_dtype(DType::F64).unwrap();
            let terms = bound_term(&model, &*schedule, Variance::Small, &x0, &eps, t).unwrap();
            terms.iter().sum::<f64>() / batch as f64
        };
        let prior = prior_kl(&one(0.8), schedule.level(999.0)).unwrap()[0];
        let divergences = prior + (1..1000).map(|t| mean_term(t, 512)).sum::<f64>();
        assert!((divergences - 4.3685).abs() < 0.1, "{divergences}");
        let decoder = mean_term(0, 20_000);
        assert!((decoder - 1.735).abs() < 0.06, "{decoder}");
        let exact = 0.725_791_4 - (2.0_f64 / 255.0).ln();
        assert!((bits_per_dim(exact, 1) - 8.0415).abs() < 1e-3);
    }

    /// Computed apart from this program; the difference from the exact -0.72579 is that of the prior's centre.
    #[test]
    fn the_path_gives_the_density() {
        let schedule = schedule::build(&Spec::new("edm").with("sigma-min", crate::math::Value::Real(1e-3))).unwrap();
        let model = Mixture::gaussian(vec![0.3], 0.5);
        let found = log_likelihood(&model, &*schedule, &one(0.8), &one(1.0), 200, 6400.0).unwrap()[0];
        assert!((found + 0.72955).abs() < 2e-5, "{found}");
    }
}
