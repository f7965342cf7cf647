//! The weights of predictions and their differences: integrals of the exponential against the polynomial through them.

use candle_core::Tensor;

use super::SecondOrder;
use crate::{
    diffusion::{Result, Step},
    math::Move,
};

/// Divided differences of the predictions in units of `h`: the slope, or the slope here and half the second derivative. `before` holds
/// one or two steps, newest last.
pub(super) fn differences(mv: Move, m0: &Tensor, before: &[Step], h: f64) -> Result<Vec<Tensor>> {
    let lambda = |mv: Move| mv.with_signal().from.lambda();
    let quotient = |new: &Tensor, old: &Tensor, r: f64| (new - old)? / r;
    match before {
        [one] => Ok(vec![quotient(m0, &one.belief.x0, (lambda(mv) - lambda(one.mv)) / h)?]),
        [two, one] => {
            let r0 = (lambda(mv) - lambda(one.mv)) / h;
            let r1 = (lambda(one.mv) - lambda(two.mv)) / h;
            let near = quotient(m0, &one.belief.x0, r0)?;
            let far = quotient(&one.belief.x0, &two.belief.x0, r1)?;
            let bend = ((&near - far)? / (r0 + r1))?;
            Ok(vec![(near + (&bend * r0)?)?, bend])
        }
        _ => Ok(Vec::new()),
    }
}

/// Integrals of the exponential against the powers of `τ / h` over the move.
pub(super) struct Weights {
    /// Of the newest prediction.
    pub(super) first: f64,
    /// Of the slope, as the chosen form of second order has it.
    pub(super) second: f64,
    /// Of the slope.
    pub(super) slope: f64,
    /// Of half the second derivative.
    pub(super) bend: f64,
    /// What the published third order has instead.
    pub(super) published_bend: f64,
}

impl Weights {
    /// `∫ e^-(h - τ) (τ / h)^k dτ`.
    pub(super) fn ode(h: f64, decay: f64, form: SecondOrder) -> Self {
        let first = 1.0 - decay;
        let slope = 1.0 - first / h;
        let bend = 1.0 - 2.0 * slope / h;
        Self {
            first,
            second: if form == SecondOrder::Heun { slope } else { first / 2.0 },
            slope,
            bend,
            published_bend: bend / 2.0,
        }
    }

    /// `2 ∫ e^-2(h - τ) (τ / h)^k dτ`: the doubled rate of the reverse SDE.
    pub(super) fn sde(h: f64, decay: f64, form: SecondOrder) -> Self {
        let first = 1.0 - decay * decay;
        let slope = 1.0 - first / (2.0 * h);
        let bend = 1.0 - slope / h;
        Self {
            first,
            second: if form == SecondOrder::Heun { slope } else { first / 2.0 },
            slope,
            bend,
            published_bend: bend / 2.0 - 1.0,
        }
    }

    pub(super) fn third(&self, published: bool) -> [f64; 2] {
        [self.slope, if published { self.published_bend } else { self.bend }]
    }
}
