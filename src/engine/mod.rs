//! The only owner of a running job: commands in, events out.

pub mod command;
pub mod event;

pub use command::{Command, RunId, TrajectoryId};
pub use event::Event;
