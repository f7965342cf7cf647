//! The linear multistep (Adams–Bashforth) method in variance-exploding units (Crowson, `k-diffusion`, 2022).

use candle_core::Tensor;

use super::{Context, Sampler, combine, contiguous, slope};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Move, Param, Units},
};

/// The polynomial through the last slopes, integrated over the move.
pub struct Lms {
    /// How many slopes; from 1 to 4.
    pub order: usize,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "lms",
    label: "LMS",
    help: "Extrapolates the last four slopes; one network call a step",
    source: "k-diffusion, 2022",
    params: &[Param::int("order", 1, 4, 4, "How many slopes are used")],
    build: |p| {
        Ok(Box::new(Lms {
            order: p.count("order"),
        }))
    },
};

impl Sampler for Lms {
    fn order(&self) -> Option<usize> {
        Some(self.order)
    }

    fn units(&self) -> Units {
        Units::VarianceExploding
    }

    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let at = mv.from.with_signal();
        let belief = context.predict_ve(x, at)?;
        let mut sigmas = vec![at.sigma_ve()];
        let mut slopes = vec![slope(x, &belief, at)?];
        for step in contiguous(past, mv).iter().rev().take(self.order - 1) {
            let at = step.mv.from.with_signal();
            sigmas.push(at.sigma_ve());
            slopes.push(slope(&step.x, &step.belief, at)?);
        }
        let weights = (0..sigmas.len()).map(|k| weight(&sigmas, k, mv.to.sigma_ve()));
        let next = (x + combine(weights.zip(&slopes))?)?;
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next,
        })
    }
}

/// Integral of the `k`-th Lagrange polynomial over `sigmas` from the first of them to `to`. Two Gauss points are exact
/// up to the third degree, that is, for four nodes.
fn weight(sigmas: &[f64], k: usize, to: f64) -> f64 {
    let from = sigmas[0];
    let (middle, half) = (f64::midpoint(from, to), (to - from) / 2.0);
    let lagrange = |sigma: f64| {
        let others = sigmas.iter().enumerate().filter(|&(j, _)| j != k);
        others.map(|(_, s)| (sigma - s) / (sigmas[k] - s)).product::<f64>()
    };
    let reach = half / 3.0_f64.sqrt();
    half * (lagrange(middle - reach) + lagrange(middle + reach))
}

#[cfg(test)]
mod tests {
    use super::weight;

    #[test]
    fn even_nodes_give_the_coefficients_of_adams_and_bashforth() {
        let weights: Vec<f64> = (0..4).map(|k| weight(&[4.0, 5.0, 6.0, 7.0], k, 3.0)).collect();
        for (found, expected) in weights.iter().zip([55.0, -59.0, 37.0, -9.0]) {
            assert!((found + expected / 24.0).abs() < 1e-12, "{weights:?}");
        }
    }
}
