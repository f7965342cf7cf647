//! A run as the window knows it.

use std::sync::Arc;

use crate::{
    draw::pyramid::Curve,
    engine::{
        Command,
        dissection::Dissection,
        event::{Mark, Preview, Progress, RunInfo, RunState},
    },
    files::figures,
};

/// Share of the smoothed loss that survives a step.
pub(super) const KEEP: f64 = 0.98;

/// Bars of the loss by noise level.
pub const LEVEL_BINS: usize = 20;

/// A run as the window knows it.
#[derive(Clone, Debug)]
pub struct RunView {
    /// What it is.
    pub info: RunInfo,
    /// Where it stands.
    pub state: RunState,
    /// Loss of every step.
    pub losses: Curve,
    /// Loss by noise level.
    pub by_level: LevelBins,
    /// `[step, raw loss, EMA loss]`.
    pub validation: Vec<[f64; 3]>,
    /// How good samples were, oldest first.
    pub quality: Vec<figures::Row>,
    /// Changes, checkpoints, divergences.
    pub marks: Vec<Mark>,
    /// Training steps whose averaged weights are kept.
    pub kept: Vec<u64>,
    /// The newest numbers; its `losses` and `by_level` are empty.
    pub now: Progress,
    /// Steps done.
    pub step: u64,
    /// Newest samples with their whole path.
    pub preview: Option<Arc<Preview>>,
    /// The last step that was taken apart.
    pub dissection: Option<Arc<Dissection>>,
    /// Set while a divergence waits for an answer.
    pub diverged: Option<Divergence>,
    /// A verb that was asked for and has not taken effect yet.
    pub asked: Option<Verb>,
    /// What can be changed while it trains, as the form last asked for it.
    pub live: Live,
}

/// Settings that act on a run under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Live {
    /// Learning rate after warm-up.
    pub lr: f64,
    /// Largest EMA decay.
    pub ema_decay: f64,
}

/// Loss or gradient was not finite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// At which step.
    pub step: u64,
    /// What and where, in plain words.
    pub message: String,
    /// Step of the last healthy weights.
    pub healthy_step: u64,
}

/// What was asked of a running job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Pause after the present network call.
    Pause,
    /// End now.
    Stop,
    /// Complete the step, save, end.
    Finish,
}

impl RunView {
    /// A run that has just begun.
    pub fn new(info: RunInfo) -> Self {
        let now = Progress {
            lr: info.recipe.train.lr,
            ema_decay: info.recipe.ema.decay,
            ..Progress::default()
        };
        Self {
            state: RunState::Preparing,
            losses: Curve::new(KEEP),
            by_level: LevelBins::default(),
            validation: Vec::new(),
            quality: Vec::new(),
            marks: Vec::new(),
            kept: Vec::new(),
            now,
            step: info.step,
            preview: None,
            dissection: None,
            diverged: None,
            asked: None,
            live: Live {
                lr: info.recipe.train.lr,
                ema_decay: info.recipe.ema.decay,
            },
            info,
        }
    }

    /// Notes what a command from the form changes.
    pub fn note(&mut self, command: &Command) {
        match command {
            Command::SetLearningRate(lr) => self.live.lr = *lr,
            Command::SetEmaDecay(decay) => self.live.ema_decay = *decay,
            _ => {}
        }
    }

    /// The state changed; what was asked has been done.
    pub fn enter(&mut self, state: RunState) {
        self.state = state;
        self.asked = None;
        if state == RunState::Running {
            self.diverged = None;
        }
    }

    /// Takes in the losses since the last message.
    pub fn progress(&mut self, mut progress: Progress) {
        for (step, loss) in progress.losses.drain(..) {
            self.losses.push(step as f64, f64::from(loss));
            self.step = step;
        }
        for (t, loss) in progress.by_level.drain(..) {
            self.by_level.push(t, loss);
        }
        self.now = progress;
    }
}

/// Mean loss by noise level, with slow forgetting so that the bars follow the training.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelBins {
    sum: [f64; LEVEL_BINS],
    weight: [f64; LEVEL_BINS],
}

impl Default for LevelBins {
    fn default() -> Self {
        Self {
            sum: [0.0; LEVEL_BINS],
            weight: [0.0; LEVEL_BINS],
        }
    }
}

impl LevelBins {
    /// Adds the loss of one sample at `t`, a share of the schedule.
    pub fn push(&mut self, t: f32, loss: f32) {
        const MEMORY: f64 = 0.99;
        if !loss.is_finite() {
            return;
        }
        let bin = ((t * LEVEL_BINS as f32) as usize).min(LEVEL_BINS - 1);
        self.sum[bin] = self.sum[bin] * MEMORY + f64::from(loss);
        self.weight[bin] = self.weight[bin] * MEMORY + 1.0;
    }

    /// Mean of each bin; `None` where nothing was seen.
    pub fn means(&self) -> [Option<f64>; LEVEL_BINS] {
        std::array::from_fn(|i| (self.weight[i] > 0.0).then(|| self.sum[i] / self.weight[i]))
    }
}
