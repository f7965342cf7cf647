//! Numbers that describe a data set: shown in the data view, and where measured defaults come from.

use super::{Dataset, Samples};
use crate::math::Domain;

/// Bins of a point set's histogram.
const POINT_BINS: usize = 64;
/// Half the range of a point set's histogram; points beyond it are counted in the outermost bins.
const POINT_RANGE: f64 = 3.0;

/// Numbers that describe a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// Histogram of all values over the range (pictures: 256 bins of bytes; points: 64 bins over ±3).
    pub histogram: Vec<u64>,
    /// Mean of each channel (points: of each axis) in sample units.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel in sample units.
    pub std: Vec<f64>,
    /// Standard deviation of all values about their common mean: EDM's `sigma_data`.
    pub sigma_data: f64,
    /// Samples of each class; empty without classes.
    pub per_class: Vec<u64>,
}

impl Stats {
    /// Goes through all values once.
    pub fn of(data: &Dataset) -> Self {
        let (histogram, moments) = match (&data.samples, data.domain) {
            (Samples::Pixels(bytes), Domain::Image { channels, .. }) => of_bytes(bytes, channels),
            (Samples::Pixels(bytes), Domain::Points) => of_bytes(bytes, 1),
            (Samples::Points(xy), _) => of_points(xy),
        };
        let mut per_class = vec![0; data.labels.as_ref().map_or(0, |l| l.names.len())];
        for &class in data.labels.iter().flat_map(|l| l.of.iter()) {
            per_class[class as usize] += 1;
        }
        Self {
            histogram,
            mean: moments.iter().map(Moments::mean).collect(),
            std: moments.iter().map(Moments::std).collect(),
            sigma_data: moments.into_iter().fold(Moments::default(), Moments::plus).std(),
            per_class,
        }
    }
}

/// Count, sum and sum of squares.
#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn plus(self, other: Self) -> Self {
        Self {
            n: self.n + other.n,
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
        }
    }

    fn mean(&self) -> f64 {
        self.sum / self.n
    }

    fn std(&self) -> f64 {
        (self.squares / self.n - self.mean().powi(2)).max(0.0).sqrt()
    }
}

fn of_bytes(bytes: &[u8], channels: usize) -> (Vec<u64>, Vec<Moments>) {
    let mut counts = vec![[0_u64; 256]; channels];
    for pixel in bytes.chunks_exact(channels) {
        for (count, &byte) in counts.iter_mut().zip(pixel) {
            count[usize::from(byte)] += 1;
        }
    }
    let histogram = (0..256).map(|byte| counts.iter().map(|c| c[byte]).sum()).collect();
    (histogram, counts.iter().map(of_counts).collect())
}

/// Moments of `byte / 127.5 - 1` from how often each byte occurs.
fn of_counts(counts: &[u64; 256]) -> Moments {
    let each = counts.iter().enumerate().map(|(byte, &n)| {
        let (n, v) = (n as f64, byte as f64 / 127.5 - 1.0);
        Moments {
            n,
            sum: n * v,
            squares: n * v * v,
        }
    });
    each.fold(Moments::default(), Moments::plus)
}

fn of_points(xy: &[f32]) -> (Vec<u64>, Vec<Moments>) {
    let mut histogram = vec![0; POINT_BINS];
    let mut axes = vec![Moments::default(); 2];
    for (i, v) in xy.iter().map(|&v| f64::from(v)).enumerate() {
        let bin = (v + POINT_RANGE) / (2.0 * POINT_RANGE) * POINT_BINS as f64;
        histogram[bin.clamp(0.0, (POINT_BINS - 1) as f64) as usize] += 1;
        axes[i % 2] = axes[i % 2].plus(Moments {
            n: 1.0,
            sum: v,
            squares: v * v,
        });
    }
    (histogram, axes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Content, Labels};

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn two_colour_pixels_by_hand() {
        let data = Dataset::new(
            "test",
            "test",
            "",
            Content {
                domain: Domain::Image {
                    channels: 3,
                    height: 1,
                    width: 1,
                },
                samples: Samples::Pixels([0, 255, 51, 255, 255, 51].into()),
                labels: Some(Labels {
                    names: vec!["a".into(), "b".into()],
                    of: [1, 1].into(),
                }),
                skipped: Vec::new(),
                note: String::new(),
            },
        );
        let stats = Stats::of(&data);
        assert_eq!(
            (stats.histogram[0], stats.histogram[51], stats.histogram[255]),
            (1, 2, 3)
        );
        assert_eq!(stats.histogram.iter().sum::<u64>(), 6);
        assert_eq!(stats.per_class, [0, 2]);
        assert!(near(stats.mean[0], 0.0) && near(stats.mean[1], 1.0) && near(stats.mean[2], -0.6));
        assert!(near(stats.std[0], 1.0) && near(stats.std[1], 0.0));
        // Values -1, 1, 1, 1, -0.6, -0.6: mean 0.8 / 6, mean square 4.72 / 6.
        assert!(near(stats.sigma_data, (4.72 / 6.0 - (0.8_f64 / 6.0).powi(2)).sqrt()));
    }

    #[test]
    fn points_beyond_the_range_fall_into_the_outermost_bins() {
        let mut far: Vec<[f64; 2]> = vec![[0.0, 0.0]; 98];
        far.extend([[-1.0, 0.0], [1.0, 0.0]]);
        let stats = Stats::of(&Dataset::from_points("test", &far).unwrap());
        assert_eq!((stats.histogram[0], stats.histogram[63]), (1, 1));
        assert_eq!(stats.histogram.iter().sum::<u64>(), 200);
        assert!((stats.sigma_data - 1.0).abs() < 1e-6);
    }
}
