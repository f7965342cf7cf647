//! Diffusion Studio: train a diffusion model on your own pictures or points, watch it learn, scrub the reverse process.
//!
//! The layers, each of which may use those before it: [`math`] (plain numbers), [`diffusion`] (tensors), [`nn`]
//! (networks as graphs), [`kernels`] (the CPU executor), [`draw`] (pixels without a window), [`data`], [`files`],
//! [`engine`] (the only owner of a running job), `app` (the window) and [`cli`].

pub mod cli;
pub mod data;
pub mod diffusion;
pub mod draw;
pub mod engine;
pub mod files;
pub mod kernels;
pub mod math;
pub mod nn;

#[cfg(feature = "gui")]
pub mod app;
