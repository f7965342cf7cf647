//! The only owner of a running job: commands in, events out.
//!
//! [`Engine`] is a state machine without threads: [`Engine::handle`] takes a command, [`Engine::advance`] makes one
//! network call. The window runs it in a thread of its own ([`thread`]), the command line and the tests in theirs
//! ([`headless`]). Reading order: [`command`], [`event`], `core`, `train`, `learner`, [`sample`].

mod branch;
pub mod command;
mod core;
pub mod dissection;
mod doubt;
mod error;
mod estimate;
pub mod eval;
pub mod event;
pub mod exact;
pub mod export;
mod feed;
mod field;
pub mod finetune;
mod footprint;
pub mod headless;
mod job;
pub mod judge;
pub mod laboratory;
mod learner;
mod library;
pub mod likelihood;
pub mod likeness;
pub mod lint;
mod meter;
pub mod model;
pub mod ports;
mod prepare;
mod preview;
mod quality;
pub mod restore;
pub mod sample;
mod select;
mod snapshot;
mod store;
pub mod suggest;
pub mod thread;
mod train;
mod validation;

pub use self::core::{Activity, Engine, Settings};
pub use command::{Command, RunId, TrajectoryId};
pub use error::Error;
pub use event::Event;
pub use thread::Handle;
