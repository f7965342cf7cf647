//! What the engine is given from outside: where answers go, what time it is, and who does slow work with files.
//!
//! The window plugs in channels and threads ([`super::thread`]), tests and the command line plain values.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Error, RunId,
    command::{FieldRequest, SampleRequest},
    event::{DataSummary, Estimate, Event, Preview},
    laboratory::Table,
    likelihood::Likelihood,
    model::Pinned,
    prepare::Prepared,
};
use crate::{files::metrics::Row, nn::Interrupt};

/// Where answers go: facts in order, and the newest preview.
pub trait Outbox {
    /// A fact; none may be lost.
    fn event(&mut self, event: Event);

    /// A preview; only the newest matters.
    fn preview(&mut self, preview: Preview);
}

/// What time it is, for speeds, pauses between messages and shares of time; never for numbers of the training itself.
pub trait Clock {
    /// Time since some fixed moment.
    fn now(&self) -> Duration;

    /// Time since `begun`.
    fn since(&self, begun: Duration) -> Duration {
        self.now().saturating_sub(begun)
    }
}

/// The computer's clock.
#[derive(Clone, Copy, Debug)]
pub struct WallClock(Instant);

impl Default for WallClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for WallClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Which queue a piece of work joins; the order within a queue is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Reading data and models to look at.
    Load,
    /// Building and measuring networks.
    Prepare,
    /// Writing files.
    Write,
    /// Comparing samplers.
    Study,
}

impl Lane {
    /// Number of lanes.
    pub const COUNT: usize = 4;
}

/// Slow work that owns all it needs.
pub struct Task {
    /// What was asked, for the message when it panics.
    pub(super) what: &'static str,
    /// The work.
    pub(super) work: Box<dyn FnOnce() -> Done + Send>,
}

impl Task {
    pub(super) fn new(what: &'static str, work: impl FnOnce() -> Done + Send + 'static) -> Self {
        Self {
            what,
            work: Box::new(work),
        }
    }

    /// Does the work; a panic becomes a failure with its message.
    pub fn run(self) -> Done {
        let Self { what, work } = self;
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Done::Panicked {
            what,
            message: panic_message(&*panic),
        })
    }
}

/// What a panic said.
pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("an internal error: {}", text.unwrap_or("no further description"))
}

/// What a model was loaded for.
pub enum Ask {
    /// A trajectory.
    Sample(Box<SampleRequest>),
    /// A score field.
    Field(FieldRequest),
}

/// The result of a [`Task`].
pub enum Done {
    /// Data for the data view.
    Data(Result<Box<DataSummary>, (String, Error)>),
    /// An estimate.
    Estimated(Result<Estimate, String>),
    /// A run that is ready to start.
    Prepared(RunId, Result<Box<Prepared>, String>),
    /// A checkpoint was written, or not; then its rows of the metrics come back.
    Saved(RunId, u64, Result<(), (String, Vec<Row>)>),
    /// Weights of a training step were kept, or not; which steps there are now.
    Kept(RunId, Result<Vec<u64>, String>),
    /// A change of the run folder was made.
    Settled(&'static str, Result<(), String>),
    /// A model was loaded.
    Model(Ask, Result<Arc<Pinned>, String>),
    /// Samplers were compared, or the comparison was given up.
    Compared(Result<Box<Table>, Error>),
    /// A sample was judged, or the question was given up.
    Judged(Result<Box<Likelihood>, Error>),
    /// A file was written for a request.
    Wrote(Result<std::path::PathBuf, String>),
    /// The work panicked.
    Panicked {
        /// What was asked.
        what: &'static str,
        /// What the panic said.
        message: String,
    },
}

/// Who does slow work.
pub trait Background {
    /// Takes work; its result comes out of [`Background::poll`] some time later.
    fn submit(&mut self, lane: Lane, task: Task);

    /// The next result.
    fn poll(&mut self) -> Option<Done>;

    /// How many tasks have not given their result yet.
    fn pending(&self) -> usize;
}

/// Does all work at once, in the caller's thread.
#[derive(Default)]
pub struct Inline(VecDeque<Done>);

impl Background for Inline {
    fn submit(&mut self, _lane: Lane, task: Task) {
        self.0.push_back(task.run());
    }

    fn poll(&mut self) -> Option<Done> {
        self.0.pop_front()
    }

    fn pending(&self) -> usize {
        self.0.len()
    }
}

/// All of it together.
pub struct Ports {
    /// Where answers go.
    pub out: Box<dyn Outbox>,
    /// What time it is.
    pub clock: Box<dyn Clock>,
    /// Who does slow work.
    pub background: Box<dyn Background>,
    /// Breaks off the network call under way when a command should act at once. The call is made again later with the
    /// same numbers.
    pub interrupt: Interrupt,
}

impl Ports {
    pub(super) fn failed(&mut self, what: &'static str, message: impl Into<String>) {
        let message = message.into();
        self.out.event(Event::Failed { what, message });
    }
}
