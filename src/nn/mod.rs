//! Networks as data: graphs, the builders of each kind of network, initial weights, the candle executor and training state.

use std::fmt::Debug;

use crate::math::{Domain, Entry, Param, Spec, SpecError, spec};

pub mod builder;
pub mod candle_exec;
pub mod classifier;
pub mod device;
pub mod ema;
pub mod exec;
pub mod flat;
pub mod graph;
pub mod init;
pub mod inputs;
pub mod mlp;
pub mod optim;
pub mod presets;
pub mod unet;

mod candle_ops;
mod patches;
mod sincos;

pub use candle_exec::CandleExecutor;
pub use device::DeviceChoice;
pub use exec::{Executor, Interrupt, Mode, SharedNet};
pub use flat::Layout;
pub use graph::{Graph, Op, Shape, Weights};

/// A kind of network with its parameters chosen: makes the graph once the data is known.
pub trait NetBuilder: Send + Sync + Debug {
    /// The network for samples of `domain`. `classes` counts the classes including the null class, which is the last;
    /// `None` makes an unconditional network. Fails where the parameters do not go together or not with the data.
    fn graph(&self, domain: Domain, classes: Option<usize>) -> Result<Graph, SpecError>;

    /// The same network as diffusers describes it; `None` where diffusers has no such model.
    fn diffusers_config(&self, domain: Domain, classes: Option<usize>) -> Result<Option<unet::Config>, SpecError> {
        let _ = (domain, classes);
        Ok(None)
    }
}

/// Whether the output has a second half that says the variance of a denoising step.
const VARIANCE: Param = Param::flag(
    "variance",
    false,
    "Twice the outputs, the second half to say the variance; for the hybrid weighting",
);

/// All networks.
pub const ENTRIES: &[&Entry<dyn NetBuilder>] = &[&mlp::ENTRY, &unet::ENTRY];

/// Builds the chosen network's builder.
pub fn build(spec: &Spec) -> Result<Box<dyn NetBuilder>, SpecError> {
    spec::build("network", ENTRIES, spec)
}

/// The chosen network for samples of `domain`; `classes` as in [`NetBuilder::graph`].
pub fn graph(spec: &Spec, domain: Domain, classes: Option<usize>) -> Result<Graph, SpecError> {
    build(spec)?.graph(domain, classes)
}
