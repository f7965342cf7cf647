//! Which executor runs a network. What was asked for is what runs, or an error: never a silent fallback.

use candle_core::Device;

use super::Error;
use crate::nn::{CandleExecutor, DeviceChoice, Executor, Graph, Weights};

/// An executor for the graph with these weights on the chosen device.
pub(super) fn executor(choice: DeviceChoice, graph: Graph, weights: &Weights) -> Result<Box<dyn Executor>, Error> {
    let mut executor: Box<dyn Executor> = Box::new(CandleExecutor::new(graph, &choice.device()?));
    let flat = executor.pack(weights)?;
    executor.params_mut().copy_from_slice(&flat);
    Ok(executor)
}

/// How many samples one forward pass may hold so that it stays well under a tenth of a second. Counted, not measured,
/// so that the same request is split in the same way every time.
pub(super) fn samples_per_call(forward_flops: f64, device: &Device) -> usize {
    let budget = if device.is_cpu() { 2e8 } else { 1e11 };
    ((budget / forward_flops.max(1.0)) as usize).clamp(1, 4096)
}
