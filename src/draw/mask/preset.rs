//! The masks that papers compare methods on.

use serde::{Deserialize, Serialize};

use crate::math::noise::{Address, Stream};

/// A usual mask.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// One half.
    Half(Side),
    /// Every second of so many lines, the second, fourth and so on.
    Lines(usize),
    /// Cells chosen at random.
    Random {
        /// Cells in a row.
        columns: usize,
        /// Rows of cells.
        rows: usize,
        /// Share of the cells that is filled, on average.
        share: f32,
        /// Which ones.
        seed: u64,
    },
    /// A box in the middle with this share of each side.
    Box(f32),
    /// All but a box in the middle with this share of each side.
    Expand(f32),
}

/// A side of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The left half.
    Left,
    /// The right half.
    Right,
    /// The upper half.
    Top,
    /// The lower half.
    Bottom,
}

impl Preset {
    /// Coverage of each pixel of a picture of `width * height`.
    pub(super) fn coverage(self, width: usize, height: usize) -> Box<dyn Fn(usize, usize) -> u8> {
        match self {
            Self::Half(side) => Box::new(move |x, y| {
                let (left, top) = (2 * x < width, 2 * y < height);
                full(match side {
                    Side::Left => left,
                    Side::Right => !left,
                    Side::Top => top,
                    Side::Bottom => !top,
                })
            }),
            Self::Lines(lines) => Box::new(move |_, y| full(y * lines / height % 2 == 1)),
            Self::Random {
                columns,
                rows,
                share,
                seed,
            } => {
                let cells = chosen(columns * rows, share, seed);
                Box::new(move |x, y| full(cells[y * rows / height * columns + x * columns / width]))
            }
            Self::Box(share) => Box::new(move |x, y| full(in_middle(x, width, share) && in_middle(y, height, share))),
            Self::Expand(share) => {
                Box::new(move |x, y| full(!(in_middle(x, width, share) && in_middle(y, height, share))))
            }
        }
    }
}

fn full(inside: bool) -> u8 {
    if inside { 255 } else { 0 }
}

fn in_middle(at: usize, length: usize, share: f32) -> bool {
    let from_middle = (at as f32 + 0.5) / length as f32 - 0.5;
    from_middle.abs() < share / 2.0
}

fn chosen(count: usize, share: f32, seed: u64) -> Vec<bool> {
    let address = Address {
        seed,
        stream: Stream::Mask,
        sample: 0,
        mv: 0,
        draw: 0,
    };
    let mut uniforms = vec![0.0; count];
    address.uniforms(&mut uniforms);
    uniforms.into_iter().map(|u| u < f64::from(share)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(preset: Preset, width: usize, height: usize) -> Vec<u8> {
        let coverage = preset.coverage(width, height);
        (0..width * height).map(|i| coverage(i % width, i / width)).collect()
    }

    fn share(mask: &[u8]) -> f64 {
        mask.iter().map(|&v| f64::from(v)).sum::<f64>() / (255 * mask.len()) as f64
    }

    #[test]
    fn halves_are_where_their_name_says() {
        for (side, expected) in [
            (Side::Left, [255, 0, 255, 0]),
            (Side::Right, [0, 255, 0, 255]),
            (Side::Top, [255, 255, 0, 0]),
            (Side::Bottom, [0, 0, 255, 255]),
        ] {
            assert_eq!(drawn(Preset::Half(side), 2, 2), expected, "{side:?}");
        }
    }

    #[test]
    fn every_second_line_at_any_size() {
        assert_eq!(drawn(Preset::Lines(4), 1, 4), [0, 255, 0, 255]);
        assert_eq!(drawn(Preset::Lines(4), 1, 8), [0, 0, 255, 255, 0, 0, 255, 255]);
    }

    #[test]
    fn a_random_mask_has_its_share_and_does_not_depend_on_the_size() {
        let random = |seed| Preset::Random {
            columns: 64,
            rows: 64,
            share: 0.5,
            seed,
        };
        let small = drawn(random(3), 64, 64);
        assert!((share(&small) - 0.5).abs() < 0.03, "{}", share(&small));
        let large = drawn(random(3), 128, 128);
        assert!((0..128 * 128).all(|i| large[i] == small[i / 128 / 2 * 64 + i % 128 / 2]));
        assert_ne!(small, drawn(random(4), 64, 64));
    }

    #[test]
    fn a_box_and_what_is_around_it_are_everything() {
        let (inner, outer) = (drawn(Preset::Box(0.5), 28, 28), drawn(Preset::Expand(0.5), 28, 28));
        assert_eq!(share(&inner), 0.25);
        assert!(inner.iter().zip(&outer).all(|(a, b)| a ^ b == 255));
    }
}
