//! How pictures differ: of two, and among several, as colours.

use super::{ColorMap, Raster};

/// The standard deviation of each pixel among pictures of one size, as the mean over its channels, 0 to 127.5. Empty for no
/// pictures.
pub fn deviation(pictures: &[&Raster]) -> Vec<f32> {
    let Some(first) = pictures.first() else {
        return Vec::new();
    };
    let n = pictures.len() as f32;
    let of = |i: usize| {
        let values = || pictures.iter().map(|p| f32::from(p.data[i]));
        let mean = values().sum::<f32>() / n;
        (values().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt()
    };
    let all: Vec<f32> = (0..first.data.len()).map(of).collect();
    means(&all, first.channels)
}

/// The absolute difference of each pixel of two pictures of one size, as the mean over its channels, 0 to 255.
pub fn difference(a: &Raster, b: &Raster) -> Vec<f32> {
    let all: Vec<f32> = a
        .data
        .iter()
        .zip(&b.data)
        .map(|(a, b)| f32::from(a.abs_diff(*b)))
        .collect();
    means(&all, a.channels)
}

/// Values as colours, from 0 to the largest one; also that one.
pub fn coloured(values: &[f32], width: usize) -> (Raster, f32) {
    let largest = values.iter().copied().fold(0.0, f32::max);
    let share = |v: &f32| if largest > 0.0 { v / largest } else { 0.0 };
    let raster = Raster {
        width,
        height: values.len() / width.max(1),
        channels: 3,
        data: values.iter().flat_map(|v| ColorMap::Viridis.at(share(v))).collect(),
    };
    (raster, largest)
}

fn means(values: &[f32], channels: usize) -> Vec<f32> {
    let mean = |pixel: &[f32]| pixel.iter().sum::<f32>() / channels as f32;
    values.chunks_exact(channels.max(1)).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(data: &[u8]) -> Raster {
        Raster {
            width: data.len(),
            height: 1,
            channels: 1,
            data: data.to_vec(),
        }
    }

    #[test]
    fn equal_pictures_do_not_deviate_and_two_deviate_by_half_their_difference() {
        let (a, b) = (grey(&[10, 200, 7]), grey(&[30, 200, 0]));
        assert_eq!(deviation(&[&a, &a, &a]), [0.0; 3]);
        assert_eq!(deviation(&[&a, &b]), [10.0, 0.0, 3.5]);
        assert_eq!(deviation(&[]), [0.0; 0]);
        assert_eq!(difference(&a, &b), [20.0, 0.0, 7.0]);
    }

    #[test]
    fn channels_are_averaged() {
        let pixel = |v: [u8; 3]| Raster::filled(1, 1, 3, v);
        assert_eq!(difference(&pixel([0, 0, 0]), &pixel([3, 6, 9])), [6.0]);
    }

    #[test]
    fn the_largest_value_has_the_last_colour() {
        let (raster, largest) = coloured(&[0.0, 5.0], 2);
        assert_eq!((largest, raster.width, raster.height), (5.0, 2, 1));
        assert_eq!(
            raster.data,
            [ColorMap::Viridis.at(0.0), ColorMap::Viridis.at(1.0)].concat()
        );
        assert_eq!(coloured(&[0.0], 1).1, 0.0);
    }
}
