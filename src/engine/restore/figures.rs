//! How good restorations are.

use super::similarity::ssim;
use crate::{
    engine::event::{Candidate, Figures},
    math::Domain,
};

/// What the candidates are judged by.
pub(super) struct View<'a> {
    /// What a sample is.
    pub(super) domain: Domain,
    /// The sample that is sought, where it is known.
    pub(super) original: Option<&'a [f32]>,
    /// Which numbers of a sample were known, for inpainting.
    pub(super) known: Option<&'a [bool]>,
}

impl View<'_> {
    /// Figures of all candidates, in tensor order, with the `residuals` of each; without calls and seconds.
    pub(super) fn figures(&self, x: &[f32], residuals: &[f64]) -> Figures {
        let numel = self.domain.numel();
        let each = x.chunks_exact(numel).zip(residuals);
        let variances = variances(x, numel);
        Figures {
            candidates: each
                .map(|(sample, residual)| self.candidate(sample, *residual))
                .collect(),
            diversity: (residuals.len() > 1).then(|| self.mean_where_free(&variances).sqrt()),
            deviation: self.by_pixel(&variances).into(),
            calls: 0.0,
            secs: 0.0,
        }
    }

    fn candidate(&self, sample: &[f32], residual: f64) -> Candidate {
        let apart = self.original.map(|original| distance(sample, original));
        Candidate {
            residual,
            consistency_db: decibels(residual),
            psnr_db: apart.and_then(decibels),
            ssim: self.original.and_then(|original| ssim(self.domain, sample, original)),
            seam: self.seam(sample),
            class: None,
            class_probability: None,
        }
    }

    /// The mean of what may differ between candidates.
    fn mean_where_free(&self, variances: &[f64]) -> f64 {
        let free = |i: &usize| self.known.is_none_or(|known| !known[*i]);
        let places: Vec<usize> = (0..variances.len()).filter(free).collect();
        places.iter().map(|i| variances[*i]).sum::<f64>() / places.len().max(1) as f64
    }

    fn by_pixel(&self, variances: &[f64]) -> Vec<f32> {
        let channels = self.planes().map_or(1, |(channels, ..)| channels);
        let pixels = variances.len() / channels;
        let mean = |i: usize| {
            let all = (0..channels).map(|c| variances[c * pixels + i].sqrt());
            (all.sum::<f64>() / channels as f64) as f32
        };
        (0..pixels).map(mean).collect()
    }

    /// Mean step across the edge of the mask by the mean step elsewhere.
    fn seam(&self, sample: &[f32]) -> Option<f64> {
        let (known, (channels, height, width)) = (self.known?, self.planes()?);
        let (mut across, mut elsewhere) = (Mean::default(), Mean::default());
        for place in 0..channels * height * width {
            let (column, row) = (place % width, place / width % height);
            let right = (column + 1 < width).then_some(place + 1);
            let below = (row + 1 < height).then_some(place + width);
            for next in [right, below].into_iter().flatten() {
                let mean = if known[place] == known[next] {
                    &mut elsewhere
                } else {
                    &mut across
                };
                mean.add(f64::from((sample[place] - sample[next]).abs()));
            }
        }
        Some(across.value()? / elsewhere.value().filter(|mean| *mean > 0.0)?)
    }

    fn planes(&self) -> Option<(usize, usize, usize)> {
        match self.domain {
            Domain::Points => None,
            Domain::Image {
                channels,
                height,
                width,
            } => Some((channels, height, width)),
        }
    }
}

#[derive(Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// Root mean square difference.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
    (squares.sum::<f64>() / a.len() as f64).sqrt()
}

/// Peak signal-to-noise ratio of a root mean square error, where the peak is 2; `None` where there is no error.
fn decibels(error: f64) -> Option<f64> {
    (error > 0.0).then(|| 20.0 * (2.0 / error).log10())
}

/// Variance of each number of a sample over the candidates.
fn variances(x: &[f32], numel: usize) -> Vec<f64> {
    let count = (x.len() / numel) as f64;
    let over =
        |i: usize, f: &dyn Fn(f64) -> f64| x.iter().skip(i).step_by(numel).map(|v| f(f64::from(*v))).sum::<f64>();
    let variance = |i: usize| {
        let mean = over(i, &|v| v) / count;
        over(i, &|v| (v - mean).powi(2)) / count
    };
    (0..numel).map(variance).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: Domain = Domain::Image {
        channels: 1,
        height: 2,
        width: 3,
    };

    #[test]
    fn errors_in_decibels() {
        // An error of a hundredth of the range is 40 dB.
        assert!((decibels(0.02).unwrap() - 40.0).abs() < 1e-12);
        assert_eq!(decibels(0.0), None);
        assert!((distance(&[1.0, 0.0], &[0.0, 1.0]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_seam_is_a_step_at_the_edge_of_the_mask() {
        let known = [true, true, false, true, true, false];
        let view = View {
            domain: DOMAIN,
            original: None,
            known: Some(&known),
        };
        // Steps of 0.1 to the right in both rows but for 0.4 across the edge; 0 from row to row.
        let sample = [0.0, 0.1, 0.5, 0.0, 0.1, 0.5];
        let elsewhere = (0.1 + 0.1 + 0.0 + 0.0 + 0.0) / 5.0;
        assert!((view.seam(&sample).unwrap() - 0.4 / elsewhere).abs() < 1e-5);
        let none = View { known: None, ..view };
        assert_eq!(none.seam(&sample), None);
    }

    #[test]
    fn candidates_differ_where_they_are_free() {
        let known = [true, true, true, true, true, false];
        let view = View {
            domain: DOMAIN,
            original: Some(&[0.0; 6]),
            known: Some(&known),
        };
        let mut two = [0.0; 12];
        (two[5], two[11]) = (0.5, -0.5);
        let figures = view.figures(&two, &[0.0, 0.0]);
        assert_eq!(figures.diversity, Some(0.5));
        assert_eq!(*figures.deviation, [0.0, 0.0, 0.0, 0.0, 0.0, 0.5]);
        let expected = 20.0 * (2.0 / (0.25_f64 / 6.0).sqrt()).log10();
        assert!((figures.candidates[0].psnr_db.unwrap() - expected).abs() < 1e-9);
    }
}
