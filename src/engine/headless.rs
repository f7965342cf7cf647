//! The engine without a window and without threads, for the command line.

use std::{cell::RefCell, rc::Rc, time::Instant};

use super::{
    Activity, Command, Engine, Error, Event, Settings,
    command::{SampleRequest, TrainRequest},
    event::{Figures, MarkKind, Preview, RunInfo, RunState, StepFrame, TrajectoryInfo},
    job::Record,
    model,
    ports::{Inline, Outbox, Ports, WallClock},
    sample::{self, Others, Sampling},
    select::Host,
};
use crate::{
    files::Tensors,
    math::Domain,
    nn::{DeviceChoice, Interrupt},
};

/// Events in a queue that the caller empties.
#[derive(Clone, Default)]
struct Queue(Rc<RefCell<Vec<Event>>>);

impl Outbox for Queue {
    fn event(&mut self, event: Event) {
        self.0.borrow_mut().push(event);
    }

    fn preview(&mut self, _preview: Preview) {}
}

/// Trains until the run is over. `tell` sees every event and may answer with a command (`Finish` for Ctrl-C).
///
/// Gives the run's description and final state; a run that cannot start or breaks is an error with its message.
pub fn train(
    request: TrainRequest,
    settings: Settings,
    mut tell: impl FnMut(&Event) -> Option<Command>,
) -> Result<(RunInfo, RunState), Error> {
    let queue = Queue::default();
    let ports = Ports {
        out: Box::new(queue.clone()),
        clock: Box::new(WallClock::default()),
        background: Box::<Inline>::default(),
        interrupt: Interrupt::default(),
    };
    let mut engine = Engine::new(settings, ports);
    engine.handle(Command::Train(Box::new(request)));
    let mut outcome = Outcome::default();
    loop {
        let activity = engine.advance();
        let mut answered = false;
        for event in queue.0.take() {
            outcome.take(&event);
            if let Some(command) = tell(&event) {
                engine.handle(command);
                answered = true;
            }
        }
        if let Some(state) = outcome.state.filter(|s| !s.is_live()) {
            return outcome.result(state);
        }
        if activity != Activity::Busy && !answered {
            // A diverged run rests; nobody is there to ask.
            engine.handle(Command::Stop);
        }
    }
}

/// What the events of a run say about its end.
#[derive(Default)]
struct Outcome {
    info: Option<Box<RunInfo>>,
    state: Option<RunState>,
    fault: Option<String>,
}

impl Outcome {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Started(info) => self.info = Some(info.clone()),
            Event::RunState(_, state) => {
                self.state = Some(*state);
                // A diverged run that was restored is sound again.
                self.fault.take_if(|_| *state == RunState::Running);
            }
            // A later save made up for one that failed.
            Event::Mark(_, mark) if mark.kind == MarkKind::Checkpoint => self.fault = None,
            // A broken checkpoint was passed over for the one before; kept weights are worth less than the run.
            Event::Failed {
                what: "Resume" | "Learning",
                ..
            } => {}
            Event::Failed { message, .. } | Event::Diverged { message, .. } => self.fault = Some(message.clone()),
            _ => {}
        }
    }

    fn result(self, state: RunState) -> Result<(RunInfo, RunState), Error> {
        match (self.info, self.fault) {
            (Some(info), None) => Ok((*info, state)),
            (_, fault) => Err(Error::Refused(
                fault.unwrap_or_else(|| "the run ended before it began".into()),
            )),
        }
    }
}

/// A finished trajectory, exactly.
pub struct Samples {
    /// How it was made.
    pub info: TrajectoryInfo,
    /// Which executor ran the network.
    pub executor: String,
    /// What a sample is.
    pub domain: Domain,
    /// The samples in tensor order.
    pub x: Vec<f32>,
    /// Every step as it is shown; the last one is the result.
    pub path: Vec<StepFrame>,
    /// Every step as it is written, where that was asked for.
    pub tensors: Option<Tensors>,
    /// How good the results are, where something was restored.
    pub figures: Option<Figures>,
}

/// Makes samples with the same calls as the engine's queue. `tell` sees each step; `exact` keeps the tensors of all
/// steps, as [`Command::WriteTrajectory`] writes them.
pub fn sample(
    request: &SampleRequest,
    device: DeviceChoice,
    exact: bool,
    mut tell: impl FnMut(&TrajectoryInfo, &StepFrame),
) -> Result<Samples, Error> {
    let pinned = model::load(&request.model)?;
    let host = Host {
        device,
        ..Host::default()
    };
    let runner = pinned.runner(&host)?;
    let others = Others::of(request, &pinned.info, &host)?;
    let mut sampling = Sampling::with_runner(request, &pinned.info, &runner, others)?;
    let info = sampling.info(request, &pinned.info)?;
    let begun = Instant::now();
    let mut record = exact.then(|| Record::new(&sampling));
    let domain = sampling.domain();
    let (mut path, mut x) = (Vec::new(), sampling.start().to_vec());
    while !sampling.is_done() {
        let Some(moved) = sampling.advance()? else { continue };
        path.push(sample::step_frame(domain, &moved));
        if sampling.is_done() {
            path.push(sample::last_frame(domain, &moved));
        }
        if let Some(record) = &mut record {
            record.add(&moved);
        }
        path.last().into_iter().for_each(|frame| tell(&info, frame));
        x = moved.next;
    }
    Ok(Samples {
        info,
        executor: runner.executor,
        domain,
        figures: sampling.figures(&x, begun.elapsed().as_secs_f64())?,
        x,
        path,
        tensors: record.map(Record::into_tensors),
    })
}
