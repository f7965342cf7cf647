//! The exact density along the probability-flow path (Song et al. 2021, section 4.3): in variance-exploding units and
//! `l = ln(sigma)`, `dx/dl = x - x0(x)` and `d ln p / dl = -div = -(D - tr dx0/dx)`.

use candle_core::Tensor;

use crate::{
    diffusion::{Denoiser, Result, loss::mean_of_samples},
    math::schedule::NoiseSchedule,
};

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
