//! From a request to a run that can start: data, network, micro-batch, folder. Slow, so it happens in a lane of
//! its own.

use std::{path::PathBuf, sync::Arc};

use super::{
    Error,
    command::TrainRequest,
    estimate,
    event::RunInfo,
    feed::Feed,
    field,
    finetune::Start,
    learner::Learner,
    library::Library,
    model::ModelInfo,
    preview::Previews,
    quality::Quality,
    select::{self, Host},
    store::Store,
    validation::Validation,
};
use crate::{
    data::{self, Dataset},
    files::{Checkpoint, Lock, Recipe, RunFolder, State, figures, metrics::Row, run},
    nn,
};

/// A run that is ready to start.
pub struct Prepared {
    pub(super) info: RunInfo,
    pub(super) learner: Learner,
    pub(super) validation: Option<Validation>,
    pub(super) previews: Option<Previews>,
    pub(super) quality: Option<Quality>,
    pub(super) store: Store,
    pub(super) state: State,
    pub(super) history: Vec<Row>,
    pub(super) figures: Vec<figures::Row>,
    pub(super) messages: Vec<String>,
    pub(super) paused: bool,
}

/// Levels in [`RunInfo::levels`].
const LEVELS: usize = 100;

impl Prepared {
    /// Does all of it. `runs` is the folder for runs that name none; `None` for the platform's.
    pub(super) fn new(
        request: &TrainRequest,
        library: &Library,
        host: &Host,
        runs: Option<PathBuf>,
    ) -> Result<Self, Error> {
        if request.resume {
            Self::resume(request, library, host)
        } else {
            Self::start(request, library, host, runs)
        }
    }

    fn start(request: &TrainRequest, library: &Library, host: &Host, runs: Option<PathBuf>) -> Result<Self, Error> {
        request
            .recipe
            .check()
            .map_err(|fault| Error::refused(fault.to_string()))?;
        let start = Start::of(request)?;
        let data = load_data(request, &request.recipe, library)?;
        start.as_ref().map_or(Ok(()), |start| start.check_domain(&data))?;
        let mut recipe = request.recipe.clone();
        recipe.start = recipe.start.or(start.as_ref().map(Start::origin));
        Self::fresh(request, host, recipe, data.clone(), start.as_ref(), |recipe| {
            let (folder, lock) = if let Some(path) = &request.folder {
                RunFolder::create(path, recipe)?
            } else {
                let parent = runs.map_or_else(run::default_parent, Ok)?;
                RunFolder::create_numbered(&parent, &recipe.data.source, recipe)?
            };
            if request.data.is_some() && !data::exists(&recipe.data.source) {
                folder.keep_data(&data)?;
            }
            Ok((folder, lock))
        })
    }

    /// A run at its first step, in the folder that `place` gives it.
    fn fresh(
        request: &TrainRequest,
        host: &Host,
        mut recipe: Recipe,
        data: Dataset,
        start: Option<&Start>,
        place: impl FnOnce(&Recipe) -> Result<(RunFolder, Lock), Error>,
    ) -> Result<Self, Error> {
        let model = described(&recipe, &data)?;
        let graph = model.graph()?;
        let mut weights = nn::init::weights(&graph, recipe.seed);
        if let Some(start) = start {
            weights = start.weights(&recipe, &data, &graph, weights)?;
        }
        let exec = select::executor(host.device, graph, &weights)?;
        if recipe.train.micro_batch.is_none() {
            recipe.train.micro_batch = Some(estimate::micro_batch(&*exec, recipe.train.batch));
        }
        let model = ModelInfo { recipe, ..model };
        let (folder, lock) = place(&model.recipe)?;
        let state = State {
            data_hash: data.hash.clone(),
            ..State::default()
        };
        let learner = Learner::new(exec, &model, Feed::new(data.clone(), &model.recipe)?)?;
        if start.is_some() {
            // From here on the run needs the other model no more.
            folder.save(&learner.snapshot(state.clone()).checkpoint(), &model.recipe)?;
        }
        Self::assemble(request, host, model, data, learner, Store::new(folder, lock, 0)?, state)
    }

    fn resume(request: &TrainRequest, library: &Library, host: &Host) -> Result<Self, Error> {
        let Some(path) = &request.folder else {
            return Err(Error::refused("name the run folder that is to go on"));
        };
        let folder = RunFolder::open(path)?;
        let lock = folder.lock()?;
        let recipe = folder.recipe()?;
        let data = folder
            .kept_data()?
            .map_or_else(|| load_data(request, &recipe, library), Ok)?;
        if folder.checkpoints().is_empty() {
            if let Some(start) = &recipe.start {
                return Err(Error::refused(format!(
                    "the run in “{}” was ended before it had the weights of “{}”: start it anew in another folder",
                    path.display(),
                    start.model
                )));
            }
            // It was ended before its first save; nothing was trained that could be lost.
            return Self::fresh(request, host, recipe, data, None, |_| Ok((folder, lock)));
        }
        let newest = folder.newest()?;
        let checkpoint: Checkpoint = newest.content;
        if data.hash != checkpoint.state.data_hash {
            return Err(Error::refused(format!(
                "the data of “{}” are not those that the run in “{}” began with: start a new run, or bring the data back",
                data.label,
                path.display()
            )));
        }
        let model = described(&recipe, &data)?;
        let exec = select::executor(
            host.device,
            model.graph()?,
            &nn::init::weights(&model.graph()?, recipe.seed),
        )?;
        let mut learner = Learner::new(exec, &model, Feed::new(data.clone(), &model.recipe)?)?;
        learner.restore(&checkpoint)?;
        let history = folder.metrics()?;
        let mut figures = folder.figures()?;
        figures.retain(|row| row.step <= checkpoint.state.step);
        let store = Store::new(folder, lock, checkpoint.state.step)?;
        let mut prepared = Self::assemble(request, host, model, data, learner, store, checkpoint.state)?;
        prepared.messages = newest.skipped;
        prepared.figures = figures;
        prepared.history = history;
        prepared.history.retain(|row| row.step <= prepared.state.step);
        Ok(prepared)
    }

    fn assemble(
        request: &TrainRequest,
        host: &Host,
        model: ModelInfo,
        data: Dataset,
        mut learner: Learner,
        store: Store,
        state: State,
    ) -> Result<Self, Error> {
        learner.exec.watch(&host.interrupt);
        let recipe = model.recipe.clone();
        let graph = learner.exec.graph();
        let per_call = select::samples_per_call(&*learner.exec, graph.forward_flops());
        let info = RunInfo {
            run: request.run,
            folder: store.path().to_owned(),
            domain: model.domain,
            executor: learner.exec.describe(),
            weights: graph.weight_count(),
            step: state.step,
            levels: field::levels(&*learner.schedule, LEVELS),
            recipe,
            data,
        };
        let validation = Validation::new(learner.feed(), info.recipe.train.batch, per_call);
        let (quality, previews) = if info.recipe.preview.count == 0 {
            (None, None)
        } else {
            let runner = host.runner(graph.clone(), &learner.weights())?;
            (Quality::new(&model, &info.data, host)?, Previews::new(model, runner))
        };
        Ok(Self {
            info,
            learner,
            validation,
            previews,
            quality,
            store,
            state,
            history: Vec::new(),
            figures: Vec::new(),
            messages: Vec::new(),
            paused: request.paused,
        })
    }
}

fn load_data(request: &TrainRequest, recipe: &Recipe, library: &Library) -> Result<Dataset, Error> {
    match &request.data {
        Some(data) => Ok(data.clone()),
        None => library.load(&recipe.data, recipe.seed),
    }
}

/// What the weights of a run on these data are.
pub(super) fn described(recipe: &Recipe, data: &Dataset) -> Result<ModelInfo, Error> {
    let class_names: Arc<[String]> = match (&data.labels, recipe.condition.classes) {
        (_, false) => Arc::new([]),
        (Some(labels), true) => labels.names.clone().into(),
        (None, true) => {
            return Err(Error::refused(format!(
                "“{}” has no classes: switch condition.classes off, or choose data with labels",
                data.label
            )));
        }
    };
    Ok(ModelInfo {
        label: String::new(),
        recipe: recipe.clone(),
        step: 0,
        domain: data.domain,
        class_names,
        scheduler: None,
        weights: None,
    })
}
