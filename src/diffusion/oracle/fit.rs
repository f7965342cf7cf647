//! Ways to turn samples into a distribution whose denoiser is known.

use super::{Component, Mixture};
use crate::math::{Entry, Param, Spec, SpecError, spec};

/// From samples to a mixture.
pub trait Fit: Send + Sync {
    /// `samples` holds whole samples of `numel` numbers one after the other; at least one.
    fn fit(&self, samples: &[f32], numel: usize) -> Mixture;
}

/// The samples themselves, each a round Gaussian of this deviation.
struct Samples {
    spread: f64,
}

/// One round Gaussian.
struct Round;

/// All of them.
pub const ENTRIES: &[&Entry<dyn Fit>] = &[&DATA, &SMOOTH, &GAUSSIAN];

const DATA: Entry<dyn Fit> = Entry {
    id: "data",
    label: "The samples themselves",
    help: "What a perfect network would do that has learned its training data by heart: it makes copies",
    source: "arXiv:2206.00364",
    params: &[],
    build: |_| Ok(Box::new(Samples { spread: 0.0 })),
};

const SMOOTH: Entry<dyn Fit> = Entry {
    id: "smooth",
    label: "Smoothed samples",
    help: "A Gaussian around each sample: a distribution with something new to make",
    source: "",
    params: &[Param::real(
        "spread",
        0.001,
        1.0,
        0.1,
        "Standard deviation of the Gaussians, in the units of the samples",
    )],
    build: |p| {
        Ok(Box::new(Samples {
            spread: p.real("spread"),
        }))
    },
};

const GAUSSIAN: Entry<dyn Fit> = Entry {
    id: "gaussian",
    label: "One Gaussian",
    help: "Mean and deviation of the samples and nothing else: the simplest case, whose path is known in closed form",
    source: "",
    params: &[],
    build: |_| Ok(Box::new(Round)),
};

/// Builds the chosen one.
pub fn build(spec: &Spec) -> Result<Box<dyn Fit>, SpecError> {
    spec::build("exact model", ENTRIES, spec)
}

/// One sample as a vector.
fn vector(sample: &[f32]) -> Vec<f64> {
    sample.iter().map(|&v| f64::from(v)).collect()
}

impl Fit for Samples {
    fn fit(&self, samples: &[f32], numel: usize) -> Mixture {
        let component = |sample| Component {
            weight: 1.0,
            mean: vector(sample),
            std: self.spread,
        };
        Mixture::new(samples.chunks_exact(numel).map(component).collect())
    }
}

impl Fit for Round {
    fn fit(&self, samples: &[f32], numel: usize) -> Mixture {
        let count = (samples.len() / numel) as f64;
        let mut mean = vec![0.0; numel];
        for sample in samples.chunks_exact(numel) {
            super::add(&mut mean, 1.0 / count, sample.iter().map(|&v| f64::from(v)));
        }
        let square =
            |sample: &[f32]| -> f64 { mean.iter().zip(sample).map(|(m, &v)| (f64::from(v) - m).powi(2)).sum() };
        let variance = samples.chunks_exact(numel).map(square).sum::<f64>() / samples.len() as f64;
        Mixture::gaussian(mean, variance.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_gaussian_has_the_mean_and_deviation_of_the_samples() {
        // Deviations 1 and 3 along the axes: 5 is the mean of their squares.
        let made = Round.fit(&[1.0, 0.0, 3.0, 6.0], 2);
        assert_eq!(made, Mixture::gaussian(vec![2.0, 3.0], 5_f64.sqrt()));
    }

    #[test]
    fn samples_become_components_of_their_spread() {
        let made = build(&Spec::new("data")).unwrap().fit(&[1.0, 2.0, 3.0, 4.0], 2);
        assert_eq!(made, Mixture::points([vec![1.0, 2.0], vec![3.0, 4.0]]));
        assert_eq!(
            Samples { spread: 0.5 }.fit(&[1.0, 2.0], 2),
            Mixture::gaussian(vec![1.0, 2.0], 0.5)
        );
    }
}
