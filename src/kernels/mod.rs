//! The CPU executor: a graph compiled to a plan, and its kernels.
//!
//! [`PlanExecutor`] compiles a [`Graph`](crate::nn::Graph) for each batch size it meets. Activations lie channels last,
//! every buffer is reserved once, and one register-tiled matrix product serves all layers. All that is `unsafe` in the
//! program is here: access through pointers in the inner loops, and tasks that share one buffer.

#![expect(
    clippy::inline_always,
    reason = "what a kernel calls must be compiled for the kernel's instruction set, so it must be inlined"
)]

mod activation;
mod attention;
pub mod bench;
mod buffers;
mod columns;
mod crew;
mod elementwise;
mod executor;
mod features;
mod layer;
mod layout;
mod matmul;
mod pack;
mod params;
mod plan;
mod simd;
mod step;
mod tiles;
mod view;

pub use executor::{Options, PlanExecutor};
pub use simd::Isa;
