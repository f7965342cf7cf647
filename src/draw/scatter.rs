//! Point clouds: anti-aliased discs, or counts.

use super::{ColorMap, Raster};

/// A square part of the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Its middle.
    pub centre: [f32; 2],
    /// Half its side.
    pub half: f32,
}

impl Default for View {
    /// Holds standardised data and nearly all of a standard normal cloud.
    fn default() -> Self {
        Self {
            centre: [0.0; 2],
            half: 3.2,
        }
    }
}

impl View {
    /// The smallest square around the finite points of all clouds, and a twentieth more. Without points, the default.
    pub fn fit<'a>(clouds: impl IntoIterator<Item = &'a [f32]>) -> Self {
        let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for p in clouds.into_iter().flat_map(finite_points) {
            for axis in 0..2 {
                low[axis] = low[axis].min(p[axis]);
                high[axis] = high[axis].max(p[axis]);
            }
        }
        if low[0] > high[0] {
            return Self::default();
        }
        let side = (high[0] - low[0]).max(high[1] - low[1]);
        Self {
            centre: [f32::midpoint(low[0], high[0]), f32::midpoint(low[1], high[1])],
            half: (side * 0.55).max(1e-3),
        }
    }

    /// Where a point lies in a square picture of `size` pixels; y points up in the plane and down in the picture.
    pub fn pixel_from_point(self, p: [f32; 2], size: usize) -> [f32; 2] {
        let scale = size as f32 / (2.0 * self.half);
        [
            (p[0] - self.centre[0] + self.half) * scale,
            (self.centre[1] + self.half - p[1]) * scale,
        ]
    }
}

/// `x, y, x, y, …` as points, without those that are not finite.
fn finite_points(xy: &[f32]) -> impl Iterator<Item = [f32; 2]> {
    let pairs = xy.chunks_exact(2).map(|p| [p[0], p[1]]);
    pairs.filter(|p| p[0].is_finite() && p[1].is_finite())
}

/// Radius of each of `count` points, in pixels: a few are large enough to be found, many small enough to lie apart.
pub fn radius(count: usize) -> f32 {
    (2.0 * (500.0 / count.max(1) as f32).powf(0.25)).clamp(1.6, 5.0)
}

/// How a point cloud is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scatter {
    /// Side of the picture in pixels.
    pub size: usize,
    /// What part of the plane it shows.
    pub view: View,
    /// Radius of a point in pixels.
    pub radius: f32,
    /// How much of what is below a point hides, `0..=1`.
    pub opacity: f32,
    /// Colour of the points.
    pub colour: [u8; 3],
    /// Colour of the plane.
    pub background: [u8; 3],
}

impl Default for Scatter {
    fn default() -> Self {
        Self {
            size: 512,
            view: View::default(),
            radius: 2.0,
            opacity: 0.6,
            colour: [0x2b, 0x6c, 0xb0],
            background: [255; 3],
        }
    }
}

impl Scatter {
    /// The cloud in one colour. Points that are not finite are left out.
    pub fn draw(&self, xy: &[f32]) -> Raster {
        self.blend(finite_points(xy).map(|p| (p, self.colour)))
    }

    /// The cloud with one colour per point, later points above earlier ones.
    pub fn draw_coloured(&self, xy: &[f32], colours: &[[u8; 3]]) -> Raster {
        let points = xy.chunks_exact(2).map(|p| [p[0], p[1]]).zip(colours.iter().copied());
        self.blend(points.filter(|(p, _)| p[0].is_finite() && p[1].is_finite()))
    }

    fn blend(&self, points: impl Iterator<Item = ([f32; 2], [u8; 3])>) -> Raster {
        // Blended in floating point, so that many faint points do not get stuck on rounding.
        let mut canvas = self.background.map(f32::from).repeat(self.size * self.size);
        for (p, colour) in points {
            self.disc(
                &mut canvas,
                self.view.pixel_from_point(p, self.size),
                colour.map(f32::from),
            );
        }
        Raster {
            width: self.size,
            height: self.size,
            channels: 3,
            data: canvas.into_iter().map(|v| v.round() as u8).collect(),
        }
    }

    /// Lays a disc over the pixels it touches; a pixel's coverage falls from 1 to 0 over one pixel at the rim.
    fn disc(&self, canvas: &mut [f32], [x, y]: [f32; 2], colour: [f32; 3]) {
        let reach = self.radius + 0.5;
        let span = |c: f32| {
            let clamp = |v: f32| v.clamp(0.0, self.size as f32) as usize;
            clamp((c - reach).floor())..clamp((c + reach).ceil())
        };
        for row in span(y) {
            for column in span(x) {
                let (dx, dy) = (column as f32 + 0.5 - x, row as f32 + 0.5 - y);
                let cover = (reach - (dx * dx + dy * dy).sqrt()).clamp(0.0, 1.0) * self.opacity;
                let at = (row * self.size + column) * 3;
                for (below, above) in canvas[at..at + 3].iter_mut().zip(colour) {
                    *below += (above - *below) * cover;
                }
            }
        }
    }

    /// How many points lie in each pixel, as colours on a logarithmic scale: where thousands of points overlap, their
    /// number shows better than their discs.
    pub fn density(&self, xy: &[f32], map: ColorMap) -> Raster {
        let counts = self.counts(xy);
        let most = counts.iter().copied().max().unwrap_or(0);
        let scale = (most as f32).ln_1p().max(f32::MIN_POSITIVE);
        Raster {
            width: self.size,
            height: self.size,
            channels: 3,
            data: counts
                .iter()
                .flat_map(|&n| map.at((n as f32).ln_1p() / scale))
                .collect(),
        }
    }

    /// How many points lie in each pixel, row by row from the top.
    pub fn counts(&self, xy: &[f32]) -> Vec<u32> {
        let mut counts = vec![0; self.size * self.size];
        for p in finite_points(xy) {
            let [x, y] = self.view.pixel_from_point(p, self.size).map(f32::floor);
            let inside = 0.0..self.size as f32;
            if inside.contains(&x) && inside.contains(&y) {
                counts[y as usize * self.size + x as usize] += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Scatter = Scatter {
        size: 5,
        view: View {
            centre: [0.0; 2],
            half: 2.5,
        },
        radius: 1.0,
        opacity: 1.0,
        colour: [0; 3],
        background: [255; 3],
    };

    fn reds(raster: &Raster) -> Vec<u8> {
        raster.data.iter().step_by(3).copied().collect()
    }

    #[test]
    fn a_disc_is_round_and_soft() {
        // Coverage 1 in the middle, 0.5 beside it, 1.5 - sqrt 2 on the diagonal.
        let (half, corner) = (128, (255.0 * (1.0 - (1.5 - 2.0_f32.sqrt()))).round() as u8);
        #[rustfmt::skip]
        assert_eq!(reds(&SMALL.draw(&[0.0, 0.0])), [
            255, 255, 255, 255, 255,
            255, corner, half, corner, 255,
            255, half, 0, half, 255,
            255, corner, half, corner, 255,
            255, 255, 255, 255, 255,
        ]);
    }

    #[test]
    fn many_points_are_smaller_than_few() {
        assert_eq!([1, 500, 100_000].map(radius), [5.0, 2.0, 1.6]);
        assert!((1..2000).all(|n| radius(n) >= radius(n + 1)));
    }

    #[test]
    fn y_points_up_and_points_outside_do_no_harm() {
        let dot = Scatter { radius: 0.5, ..SMALL };
        let drawn = reds(&dot.draw(&[-2.0, 2.0, 1e30, 0.0, f32::NAN, 0.0, -9.0, -9.0]));
        assert_eq!(drawn[0], 0);
        assert!(drawn[1..].iter().all(|&v| v == 255));
    }

    #[test]
    fn later_points_lie_above() {
        let dot = Scatter { radius: 0.5, ..SMALL };
        let drawn = dot.draw_coloured(&[0.0, 0.0, 0.0, 0.0], &[[1, 2, 3], [4, 5, 6]]);
        assert_eq!(drawn.data[12 * 3..13 * 3], [4, 5, 6]);
    }

    #[test]
    fn counts_are_exact_and_density_spans_the_map() {
        let xy = [0.0, 0.0, 0.2, -0.2, 2.4, 2.4, f32::INFINITY, 0.0, 2.5, 0.0];
        let counts = SMALL.counts(&xy);
        assert_eq!((counts[12], counts[4], counts.iter().sum::<u32>()), (2, 1, 3));
        let density = SMALL.density(&xy, ColorMap::Grey);
        assert_eq!((density.data[12 * 3], density.data[0]), (255, 0));
        assert_eq!(SMALL.density(&[], ColorMap::Grey).data, vec![0; 75]);
    }

    #[test]
    fn a_fitted_view_holds_every_finite_point() {
        let xy = [1.0, 5.0, 3.0, 9.0, f32::NAN, 100.0];
        let view = View::fit([&xy[..]]);
        assert_eq!((view.centre, view.half), ([2.0, 7.0], 2.2));
        assert_eq!(View::fit([]), View::default());
        assert!(View::fit([&[1.0, 1.0][..]]).half > 0.0);
    }
}
