//! The forward process on something to look at: `x = alpha * x0 + sigma * eps`, in closed form.

use crate::math::{
    Domain, Frame, Level,
    domain::unit_from_byte,
    noise::{Address, Stream},
};

/// The batch at a noise level. Sample i always gets the same noise for a seed, whatever the level and the batch, so that
/// it drowns smoothly while the level is dragged.
pub fn noised(frame: &Frame, level: Level, seed: u64) -> Frame {
    match frame {
        Frame::Points { xy } => Domain::Points.frame(&mixed(xy.to_vec(), 2, level, seed)),
        &Frame::Pixels {
            channels,
            height,
            width,
            ref data,
        } => {
            let domain = Domain::Image {
                channels,
                height,
                width,
            };
            domain.frame(&mixed(
                planar(data, channels, height * width),
                domain.numel(),
                level,
                seed,
            ))
        }
    }
}

/// The standard normal noise of sample `i` in tensor order, `(C, H, W)`: what a shader is given as a texture.
pub fn noise_of(sample: u64, seed: u64, numel: usize) -> Vec<f32> {
    let mut eps = vec![0.0; numel];
    let address = Address {
        seed,
        stream: Stream::Forward,
        sample,
        mv: 0,
        draw: 0,
    };
    address.normals(&mut eps);
    eps
}

fn mixed(mut x: Vec<f32>, numel: usize, level: Level, seed: u64) -> Vec<f32> {
    let (alpha, sigma) = (level.alpha as f32, level.sigma as f32);
    for (sample, values) in (0..).zip(x.chunks_exact_mut(numel.max(1))) {
        for (v, eps) in values.iter_mut().zip(noise_of(sample, seed, numel)) {
            *v = alpha * *v + sigma * eps;
        }
    }
    x
}

/// `(N, P, C)` bytes to `(N, C, P)` floats in `[-1, 1]`.
fn planar(bytes: &[u8], channels: usize, pixels: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(bytes.len());
    for sample in bytes.chunks_exact((channels * pixels).max(1)) {
        for channel in 0..channels {
            values.extend(
                sample
                    .iter()
                    .skip(channel)
                    .step_by(channels)
                    .map(|&b| unit_from_byte(b)),
            );
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::domain::byte_from_unit;

    fn pixels(channels: usize, count: usize) -> Frame {
        let data: Vec<u8> = (0..channels * 6 * count).map(|i| (i * 37 % 256) as u8).collect();
        Frame::Pixels {
            channels,
            height: 2,
            width: 3,
            data: data.into(),
        }
    }

    #[test]
    fn without_noise_nothing_changes() {
        assert_eq!(noised(&pixels(3, 2), Level::clean(0.0), 1), pixels(3, 2));
        let points = Frame::Points { xy: [0.5, -2.0].into() };
        assert_eq!(noised(&points, Level::clean(0.0), 1), points);
    }

    #[test]
    fn every_byte_follows_the_formula() {
        let level = Level::from_alpha_bar(0.0, 0.3);
        let (frame, out) = (pixels(3, 2), noised(&pixels(3, 2), level, 9));
        for sample in 0..2 {
            let eps = noise_of(sample as u64, 9, 18);
            for (i, &byte) in out.picture(sample).iter().enumerate() {
                let x0 = unit_from_byte(frame.picture(sample)[i]);
                let x = level.alpha as f32 * x0 + level.sigma as f32 * eps[i % 3 * 6 + i / 3];
                assert_eq!(byte, byte_from_unit(x));
            }
        }
    }

    #[test]
    fn the_noise_of_a_sample_does_not_depend_on_the_batch() {
        let level = Level::from_alpha_bar(0.0, 0.1);
        let (one, two) = (noised(&pixels(1, 1), level, 3), noised(&pixels(1, 2), level, 3));
        assert_eq!(one.picture(0), two.picture(0));
        assert_ne!(noised(&pixels(1, 1), level, 4), one);
    }
}
