//! What the window and the command line can ask of the engine.

use std::{path::PathBuf, sync::Arc};

use super::{exact::ExactModel, laboratory::LaboratoryRequest};
use crate::{
    data::{Dataset, Progress},
    diffusion::Guidance,
    files::{Recipe, recipe::DataRecipe},
    math::Spec,
};

/// Identity of a training run within one process. Answers carry it, so that late messages of an old run are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(pub u64);

/// Identity of a trajectory within one process; chosen by whoever asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrajectoryId(pub u64);

/// Everything that can be asked. Commands take effect between two network calls; those that are [urgent](Self::is_urgent)
/// break off the call under way.
#[derive(Clone, Debug)]
pub enum Command {
    /// Loads and describes data for the data view; the running job is not touched. The progress is counted up while files
    /// are read; once it is cancelled there is no answer.
    LoadData(DataRecipe, Arc<Progress>),
    /// Measures seconds per step, memory and time to recognisable samples for a recipe, without starting it.
    Estimate(Box<Recipe>),
    /// Starts a run, ending the present one (its checkpoint is saved first).
    Train(Box<TrainRequest>),
    /// Stops after the present network call; `Resume` goes on.
    Pause,
    /// Goes on with a paused run.
    Resume,
    /// Exactly one training step, then paused again.
    StepOnce,
    /// The same, taken apart: answered by [`super::Event::Dissected`].
    StepSlowly,
    /// Ends the run now: the step under way is dropped, everything before it is saved.
    Stop,
    /// Completes the present step, saves, and ends the run as finished.
    Finish,
    /// Saves a checkpoint now.
    Save,
    /// Changes the learning rate of the running run; marked on the curve.
    SetLearningRate(f64),
    /// Changes the EMA decay of the running run; marked on the curve.
    SetEmaDecay(f64),
    /// Changes the number of steps of the run that is under way or paused; marked on the curve and kept in its recipe. To
    /// train a finished run longer, resume it paused, change this, and go on.
    SetSteps(u64),
    /// After a divergence: back to the last healthy weights with the learning rate times `lr_factor`, and on.
    Restore {
        /// Multiplies the learning rate, e.g. 1/3.
        lr_factor: f64,
    },
    /// Lets go of a run that has ended, so that its folder may be moved or removed.
    Release(RunId),
    /// Makes samples, every step streamed.
    Sample(Box<SampleRequest>),
    /// Drops a trajectory that is being made; what was streamed stays with the window.
    CancelSample(TrajectoryId),
    /// Makes a trajectory again with its pinned weights and writes it exactly, as `x_init`, `x_000…` and `x0_000…` of a
    /// safetensors file. Never overwrites: an existing path is an error.
    WriteTrajectory {
        /// Which one.
        id: TrajectoryId,
        /// The file to make.
        path: PathBuf,
    },
    /// The window no longer shows this trajectory: its pinned weights may go.
    ForgetTrajectory(TrajectoryId),
    /// Compares all samplers beside everything else. The progress counts samplers; once it is cancelled there is no answer.
    Compare(Box<LaboratoryRequest>, Arc<Progress>),
    /// Says how likely one sample is, beside everything else. Once the
    /// progress is cancelled there is no answer.
    Judge {
        /// Which model.
        model: Model,
        /// The sample, in tensor order.
        sample: Arc<[f32]>,
        /// Counts stages.
        progress: Arc<Progress>,
    },
    /// The score field on a grid, for points (see [`FieldRequest`]).
    Field(FieldRequest),
    /// Saves and ends the engine's thread.
    Shutdown,
}

impl Command {
    /// Whether the network call under way should be broken off for it.
    pub fn is_urgent(&self) -> bool {
        matches!(
            self,
            Self::Pause | Self::Stop | Self::Train(_) | Self::CancelSample(_) | Self::Shutdown
        )
    }

    /// What was asked, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LoadData(..) => "LoadData",
            Self::Estimate(_) => "Estimate",
            Self::Train(_) => "Train",
            Self::Pause => "Pause",
            Self::Resume => "Resume",
            Self::StepOnce => "StepOnce",
            Self::StepSlowly => "StepSlowly",
            Self::Stop => "Stop",
            Self::Finish => "Finish",
            Self::Save => "Save",
            Self::SetLearningRate(_) => "SetLearningRate",
            Self::SetEmaDecay(_) => "SetEmaDecay",
            Self::SetSteps(_) => "SetSteps",
            Self::Restore { .. } => "Restore",
            Self::Release(_) => "Release",
            Self::Sample(_) => "Sample",
            Self::CancelSample(_) => "CancelSample",
            Self::WriteTrajectory { .. } => "WriteTrajectory",
            Self::ForgetTrajectory(_) => "ForgetTrajectory",
            Self::Compare(..) => "Compare",
            Self::Judge { .. } => "Likelihood",
            Self::Field(_) => "Field",
            Self::Shutdown => "Shutdown",
        }
    }
}

/// Starts a run.
#[derive(Clone, Debug)]
pub struct TrainRequest {
    /// Identity for the answers.
    pub run: RunId,
    /// What to train; ignored with `resume`, which reads it from the folder.
    pub recipe: Recipe,
    /// The run folder to write; `None` for a new folder in the platform's data folder.
    pub folder: Option<PathBuf>,
    /// Goes on from the folder's newest sound checkpoint.
    pub resume: bool,
    /// Starts paused, e.g. to look at the untrained network.
    pub paused: bool,
    /// The model whose averaged weights the run starts from, with the network that its recipe names; the recipe's `start` says
    /// which it must be, or is filled in. `None` for new weights. A resumed run has its own.
    pub start: Option<Model>,
    /// Data that is already loaded (drawn points, dropped pictures); `None` loads what the recipe names.
    pub data: Option<Dataset>,
}

/// Which weights a trajectory is made with.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// The EMA weights of the present run at the moment the trajectory starts.
    Present,
    /// A run folder or checkpoint on disk.
    Folder(PathBuf),
    /// A small trained model that ships with the program, by id.
    Bundled(String),
    /// The exact denoiser of a data set, which needs no training.
    Exact(Box<ExactModel>),
}

/// Makes samples.
#[derive(Clone, Debug)]
pub struct SampleRequest {
    /// Identity for the answers.
    pub id: TrajectoryId,
    /// With which weights.
    pub model: Model,
    /// Sampler id and parameters; with `restore` those of a [method](crate::diffusion::restore::method::ENTRIES).
    pub sampler: Spec,
    /// Number of moves, before a method adds jumps or leaves some out. A branch has its parent's, or what
    /// [`Branch::remaining`] says.
    pub steps: usize,
    /// How times are chosen.
    pub spacing: Spec,
    /// Another noise schedule over which they are chosen, by its noise levels (see [`grid::along`](crate::math::grid::along));
    /// `None` for the model's own. In a branch it is that of the rest, and needs [`Branch::remaining`].
    pub schedule: Option<Spec>,
    /// Seed of the starting noise and of every step's noise.
    pub seed: u64,
    /// How many samples.
    pub count: usize,
    /// Class of the samples, for networks that are told one.
    pub class: ClassChoice,
    /// How strongly the class, or what `weaker` does not know, is amplified, and where.
    pub guidance: Guidance,
    /// Autoguidance: the weaker model that is left behind, in place of the one without a class.
    pub weaker: Option<Model>,
    /// Classifier guidance: the judge that leads towards the class, also where the network is told none.
    pub classifier: Option<ClassifierChoice>,
    /// Starting noise instead of the seed's: standard normal numbers in tensor order, at least `count` samples.
    pub noise: Option<Arc<[f32]>>,
    /// What the samples are to agree with; every sample is then one candidate. The end is told by
    /// [`Event::Restored`](super::Event::Restored) as well.
    pub restore: Option<Arc<Restoration>>,
    /// The trajectory that this one continues differently, with its weights; `None` where it begins with noise.
    pub branch: Option<Arc<Branch>>,
}

impl Default for SampleRequest {
    /// One sample of the present run in 50 steps of DDIM, led nowhere.
    fn default() -> Self {
        Self {
            id: TrajectoryId::default(),
            model: Model::Present,
            sampler: Spec::new("ddim"),
            steps: 50,
            spacing: Spec::new("trailing"),
            schedule: None,
            seed: 0,
            count: 1,
            class: ClassChoice::None,
            guidance: Guidance::default(),
            weaker: None,
            classifier: None,
            noise: None,
            restore: None,
            branch: None,
        }
    }
}

/// Where a trajectory parts from another. Up to there both are the same bit for bit, and so is all that follows where
/// nothing was changed.
#[derive(Clone, Debug)]
pub struct Branch {
    /// What made the other one; it may be a branch itself.
    pub parent: SampleRequest,
    /// Number of moves that both share.
    pub step: usize,
    /// The sample of the parent that all samples continue, a fan of futures: sample j as it would go on with the seed
    /// raised by j. `None`: each sample continues its own.
    pub sample: Option<usize>,
    /// Number of moves of the rest, with times of the request's spacing; `None` for the times that the parent stopped at.
    pub remaining: Option<usize>,
}

/// What is to be restored: one sample, of which something was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Restoration {
    /// What was measured: id and parameters of [`task::ENTRIES`](crate::diffusion::restore::task::ENTRIES).
    pub task: Spec,
    /// The original in tensor order, `(C, H, W)` in [-1, 1] or a point, which the task degrades; with `measured` it is the
    /// measurement itself (for super-resolution the small picture, for colourising the grey one).
    pub picture: Arc<[f32]>,
    /// Whether `picture` is what was measured. Without an original nothing is compared with it.
    pub measured: bool,
    /// For inpainting: how far each pixel (each coordinate of a point) is to be filled, from 0 to 1, rows from the top. From 0.5
    /// on it counts as unknown.
    pub fill: Option<Arc<[f32]>>,
    /// What methods that start from a picture start from, in the form of a sample, e.g. with painted colours; `None` for
    /// `picture` where it is a sample, and else for what the measurement says by itself.
    pub guide: Option<Arc<[f32]>>,
}

/// A classifier that leads samples towards their class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifierChoice {
    /// How strongly: 1 is Bayes' rule, more favours typical samples.
    pub scale: f64,
    /// The file of the judge; `None` for the one that ships with the program for the model's data.
    pub judge: Option<PathBuf>,
}

/// Class of the samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClassChoice {
    /// The null class.
    #[default]
    None,
    /// All of one class.
    One(u32),
    /// Class i for sample i, round and round.
    Each,
}

impl ClassChoice {
    /// What one of the samples is of, where there are so many classes.
    pub fn of_sample(self, sample: usize, classes: usize) -> Self {
        match self {
            Self::Each if classes > 0 => Self::One((sample % classes) as u32),
            class => class,
        }
    }
}

/// A grid of scores and clean-sample guesses for the point view.
#[derive(Clone, Debug)]
pub struct FieldRequest {
    /// With which weights.
    pub model: Model,
    /// Noise level as a share of the schedule, 0 (clean) to 1 (noise).
    pub at: f64,
    /// Points per side.
    pub side: usize,
    /// The grid spans `-extent..=extent` in both axes.
    pub extent: f32,
}
