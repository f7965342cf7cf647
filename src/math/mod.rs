//! Plain numbers: noise levels, schedules, time grids, targets, counter-based noise and described parameters.
//!
//! Everything here is `f64` scalars and plain data. No tensors, threads, files or clocks.

pub mod beta;
pub mod distance;
pub mod domain;
pub mod feature_distance;
pub mod grid;
pub mod level;
pub mod linked;
mod moves;
pub mod noise;
pub mod normal;
pub mod schedule;
pub mod spec;
pub mod spread;
pub mod svd;
pub mod symmetric;
pub mod target;
pub mod weighting;

pub use domain::{Cond, Domain, Frame};
pub use level::{Level, Units};
pub use moves::Move;
pub use spec::{Entry, Param, Params, Spec, SpecError, Value};
