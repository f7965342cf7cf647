//! Figures of made pictures in the eyes of a judge, beside those of real ones.

use std::sync::Arc;

use super::{Judge, Verdict};
use crate::{
    engine::{Error, eval::Figure},
    math::feature_distance::{Features, frechet_distance, kernel_distance},
};

/// Pictures of several rounds before a judge.
pub(in crate::engine) struct Trial {
    judge: Arc<Judge>,
    /// The features that those of made pictures should be like.
    known: Features,
    /// Distances of unseen real pictures from them.
    ideal: [f64; 2],
    frechet: Vec<f64>,
    kernel: Vec<f64>,
    accuracy: Vec<f64>,
    sure: Vec<f64>,
}

impl Trial {
    /// Made pictures are to be compared with the `known` ones, and so are rounds of other real ones, in tensor order; at
    /// least two pictures each, and as many in a round as are made in one.
    pub(in crate::engine) fn new(judge: Arc<Judge>, known: &[f32], unseen: &[Vec<f32>]) -> Result<Self, Error> {
        let known = judge.verdict(known)?.features();
        let rounds = unseen.iter().map(|round| Ok(judge.verdict(round)?.features()));
        let rounds: Vec<Features> = rounds.collect::<Result<_, Error>>()?;
        let mean = |distance: fn(&Features, &Features) -> f64| {
            rounds.iter().map(|round| distance(round, &known)).sum::<f64>() / rounds.len() as f64
        };
        Ok(Self {
            ideal: [frechet_distance, kernel_distance].map(mean),
            judge,
            known,
            frechet: Vec::new(),
            kernel: Vec::new(),
            accuracy: Vec::new(),
            sure: Vec::new(),
        })
    }

    /// One round of made pictures, and the classes that they were asked to be of.
    pub(in crate::engine) fn hear(&mut self, made: &[f32], asked: Option<&[u32]>) -> Result<(), Error> {
        let verdict: Verdict = self.judge.verdict(made)?;
        self.accuracy.extend(asked.map(|classes| verdict.accuracy(classes)));
        self.sure.push(verdict.sure());
        let features = verdict.features();
        self.frechet.push(frechet_distance(&features, &self.known));
        self.kernel.push(kernel_distance(&features, &self.known));
        Ok(())
    }

    /// What came out of the rounds so far, which are then forgotten.
    pub(in crate::engine) fn take_figures(&mut self) -> Vec<Figure> {
        let [frechet, kernel] = self.ideal;
        let about = &self.judge.about;
        let taken = |values: &mut Vec<f64>| std::mem::take(values);
        let mut figures = vec![
            Figure::new(
                "feature-frechet",
                "Fréchet distance between the judge's features of samples and training pictures; falls with the count",
                &taken(&mut self.frechet),
                Some(frechet),
            ),
            Figure::new(
                "feature-kid",
                "Kernel distance between the judge's features of samples and training pictures, without bias",
                &taken(&mut self.kernel),
                Some(kernel),
            ),
            Figure::new(
                "recognised-share",
                "Share of samples of whose class the judge is sure by 0.9",
                &taken(&mut self.sure),
                Some(about.sure),
            ),
        ];
        let accuracy = taken(&mut self.accuracy);
        if !accuracy.is_empty() {
            figures.push(Figure::new(
                "class-accuracy",
                "Share of samples that the judge puts into the class that was asked for",
                &accuracy,
                Some(about.accuracy),
            ));
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{self, DataRecipe, Progress},
        engine::{judge, select::Host},
        math::noise::{Address, Stream},
    };

    /// Unseen digits in the place of samples score what unseen digits score; noise is far from them and of no class.
    #[test]
    fn real_pictures_score_as_they_should() {
        let recipe = DataRecipe {
            source: "digits8x8".into(),
            ..DataRecipe::default()
        };
        let set = data::load(&recipe, 0, &Progress::default()).unwrap();
        let saved = judge::open(None, "digits8x8", set.domain).unwrap().unwrap();
        let judge = Arc::new(Judge::new(&saved, &Host::default()).unwrap());
        let (known, unseen): (Vec<u32>, Vec<u32>) = (0..400).partition(|i| i / 10 % 2 == 0);
        let unseen_pictures = set.tensor(&unseen);
        let scored = |pictures: &[f32]| {
            let mut trial = Trial::new(
                judge.clone(),
                &set.tensor(&known),
                std::slice::from_ref(&unseen_pictures),
            )
            .unwrap();
            trial.hear(pictures, set.classes(&unseen).as_deref()).unwrap();
            trial.take_figures()
        };
        let of = |figures: &[Figure], id| figures.iter().find(|f| f.id == id).unwrap().clone();
        let real = scored(&unseen_pictures);
        let mut noise = vec![0.0; unseen_pictures.len()];
        let address = Address {
            seed: 0,
            stream: Stream::Start,
            sample: 0,
            mv: 0,
            draw: 0,
        };
        address.normals(&mut noise);
        let noise = scored(&noise);
        for (id, times) in [("feature-frechet", 2.0), ("feature-kid", 8.0)] {
            let (real, noise) = (of(&real, id), of(&noise, id));
            assert_eq!(Some(real.value), real.reference);
            assert!(noise.value > times * real.value.abs(), "{real:?} {noise:?}");
        }
        let [right, sure] = ["class-accuracy", "recognised-share"].map(|id| of(&real, id));
        assert!(right.value > 0.95 && sure.value > 0.85, "{right:?} {sure:?}");
        assert!(of(&noise, "class-accuracy").value < 0.3);
    }
}
