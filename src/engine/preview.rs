//! Samples made while training: always from the same noise, so that the same pictures sharpen as training goes on.

use std::{sync::Arc, time::Duration};

use super::{
    Error, RunId,
    command::{ClassChoice, SampleRequest},
    event::{Preview, StepFrame, TrajectoryInfo},
    export::Shown,
    model::ModelInfo,
    sample::{Others, Sampling, info, last_frame, step_frame},
    select::Runner,
};
use crate::nn::SharedNet;

/// A preview is written to the run folder when training is this part (one in so many) further than at the last one.
const KEEP_EVERY: u64 = 4;

/// When a preview is due, and the one under way.
pub(super) struct Previews {
    request: SampleRequest,
    info: ModelInfo,
    net: Arc<SharedNet>,
    runner: Runner,
    share: f64,
    making: Option<Making>,
    spent: Duration,
    trained: Duration,
    newest_step: Option<u64>,
    kept: Option<Shown>,
    keep_from: u64,
}

struct Making {
    step: u64,
    sampling: Sampling,
    path: Vec<StepFrame>,
}

impl Previews {
    /// `runner` is the previews' own; `None` where the recipe wants none.
    pub(super) fn new(info: ModelInfo, runner: Runner<SharedNet>) -> Option<Self> {
        let wanted = &info.recipe.preview;
        if wanted.count == 0 || wanted.steps == 0 {
            return None;
        }
        Some(Self {
            request: request(&info),
            share: wanted.share,
            net: runner.net.clone(),
            runner: runner.into(),
            info,
            making: None,
            spent: Duration::ZERO,
            trained: Duration::ZERO,
            newest_step: None,
            kept: None,
            keep_from: 0,
        })
    }

    /// Whether the newest preview shows other weights than those of `step`.
    pub(super) fn is_stale(&self, step: u64) -> bool {
        self.newest_step != Some(step)
    }

    /// Time that training took, which earns previews their share.
    pub(super) fn earn(&mut self, time: Duration) {
        self.trained += time;
    }

    /// Whether a network call for previews is due. The first preview, which shows the untrained network, takes turns with
    /// the training; the others keep to their share.
    pub(super) fn is_due(&self, step: u64) -> bool {
        let share = if self.newest_step.is_none() { 1.0 } else { self.share };
        let is_earned = self.spent.as_secs_f64() <= share * self.trained.as_secs_f64();
        is_earned && (self.making.is_some() || self.is_stale(step))
    }

    /// One network call with the weights that the preview began with: those of `ema` when it starts. `spent` is added
    /// to the previews' account by [`Previews::pay`].
    pub(super) fn advance(&mut self, run: RunId, step: u64, ema: &[f32]) -> Result<Option<Preview>, Error> {
        let mut making = match self.making.take() {
            Some(making) => making,
            None => self.begin(step, ema)?,
        };
        let moved = match making.sampling.advance() {
            Ok(moved) => moved,
            Err(error) => {
                self.making = Some(making);
                return Err(error);
            }
        };
        if let Some(moved) = moved {
            let domain = making.sampling.domain();
            making.path.push(step_frame(domain, &moved));
            if making.sampling.is_done() {
                making.path.push(last_frame(domain, &moved));
                return Ok(Some(self.complete(run, making)));
            }
        }
        self.making = Some(making);
        Ok(None)
    }

    fn complete(&mut self, run: RunId, making: Making) -> Preview {
        let Making { step, path, .. } = making;
        if self.newest_step.replace(step).is_none() {
            (self.spent, self.trained) = (Duration::ZERO, Duration::ZERO);
        }
        if step >= self.keep_from {
            self.keep_from = step + (step / KEEP_EVERY).max(1);
            self.kept = Some(Shown {
                info: TrajectoryInfo {
                    step,
                    ..info(&self.request, &self.info, path.len() - 1)
                },
                steps: path.iter().cloned().map(Arc::new).collect(),
            });
        }
        Preview {
            run,
            step,
            path: path.into(),
        }
    }

    /// The newest preview that is worth a file, once.
    pub(super) fn take_kept(&mut self) -> Option<Shown> {
        self.kept.take()
    }

    /// Time that a call took.
    pub(super) fn pay(&mut self, time: Duration) {
        self.spent += time;
    }

    fn begin(&self, step: u64, ema: &[f32]) -> Result<Making, Error> {
        self.net.load(ema)?;
        Ok(Making {
            step,
            sampling: Sampling::with_runner(&self.request, &self.info, &self.runner, Others::default())?,
            path: Vec::new(),
        })
    }
}

/// DDIM from the noise of the run's seed; one sample a class where there are classes.
fn request(info: &ModelInfo) -> SampleRequest {
    let wanted = &info.recipe.preview;
    SampleRequest {
        steps: wanted.steps,
        seed: info.recipe.seed,
        count: wanted.count,
        class: match info.null_class() {
            Some(_) => ClassChoice::Each,
            None => ClassChoice::None,
        },
        ..SampleRequest::default()
    }
}
