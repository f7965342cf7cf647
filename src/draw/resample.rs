//! Pictures at another size by Catmull and Rom's cubic, as wide as the step between two new pixels where the picture
//! shrinks.

use super::Raster;

/// The picture at `width * height`, which must not be 0.
pub fn resampled(picture: &Raster, width: usize, height: usize) -> Raster {
    if [picture.width, picture.height] == [width, height] {
        return picture.clone();
    }
    let channels = picture.channels;
    let values: Vec<f32> = picture.data.iter().map(|&v| f32::from(v)).collect();
    let columns = taps(picture.width, width);
    let rows = taps(picture.height, height);
    let mut wide = Vec::with_capacity(picture.height * width * channels);
    for row in values.chunks_exact(picture.width * channels) {
        for taps in &columns {
            wide.extend((0..channels).map(|c| taps.sum(|i| row[i * channels + c])));
        }
    }
    let line = width * channels;
    let mut data = Vec::with_capacity(height * line);
    for taps in &rows {
        data.extend((0..line).map(|x| {
            let value = taps.sum(|y| wide[y * line + x]);
            value.round().clamp(0.0, 255.0) as u8
        }));
    }
    Raster {
        width,
        height,
        channels,
        data,
    }
}

/// Which old pixels make a new one: weights of sum 1 from pixel `first` on.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Taps {
    fn sum(&self, value: impl Fn(usize) -> f32) -> f32 {
        (self.first..).zip(&self.weights).map(|(i, w)| w * value(i)).sum()
    }
}

fn taps(from: usize, to: usize) -> Vec<Taps> {
    let step = from as f32 / to as f32;
    let stretch = step.max(1.0);
    let of = |i: usize| {
        let middle = (i as f32 + 0.5) * step - 0.5;
        let reach = 2.0 * stretch;
        let first = (middle - reach).ceil().max(0.0) as usize;
        let last = ((middle + reach).floor() as usize).min(from - 1);
        let mut weights: Vec<f32> = (first..=last).map(|p| cubic((p as f32 - middle) / stretch)).collect();
        let sum: f32 = weights.iter().sum();
        for weight in &mut weights {
            *weight /= sum;
        }
        Taps { first, weights }
    };
    (0..to).map(of).collect()
}

/// The cubic of Catmull and Rom: 1 at 0, 0 at all other whole numbers.
fn cubic(x: f32) -> f32 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: usize, data: &[u8]) -> Raster {
        Raster {
            width,
            height: data.len() / width,
            channels: 1,
            data: data.to_vec(),
        }
    }

    #[test]
    fn one_colour_stays_one_colour_at_any_size() {
        let picture = Raster::filled(9, 7, 3, [250, 3, 77]);
        for (w, h) in [(1, 1), (4, 7), (9, 20), (31, 3), (18, 14)] {
            let other = resampled(&picture, w, h);
            assert_eq!((other.width, other.height), (w, h));
            assert!(other.data.chunks_exact(3).all(|p| p == [250, 3, 77]));
        }
    }

    #[test]
    fn a_ramp_stays_a_ramp() {
        let ramp: Vec<u8> = (0..16).map(|i| 20 + 12 * i).collect();
        // Twice as many pixels lie at quarters between the old ones, away from both ends.
        let wide = resampled(&grey(16, &ramp), 32, 1).data;
        assert!(
            (6..26).all(|i| wide[i].abs_diff((20 + 6 * i - 3) as u8) <= 1),
            "{wide:?}"
        );
        let narrow = resampled(&grey(16, &ramp), 8, 1).data;
        assert!(
            (2..6).all(|i| narrow[i].abs_diff((26 + 24 * i) as u8) <= 1),
            "{narrow:?}"
        );
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let picture = grey(3, &[1, 200, 3, 4, 5, 255]);
        assert_eq!(resampled(&picture, 3, 2), picture);
    }

    #[test]
    fn fine_lines_become_grey_where_the_picture_shrinks() {
        let lines: Vec<u8> = (0..64).map(|i| if i % 2 == 0 { 255 } else { 0 }).collect();
        let small = resampled(&grey(64, &lines), 8, 1).data;
        assert!(small[1..7].iter().all(|v| v.abs_diff(128) < 8), "{small:?}");
    }
}
