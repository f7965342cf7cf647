//! Random changes of training pictures: mirroring, shifting, turning. Seeded by step and place; off unless chosen.

use super::{DataRecipe, batch::planes_from_bytes};
use crate::math::{domain::unit_from_byte, noise::Address};

/// Which random changes are made to pictures. The default makes none. Points are never changed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Augment {
    /// Mirrors left and right every other time.
    pub flip: bool,
    /// Largest shift in pixels, in both directions.
    pub shift: usize,
    /// Largest rotation in degrees.
    pub rotate: f64,
}

impl From<&DataRecipe> for Augment {
    fn from(recipe: &DataRecipe) -> Self {
        Self {
            flip: recipe.flip,
            shift: recipe.shift,
            rotate: recipe.rotate,
        }
    }
}

impl Augment {
    /// The change of one picture.
    pub fn draw(&self, at: Address) -> Change {
        let mut u = [0.5; 4];
        if *self != Self::default() {
            at.uniforms(&mut u);
        }
        let pixels = |u: f64| (u * (2 * self.shift + 1) as f64).floor() - self.shift as f64;
        Change {
            mirror: self.flip && u[0] < 0.5,
            shift: [pixels(u[1]), pixels(u[2])],
            turn: ((2.0 * u[3] - 1.0) * self.rotate).to_radians(),
        }
    }
}

/// The change of one picture: mirrored first, then turned about its middle, then shifted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// Left and right change places.
    pub mirror: bool,
    /// Pixels to the right and down.
    pub shift: [f64; 2],
    /// Radians, clockwise as seen (y points down).
    pub turn: f64,
}

impl Change {
    /// Changes a picture of `(H, W, C)` bytes into `(C, H, W)` numbers in `[-1, 1]`: bilinear between pixels, edge
    /// pixels repeated outside.
    pub fn apply(&self, bytes: &[u8], channels: usize, width: usize, out: &mut [f32]) {
        if *self == Self::default() {
            return planes_from_bytes(bytes, channels, out);
        }
        let height = bytes.len() / (channels * width);
        let (sin, cos) = libm::sincos(self.turn);
        let middle = [(width - 1) as f64 / 2.0, (height - 1) as f64 / 2.0];
        for (i, v) in out.iter_mut().enumerate() {
            let (channel, pixel) = (i / (width * height), i % (width * height));
            let dx = (pixel % width) as f64 - self.shift[0] - middle[0];
            let dy = (pixel / width) as f64 - self.shift[1] - middle[1];
            let turned = cos * dx + sin * dy;
            let x = middle[0] + if self.mirror { -turned } else { turned };
            let y = middle[1] + cos * dy - sin * dx;
            let texel = |x: usize, y: usize| unit_from_byte(bytes[(y * width + x) * channels + channel]);
            *v = bilinear(x, y, width, height, texel);
        }
    }
}

/// The value at `(x, y)`, which is first brought inside the picture.
fn bilinear(x: f64, y: f64, width: usize, height: usize, texel: impl Fn(usize, usize) -> f32) -> f32 {
    let (x, y) = (x.clamp(0.0, (width - 1) as f64), y.clamp(0.0, (height - 1) as f64));
    let (x0, y0) = (x.floor() as usize, y.floor() as usize);
    let (x1, y1) = ((x0 + 1).min(width - 1), (y0 + 1).min(height - 1));
    let (fx, fy) = ((x - x0 as f64) as f32, (y - y0 as f64) as f32);
    let top = texel(x0, y0) * (1.0 - fx) + texel(x1, y0) * fx;
    let bottom = texel(x0, y1) * (1.0 - fx) + texel(x1, y1) * fx;
    top * (1.0 - fy) + bottom * fy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{domain::byte_from_unit, noise::Stream};

    const AT: Address = Address {
        seed: 1,
        stream: Stream::Augment,
        sample: 3,
        mv: 9,
        draw: 0,
    };

    /// 3 wide, 2 high, grey.
    const PICTURE: [u8; 6] = [10, 20, 30, 40, 50, 60];

    fn changed(change: Change) -> Vec<u8> {
        let mut out = vec![0.0; 6];
        change.apply(&PICTURE, 1, 3, &mut out);
        out.into_iter().map(byte_from_unit).collect()
    }

    #[test]
    fn off_is_the_identity() {
        assert_eq!(Augment::default().draw(AT), Change::default());
        let mut out = vec![0.0; 6];
        Augment::default().draw(AT).apply(&PICTURE, 3, 1, &mut out);
        // Two RGB pixels become three planes.
        assert_eq!(out, [10, 40, 20, 50, 30, 60].map(unit_from_byte));
    }

    #[test]
    fn mirroring_twice_is_the_identity() {
        let mirror = Change {
            mirror: true,
            ..Change::default()
        };
        let mut once = vec![0.0; 6];
        mirror.apply(&PICTURE, 1, 3, &mut once);
        let once: Vec<u8> = once.into_iter().map(byte_from_unit).collect();
        assert_eq!(once, [30, 20, 10, 60, 50, 40]);
        let mut twice = vec![0.0; 6];
        mirror.apply(&once, 1, 3, &mut twice);
        assert_eq!(twice, PICTURE.map(unit_from_byte));
    }

    #[test]
    fn shifting_repeats_the_edge() {
        let shift = |shift| {
            changed(Change {
                shift,
                ..Change::default()
            })
        };
        assert_eq!(shift([1.0, 0.0]), [10, 10, 20, 40, 40, 50]);
        assert_eq!(shift([0.0, -1.0]), [40, 50, 60, 40, 50, 60]);
    }

    #[test]
    fn half_a_turn_reverses_the_pixels() {
        let turn = std::f64::consts::PI;
        assert_eq!(
            changed(Change {
                turn,
                ..Change::default()
            }),
            [60, 50, 40, 30, 20, 10]
        );
    }

    #[test]
    fn a_quarter_turn_is_clockwise() {
        let turn = std::f64::consts::FRAC_PI_2;
        let mut out = vec![0.0; 9];
        Change {
            turn,
            ..Change::default()
        }
        .apply(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 1, 3, &mut out);
        let bytes: Vec<u8> = out.into_iter().map(byte_from_unit).collect();
        assert_eq!(bytes, [7, 4, 1, 8, 5, 2, 9, 6, 3]);
    }

    #[test]
    fn draws_stay_in_range_reach_both_ends_and_depend_on_the_address() {
        let augment = Augment {
            flip: true,
            shift: 2,
            rotate: 10.0,
        };
        let drawn: Vec<_> = (0..500).map(|mv| augment.draw(Address { mv, ..AT })).collect();
        let x = |c: &Change| c.shift[0] as i32;
        assert_eq!(drawn.iter().map(x).min(), Some(-2));
        assert_eq!(drawn.iter().map(x).max(), Some(2));
        assert!(drawn.iter().all(|c| c.turn.to_degrees().abs() <= 10.0));
        let mirrored = drawn.iter().filter(|c| c.mirror).count();
        assert!((200..300).contains(&mirrored), "{mirrored}");
        assert_eq!(drawn[7], augment.draw(Address { mv: 7, ..AT }));
        assert_ne!(drawn[7], drawn[8]);
    }
}
