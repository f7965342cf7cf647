//! The small interface behind which a graph runs: candle with autograd, or the compiled CPU plan.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use candle_core::{Device, Error, Result, Tensor};

use super::{
    flat::Layout,
    graph::{Graph, Weights},
};
use crate::{
    diffusion::Net,
    math::{Cond, Level},
};

/// Whether a backward pass may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Keep what the backward pass needs.
    Train,
    /// Keep nothing.
    Infer,
}

/// Raised by another thread to break off a long network call between two layers. The call then fails, and nothing but
/// scratch memory and the gradient buffer of that call has changed.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    raised: Arc<AtomicBool>,
    /// Set while those who were given this one do not listen.
    deaf: Arc<AtomicBool>,
}

impl Interrupt {
    /// The same, but nobody who holds it or a copy of it is broken off before [`Interrupt::listen`]. For networks that are
    /// first called on one thread, which is not meant, and then on the one that is.
    pub fn later(&self) -> Self {
        Self {
            raised: self.raised.clone(),
            deaf: Arc::new(AtomicBool::new(true)),
        }
    }

    /// From now on what is raised is heard.
    pub fn listen(&self) {
        self.deaf.store(false, Ordering::Release);
    }

    /// Breaks off the call that is under way, and every call until [`Interrupt::clear`].
    pub fn raise(&self) {
        self.raised.store(true, Ordering::Release);
    }

    /// Lets calls run again.
    pub fn clear(&self) {
        self.raised.store(false, Ordering::Release);
    }

    /// Whether it is raised, and heard.
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire) && !self.deaf.load(Ordering::Acquire)
    }

    /// An error while it is raised.
    pub fn check(&self) -> Result<()> {
        if self.is_raised() {
            return Err(Error::Msg("the network call was interrupted".into()));
        }
        Ok(())
    }
}

/// Runs a graph. Parameters, gradients and everything elementwise (moments, EMA) are flat buffers in the executor's own
/// order, so that clipping, AdamW and EMA are one pass each; [`Executor::pack`] and [`Executor::unpack`] translate.
pub trait Executor: Send {
    /// The network.
    fn graph(&self) -> &Graph;

    /// Name for the status bar and reports, e.g. `candle on cpu` or `plan, AVX-512, 2 threads`.
    fn describe(&self) -> String;

    /// Operations that one call should hold so that it takes some tens of milliseconds on an ordinary machine. A constant
    /// of the executor, so that equal requests are split into equal calls every time.
    fn call_size(&self) -> f64 {
        if self.device().is_cpu() { 1e9 } else { 1e11 }
    }

    /// The device that `x` and results live on.
    fn device(&self) -> &Device;

    /// Makes the calls to come heed `interrupt`.
    fn watch(&mut self, interrupt: &Interrupt);

    /// All parameters, flat.
    fn params(&self) -> &[f32];

    /// All parameters, to be changed in place.
    fn params_mut(&mut self) -> &mut [f32];

    /// The order of flat buffers.
    fn layout(&self) -> Arc<dyn Layout>;

    /// See [`Layout::pack`].
    fn pack(&self, weights: &Weights) -> Result<Vec<f32>> {
        self.layout().pack(weights)
    }

    /// See [`Layout::unpack`].
    fn unpack(&self, flat: &[f32]) -> Weights {
        self.layout().unpack(flat)
    }

    /// `x`: `(B, …)` float32, `t`: `B` times. Returns the output node's value with the batch in front.
    fn forward(&mut self, x: &Tensor, t: &[f64], cond: &Cond, mode: Mode) -> Result<Tensor>;

    /// Bytes of working memory that a call with `batch` samples takes, beside the parameters.
    fn working_bytes(&self, batch: usize, mode: Mode) -> Result<usize> {
        // A gradient for every value, where one may follow.
        let kept = if mode == Mode::Train { 2 } else { 1 };
        Ok(kept * batch * self.graph().activation_bytes())
    }

    /// Backward pass of the latest `forward` in [`Mode::Train`]. Adds the parameter gradients to `grads` (flat, same
    /// order as [`Executor::params`]) when given and returns the gradient of `x` when `want_input`.
    fn backward(&mut self, d_out: &Tensor, grads: Option<&mut [f32]>, want_input: bool) -> Result<Option<Tensor>>;
}

/// An executor with fixed weights as a [`Net`] that several trajectories can share.
pub struct SharedNet(Mutex<Box<dyn Executor>>);

impl SharedNet {
    /// Takes an executor whose parameters are final.
    pub fn new(executor: Box<dyn Executor>) -> Self {
        Self(Mutex::new(executor))
    }

    /// Replaces the weights by a flat buffer in the executor's order.
    pub fn load(&self, flat: &[f32]) -> Result<()> {
        self.with(|exec| {
            exec.params_mut().copy_from_slice(flat);
            Ok(())
        })
    }

    fn with<T>(&self, f: impl FnOnce(&mut dyn Executor) -> Result<T>) -> Result<T> {
        // A panic in an executor leaves only scratch buffers behind, which the next forward overwrites.
        f(self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .as_mut())
    }
}

impl Net for SharedNet {
    fn forward(&self, x: &Tensor, at: Level, cond: &Cond) -> Result<Tensor> {
        let times = vec![at.t; x.dim(0)?];
        self.with(|exec| exec.forward(x, &times, cond, Mode::Infer))
    }

    fn vjp(&self, x: &Tensor, at: Level, cond: &Cond, cotangent: &Tensor) -> Result<(Tensor, Tensor)> {
        let times = vec![at.t; x.dim(0)?];
        self.with(|exec| {
            let out = exec.forward(x, &times, cond, Mode::Train)?;
            // What is asked of the first half of the output alone asks nothing of the second.
            let grad = if out.dim(1)? == 2 * cotangent.dim(1)? {
                exec.backward(&Tensor::cat(&[cotangent, &cotangent.zeros_like()?], 1)?, None, true)?
            } else {
                exec.backward(cotangent, None, true)?
            };
            let grad = grad.ok_or_else(|| Error::Msg("the executor gave no input gradient".into()))?;
            Ok((out, grad))
        })
    }
}
