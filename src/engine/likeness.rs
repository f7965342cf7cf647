//! How alike two batches of samples are, sample by sample and as sets, with standard errors over the samples.

use super::restore::similarity::ssim;
use crate::math::{
    Domain, Frame,
    distance::{mean_and_error, sliced_wasserstein},
    domain::unit_from_byte,
};

/// Points that the distance of the sets is computed of, at most.
const POINTS: usize = 2000;

/// Parts that the points are divided into for the error of that distance.
const PARTS: usize = 10;

/// A number and its standard error; no error for a single sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// The number.
    pub value: f64,
    /// Its standard error over the samples.
    pub error: Option<f64>,
}

/// How alike two batches are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness {
    /// Samples that both have; what only one has is left out.
    pub samples: usize,
    /// Mean over the samples of each one's root mean square difference, in sample units (black to white is 2).
    pub rms: Measure,
    /// Mean structural similarity, 1 for equal pictures; `None` for points.
    pub ssim: Option<Measure>,
    /// Sliced Wasserstein distance of both sets of points, whichever belong together; `None` for pictures. The error leaves
    /// out a tenth at a time (the grouped jackknife of Miller 1974).
    pub wasserstein: Option<Measure>,
}

/// Compares the samples that both frames have; `unit` is how many sample units 1 is in the frames. `None` where they hold
/// different kinds of samples, or none.
pub fn likeness(a: &Frame, b: &Frame, unit: f64) -> Option<Likeness> {
    let samples = a.count().min(b.count());
    if samples == 0 {
        return None;
    }
    match (a, b) {
        (Frame::Points { xy: a }, Frame::Points { xy: b }) => {
            Some(of_points(&a[..2 * samples], &b[..2 * samples], unit))
        }
        (
            &Frame::Pixels {
                channels: c,
                height: h,
                width: w,
                ..
            },
            &Frame::Pixels {
                channels,
                height,
                width,
                ..
            },
        ) if (c, h, w) == (channels, height, width) => {
            let domain = Domain::Image {
                channels,
                height,
                width,
            };
            Some(of_pictures(a, b, samples, domain, unit))
        }
        _ => None,
    }
}

fn of_points(a: &[f32], b: &[f32], unit: f64) -> Likeness {
    let each: Vec<f64> = a
        .chunks_exact(2)
        .zip(b.chunks_exact(2))
        .map(|(a, b)| unit * rms(a, b))
        .collect();
    let most = a.len().min(2 * POINTS);
    Likeness {
        samples: each.len(),
        rms: mean(&each),
        ssim: None,
        wasserstein: Some(distance(&a[..most], &b[..most], unit)),
    }
}

fn of_pictures(a: &Frame, b: &Frame, samples: usize, domain: Domain, unit: f64) -> Likeness {
    let pairs: Vec<[Vec<f32>; 2]> = (0..samples)
        .map(|i| [a, b].map(|frame| numbers(frame, i, domain)))
        .collect();
    let each: Vec<f64> = pairs.iter().map(|[a, b]| unit * rms(a, b)).collect();
    let alike: Option<Vec<f64>> = pairs.iter().map(|[a, b]| ssim(domain, a, b)).collect();
    Likeness {
        samples,
        rms: mean(&each),
        ssim: alike.map(|alike| mean(&alike)),
        wasserstein: None,
    }
}

/// A picture in tensor order.
fn numbers(frame: &Frame, i: usize, domain: Domain) -> Vec<f32> {
    let Domain::Image { channels, .. } = domain else {
        return Vec::new();
    };
    let bytes = frame.picture(i);
    let channel = |c: usize| bytes.iter().skip(c).step_by(channels).map(|byte| unit_from_byte(*byte));
    (0..channels).flat_map(channel).collect()
}

/// Root mean square difference of two samples.
fn rms(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    (squares.sum::<f64>() / a.len() as f64).sqrt()
}

fn mean(each: &[f64]) -> Measure {
    let (value, error) = mean_and_error(each);
    Measure { value, error }
}

/// The distance of two sets of equal size.
fn distance(a: &[f32], b: &[f32], unit: f64) -> Measure {
    let samples = a.len() / 2;
    let parts = samples.min(PARTS);
    let left_out = |part: usize| {
        let others = |xy: &[f32]| {
            // Parts are runs of samples: with classes in turn, every so-manieth sample would be a class of its own.
            let stays = |(i, _): &(usize, &[f32])| i * parts / samples != part;
            let kept = xy.chunks_exact(2).enumerate().filter(stays).flat_map(|(_, p)| p);
            kept.copied().collect::<Vec<f32>>()
        };
        unit * sliced_wasserstein(&others(a), &others(b))
    };
    let each: Vec<f64> = (0..parts).filter(|_| parts > 1).map(left_out).collect();
    // The mean of so many leavings-out varies as much less than the distance itself as they have in common.
    let error = mean_and_error(&each).1.map(|error| error * (parts - 1) as f64);
    Measure {
        value: unit * sliced_wasserstein(a, b),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::noise::{Address, Stream};

    fn points(count: usize, seed: u64, mean: [f32; 2], spread: f32) -> Frame {
        let mut xy = vec![0.0; 2 * count];
        let address = Address {
            seed,
            stream: Stream::Data,
            sample: 0,
            mv: 0,
            draw: 0,
        };
        address.normals(&mut xy);
        let placed = xy
            .chunks_exact(2)
            .flat_map(|p| [p[0] * spread + mean[0], p[1] * spread + mean[1]]);
        Frame::Points { xy: placed.collect() }
    }

    fn picture(channels: usize, data: Vec<u8>) -> Frame {
        Frame::Pixels {
            channels,
            height: 2,
            width: 2,
            data: data.into(),
        }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6 * b.abs().max(1.0)
    }

    #[test]
    fn a_batch_is_like_itself() {
        let clouds = points(50, 1, [0.0; 2], 1.0);
        let found = likeness(&clouds, &clouds, 1.0).unwrap();
        let none = Measure {
            value: 0.0,
            error: Some(0.0),
        };
        assert_eq!(
            (found.samples, found.rms, found.wasserstein, found.ssim),
            (50, none, Some(none), None)
        );
        let sheet = picture(1, (0..12).map(|i| i * 20).collect());
        let found = likeness(&sheet, &sheet, 1.0).unwrap();
        assert_eq!((found.samples, found.rms, found.wasserstein), (3, none, None));
        assert!(close(found.ssim.unwrap().value, 1.0));
    }

    /// By hand: two samples, one of which differs by 0.4 in one of four pixels and one by 0.4 in all.
    #[test]
    fn differences_are_those_of_a_hand_calculation() {
        let a = picture(1, vec![100; 8]);
        let b = picture(1, vec![151, 100, 100, 100, 49, 49, 49, 49]);
        let found = likeness(&a, &b, 1.0).unwrap();
        assert!(close(found.rms.value, f64::midpoint(0.2, 0.4)));
        // Two values have a standard error of half their distance.
        assert!(close(found.rms.error.unwrap(), 0.1));
        // The noise guess is stored at a third of its size.
        assert!(close(likeness(&a, &b, 3.0).unwrap().rms.value, 0.9));
        let one = likeness(&picture(1, vec![100; 4]), &b, 1.0).unwrap();
        assert!(one.samples == 1 && one.rms.error.is_none() && close(one.rms.value, 0.2));
    }

    /// Channels lie side by side in a frame and one after the other in a tensor.
    #[test]
    fn structure_is_compared_channel_by_channel() {
        let red: Vec<u8> = (0..4).flat_map(|i| [60 * i, 7, 7]).collect();
        let turned: Vec<u8> = (0..4).rev().flat_map(|i| [60 * i, 7, 7]).collect();
        let grey: Vec<u8> = (0..4).map(|i| 60 * i).collect();
        let grey_turned: Vec<u8> = grey.iter().rev().copied().collect();
        let of_grey = likeness(&picture(1, grey), &picture(1, grey_turned), 1.0)
            .unwrap()
            .ssim
            .unwrap()
            .value;
        let of_red = likeness(&picture(3, red), &picture(3, turned), 1.0)
            .unwrap()
            .ssim
            .unwrap()
            .value;
        // Two of three channels are equal.
        assert!(close(of_red, (of_grey + 2.0) / 3.0), "{of_red} {of_grey}");
    }

    #[test]
    fn sets_are_compared_whichever_belong_together() {
        let a = points(200, 1, [0.0; 2], 1.0);
        let Frame::Points { xy } = &a else { panic!("points") };
        let turned = Frame::Points {
            xy: xy.chunks_exact(2).rev().flatten().copied().collect(),
        };
        let found = likeness(&a, &turned, 1.0).unwrap();
        assert!(
            found.rms.value > 0.5 && found.wasserstein.unwrap().value < 1e-9,
            "{found:?}"
        );
        let shifted = Frame::Points {
            xy: xy.chunks_exact(2).flat_map(|p| [p[0] + 0.6, p[1] - 0.8]).collect(),
        };
        let found = likeness(&a, &shifted, 1.0).unwrap();
        // A shift of length 1 has a mean square cosine of one half, whoever is left out.
        let moved = found.wasserstein.unwrap();
        assert!(
            close(moved.value, 0.5_f64.sqrt()) && moved.error.unwrap() < 1e-6,
            "{moved:?}"
        );
        assert!(close(found.rms.value, 0.5_f64.sqrt()));
    }

    /// The error that is told is the deviation of what other samples of the same distributions give.
    #[test]
    fn the_error_of_a_distance_is_its_spread() {
        let trial = |seed: u64| {
            let (a, b) = (
                points(300, 2 * seed, [0.0; 2], 1.0),
                points(300, 2 * seed + 1, [1.5, 0.0], 1.0),
            );
            likeness(&a, &b, 1.0).unwrap().wasserstein.unwrap()
        };
        let all: Vec<Measure> = (1..=40).map(trial).collect();
        let values: Vec<f64> = all.iter().map(|m| m.value).collect();
        let (mean, error) = mean_and_error(&values);
        let spread = error.unwrap() * (values.len() as f64).sqrt();
        let told = all.iter().map(|m| m.error.unwrap()).sum::<f64>() / all.len() as f64;
        assert!((1.0..1.2).contains(&mean), "{mean}");
        assert!((0.7..1.4).contains(&(told / spread)), "{told} for {spread}");
    }

    #[test]
    fn different_kinds_have_no_likeness() {
        let sheet = picture(1, vec![0; 4]);
        assert_eq!(likeness(&sheet, &points(1, 1, [0.0; 2], 1.0), 1.0), None);
        assert_eq!(likeness(&sheet, &picture(3, vec![0; 12]), 1.0), None);
        assert_eq!(likeness(&sheet, &picture(1, Vec::new()), 1.0), None);
    }
}
