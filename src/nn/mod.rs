//! Networks as data: graphs, the builders of each kind of network, initial weights, the candle executor and training state.

pub mod ema;
pub mod exec;
pub mod graph;
pub mod optim;

pub use exec::{Executor, Mode};
pub use graph::{Graph, Op, Shape};
