//! Rectangles and polygons with the share of each pixel that they cover.

use crate::draw::plane::Area;

/// Lines per pixel that a polygon is cut along.
const SCANLINES: usize = 8;

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rectangle {
    pub(super) min: [f32; 2],
    pub(super) max: [f32; 2],
}

impl Rectangle {
    pub(super) fn between(a: [f32; 2], b: [f32; 2]) -> Self {
        Self {
            min: [a[0].min(b[0]), a[1].min(b[1])],
            max: [a[0].max(b[0]), a[1].max(b[1])],
        }
    }

    /// Coverage of a pixel, 0 to 255.
    pub(super) fn coverage(&self, x: usize, y: usize) -> u8 {
        let share = |i: usize, at: usize| {
            let at = at as f32;
            (self.max[i].min(at + 1.0) - self.min[i].max(at)).max(0.0)
        };
        (share(0, x) * share(1, y) * 255.0).round() as u8
    }
}

/// A polygon's coverage of the pixels around it.
#[derive(Clone, Debug)]
pub(super) struct Polygon {
    pub(super) area: Area,
    coverage: Vec<u8>,
}

impl Polygon {
    /// `corners` in pixels of a plane of `width * height`.
    pub(super) fn new(corners: &[[f32; 2]], width: usize, height: usize) -> Self {
        let bound = |pick: fn(f32, f32) -> f32, start| {
            let both = corners.iter().copied();
            both.fold([start; 2], |a, b| [pick(a[0], b[0]), pick(a[1], b[1])])
        };
        let (min, max) = (bound(f32::min, f32::INFINITY), bound(f32::max, f32::NEG_INFINITY));
        let area = Area::around(min, max, width, height);
        let mut coverage = Vec::with_capacity(area.width() * area.height());
        for y in area.top..area.bottom {
            coverage.extend(row(corners, area, y));
        }
        Self { area, coverage }
    }

    /// Coverage of a pixel within the area, 0 to 255.
    pub(super) fn coverage(&self, x: usize, y: usize) -> u8 {
        self.coverage[(y - self.area.top) * self.area.width() + x - self.area.left]
    }
}

/// One row: exact along the row, sampled down it.
fn row(corners: &[[f32; 2]], area: Area, y: usize) -> Vec<u8> {
    let mut sums = vec![0.0; area.width()];
    for i in 0..SCANLINES {
        let at = y as f32 + (i as f32 + 0.5) / SCANLINES as f32;
        for inside in crossings(corners, at).as_chunks::<2>().0 {
            add_span(&mut sums, area.left, *inside);
        }
    }
    let full = 255.0 / SCANLINES as f32;
    sums.into_iter().map(|sum: f32| (sum * full).round() as u8).collect()
}

/// Where the edges cross a horizontal line, from left to right: inside is between the first and second, third and fourth…
fn crossings(corners: &[[f32; 2]], y: f32) -> Vec<f32> {
    let next = corners.iter().cycle().skip(1);
    let mut crossings: Vec<f32> = corners
        .iter()
        .zip(next)
        .filter(|(a, b)| (a[1] <= y) != (b[1] <= y))
        .map(|(a, b)| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
        .collect();
    crossings.sort_by(f32::total_cmp);
    crossings
}

/// Adds the share of each pixel that lies between two places of a row whose first pixel is `left`.
fn add_span(sums: &mut [f32], left: usize, [from, to]: [f32; 2]) {
    let (from, to) = (from - left as f32, to - left as f32);
    let last = (to.ceil().max(0.0) as usize).min(sums.len());
    let first = (from.floor().max(0.0) as usize).min(last);
    for (i, sum) in sums.iter_mut().enumerate().take(last).skip(first) {
        *sum += (to.min(i as f32 + 1.0) - from.max(i as f32)).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pixels(polygon: &Polygon, side: usize) -> Vec<u8> {
        let inside = |x, y| {
            let a = polygon.area;
            (a.left..a.right).contains(&x) && (a.top..a.bottom).contains(&y)
        };
        let at = |i: usize| (i % side, i / side);
        let value = |(x, y)| if inside(x, y) { polygon.coverage(x, y) } else { 0 };
        (0..side * side).map(|i| value(at(i))).collect()
    }

    proptest! {
        #[test]
        fn a_polygon_with_four_right_angles_is_the_rectangle(
            x in -5.0_f32..20.0, y in 0_u8..40, w in 0.2_f32..20.0, h in 1_u8..30
        ) {
            // On eighths of a pixel, where the lines are exact.
            let (y, h) = (f32::from(y) / 2.0, f32::from(h) / 2.0);
            let corners = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]];
            let polygon = Polygon::new(&corners, 24, 24);
            let rect = Rectangle::between(corners[0], corners[2]);
            for (i, found) in pixels(&polygon, 24).into_iter().enumerate() {
                prop_assert!(found.abs_diff(rect.coverage(i % 24, i / 24)) <= 1, "pixel {i}");
            }
        }
    }

    #[test]
    fn a_triangle_has_half_the_area_of_its_rectangle() {
        let polygon = Polygon::new(&[[2.0, 1.0], [22.0, 1.0], [2.0, 21.0]], 24, 24);
        let area = pixels(&polygon, 24).iter().map(|&v| f32::from(v)).sum::<f32>() / 255.0;
        assert!((area - 200.0).abs() < 0.5, "{area}");
    }

    #[test]
    fn what_is_surrounded_twice_is_outside() {
        let square = |from: f32, to: f32| [[from, from], [to, from], [to, to], [from, to], [from, from]];
        let corners: Vec<_> = square(2.0, 22.0).into_iter().chain(square(8.0, 16.0)).collect();
        let polygon = Polygon::new(&corners, 24, 24);
        assert_eq!([polygon.coverage(4, 12), polygon.coverage(12, 12)], [255, 0]);
    }

    #[test]
    fn no_corners_cover_nothing() {
        assert!(Polygon::new(&[], 10, 10).area.is_empty());
        assert_eq!(pixels(&Polygon::new(&[[1.0, 1.0], [5.0, 5.0]], 8, 8), 8), [0; 64]);
    }
}
