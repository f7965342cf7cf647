//! What the engine tells: plain data, no tensors. Facts are lossless; previews of a running training are newest-wins.

use std::{path::PathBuf, sync::Arc};

use serde::Serialize;

use super::{
    command::{ClassChoice, RunId, TrajectoryId},
    dissection::Dissection,
    laboratory::Table,
    likelihood::Likelihood,
};
use crate::{
    data::{Dataset, Stats},
    diffusion::Guidance,
    files::{Recipe, figures, provenance::Prints},
    math::{Domain, Frame, Level, Spec},
};

/// Everything the engine can say.
#[derive(Clone, Debug)]
pub enum Event {
    /// Data were loaded for the data view.
    DataLoaded(Box<DataSummary>),
    /// Data could not be loaded.
    DataFailed {
        /// The recipe's source.
        source: String,
        /// What happened and what to do.
        message: String,
    },
    /// The answer to an estimate.
    Estimated(Estimate),
    /// A run began (or goes on, after a resume).
    Started(Box<RunInfo>),
    /// The state of the run changed.
    RunState(RunId, RunState),
    /// Losses since the last such message, at most about 30 messages a second.
    Progress(RunId, Progress),
    /// Validation loss at fixed times and noise.
    Validation {
        /// The run.
        run: RunId,
        /// Training step.
        step: u64,
        /// Mean loss of the raw weights.
        loss: f64,
        /// Mean loss of the EMA weights.
        ema: f64,
    },
    /// The inside of one training step.
    Dissected(RunId, Arc<Dissection>),
    /// How good samples of the averaged weights of one step are.
    Quality(RunId, Vec<figures::Row>),
    /// The training steps whose averaged weights are kept in the run folder, oldest first.
    Kept(RunId, Vec<u64>),
    /// Something worth a mark on the time line: a changed learning rate, a checkpoint, a divergence.
    Mark(RunId, Mark),
    /// Loss or gradient became infinite or not a number; the run paused itself.
    Diverged {
        /// The run.
        run: RunId,
        /// Training step at which it happened.
        step: u64,
        /// What was not finite, and where, in plain words.
        message: String,
        /// Step of the last healthy weights.
        healthy_step: u64,
    },
    /// A trajectory began.
    SampleStarted(Box<TrajectoryInfo>),
    /// One step of a trajectory; lossless and in order.
    SampleStep(TrajectoryId, Box<StepFrame>),
    /// A restoration is complete; comes before its end.
    Restored(TrajectoryId, Box<Figures>),
    /// A trajectory ended, complete or cancelled.
    SampleEnded {
        /// Which one.
        id: TrajectoryId,
        /// Whether all steps were made.
        complete: bool,
        /// Seconds of network time.
        secs: f64,
    },
    /// Samplers were compared.
    Compared(Box<Table>),
    /// How likely the sample is that was asked about.
    Judged(Box<Likelihood>),
    /// The answer to a field request.
    Field(Box<Field>),
    /// A file was written.
    Written(PathBuf),
    /// A request failed; nothing else changed.
    Failed {
        /// What was asked, e.g. `Train` or `Sample`.
        what: &'static str,
        /// What happened and what to do.
        message: String,
    },
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Loading data, building the network.
    Preparing,
    /// Training.
    Running,
    /// Between two steps, waiting.
    Paused,
    /// Ended by the user; saved.
    Stopped,
    /// All steps done; saved.
    Finished,
    /// Ended by an error.
    Failed,
}

impl RunState {
    /// Whether the run can still go on by itself or by `Resume`.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Preparing | Self::Running | Self::Paused)
    }
}

/// What a run is, sent once at its start.
#[derive(Clone, Debug)]
pub struct RunInfo {
    /// Identity.
    pub run: RunId,
    /// Everything that determines it, with measured values filled in.
    pub recipe: Recipe,
    /// Where it is saved.
    pub folder: PathBuf,
    /// What a sample is.
    pub domain: Domain,
    /// The data, shared.
    pub data: Dataset,
    /// Which executor runs it.
    pub executor: String,
    /// Number of weights.
    pub weights: usize,
    /// The step it starts from (not 0 after a resume).
    pub step: u64,
    /// Levels of the schedule at 0, 1/n, … 1 of its domain, noise rising, for pictures of the forward process.
    pub levels: Arc<[Level]>,
}

/// Losses since the last message.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// `(step, loss)` of each training step.
    pub losses: Vec<(u64, f32)>,
    /// `(t as a share of the schedule in 0..1, loss)` of some single samples: the raw material of loss by noise level.
    pub by_level: Vec<(f32, f32)>,
    /// Learning rate of the newest step.
    pub lr: f64,
    /// Gradient norm before clipping of the newest step.
    pub grad_norm: f64,
    /// EMA decay of the newest step.
    pub ema_decay: f64,
    /// Training steps per second, averaged over the last seconds.
    pub steps_per_sec: f64,
    /// Seconds until the last step, at that speed.
    pub secs_left: f64,
    /// Seconds of training so far, resumes included.
    pub secs: f64,
}

/// A mark on the training time line.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Training step.
    pub step: u64,
    /// What it is.
    pub kind: MarkKind,
    /// Short text, e.g. `lr 1e-3 → 3e-4`.
    pub text: String,
}

/// Kinds of marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// A setting was changed while running.
    Change,
    /// A checkpoint was saved.
    Checkpoint,
    /// Loss or gradient was not finite.
    Divergence,
    /// Went back to healthy weights.
    Restore,
}

/// The newest preview of a running training: the whole reverse path from fixed noise. Travels in the newest-wins lane.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The run.
    pub run: RunId,
    /// Training step of the weights.
    pub step: u64,
    /// Every step of the path, oldest first. The last one's `x` is the finished sample.
    pub path: Arc<[StepFrame]>,
}

/// What a trajectory is, sent once at its start.
#[derive(Clone, Debug)]
pub struct TrajectoryInfo {
    /// Identity.
    pub id: TrajectoryId,
    /// What a sample is.
    pub domain: Domain,
    /// Where the weights come from, for people: `moons-0001, step 1200`.
    pub model: String,
    /// Recipe of the weights.
    pub recipe: Recipe,
    /// Training step of the weights.
    pub step: u64,
    /// Sampler id and parameters; those of a method where something is restored.
    pub sampler: Spec,
    /// How times are chosen.
    pub spacing: Spec,
    /// The noise schedule over which they are chosen, where it is not the model's own.
    pub schedule: Option<Spec>,
    /// Number of moves, jumps included.
    pub moves: usize,
    /// Seed.
    pub seed: u64,
    /// How many samples.
    pub count: usize,
    /// Class of the samples.
    pub class: ClassChoice,
    /// How strongly the class, or what `weaker` does not know, was amplified, and where.
    pub guidance: Guidance,
    /// Autoguidance: the weaker model, for people.
    pub weaker: Option<String>,
    /// How strongly a classifier led towards the class, if one did.
    pub classifier: Option<f64>,
    /// Fingerprint of the starting noise, where it was given instead of drawn by the seed.
    pub noise: Option<String>,
    /// Which weights took part, where the recipe does not say.
    pub prints: Prints,
    /// Names of the classes, where there are any.
    pub class_names: Arc<[String]>,
    /// What is restored, where something is.
    pub restore: Option<Restored>,
    /// Where it parts from another trajectory, if it does.
    pub branch: Option<Arc<Parted>>,
}

/// Where a trajectory parted from another.
#[derive(Clone, Debug)]
pub struct Parted {
    /// The other one.
    pub parent: TrajectoryInfo,
    /// Number of moves that both share.
    pub step: usize,
    /// The sample of the parent that all samples continue; `None` where each continues its own.
    pub sample: Option<usize>,
    /// Number of moves of the rest that were asked for; `None` where the times are the parent's.
    pub remaining: Option<usize>,
}

/// What a restoration starts from.
#[derive(Clone, Debug, PartialEq)]
pub struct Restored {
    /// What was measured.
    pub task: Spec,
    /// Whether the measurement itself was given, not an original that the task degraded.
    pub measured: bool,
    /// Number of moves that were asked for, before the method added jumps or left some out.
    pub steps: usize,
    /// The measurement as a picture of the model's size: the known pixels on grey, the blocks, the grey or noisy picture.
    pub degraded: Frame,
}

/// How good a restoration is. Distances are in units of the samples: black to white is 2.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Of each candidate.
    pub candidates: Vec<Candidate>,
    /// Root mean square deviation of the candidates from their mean where they are free to differ (in the mask, or
    /// everywhere); `None` for a single one.
    pub diversity: Option<f64>,
    /// That deviation for each pixel, the mean over its channels, rows from the top; 0 for a single candidate.
    #[serde(skip)]
    pub deviation: Arc<[f32]>,
    /// Network calls of one candidate; a gradient counts as one call.
    pub calls: f64,
    /// Seconds of network time, all candidates together.
    pub secs: f64,
}

/// How good one candidate is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Root mean square of `H x - y` over what was measured.
    pub residual: f64,
    /// The same as a peak signal-to-noise ratio in decibels; `None` where it is exact.
    pub consistency_db: Option<f64>,
    /// Peak signal-to-noise ratio to the original in decibels, where that is known and differs.
    pub psnr_db: Option<f64>,
    /// Structural similarity to the original, where that is known.
    pub ssim: Option<f64>,
    /// Mean step across the mask's edge divided by the mean step elsewhere: 1 is no seam, more is a visible one. `None`
    /// without an edge.
    pub seam: Option<f64>,
    /// What the classifier of the model's data takes it for, where there is one that ships with the program.
    pub class: Option<String>,
    /// The probability of that class.
    pub class_probability: Option<f32>,
}

/// One step of a trajectory as the window shows it at cursor `index`: the state before move `index` together with the
/// prediction made from it. After the last move one more frame follows, whose `x` is the result and `x0` equals it.
#[derive(Clone, Debug)]
pub struct StepFrame {
    /// `0..=moves`.
    pub index: usize,
    /// Level of `x`.
    pub level: Level,
    /// The state.
    pub x: Frame,
    /// The clean sample as the network guesses it.
    pub x0: Frame,
    /// The noise as the network guesses it, scaled by 1/3 into the picture range (points: as it is).
    pub eps: Frame,
    /// Mean absolute change of this move, in sample units.
    pub change: f32,
    /// Mean and standard deviation of `x`.
    pub x_stats: (f32, f32),
    /// Mean and standard deviation of `x0`.
    pub x0_stats: (f32, f32),
}

/// A vector field on a square grid, row by row from `-extent` upwards.
#[derive(Clone, Debug)]
pub struct Field {
    /// Noise level.
    pub level: Level,
    /// Points per side.
    pub side: usize,
    /// Half the side length of the square.
    pub extent: f32,
    /// Score `(x, y)` at each point.
    pub score: Arc<[f32]>,
}

/// What is known before the start, measured on this machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The recipe's data source, to match question and answer.
    pub source: String,
    /// Seconds of one training step.
    pub secs_per_step: f64,
    /// Peak memory of training in bytes.
    pub bytes: u64,
    /// Number of weights.
    pub weights: usize,
    /// Seconds until samples are usually recognisable, from the preset's recorded step count.
    pub secs_to_samples: f64,
    /// Seconds until the recipe's last step.
    pub secs_total: f64,
    /// Which executor was measured.
    pub executor: String,
    /// The data's size, shape and classes, in words.
    pub data: String,
}

/// Data loaded for the data view.
#[derive(Clone, Debug)]
pub struct DataSummary {
    /// The data.
    pub data: Dataset,
    /// Its numbers.
    pub stats: Stats,
    /// Samples kept for validation.
    pub validation: usize,
}
