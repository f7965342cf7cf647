//! The reverse process on tensors: denoisers, predictions, guidance, samplers, losses, restoration and trajectories.
//!
//! No threads, files or clocks. All randomness comes from [`crate::math::noise`].

pub mod clip;
pub mod denoiser;
pub mod guidance;
pub mod likelihood;
pub mod loss;
pub mod oracle;
pub mod restore;
pub mod sampler;
pub mod scheduler_config;
pub mod times;
pub mod trajectory;

pub use clip::{Clipped, EpsAfterClip, Thresholded};
pub use denoiser::{Denoiser, Net, NetDenoiser, Prediction};
pub use guidance::{AutoGuided, ClassifierGuided, Guidance, Guided};
pub use sampler::{Context, Sampler};
pub use trajectory::{Noise, Step, Trajectory};

/// Errors of this layer are candle's: shapes and arithmetic.
pub type Result<T> = candle_core::Result<T>;
