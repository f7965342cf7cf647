//! The engine as a state machine without threads: commands in, network calls one at a time, events out.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
    sync::Arc,
};

use super::{
    Error, RunId, TrajectoryId, branch,
    command::{Command, FieldRequest, Model, SampleRequest, TrainRequest},
    estimate,
    event::{Event, RunState},
    field, job,
    job::Job,
    laboratory::{self, LaboratoryRequest},
    library::Library,
    likelihood,
    model::{self, Pinned},
    ports::{Ask, Done, Lane, Ports, Task},
    prepare::Prepared,
    select::Host,
    train::Run,
};
use crate::{
    data::{DataError, Progress},
    files::{Recipe, recipe::DataRecipe},
    nn::{DeviceChoice, Interrupt},
};

/// Sampling calls for each of the training, while a job is fresh.
const FRESH_TURN: u32 = 32;

/// What the engine is told once.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where networks run.
    pub device: DeviceChoice,
    /// Folder for runs that name none; `None` for the platform's data folder.
    pub runs: Option<PathBuf>,
}

/// Whether [`Engine::advance`] should be called again at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// There is more to do.
    #[default]
    Busy,
    /// Nothing to do until there is a command or a result of slow work.
    Idle,
    /// Shut down and saved.
    Ended,
}

/// The only owner of running jobs: at most one training run and a queue of trajectories, which share the time.
pub struct Engine {
    runs: Option<PathBuf>,
    host: Host,
    ports: Ports,
    library: Library,
    run: Option<Run>,
    /// Waits for the present run to be saved.
    next: Option<Box<TrainRequest>>,
    preparing: Option<Preparing>,
    jobs: VecDeque<Job>,
    loading: BTreeSet<TrajectoryId>,
    records: BTreeMap<TrajectoryId, Record>,
    field: Option<(FieldRequest, Arc<Pinned>)>,
    estimating: bool,
    estimate: Option<Box<Recipe>>,
    /// Sampling calls since the last one of the training.
    sampled: u32,
    shutting_down: bool,
}

/// A run that is being prepared, and what was asked of it meanwhile.
struct Preparing {
    run: RunId,
    paused: Option<bool>,
    /// What will break off the run's calls: not yet, since what is urgent concerns the engine's thread alone.
    interrupt: Interrupt,
}

/// What makes a trajectory again, exactly.
#[derive(Clone)]
struct Record {
    request: SampleRequest,
    pinned: Arc<Pinned>,
}

impl Engine {
    /// An engine at rest.
    pub fn new(settings: Settings, ports: Ports) -> Self {
        Self {
            runs: settings.runs,
            host: Host {
                device: settings.device,
                interrupt: ports.interrupt.clone(),
            },
            ports,
            library: Library::default(),
            run: None,
            next: None,
            preparing: None,
            jobs: VecDeque::new(),
            loading: BTreeSet::new(),
            records: BTreeMap::new(),
            field: None,
            estimating: false,
            estimate: None,
            sampled: u32::MAX,
            shutting_down: false,
        }
    }

    /// Takes a command. Returns at once; long work is done by [`Engine::advance`] and in the lanes.
    pub fn handle(&mut self, command: Command) {
        let what = command.name();
        if let Err(error) = self.obey(command) {
            self.ports.failed(what, error);
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), Error> {
        match command {
            Command::LoadData(recipe, progress) => self.load_data(recipe, progress),
            Command::Estimate(recipe) => self.estimate(recipe),
            Command::Train(request) => self.train(request),
            Command::Release(id) => drop(self.run.take_if(|run| run.id() == id && run.is_over())),
            Command::Sample(request) => {
                let id = request.id;
                self.sample(request).inspect_err(|_| self.give_up(id))?;
            }
            Command::CancelSample(id) => self.cancel(id),
            Command::WriteTrajectory { id, path } => self.write_trajectory(id, path)?,
            Command::ForgetTrajectory(id) => drop(self.records.remove(&id)),
            Command::Compare(request, progress) => self.compare(*request, progress)?,
            Command::Judge {
                model,
                sample,
                progress,
            } => self.judge(model, sample, progress)?,
            Command::Field(request) => self.ask_field(request)?,
            Command::Shutdown => self.shut_down(),
            control => self.control(&control)?,
        }
        Ok(())
    }

    /// Commands to the present run.
    fn control(&mut self, command: &Command) -> Result<(), Error> {
        if let Some(preparing) = &mut self.preparing {
            match command {
                Command::Pause => preparing.paused = Some(true),
                Command::Resume => preparing.paused = Some(false),
                Command::Stop | Command::Finish => self.abandon_preparation(RunState::Stopped),
                _ => return Err(Error::refused("the run is still being prepared: try again in a moment")),
            }
            return Ok(());
        }
        let ports = &mut self.ports;
        let Some(run) = self.run.as_mut().filter(|run| run.is_live()) else {
            return Err(Error::refused("no training is under way: start one first"));
        };
        match command {
            Command::Pause => run.pause(ports),
            Command::Resume => run.resume(ports),
            Command::StepOnce => run.step_once(ports),
            Command::StepSlowly => run.step_slowly(ports),
            Command::Stop => run.end(RunState::Stopped, ports),
            Command::Finish => run.finish(ports),
            Command::Save => run.save(ports),
            Command::SetLearningRate(lr) => return run.set_learning_rate(*lr, ports),
            Command::SetEmaDecay(decay) => return run.set_ema_decay(*decay, ports),
            Command::SetSteps(steps) => return run.set_steps(*steps, ports),
            Command::Restore { lr_factor } => return run.restore(*lr_factor, ports),
            _ => {}
        }
        Ok(())
    }

    /// Results of slow work, then one network call. Training and sampling take turns.
    pub fn advance(&mut self) -> Activity {
        while let Some(done) = self.ports.background.poll() {
            self.complete(done);
        }
        self.prepare_next();
        let trains = self.run.as_ref().is_some_and(Run::is_busy);
        let samples = !self.jobs.is_empty() || self.field.is_some();
        if trains && !(samples && self.sampled < self.turn()) {
            self.sampled = 0;
            self.advance_run();
        } else if samples {
            self.sampled = self.sampled.saturating_add(1);
            self.advance_jobs();
        } else if self.shutting_down && self.ports.background.pending() == 0 {
            return Activity::Ended;
        } else {
            return Activity::Idle;
        }
        Activity::Busy
    }

    /// Sampling calls for each of the training, while there is both: somebody waits for what was just begun.
    fn turn(&self) -> u32 {
        match self.jobs.front() {
            Some(job) if job.is_fresh() => FRESH_TURN,
            _ => 1,
        }
    }

    fn advance_run(&mut self) {
        let Some(run) = &mut self.run else { return };
        if let Err(error) = run.advance(&mut self.ports)
            && !self.host.interrupt.is_raised()
        {
            run.end(RunState::Failed, &mut self.ports);
            self.ports.failed("Train", error);
        }
    }

    /// The job at the head of the queue, or the field when there is none.
    fn advance_jobs(&mut self) {
        if let Some((request, pinned)) = self.field.take() {
            match field::score(&request, &pinned, &self.host) {
                Ok(field) => self.ports.out.event(Event::Field(Box::new(field))),
                Err(_) if self.host.interrupt.is_raised() => self.field = Some((request, pinned)),
                Err(error) => self.ports.failed("Field", error),
            }
        } else if let Some(mut job) = self.jobs.pop_front() {
            match job.advance(&mut self.ports) {
                Ok(job::State::GoesOn) => self.jobs.push_front(job),
                Ok(job::State::Ended) => {}
                Err(_) if self.host.interrupt.is_raised() => self.jobs.push_front(job),
                Err(error) => job.fail(error, &mut self.ports),
            }
        }
    }

    /// After a panic: ends the jobs that may be half-changed and says so.
    pub fn abandon(&mut self, message: String) {
        if let Some(mut run) = self.run.take().filter(Run::is_live) {
            run.abandon(&mut self.ports);
        }
        for job in self.jobs.drain(..) {
            job.cancel(&mut self.ports);
        }
        self.field = None;
        self.ports.failed("Engine", message);
    }

    fn load_data(&mut self, recipe: DataRecipe, progress: Arc<Progress>) {
        let library = self.library.clone();
        let work = move || {
            let summary = library.summary(&recipe, &progress);
            Done::Data(summary.map(Box::new).map_err(|e| (recipe.source, e)))
        };
        self.ports.background.submit(Lane::Load, Task::new("LoadData", work));
    }

    /// One estimate at a time; of those that wait only the newest counts.
    fn estimate(&mut self, recipe: Box<Recipe>) {
        if self.estimating {
            self.estimate = Some(recipe);
            return;
        }
        self.estimating = true;
        let (library, device) = (self.library.clone(), self.host.device);
        let work = move || Done::Estimated(estimate::estimate(&recipe, &library, device).map_err(|e| e.to_string()));
        self.ports.background.submit(Lane::Prepare, Task::new("Estimate", work));
    }

    fn train(&mut self, request: Box<TrainRequest>) {
        if self.preparing.is_some() {
            self.abandon_preparation(RunState::Stopped);
        }
        if let Some(run) = self.run.as_mut().filter(|run| run.is_live()) {
            run.end(RunState::Stopped, &mut self.ports);
        }
        self.ports.out.event(Event::RunState(request.run, RunState::Preparing));
        if let Some(replaced) = self.next.replace(request) {
            self.ports.out.event(Event::RunState(replaced.run, RunState::Stopped));
        }
        self.prepare_next();
    }

    fn abandon_preparation(&mut self, state: RunState) {
        if let Some(Preparing { run, .. }) = self.preparing.take() {
            self.ports.out.event(Event::RunState(run, state));
        }
    }

    /// The next run is prepared when the one before is saved, since both may use one folder.
    fn prepare_next(&mut self) {
        if self.run.as_ref().is_some_and(|run| !run.is_over()) {
            return;
        }
        let Some(request) = self.next.take() else { return };
        self.run = None;
        let run = request.run;
        let interrupt = self.host.interrupt.later();
        let host = Host {
            device: self.host.device,
            interrupt: interrupt.clone(),
        };
        self.preparing = Some(Preparing {
            run,
            paused: None,
            interrupt,
        });
        let (library, runs) = (self.library.clone(), self.runs.clone());
        let work = move || {
            let prepared = Prepared::new(&request, &library, &host, runs);
            Done::Prepared(run, prepared.map(Box::new).map_err(|e| e.to_string()))
        };
        self.ports.background.submit(Lane::Prepare, Task::new("Train", work));
    }

    /// A result of slow work.
    fn complete(&mut self, done: Done) {
        match done {
            // Nobody waits for what was given up.
            Done::Data(Err((_, Error::Data(DataError::Cancelled))))
            | Done::Compared(Err(Error::Data(DataError::Cancelled)))
            | Done::Judged(Err(Error::Data(DataError::Cancelled)))
            | Done::Settled(_, Ok(())) => {}
            Done::Judged(Ok(found)) => self.ports.out.event(Event::Judged(found)),
            Done::Judged(Err(error)) => self.ports.failed("Likelihood", error),
            Done::Compared(Ok(table)) => self.ports.out.event(Event::Compared(table)),
            Done::Compared(Err(error)) => self.ports.failed("Compare", error),
            Done::Data(Ok(summary)) => self.ports.out.event(Event::DataLoaded(summary)),
            Done::Data(Err((source, fault))) => {
                let message = fault.to_string();
                self.ports.out.event(Event::DataFailed { source, message });
            }
            Done::Estimated(result) => self.estimated(result),
            Done::Prepared(run, result) => self.prepared(run, result),
            Done::Saved(run, step, result) => {
                if let Some(present) = self.run.as_mut().filter(|r| r.id() == run) {
                    present.saved(step, result, &mut self.ports);
                }
            }
            Done::Kept(run, result) => {
                if let Some(present) = self.run.as_mut().filter(|r| r.id() == run) {
                    present.kept(result, &mut self.ports);
                }
            }
            Done::Settled(what, Err(message)) => self.ports.failed(what, message),
            Done::Model(ask, result) => self.model_loaded(ask, result),
            Done::Wrote(Ok(path)) => self.ports.out.event(Event::Written(path)),
            Done::Wrote(Err(message)) => self.ports.failed("WriteTrajectory", message),
            Done::Panicked { what, message } => self.panicked(what, message),
        }
    }

    fn estimated(&mut self, result: Result<super::event::Estimate, String>) {
        self.estimating = false;
        match result {
            Ok(estimate) => self.ports.out.event(Event::Estimated(estimate)),
            Err(message) => self.ports.failed("Estimate", message),
        }
        if let Some(next) = self.estimate.take() {
            self.estimate(next);
        }
    }

    fn prepared(&mut self, run: RunId, result: Result<Box<Prepared>, String>) {
        // A run that was given up in the meantime is dropped.
        let Some(Preparing { paused, interrupt, .. }) = self.preparing.take_if(|p| p.run == run) else {
            return;
        };
        interrupt.listen();
        let begun = result.map(|mut prepared| {
            prepared.paused = paused.unwrap_or(prepared.paused);
            Run::begin(*prepared, &mut self.ports)
        });
        match begun {
            Ok(run) => self.run = Some(run),
            Err(message) => {
                self.ports.out.event(Event::RunState(run, RunState::Failed));
                self.ports.failed("Train", message);
            }
        }
    }

    fn panicked(&mut self, what: &'static str, message: String) {
        match (what, &mut self.run) {
            ("Save", Some(run)) => return run.save_panicked(message, &mut self.ports),
            ("Train", _) => self.abandon_preparation(RunState::Failed),
            ("Estimate", _) => self.estimating = false,
            ("Sample", _) => {
                for id in std::mem::take(&mut self.loading) {
                    self.give_up(id);
                }
            }
            _ => {}
        }
        self.ports.failed(what, message);
    }

    fn sample(&mut self, request: Box<SampleRequest>) -> Result<(), Error> {
        // A branch goes on with the weights of what it parts from, whatever has become of the run.
        let records = branch::lineage(&request).filter_map(|id| self.records.get(&id));
        let known = records.map(|record| record.pinned.clone()).next();
        if let Some(pinned) = known.map_or_else(|| self.present(&request.model), |pinned| Ok(Some(pinned)))? {
            return self.start_sampling(*request, pinned);
        }
        self.loading.insert(request.id);
        self.load_model(request.model.clone(), Ask::Sample(request));
        Ok(())
    }

    /// The weights of the present run, where those are wanted.
    fn present(&mut self, wanted: &Model) -> Result<Option<Arc<Pinned>>, Error> {
        match (wanted, &mut self.run) {
            (Model::Present, Some(run)) => Ok(Some(run.pin())),
            (Model::Present, None) => Err(Error::refused(
                "there is no trained network in this window yet: train first, or open a run",
            )),
            _ => Ok(None),
        }
    }

    fn judge(&mut self, wanted: Model, sample: Arc<[f32]>, progress: Arc<Progress>) -> Result<(), Error> {
        let (present, device) = (self.present(&wanted)?, self.host.device);
        let work = move || {
            let pinned = present.map_or_else(|| model::load(&wanted).map(Arc::new), Ok);
            let found = pinned.and_then(|pinned| likelihood::measure(&pinned, &sample, device, &progress));
            Done::Judged(found.map(Box::new))
        };
        self.ports.background.submit(Lane::Study, Task::new("Likelihood", work));
        Ok(())
    }

    /// The comparison has a lane of its own, and a network of its own there.
    fn compare(&mut self, request: LaboratoryRequest, progress: Arc<Progress>) -> Result<(), Error> {
        let (present, device) = (self.present(&request.model)?, self.host.device);
        let work = move || {
            let pinned = present.map_or_else(|| model::load(&request.model).map(Arc::new), Ok);
            let table = pinned.and_then(|pinned| laboratory::compare_with(&request, &pinned, device, &progress));
            Done::Compared(table.map(Box::new))
        };
        self.ports.background.submit(Lane::Study, Task::new("Compare", work));
        Ok(())
    }

    fn load_model(&mut self, wanted: Model, ask: Ask) {
        let work = move || Done::Model(ask, model::load(&wanted).map(Arc::new).map_err(|e| e.to_string()));
        self.ports.background.submit(Lane::Load, Task::new("Sample", work));
    }

    fn model_loaded(&mut self, ask: Ask, result: Result<Arc<Pinned>, String>) {
        let pinned = result.map_err(Error::Refused);
        let (what, done) = match ask {
            Ask::Field(request) => ("Field", pinned.map(|pinned| self.field = Some((request, pinned)))),
            // A trajectory that was cancelled in the meantime has already ended.
            Ask::Sample(request) if !self.loading.remove(&request.id) => return,
            Ask::Sample(request) => {
                let id = request.id;
                let begun = pinned.and_then(|pinned| self.start_sampling(*request, pinned));
                ("Sample", begun.inspect_err(|_| self.give_up(id)))
            }
        };
        if let Err(error) = done {
            self.ports.failed(what, error);
        }
    }

    /// Every request for a trajectory is answered by one end.
    fn give_up(&mut self, id: TrajectoryId) {
        self.ports.out.event(job::ended(id, false, 0.0));
    }

    fn start_sampling(&mut self, request: SampleRequest, pinned: Arc<Pinned>) -> Result<(), Error> {
        self.jobs.push_back(Job::stream(&request, &pinned, &self.host)?);
        self.records.insert(request.id, Record { request, pinned });
        Ok(())
    }

    fn cancel(&mut self, id: TrajectoryId) {
        if self.loading.remove(&id) {
            self.give_up(id);
        }
        if let Some(place) = self.jobs.iter().position(|job| job.streams(id))
            && let Some(job) = self.jobs.remove(place)
        {
            job.cancel(&mut self.ports);
        }
    }

    fn write_trajectory(&mut self, id: TrajectoryId, path: PathBuf) -> Result<(), Error> {
        let Some(Record { request, pinned }) = self.records.get(&id) else {
            return Err(Error::refused(
                "this trajectory's weights are no longer there: make it again, then write it",
            ));
        };
        if path.exists() {
            return Err(crate::files::Error::Exists { path }.into());
        }
        self.jobs.push_back(Job::write(request, pinned, &self.host, path)?);
        Ok(())
    }

    /// Only the newest field counts.
    fn ask_field(&mut self, request: FieldRequest) -> Result<(), Error> {
        match self.present(&request.model)? {
            Some(pinned) => self.field = Some((request, pinned)),
            None => self.load_model(request.model.clone(), Ask::Field(request)),
        }
        Ok(())
    }

    fn shut_down(&mut self) {
        self.shutting_down = true;
        self.next = None;
        self.preparing = None;
        self.estimate = None;
        self.field = None;
        self.jobs.clear();
        if let Some(run) = self.run.as_mut().filter(|run| run.is_live()) {
            run.end(RunState::Stopped, &mut self.ports);
        }
    }
}
