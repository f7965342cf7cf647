//! Trajectories as files. The window and the command line write through here, so the same trajectory gives the same bytes.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Error,
    command::ClassChoice,
    event::{Parted, StepFrame, TrajectoryInfo},
};
use crate::{
    draw::{
        Look, Raster, Scatter, Sheet, View, scatter,
        strip::{even_indices, film_strip},
    },
    files::{
        Overwrite, Provenance,
        film::{self, Timing},
        picture,
        provenance::{Branched, Restoration},
    },
    math::{Domain, Frame},
};

mod beside;

pub use beside::{Beside, Facet};

/// Frames of a film at most; longer processes are thinned evenly.
const FILM_FRAMES: usize = 120;

/// Steps of a film strip at most.
const STRIP_STEPS: usize = 10;

/// Samples of a film strip at most.
const STRIP_SAMPLES: usize = 8;

/// Pictures are enlarged by whole numbers to at most this many pixels a side.
const CELL: usize = 64;

/// What is written of a trajectory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One sample at one step, PNG.
    Picture {
        /// Index of the step.
        index: usize,
        /// Index of the sample.
        sample: usize,
    },
    /// All samples at one step, PNG.
    Grid {
        /// Index of the step.
        index: usize,
    },
    /// From noise to sample side by side, PNG.
    Strip,
    /// The process as GIF.
    Gif,
    /// The process as animated PNG.
    Apng,
    /// A folder with one PNG a step.
    Frames,
    /// A folder with one PNG a sample, the last step.
    Samples,
    /// Levels and statistics of each step, CSV.
    Curves,
}

/// A trajectory as it was streamed: the description and every kept step in order.
#[derive(Clone, Debug)]
pub struct Shown {
    /// How it was made.
    pub info: TrajectoryInfo,
    /// Its steps, oldest first.
    pub steps: Vec<Arc<StepFrame>>,
}

impl Shown {
    /// Writes one kind of file and gives the name that it got.
    pub fn write(&self, kind: Kind, path: &Path, over: Overwrite) -> Result<PathBuf, Error> {
        let provenance = self.provenance(kind);
        let written = match kind {
            Kind::Picture { .. } | Kind::Grid { .. } | Kind::Strip => {
                picture::write_png(path, &self.raster(kind)?, Some(&provenance), over)
            }
            Kind::Gif => film::write_gif(path, &self.film(), Timing::default(), Some(&provenance), over),
            Kind::Apng => film::write_apng(path, &self.film(), Timing::default(), Some(&provenance), over),
            Kind::Frames => picture::write_folder(path, &self.every_step(), &provenance, over),
            Kind::Samples => picture::write_folder(path, &self.every_sample()?, &provenance, over),
            Kind::Curves => over.write(path, self.curves().as_bytes()),
        };
        Ok(written?)
    }

    /// The picture that a still kind writes; films and folders give their last frame.
    pub fn raster(&self, kind: Kind) -> Result<Raster, Error> {
        let look = self.look();
        match kind {
            Kind::Picture { index, sample } => single(&look, &self.step(index)?.x, sample),
            Kind::Grid { index } => Ok(look.draw(&self.step(index)?.x)),
            Kind::Strip => Ok(self.strip(&look)),
            Kind::Gif | Kind::Apng | Kind::Frames | Kind::Samples | Kind::Curves => Ok(look.draw(&self.last()?.x)),
        }
    }

    fn step(&self, index: usize) -> Result<&StepFrame, Error> {
        let found = self.steps.iter().find(|s| s.index == index);
        found
            .map(|s| &**s)
            .ok_or_else(|| Error::refused(format!("step {index} of this trajectory is not kept")))
    }

    fn last(&self) -> Result<&StepFrame, Error> {
        let last = self.steps.last();
        last.map(|s| &**s)
            .ok_or_else(|| Error::refused("this trajectory has no steps yet"))
    }

    /// One look for all frames, so that a film does not jump.
    fn look(&self) -> Look {
        let clouds = self.steps.iter().filter_map(|s| match &s.x {
            Frame::Points { xy } => Some(&**xy),
            Frame::Pixels { .. } => None,
        });
        let side = match self.info.domain {
            Domain::Image { height, width, .. } => height.max(width),
            Domain::Points => CELL,
        };
        Look {
            sheet: Sheet {
                scale: (CELL / side.max(1)).max(1),
                ..Sheet::default()
            },
            scatter: Scatter {
                view: View::fit(clouds),
                radius: scatter::radius(self.info.count),
                ..Scatter::default()
            },
        }
    }

    fn strip(&self, look: &Look) -> Raster {
        let chosen = even_indices(self.steps.len(), STRIP_STEPS);
        let frames: Vec<Frame> = chosen.iter().map(|&i| self.steps[i].x.clone()).collect();
        let samples: Vec<usize> = (0..self.info.count.min(STRIP_SAMPLES)).collect();
        film_strip(&frames, &samples, look)
    }

    fn film(&self) -> Vec<Raster> {
        let look = self.look();
        let chosen = even_indices(self.steps.len(), FILM_FRAMES);
        chosen.iter().map(|&i| look.draw(&self.steps[i].x)).collect()
    }

    fn every_step(&self) -> Vec<Raster> {
        let look = self.look();
        self.steps.iter().map(|s| look.draw(&s.x)).collect()
    }

    fn every_sample(&self) -> Result<Vec<Raster>, Error> {
        let (look, last) = (self.look(), self.last()?);
        (0..self.info.count).map(|i| single(&look, &last.x, i)).collect()
    }

    fn curves(&self) -> String {
        let mut text = String::from("index,t,alpha,sigma,log_snr,x_mean,x_std,x0_mean,x0_std,change\n");
        for step in &self.steps {
            let StepFrame {
                index,
                level,
                change,
                x_stats,
                x0_stats,
                ..
            } = &**step;
            let log_snr = 2.0 * level.lambda();
            let _ = writeln!(
                text,
                "{index},{},{},{},{log_snr},{},{},{},{},{change}",
                level.t, level.alpha, level.sigma, x_stats.0, x_stats.1, x0_stats.0, x0_stats.1
            );
        }
        text
    }

    /// How it was made, as it travels inside pictures.
    pub fn provenance(&self, kind: Kind) -> Provenance {
        let (step, sample) = match kind {
            Kind::Picture { index, sample } => (Some(index), Some(sample)),
            Kind::Grid { index } => (Some(index), None),
            Kind::Samples => (Some(self.info.moves), None),
            Kind::Strip | Kind::Gif | Kind::Apng | Kind::Frames | Kind::Curves => (None, None),
        };
        Provenance {
            step,
            sample,
            ..provenance(&self.info)
        }
    }
}

/// How a trajectory was made, with all that it parts from, as none of its pictures in particular.
pub fn provenance(info: &TrajectoryInfo) -> Provenance {
    let restored = info.restore.as_ref();
    let branched = |parted: &Arc<Parted>| {
        Box::new(Branched {
            parent: provenance(&parted.parent),
            step: parted.step,
            sample: parted.sample,
            remaining: parted.remaining,
        })
    };
    Provenance {
        recipe: info.recipe.clone(),
        model: info.model.clone(),
        training_step: info.step,
        sampler: info.sampler.clone(),
        spacing: info.spacing.clone(),
        schedule: info.schedule.clone(),
        steps: restored.map_or(info.moves, |restored| restored.steps),
        seed: info.seed,
        count: info.count,
        class: class_text(info.class),
        guidance: info.guidance,
        weaker: info.weaker.clone(),
        classifier: info.classifier,
        noise: info.noise.clone(),
        prints: info.prints.clone(),
        restored: restored.map(|restored| Restoration {
            task: restored.task.clone(),
            measured: restored.measured,
        }),
        branch: info.branch.as_ref().map(branched),
        step: None,
        sample: None,
    }
}

/// One sample: a picture pixel by pixel, or a point on its own.
fn single(look: &Look, frame: &Frame, sample: usize) -> Result<Raster, Error> {
    let found = match frame {
        Frame::Pixels { .. } => Raster::picture(frame, sample),
        Frame::Points { xy } => xy.get(2 * sample..2 * sample + 2).map(|point| look.scatter.draw(point)),
    };
    found.ok_or_else(|| Error::refused(format!("this trajectory has no sample {sample}")))
}

fn class_text(class: ClassChoice) -> String {
    match class {
        ClassChoice::None => String::new(),
        ClassChoice::One(index) => index.to_string(),
        ClassChoice::Each => "each".into(),
    }
}
