//! The classifier that judges pictures and guides samplers towards a class.
//!
//! One network for both: it was trained on noisy pictures ([`train`]), and without noise it says what a picture shows
//! (`figures`).

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, LazyLock},
};

use candle_core::{Device, Tensor};

use super::{Error, select::Host};
use crate::{
    diffusion::guidance::{Classifier, NetClassifier, Opinion},
    files::{
        SavedJudge,
        judge::{About, JUDGES},
    },
    math::{Domain, Level, feature_distance::Features},
    nn::classifier,
};

pub(super) mod figures;
pub mod train;

/// From this probability on a judge is sure of a class.
const SURE: f32 = 0.9;

/// The judge in `file`, or the one that ships with the program for the data set `data`; `None` where there is neither. It must
/// know samples of this kind.
pub fn open(file: Option<&Path>, data: &str, domain: Domain) -> Result<Option<SavedJudge>, Error> {
    let Some(path) = file else {
        return Ok(SavedJudge::bundled(data, domain)?);
    };
    let judge = SavedJudge::open(path)?;
    if judge.about.domain == domain {
        return Ok(Some(judge));
    }
    Err(Error::refused(format!(
        "“{}” judges other samples: train one on this data with `diffusion-studio judge`",
        path.display()
    )))
}

/// The classes that the classifier of a data set tells apart; none where no classifier ships with the program.
pub fn class_names(data: &str) -> &'static [String] {
    static NAMES: LazyLock<BTreeMap<&str, Vec<String>>> = LazyLock::new(|| {
        let known = JUDGES
            .iter()
            .filter_map(|judge| Some((judge.data, judge.about().ok()?.class_names)));
        known.collect()
    });
    NAMES.get(data).map_or(&[], Vec::as_slice)
}

/// A judge at work.
pub(super) struct Judge {
    /// What it is.
    pub(super) about: About,
    classifier: Arc<NetClassifier>,
    device: Device,
    per_call: usize,
}

impl Judge {
    /// The network with its weights in place.
    pub(super) fn new(saved: &SavedJudge, host: &Host) -> Result<Self, Error> {
        let about = saved.about.clone();
        let classes = about.class_names.len();
        let graph = classifier::graph(about.domain, classes)?;
        let weights = saved.weights(&graph.params)?;
        let runner = host.runner(graph, &weights)?;
        Ok(Self {
            classifier: Arc::new(NetClassifier {
                net: runner.net,
                classes,
            }),
            device: runner.device,
            per_call: runner.per_call,
            about,
        })
    }

    /// What leads a sampler.
    pub(super) fn guide(&self) -> Arc<dyn Classifier> {
        self.classifier.clone()
    }

    /// What it says of clean pictures, in tensor order.
    pub(super) fn verdict(&self, pictures: &[f32]) -> Result<Verdict, Error> {
        let numel = self.about.domain.numel();
        let mut verdict = Verdict::default();
        for part in pictures.chunks(self.per_call * numel) {
            let shape = self.about.domain.shape(part.len() / numel);
            let x = Tensor::from_slice(part, shape, &self.device)?;
            verdict.extend(&self.classifier.opinion(&x, Level::clean(0.0))?)?;
        }
        Ok(verdict)
    }
}

/// What a judge says of pictures.
#[derive(Default)]
pub(super) struct Verdict {
    features: Vec<f64>,
    /// The most probable class of each picture and its probability.
    best: Vec<(u32, f32)>,
}

impl Verdict {
    fn extend(&mut self, opinion: &Opinion) -> Result<(), Error> {
        let features = opinion.features.flatten_all()?.to_vec1::<f32>()?;
        self.features.extend(features.into_iter().map(f64::from));
        for row in opinion.probabilities()?.to_vec2::<f32>()? {
            let best = (0..).zip(row).max_by(|a, b| a.1.total_cmp(&b.1));
            self.best.extend(best);
        }
        Ok(())
    }

    /// Share of the pictures that are put into these classes, one a picture.
    pub(super) fn accuracy(&self, classes: &[u32]) -> f64 {
        let right = self
            .best
            .iter()
            .zip(classes)
            .filter(|((best, _), class)| best == *class);
        right.count() as f64 / classes.len() as f64
    }

    /// Share of the pictures of whose class the judge is sure.
    pub(super) fn sure(&self) -> f64 {
        self.best.iter().filter(|(_, p)| *p >= SURE).count() as f64 / self.best.len() as f64
    }

    /// The most probable class of each picture and its probability.
    pub(super) fn best(&self) -> &[(u32, f32)] {
        &self.best
    }

    /// The features of all pictures.
    pub(super) fn features(self) -> Features {
        Features {
            len: self.features.len() / self.best.len().max(1),
            values: self.features,
        }
    }
}
