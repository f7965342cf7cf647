//! DEIS (Zhang and Chen 2023) in `rho = sigma / alpha`, with polynomials in its logarithm.
//!
//! With `y = x / alpha` the path obeys `dy/drho = eps`; the polynomial through the last noises is integrated exactly.

use candle_core::Tensor;

use super::{Context, Sampler, combine, contiguous};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Move, Param},
};

/// The multistep method of order 1, 2 or 3.
pub struct Deis {
    /// How many noises are used.
    pub order: usize,
    /// Lower the order near the end where there are fewer than 15 moves, as diffusers does.
    pub lower_order_final: bool,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "deis",
    label: "DEIS",
    help: "Integrates the last noises exactly; one call a step",
    source: "arXiv:2204.13902",
    params: &[
        Param::int("order", 1, 3, 2, "How many noises are used"),
        Param::flag(
            "lower-order-final",
            true,
            "With fewer than 15 steps, lower the order near the end",
        ),
    ],
    build: |p| {
        Ok(Box::new(Deis {
            order: p.count("order"),
            lower_order_final: p.flag("lower-order-final"),
        }))
    },
};

impl Sampler for Deis {
    fn order(&self) -> Option<usize> {
        Some(self.order)
    }

    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let Move { from, to } = mv.with_signal();
        let belief = context.predict(x, from)?;
        let few = self.lower_order_final && context.total < 15;
        let order = match (to.sigma > 0.0, few) {
            (false, _) => 1,
            (true, true) => self.order.min(context.left + 1),
            (true, false) => self.order,
        };
        let run = contiguous(past, mv);
        let before = || run.iter().rev().take(order - 1);
        let rhos: Vec<f64> = std::iter::once(from.sigma_ve())
            .chain(before().map(|s| s.mv.from.with_signal().sigma_ve()))
            .collect();
        let noises = std::iter::once(&belief.eps).chain(before().map(|s| &s.belief.eps));
        let weights = (0..rhos.len()).map(|k| to.alpha * weight(&rhos, k, to.sigma_ve()));
        let next = ((x * (to.alpha / from.alpha))? + combine(weights.zip(noises))?)?;
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next,
        })
    }
}

/// Integral over `rho` from `rhos[0]` to `to` of the `k`-th Lagrange polynomial in `ln(rho)` over the nodes `rhos`.
fn weight(rhos: &[f64], k: usize, to: f64) -> f64 {
    let logs: Vec<f64> = rhos.iter().map(|r| r.ln()).collect();
    let others: Vec<f64> = (0..logs.len()).filter(|&j| j != k).map(|j| logs[j]).collect();
    let scale: f64 = others.iter().map(|l| logs[k] - l).product();
    // Antiderivatives of 1, ln - a, and (ln - a)(ln - b).
    let whole = |rho: f64| match (others[..].len(), rho > 0.0) {
        (_, false) => 0.0,
        (0, _) => rho,
        (1, _) => rho * (rho.ln() - 1.0 - others[0]),
        _ => {
            let (l, sum, product) = (rho.ln(), others[0] + others[1], others[0] * others[1]);
            rho * (l * l - (2.0 + sum) * l + 2.0 + sum + product)
        }
    };
    (whole(to) - whole(rhos[0])) / scale
}

#[cfg(test)]
mod tests {
    use super::weight;

    /// Simpson's rule with many pieces.
    #[test]
    fn weights_are_integrals() {
        let rhos = [3.0_f64, 4.0, 6.5];
        for k in 0..3 {
            let lagrange = |rho: f64| {
                let others = (0..3).filter(|&j| j != k);
                others
                    .map(|j| (rho.ln() - rhos[j].ln()) / (rhos[k].ln() - rhos[j].ln()))
                    .product::<f64>()
            };
            let (from, to, n) = (3.0, 1.2, 1000);
            let h = (to - from) / f64::from(n);
            let at = |i: i32| lagrange(from + h * f64::from(i));
            let sum: f64 = (0..n).step_by(2).map(|i| at(i) + 4.0 * at(i + 1) + at(i + 2)).sum();
            assert!((weight(&rhos, k, to) - sum * h / 3.0).abs() < 1e-10, "{k}");
        }
    }
}
