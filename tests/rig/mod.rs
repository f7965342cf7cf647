//! An engine whose events, previews and clock a test can hold in its hands: no threads, no waiting, no real time.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file is a crate of its own and uses its own part of the rig"
)]

use std::{
    cell::{Cell, RefCell},
    path::Path,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use diffusion_studio::{
    diffusion::Guidance,
    engine::{
        Activity, Command, Engine, Event, RunId, Settings, TrajectoryId,
        command::{ClassChoice, Model, SampleRequest, TrainRequest},
        event::{Preview, RunState, StepFrame},
        ports::{Clock, Inline, Outbox, Ports},
    },
    files::Recipe,
    math::{Frame, Spec, Value},
    nn::Interrupt,
};

/// Everything that was told.
#[derive(Clone, Default)]
pub struct Log {
    events: Rc<RefCell<Vec<Event>>>,
    previews: Rc<RefCell<Vec<Preview>>>,
}

impl Outbox for Log {
    fn event(&mut self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    fn preview(&mut self, preview: Preview) {
        self.previews.borrow_mut().push(preview);
    }
}

/// A clock on which every look takes a millisecond.
#[derive(Default)]
struct Ticks(Cell<u64>);

impl Clock for Ticks {
    fn now(&self) -> Duration {
        self.0.set(self.0.get() + 1);
        Duration::from_millis(self.0.get())
    }
}

/// An engine under test.
pub struct Rig {
    pub engine: Engine,
    pub log: Log,
    pub interrupt: Interrupt,
}

impl Rig {
    /// Runs go into `runs`.
    pub fn new(runs: &Path) -> Self {
        let (log, interrupt) = (Log::default(), Interrupt::default());
        let settings = Settings {
            runs: Some(runs.to_owned()),
            ..Settings::default()
        };
        let ports = Ports {
            out: Box::new(log.clone()),
            clock: Box::<Ticks>::default(),
            background: Box::<Inline>::default(),
            interrupt: interrupt.clone(),
        };
        Self {
            interrupt,
            engine: Engine::new(settings, ports),
            log,
        }
    }

    pub fn send(&mut self, command: Command) -> &mut Self {
        self.engine.handle(command);
        self
    }

    /// Works until there is nothing to do.
    pub fn rest(&mut self) -> &mut Self {
        for _ in 0..1_000_000 {
            if self.engine.advance() != Activity::Busy {
                return self;
            }
        }
        panic!("the engine does not come to rest");
    }

    /// Network calls.
    pub fn calls(&mut self, n: usize) -> &mut Self {
        for _ in 0..n {
            self.engine.advance();
        }
        self
    }

    /// Single steps.
    pub fn steps(&mut self, n: u64) -> &mut Self {
        for _ in 0..n {
            self.send(Command::StepOnce).rest();
        }
        self
    }

    /// All events so far, which are forgotten.
    pub fn take(&self) -> Vec<Event> {
        self.log.events.take()
    }

    /// All previews so far, which are forgotten.
    pub fn take_previews(&self) -> Vec<Preview> {
        self.log.previews.take()
    }
}

/// Points learned by a small perceptron, without previews.
pub fn points(steps: u64) -> Recipe {
    let mut recipe = Recipe {
        seed: 3,
        ..Recipe::default()
    };
    recipe.net = Spec::new("mlp")
        .with("width", Value::Int(32))
        .with("depth", Value::Int(2));
    recipe.train.steps = steps;
    recipe.train.batch = 32;
    recipe.train.micro_batch = Some(16);
    recipe.train.warmup = 5;
    recipe.preview.count = 0;
    recipe
}

/// A run of this recipe.
pub fn train(recipe: Recipe) -> Command {
    Command::Train(Box::new(TrainRequest {
        run: RunId(1),
        recipe,
        folder: None,
        resume: false,
        paused: false,
        start: None,
        data: None,
    }))
}

/// A run that waits for its first step.
pub fn train_paused(recipe: Recipe) -> Command {
    let Command::Train(mut request) = train(recipe) else {
        unreachable!()
    };
    request.paused = true;
    Command::Train(request)
}

/// Goes on in a folder.
pub fn resume(folder: &Path) -> Command {
    let Command::Train(mut request) = train(Recipe::default()) else {
        unreachable!()
    };
    request.resume = true;
    request.folder = Some(folder.to_owned());
    Command::Train(request)
}

/// Goes on in a folder when told to.
pub fn resume_paused(folder: &Path) -> Command {
    let Command::Train(mut request) = resume(folder) else {
        unreachable!()
    };
    request.paused = true;
    Command::Train(request)
}

/// Samples of the present run.
pub fn request(id: u64, count: usize, sampler: &str) -> SampleRequest {
    SampleRequest {
        id: TrajectoryId(id),
        model: Model::Present,
        sampler: Spec::new(sampler),
        steps: 8,
        spacing: Spec::new("trailing"),
        schedule: None,
        seed: 11,
        count,
        class: ClassChoice::None,
        guidance: Guidance::default(),
        weaker: None,
        classifier: None,
        noise: None,
        restore: None,
        branch: None,
    }
}

/// All losses that were told.
pub fn losses(events: &[Event]) -> Vec<(u64, f32)> {
    let each = events.iter().filter_map(|e| match e {
        Event::Progress(_, progress) => Some(progress.losses.clone()),
        _ => None,
    });
    each.flatten().collect()
}

/// All states that were told.
pub fn states(events: &[Event]) -> Vec<RunState> {
    let each = events.iter().filter_map(|e| match e {
        Event::RunState(_, state) => Some(*state),
        _ => None,
    });
    each.collect()
}

/// All messages about failures.
pub fn failures(events: &[Event]) -> Vec<String> {
    let each = events.iter().filter_map(|e| match e {
        Event::Failed { what, message } => Some(format!("{what}: {message}")),
        Event::DataFailed { source, message } => Some(format!("{source}: {message}")),
        _ => None,
    });
    each.collect()
}

/// All steps of one trajectory.
pub fn steps(events: &[Event], id: u64) -> Vec<StepFrame> {
    let each = events.iter().filter_map(|e| match e {
        Event::SampleStep(of, frame) if *of == TrajectoryId(id) => Some((**frame).clone()),
        _ => None,
    });
    each.collect()
}

/// The folder of the run that began.
pub fn folder(events: &[Event]) -> std::path::PathBuf {
    let started = events.iter().find_map(|e| match e {
        Event::Started(info) => Some(info.folder.clone()),
        _ => None,
    });
    started.expect("the run began")
}

/// The numbers of a frame of points.
pub fn xy(frame: &Frame) -> Arc<[f32]> {
    match frame {
        Frame::Points { xy } => xy.clone(),
        Frame::Pixels { .. } => panic!("these are pictures"),
    }
}
