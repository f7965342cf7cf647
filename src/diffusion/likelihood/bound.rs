//! The terms of the variational bound `L_T + Σ L_(t-1) + L_0` (Ho et al. 2020, eq. 5), a whole sample at a time.

use candle_core::{DType, Tensor};

use super::Term;
use crate::{
    diffusion::{Denoiser, Prediction, Result, loss::mean_of_samples, sampler::ddpm::Variance},
    math::{Level, schedule::NoiseSchedule},
};

/// `L_T = KL(q(x_T | x0) || N(0, 1))` of a variance-preserving schedule's last level.
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
/// Needs at least two indices. A fixed variance is that of the posterior at `t = 0`, be it small or large.
pub fn bound_term(
    model: &dyn Denoiser,
    schedule: &dyn NoiseSchedule,
    variance: Variance,
    x0: &Tensor,
    eps: &Tensor,
    t: usize,
) -> Result<Vec<f64>> {
    let from = schedule.level(t as f64);
    let x = ((x0 * from.alpha)? + (eps * from.sigma)?)?;
    let variance = if t == 0 && variance == Variance::Large {
        Variance::Small
    } else {
        variance
    };
    nats(Term::at(schedule, t, true), x0, &model.predict(&x, from)?, variance)
}

/// The cost of each sample.
pub(super) fn nats(term: Term, x0: &Tensor, belief: &Prediction, variance: Variance) -> Result<Vec<f64>> {
    let rows = |t: &Tensor| t.flatten_from(1)?.to_dtype(DType::F64)?.to_vec2::<f64>();
    let shares = match (variance, &belief.var) {
        (Variance::Learned, Some(share)) => rows(share)?,
        (Variance::Large, _) => rows(&x0.ones_like()?)?,
        _ => rows(&x0.zeros_like()?)?,
    };
    let cost = |((x0, guess), share): ((f64, f64), f64)| term.cost(x0, guess, share).nats;
    let samples = rows(x0)?.into_iter().zip(rows(&belief.x0)?).zip(shares);
    Ok(samples
        .map(|((x0, guess), share)| x0.into_iter().zip(guess).zip(share).map(cost).sum())
        .collect())
}
