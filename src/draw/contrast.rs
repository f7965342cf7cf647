//! A colour that can be seen on a picture, whatever its colours are.

use super::Raster;

/// Colours that a mask may have: far from greys and from each other.
const INKS: [[u8; 3]; 6] = [
    [255, 45, 85],
    [255, 159, 10],
    [48, 209, 88],
    [0, 199, 255],
    [94, 92, 230],
    [255, 64, 255],
];

/// Pixels that are looked at.
const LOOKED_AT: usize = 4096;

/// The colour that is farthest from the colours of the picture: of all inks the one whose mean distance is largest, the
/// nearest quarter of the pixels counted alone.
pub fn ink(picture: &Raster) -> [u8; 3] {
    let pixels = picture.data.chunks_exact(picture.channels);
    let stride = (picture.width * picture.height).div_ceil(LOOKED_AT).max(1);
    let colours: Vec<[u8; 3]> = pixels.step_by(stride).map(colour).collect();
    let score = |ink: &[u8; 3]| {
        let mut distances: Vec<u32> = colours.iter().map(|c| distance(*c, *ink)).collect();
        distances.sort_unstable();
        distances
            .iter()
            .take(colours.len().div_ceil(4))
            .map(|&d| u64::from(d))
            .sum::<u64>()
    };
    // The first of equals.
    let best = INKS.iter().rev().max_by_key(|ink| score(ink));
    best.copied().unwrap_or(INKS[0])
}

fn colour(pixel: &[u8]) -> [u8; 3] {
    match *pixel {
        [r, g, b] => [r, g, b],
        [v, ..] => [v; 3],
        [] => [0; 3],
    }
}

/// Squared distance with weights that follow the eye roughly, larger for red where there is much red.
fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    let difference = |i: usize| u32::from(a[i].abs_diff(b[i]));
    let red = u32::midpoint(u32::from(a[0]), u32::from(b[0]));
    let [r, g, b] = [0, 1, 2].map(|i| difference(i).pow(2));
    ((512 + red) * r + 1024 * g + (767 - red) * b) / 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ink_is_far_from_the_picture() {
        for at in [
            [255, 0, 60],
            [0, 180, 255],
            [40, 200, 80],
            [250, 150, 0],
            [0, 0, 0],
            [255; 3],
            [128; 3],
        ] {
            let picture = Raster::filled(16, 16, 3, at);
            let found = distance(ink(&picture), at);
            assert!(found > 60 * 60, "{at:?}: {:?}", ink(&picture));
        }
    }

    #[test]
    fn a_picture_of_two_colours_avoids_both() {
        let mut picture = Raster::filled(8, 8, 3, [255, 45, 85]);
        picture.data[96..].copy_from_slice(&Raster::filled(8, 4, 3, [0, 199, 255]).data);
        for side in [[255, 45, 85], [0, 199, 255]] {
            assert!(distance(ink(&picture), side) > 100 * 100, "{:?}", ink(&picture));
        }
    }

    #[test]
    fn the_same_picture_has_the_same_ink_at_any_size() {
        let small = Raster::filled(8, 8, 1, [30; 3]);
        assert_eq!(ink(&small), ink(&small.enlarged(40)));
    }
}
