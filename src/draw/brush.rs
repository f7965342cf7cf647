//! A soft round brush: how much of each pixel a stroke covers.
//!
//! The brush is full up to `hardness * radius` and falls to nothing at `radius` along a smooth step. A pixel takes the mean
//! of that profile over its own width, so that a hard edge is neither jagged nor moved. A stroke is drawn as
//! lines, not as discs at a distance from each other: its coverage is that of its nearest point, whatever the pointer's pace.

use serde::{Deserialize, Serialize};

use super::plane::Area;

/// A place on a picture, in units of its longer side from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
    /// How hard the pen was pressed, 0 to 1, which is how much of the radius is used; 1 for a mouse.
    pub pressure: f32,
}

impl Point {
    /// A place under a mouse.
    pub fn new(x: f32, y: f32) -> Self {
        Self { x, y, pressure: 1.0 }
    }
}

/// Size and edge of a brush.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Brush {
    /// In units of the picture's longer side.
    pub radius: f32,
    /// Share of the radius that is covered entirely, 0 (soft) to 1 (hard).
    pub hardness: f32,
}

impl Brush {
    /// A line between two points on a plane whose longer side has `scale` pixels; a dab where they are the same.
    pub fn line(self, from: Point, to: Point, scale: f32) -> Line {
        let radius = |p: Point| self.radius * p.pressure.clamp(0.0, 1.0) * scale;
        Line {
            from: [from.x * scale, from.y * scale],
            along: [(to.x - from.x) * scale, (to.y - from.y) * scale],
            radii: [radius(from), radius(to)],
            hardness: self.hardness.clamp(0.0, 1.0),
        }
    }
}

/// A line of a stroke, in pixels.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    from: [f32; 2],
    along: [f32; 2],
    radii: [f32; 2],
    hardness: f32,
}

impl Line {
    /// The pixels of a plane of `width * height` that it may cover.
    pub fn area(&self, width: usize, height: usize) -> Area {
        // Half a pixel more: a pixel counts with its whole width.
        let reach = self.radii[0].max(self.radii[1]) + 0.5;
        let end = [self.from[0] + self.along[0], self.from[1] + self.along[1]];
        let low = |i: usize| self.from[i].min(end[i]) - reach;
        let high = |i: usize| self.from[i].max(end[i]) + reach;
        Area::around([low(0), low(1)], [high(0), high(1)], width, height)
    }

    /// Coverage of the pixel at column `x`, row `y`, 0 to 255.
    #[inline]
    pub fn coverage(&self, x: usize, y: usize) -> u8 {
        let (px, py) = (x as f32 + 0.5 - self.from[0], y as f32 + 0.5 - self.from[1]);
        let [ax, ay] = self.along;
        let length2 = ax * ax + ay * ay;
        let share = if length2 > 0.0 {
            ((px * ax + py * ay) / length2).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let (dx, dy) = (px - share * ax, py - share * ay);
        let radius = self.radii[0] + share * (self.radii[1] - self.radii[0]);
        let core = radius * self.hardness;
        let distance2 = dx * dx + dy * dy;
        let (inside, outside) = ((core - 0.5).max(0.0), radius + 0.5);
        if distance2 < inside * inside {
            255
        } else if distance2 > outside * outside {
            0
        } else {
            let mean = mean_profile(distance2.sqrt(), core, radius);
            // The conversion cuts off; `round` would be a call.
            (mean * 255.0 + 0.5) as u8
        }
    }
}

/// Mean of the brush's profile over the pixel around `distance`.
fn mean_profile(distance: f32, core: f32, radius: f32) -> f32 {
    integral(distance + 0.5, core, radius) - integral(distance - 0.5, core, radius)
}

/// Integral of the profile from the middle to `at`: 1 in the core, `1 - (3u^2 - 2u^3)` with `u` rising to 1 at the edge,
/// then 0. Odd, as the profile is the same on both sides.
fn integral(at: f32, core: f32, radius: f32) -> f32 {
    let (distance, band) = (at.abs(), radius - core);
    let whole = if distance <= core {
        distance
    } else if distance >= radius {
        core + band / 2.0
    } else {
        let u = (distance - core) / band;
        core + band * (u - u * u * u + u * u * u * u / 2.0)
    };
    whole.copysign(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dab(x: f32, y: f32, radius: f32, hardness: f32) -> Line {
        let at = Point::new(x, y);
        Brush { radius, hardness }.line(at, at, 1.0)
    }

    fn sum(line: &Line, side: usize) -> f32 {
        let all = (0..side * side).map(|i| f32::from(line.coverage(i % side, i / side)));
        all.sum::<f32>() / 255.0
    }

    #[test]
    fn a_hard_dab_has_the_area_of_its_circle() {
        for radius in [1.5_f32, 4.0, 9.3, 20.0] {
            for shift in [0.0, 0.25, 0.7] {
                let found = sum(&dab(32.0 + shift, 31.0, radius, 1.0), 64);
                let circle = std::f32::consts::PI * radius * radius;
                // Where the edge is curved, its mean over a pixel is a little outside: pi / 12 in all.
                assert!(
                    (found - circle - 0.26).abs() < 0.2 + 0.001 * circle,
                    "{radius} {shift}: {found} {circle}"
                );
            }
        }
    }

    #[test]
    fn a_soft_dab_has_the_volume_of_its_profile() {
        // Integral of 2 pi r (1 - 3 (r/R)^2 + 2 (r/R)^3) from 0 to R.
        for radius in [6.0_f32, 20.0] {
            let volume = std::f32::consts::TAU * radius * radius * (0.5 - 0.75 + 0.4);
            let found = sum(&dab(32.0, 32.0, radius, 0.0), 64);
            assert!(
                (found - volume).abs() < 0.01 * volume + 0.3,
                "{radius}: {found} {volume}"
            );
        }
    }

    #[test]
    fn a_straight_hard_edge_is_the_share_of_the_pixel() {
        let brush = Brush {
            radius: 5.0,
            hardness: 1.0,
        };
        let line = brush.line(Point::new(10.0, 8.25), Point::new(50.0, 8.25), 1.0);
        // Covers 3.25 to 13.25.
        let column: Vec<_> = [2, 3, 4, 12, 13, 14].map(|y| line.coverage(30, y)).into();
        assert_eq!(column, [0, 191, 255, 255, 64, 0]);
    }

    #[test]
    fn light_pressure_draws_a_thin_line() {
        let brush = Brush {
            radius: 8.0,
            hardness: 1.0,
        };
        let light = Point {
            pressure: 0.25,
            ..Point::new(10.0, 20.0)
        };
        let line = brush.line(light, Point::new(50.0, 20.0), 1.0);
        let thickness = |x| (0..64).filter(|&y| line.coverage(x, y) > 127).count();
        assert_eq!([thickness(10), thickness(30), thickness(49)], [4, 10, 16]);
    }

    proptest! {
        #[test]
        fn nothing_is_covered_outside_of_the_area(
            x in -20.0_f32..60.0, y in -20.0_f32..60.0, dx in -30.0_f32..30.0, dy in -30.0_f32..30.0,
            radius in 0.1_f32..12.0, hardness in 0.0_f32..1.0
        ) {
            let line = Brush { radius, hardness }.line(Point::new(x, y), Point::new(x + dx, y + dy), 1.0);
            let area = line.area(40, 40);
            for i in 0..1600 {
                let (x, y) = (i % 40, i / 40);
                let inside = (area.left..area.right).contains(&x) && (area.top..area.bottom).contains(&y);
                prop_assert!(inside || line.coverage(x, y) == 0);
            }
        }

        #[test]
        fn a_harder_brush_covers_no_less(x in 0_usize..40, y in 0_usize..40, a in 0.0_f32..1.0, b in 0.0_f32..1.0) {
            let (soft, hard) = (a.min(b), a.max(b));
            let at = |hardness| dab(18.3, 21.8, 11.0, hardness).coverage(x, y);
            prop_assert!(at(soft) <= at(hard));
        }
    }
}
