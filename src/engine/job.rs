//! What waits in the engine's queue: trajectories to be shown, and trajectories to be written exactly.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Error, TrajectoryId,
    command::SampleRequest,
    event::{Event, TrajectoryInfo},
    model::Pinned,
    ports::{Done, Lane, Ports, Task},
    sample::{self, Moved, Sampling},
    select::Host,
};
use crate::files::{Tensor, Tensors, atomic, tensors::Notes};

/// Computing after which a job takes turns with the training.
const FRESH: Duration = Duration::from_millis(250);

/// Whether a job stays in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    GoesOn,
    Ended,
}

/// A trajectory under way and what becomes of its steps.
pub(super) struct Job {
    id: TrajectoryId,
    sampling: Sampling,
    spent: Duration,
    purpose: Purpose,
}

enum Purpose {
    /// Every step goes to the window. The description is taken when it has been sent.
    Stream(Option<Box<TrajectoryInfo>>),
    /// Every step goes into a file.
    Write(Record, PathBuf),
}

impl Job {
    /// Makes a trajectory for the window.
    pub(super) fn stream(request: &SampleRequest, pinned: &Pinned, host: &Host) -> Result<Self, Error> {
        let sampling = Sampling::new(request, pinned, host)?;
        let info = sampling.info(request, &pinned.info)?;
        Ok(Self {
            id: request.id,
            sampling,
            spent: Duration::ZERO,
            purpose: Purpose::Stream(Some(Box::new(info))),
        })
    }

    /// Makes a trajectory again for a file.
    pub(super) fn write(request: &SampleRequest, pinned: &Pinned, host: &Host, path: PathBuf) -> Result<Self, Error> {
        let sampling = Sampling::new(request, pinned, host)?;
        Ok(Self {
            id: request.id,
            purpose: Purpose::Write(Record::new(&sampling), path),
            sampling,
            spent: Duration::ZERO,
        })
    }

    /// Whether this job shows the trajectory to the window.
    pub(super) fn streams(&self, id: TrajectoryId) -> bool {
        self.id == id && matches!(self.purpose, Purpose::Stream(_))
    }

    /// Whether it was begun so lately that somebody waits for it.
    pub(super) fn is_fresh(&self) -> bool {
        self.spent < FRESH
    }

    /// One network call. After an error the same call can be made again.
    pub(super) fn advance(&mut self, ports: &mut Ports) -> Result<State, Error> {
        if let Purpose::Stream(info) = &mut self.purpose
            && let Some(info) = info.take()
        {
            ports.out.event(Event::SampleStarted(info));
        }
        let begun = ports.clock.now();
        let moved = self.sampling.advance();
        self.spent += ports.clock.since(begun);
        Ok(match moved? {
            None => State::GoesOn,
            Some(moved) => self.take(&moved, ports)?,
        })
    }

    /// Ends the job because of an error.
    pub(super) fn fail(mut self, error: Error, ports: &mut Ports) {
        ports.failed(self.purpose.name(), error);
        self.end(false, ports);
    }

    fn take(&mut self, moved: &Moved, ports: &mut Ports) -> Result<State, Error> {
        let is_done = self.sampling.is_done();
        match &mut self.purpose {
            Purpose::Stream(_) => {
                let domain = self.sampling.domain();
                let mut tell = |frame| ports.out.event(Event::SampleStep(self.id, Box::new(frame)));
                tell(sample::step_frame(domain, moved));
                if is_done {
                    tell(sample::last_frame(domain, moved));
                    self.tell_figures(moved, ports)?;
                }
            }
            Purpose::Write(record, _) => record.add(moved),
        }
        if !is_done {
            return Ok(State::GoesOn);
        }
        self.end(true, ports);
        Ok(State::Ended)
    }

    /// What a restoration came to.
    fn tell_figures(&self, moved: &Moved, ports: &mut Ports) -> Result<(), Error> {
        let figures = self.sampling.figures(&moved.next, self.spent.as_secs_f64())?;
        if let Some(figures) = figures {
            ports.out.event(Event::Restored(self.id, Box::new(figures)));
        }
        Ok(())
    }

    /// Ends the job before it is complete.
    pub(super) fn cancel(mut self, ports: &mut Ports) {
        self.end(false, ports);
    }

    fn end(&mut self, complete: bool, ports: &mut Ports) {
        match &mut self.purpose {
            Purpose::Stream(_) => ports.out.event(ended(self.id, complete, self.spent.as_secs_f64())),
            Purpose::Write(record, path) if complete => {
                let (record, path) = (std::mem::take(record), std::mem::take(path));
                let work = move || Done::Wrote(record.write(&path).map(|()| path).map_err(|e| e.to_string()));
                ports.background.submit(Lane::Write, Task::new("WriteTrajectory", work));
            }
            Purpose::Write(..) => {}
        }
    }
}

impl Purpose {
    fn name(&self) -> &'static str {
        match self {
            Self::Stream(_) => "Sample",
            Self::Write(..) => "WriteTrajectory",
        }
    }
}

/// The end of a trajectory.
pub(super) fn ended(id: TrajectoryId, complete: bool, secs: f64) -> Event {
    Event::SampleEnded { id, complete, secs }
}

/// A trajectory's tensors as they are written: `x_init` (standard normal noise), then `x_000` after the first move with
/// the prediction `x0_000` that led there, and so on.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    tensors: Tensors,
    shape: Vec<usize>,
}

impl Record {
    /// The start of a trajectory.
    pub(super) fn new(sampling: &Sampling) -> Self {
        let numel = sampling.domain().numel();
        let shape = sampling.domain().shape(sampling.start().len() / numel);
        let mut record = Self {
            shape,
            ..Self::default()
        };
        record.put("x_init".into(), sampling.start());
        record
    }

    /// The next move.
    pub(super) fn add(&mut self, moved: &Moved) {
        self.put(format!("x_{:03}", moved.index), &moved.next);
        self.put(format!("x0_{:03}", moved.index), &moved.x0);
    }

    fn put(&mut self, name: String, values: &[f32]) {
        let tensor = Tensor {
            shape: self.shape.clone(),
            data: values.to_vec(),
        };
        self.tensors.0.insert(name, tensor);
    }

    /// Everything recorded.
    pub(super) fn into_tensors(self) -> Tensors {
        self.tensors
    }

    /// Writes a new file.
    fn write(&self, path: &Path) -> crate::files::Result<()> {
        atomic::write_new(path, |out| self.tensors.write(&Notes::new(), out))
    }
}
