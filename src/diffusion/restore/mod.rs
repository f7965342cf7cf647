//! Restoration: samples of an unconditional model that agree with a measurement `y = H x + noise * n`.
//!
//! A [`task`] says what was measured: a linear [`Operator`] whose singular values are known. A [`method`] binds a
//! measurement to a [`Sampler`](super::Sampler), so that a restoration is a trajectory like any other.

use std::sync::Arc;

use candle_core::Tensor;

use super::{Context, Result};
use crate::math::{Level, SpecError, Units};

pub mod method;
mod operator;
pub mod task;

pub use method::Method;
pub use operator::{Masked, Operator, Separable, Spectrum};
pub use task::Task;

/// What is known of the samples that are sought.
#[derive(Clone)]
pub struct Measurement {
    /// `H`.
    pub operator: Arc<dyn Operator>,
    /// `y`, a batch of one: all candidates restore the same.
    pub y: Tensor,
    /// Standard deviation of the noise in `y`, in units of the samples.
    pub noise: f64,
    /// A sample to start from, a batch of one: what was painted, or what `y` says by itself.
    pub guide: Tensor,
}

impl Measurement {
    /// `y` alone: the guide is `H⁺ y`.
    pub fn new(operator: Arc<dyn Operator>, y: Tensor, noise: f64) -> Result<Self> {
        let guide = operator.pseudo_inverse(&y)?;
        Ok(Self {
            operator,
            y,
            noise,
            guide,
        })
    }

    /// `y` along the left singular vectors, divided by the singular values; 0 where nothing was measured.
    pub fn spectral(&self) -> Result<Tensor> {
        let inverse = &self.operator.spectrum().inverse;
        self.operator.u_t(&self.y)?.broadcast_mul(inverse)
    }

    /// `y - H x`.
    pub fn residual(&self, x: &Tensor) -> Result<Tensor> {
        self.y.broadcast_sub(&self.operator.apply(x)?)
    }

    /// The state with what is known at this level in its place: `alpha y + sigma z` where `y` is a part of the sample.
    pub(crate) fn merged(&self, x: &Tensor, at: Level, units: Units, context: &Context<'_>) -> Result<Tensor> {
        let Some(known) = self.operator.known() else {
            return Err(candle_core::Error::Msg(
                "only a measurement of single pixels can be put in their place".into(),
            ));
        };
        let measured = (&self.y * at.alpha)?.broadcast_as(x.shape())?;
        let noisy = (context.add_noise(measured, at.sigma)? / units.schedule_from_state(at))?;
        known.broadcast_as(x.shape())?.where_cond(&noisy, x)
    }
}

/// Whether a method can do a task, and if not, what can.
pub fn check(method_id: &str, method: &dyn Method, task_id: &str, noise: f64) -> std::result::Result<(), SpecError> {
    let serves = |method: &dyn Method| method.tasks().contains(&task_id) && (noise == 0.0 || method.bears_noise());
    if serves(method) {
        return Ok(());
    }
    let able = |entry: &&&crate::math::Entry<dyn Method>| {
        method::build(&crate::math::Spec::new(entry.id)).is_ok_and(|method| serves(&*method))
    };
    let others: Vec<&str> = method::ENTRIES.iter().filter(able).map(|entry| entry.id).collect();
    let why = if method.tasks().contains(&task_id) {
        format!("takes the measurement for exact, but this one has noise of {noise}")
    } else {
        format!("does {}, not {task_id}", method.tasks().join(", "))
    };
    Err(SpecError::Impossible(format!(
        "{method_id} {why}; choose one of: {}",
        others.join(", ")
    )))
}
