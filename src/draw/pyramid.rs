//! Curves of any length at the cost of the pixels they cover: a min–max pyramid over a growing series.

use std::ops::Range;

/// Points that one bucket covers on the level below.
const FACTOR: usize = 4;

/// A growing series of numbers that knows the extremes of any of its ranges.
///
/// Level k holds the indices of the least and greatest finite value of every complete block of `4^(k+1)` values. Only
/// complete blocks are stored, so a push costs O(1) on average and a cut costs O(log n). A query costs O(log n).
#[derive(Clone, Debug, Default)]
pub struct Pyramid {
    values: Vec<f64>,
    levels: Vec<Vec<Option<Extremes>>>,
    /// Indices of the values that are infinite or not a number.
    broken: Vec<usize>,
}

/// Where the least and the greatest finite value of a range are; the first of equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extremes {
    /// Index of the least value.
    pub min: usize,
    /// Index of the greatest value.
    pub max: usize,
}

impl Pyramid {
    /// All values.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Adds a value.
    pub fn push(&mut self, value: f64) {
        if !value.is_finite() {
            self.broken.push(self.values.len());
        }
        self.values.push(value);
        let mut block = FACTOR;
        let mut level = 0;
        while self.values.len().is_multiple_of(block) {
            let end = self.values.len();
            let extremes = self.merged(end - block..end, level);
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(extremes);
            (level, block) = (level + 1, block * FACTOR);
        }
    }

    /// Drops all values from index `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.broken.truncate(self.broken.partition_point(|&i| i < len));
        let mut block = FACTOR;
        for level in &mut self.levels {
            level.truncate(len / block);
            block *= FACTOR;
        }
    }

    /// The extremes of the finite values in a range of indices; `None` where there are none.
    pub fn extremes(&self, range: Range<usize>) -> Option<Extremes> {
        self.merged(range.start..range.end.min(self.values.len()), self.levels.len())
    }

    /// The first value in a range of indices that is infinite or not a number.
    pub fn first_broken(&self, range: Range<usize>) -> Option<usize> {
        let next = self.broken.partition_point(|&i| i < range.start);
        self.broken.get(next).copied().filter(|i| range.contains(i))
    }

    /// Walks the range in the largest stored blocks of the lowest `levels` levels.
    fn merged(&self, range: Range<usize>, levels: usize) -> Option<Extremes> {
        let mut found = None;
        let mut at = range.start;
        while at < range.end {
            let (mut size, mut next) = (1, self.single(at));
            for level in &self.levels[..levels] {
                let block = size * FACTOR;
                if !at.is_multiple_of(block) || at + block > range.end {
                    break;
                }
                (size, next) = (block, level[at / block]);
            }
            found = self.merge(found, next);
            at += size;
        }
        found
    }

    fn single(&self, i: usize) -> Option<Extremes> {
        self.values[i].is_finite().then_some(Extremes { min: i, max: i })
    }

    fn merge(&self, a: Option<Extremes>, b: Option<Extremes>) -> Option<Extremes> {
        let (Some(a), Some(b)) = (a, b) else {
            return a.or(b);
        };
        let less = |i: usize, j: usize| self.values[i] < self.values[j];
        Some(Extremes {
            min: if less(b.min, a.min) { b.min } else { a.min },
            max: if less(a.max, b.max) { b.max } else { a.max },
        })
    }
}

/// A curve over training steps: the values, and their exponential average computed on all of them.
#[derive(Clone, Debug)]
pub struct Curve {
    xs: Vec<f64>,
    raw: Pyramid,
    smooth: Pyramid,
    average: Average,
}

/// What is drawn of a curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    /// Points of the line from left to right: at most two in a pixel, the extremes of what it covers, and one point on
    /// either side, so that the line runs through to the edges.
    pub points: Vec<[f64; 2]>,
    /// Places where the value is infinite or not a number, with that value: the first in each pixel. They are never
    /// merged into the line, so that a divergence stays visible.
    pub broken: Vec<[f64; 2]>,
}

/// Exponential average without bias towards its start (as Adam's).
#[derive(Clone, Copy, Debug)]
struct Average {
    keep: f64,
    sum: f64,
    weight: f64,
}

impl Average {
    fn new(keep: f64) -> Self {
        Self {
            keep,
            sum: 0.0,
            weight: 0.0,
        }
    }

    /// Takes a value and gives the average; values that are not finite are passed over.
    fn next(&mut self, value: f64) -> f64 {
        if value.is_finite() {
            self.sum = self.keep * self.sum + (1.0 - self.keep) * value;
            self.weight = self.keep * self.weight + (1.0 - self.keep);
        }
        self.sum / self.weight
    }
}

impl Curve {
    /// An empty curve; `keep` in `0..1` is the share of the average that survives a step (0.99 averages over about a
    /// hundred values).
    pub fn new(keep: f64) -> Self {
        Self {
            xs: Vec::new(),
            raw: Pyramid::default(),
            smooth: Pyramid::default(),
            average: Average::new(keep),
        }
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.xs.len()
    }

    /// Whether there is no point yet.
    pub fn is_empty(&self) -> bool {
        self.xs.is_empty()
    }

    /// The newest point.
    pub fn last(&self) -> Option<[f64; 2]> {
        Some([*self.xs.last()?, *self.raw.values.last()?])
    }

    /// The average at the newest point.
    pub fn last_smooth(&self) -> Option<f64> {
        self.smooth.values.last().copied()
    }

    /// All points.
    pub fn points(&self) -> impl DoubleEndedIterator<Item = [f64; 2]> {
        self.xs.iter().zip(&self.raw.values).map(|(&x, &y)| [x, y])
    }

    /// Adds a point. An `x` that is not beyond the last one goes back in time: the points from there on are dropped
    /// first, as when a run returns to earlier weights. `x` must be a number.
    pub fn push(&mut self, x: f64, y: f64) {
        if self.xs.last().is_some_and(|&last| x <= last) {
            self.cut(x);
        }
        self.xs.push(x);
        self.raw.push(y);
        self.smooth.push(self.average.next(y));
    }

    /// Drops the points from `x` on.
    pub fn cut(&mut self, x: f64) {
        let len = self.xs.partition_point(|&v| v < x);
        self.xs.truncate(len);
        self.raw.truncate(len);
        self.smooth(self.average.keep);
    }

    /// Averages anew, with another share; costs O(n).
    pub fn smooth(&mut self, keep: f64) {
        self.average = Average::new(keep);
        self.smooth = Pyramid::default();
        for &y in &self.raw.values {
            self.smooth.push(self.average.next(y));
        }
    }

    /// The share of the average that survives a step.
    pub fn keep(&self) -> f64 {
        self.average.keep
    }

    /// Least and greatest `x`.
    pub fn x_range(&self) -> Option<(f64, f64)> {
        Some((*self.xs.first()?, *self.xs.last()?))
    }

    /// Least and greatest finite value between two `x`.
    pub fn y_range(&self, from: f64, to: f64) -> Option<(f64, f64)> {
        let Extremes { min, max } = self.raw.extremes(self.indices(from, to))?;
        Some((self.raw.values[min], self.raw.values[max]))
    }

    /// The values between two `x`, thinned for a plot of that many pixels.
    pub fn drawn(&self, from: f64, to: f64, pixels: usize) -> Drawn {
        self.thinned(&self.raw, from, to, pixels)
    }

    /// The average between two `x`, thinned for a plot of that many pixels.
    pub fn drawn_smooth(&self, from: f64, to: f64, pixels: usize) -> Vec<[f64; 2]> {
        self.thinned(&self.smooth, from, to, pixels).points
    }

    fn indices(&self, from: f64, to: f64) -> Range<usize> {
        let start = self.xs.partition_point(|&x| x < from);
        start..self.xs.partition_point(|&x| x <= to).max(start)
    }

    fn thinned(&self, series: &Pyramid, from: f64, to: f64, pixels: usize) -> Drawn {
        let range = self.indices(from, to);
        let point = |i: usize| [self.xs[i], series.values[i]];
        let mut drawn = Drawn::default();
        drawn.points.extend(range.start.checked_sub(1).map(point));
        let mut start = range.start;
        for pixel in 1..=pixels {
            let end = if pixel == pixels {
                range.end
            } else {
                let edge = from + (to - from) * pixel as f64 / pixels as f64;
                start + self.xs[start..range.end].partition_point(|&x| x < edge)
            };
            if let Some(Extremes { min, max }) = series.extremes(start..end) {
                drawn.points.push(point(min.min(max)));
                drawn.points.extend((min != max).then(|| point(min.max(max))));
            }
            drawn.broken.extend(series.first_broken(start..end).map(point));
            start = end;
        }
        drawn.points.extend((range.end < self.len()).then(|| point(range.end)));
        drawn.points.retain(|p| p[1].is_finite());
        drawn
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            8 => (-5..5_i32).prop_map(f64::from),
            4 => -1e3..1e3_f64,
            1 => Just(f64::NAN),
            1 => Just(f64::INFINITY),
            1 => Just(f64::NEG_INFINITY),
        ]
    }

    impl Pyramid {
        fn extend(&mut self, values: &[f64]) {
            for &v in values {
                self.push(v);
            }
        }
    }

    fn brute(values: &[f64], range: Range<usize>) -> Option<Extremes> {
        let finite = || range.clone().filter(|&i| values[i].is_finite());
        let min = finite().min_by(|&i, &j| values[i].total_cmp(&values[j]).then(i.cmp(&j)))?;
        let max = finite().max_by(|&i, &j| values[i].total_cmp(&values[j]).then(j.cmp(&i)))?;
        Some(Extremes { min, max })
    }

    proptest! {
        #[test]
        fn extremes_are_those_of_a_plain_search(
            values in prop::collection::vec(value(), 0..300),
            more in prop::collection::vec(value(), 0..80),
            cut in 0..300_usize,
            a in 0..400_usize,
            b in 0..400_usize,
        ) {
            let mut pyramid = Pyramid::default();
            pyramid.extend(&values);
            pyramid.truncate(cut);
            pyramid.extend(&more);
            let all: Vec<f64> = values.iter().take(cut).chain(&more).copied().collect();
            let range = a.min(b).min(all.len())..a.max(b).min(all.len());
            prop_assert_eq!(pyramid.extremes(range.clone()), brute(&all, range.clone()));
            prop_assert_eq!(pyramid.first_broken(range.clone()), range.clone().find(|&i| !all[i].is_finite()));
        }

        #[test]
        fn a_drawn_curve_keeps_what_can_be_seen(
            values in prop::collection::vec(value(), 0..400),
            steps in prop::collection::vec(1..4_u32, 400),
            pixels in 1..60_usize,
            from in -10.0..900.0_f64,
            width in 0.1..900.0_f64,
        ) {
            let mut curve = Curve::new(0.9);
            let mut x = 0.0;
            for (&y, &step) in values.iter().zip(&steps) {
                x += f64::from(step);
                curve.push(x, y);
            }
            let to = from + width;
            let drawn = curve.drawn(from, to, pixels);
            prop_assert!(drawn.points.len() <= 2 * pixels + 2 && drawn.broken.len() <= pixels);
            prop_assert!(drawn.points.windows(2).all(|w| w[0][0] < w[1][0]));
            let same = |p: &[f64; 2], q: &[f64; 2]| p[0] == q[0] && p[1].to_bits() == q[1].to_bits();
            prop_assert!(drawn.points.iter().chain(&drawn.broken).all(|p| curve.points().any(|q| same(p, &q))));
            // Every pixel shows the extremes of the points in it, and whether one of them is broken.
            let pixel = |x: f64| (((x - from) / width * pixels as f64).floor() as usize).min(pixels - 1);
            for p in curve.points().filter(|p| (from..=to).contains(&p[0])) {
                let here: Vec<_> = drawn.points.iter().filter(|q| (from..=to).contains(&q[0]) && pixel(q[0]).abs_diff(pixel(p[0])) <= 1).collect();
                if p[1].is_finite() {
                    prop_assert!(here.iter().any(|q| q[1] <= p[1]) && here.iter().any(|q| q[1] >= p[1]));
                } else {
                    prop_assert!(drawn.broken.iter().any(|q| pixel(q[0]).abs_diff(pixel(p[0])) <= 1));
                }
            }
        }

        #[test]
        fn the_average_is_that_of_all_values(values in prop::collection::vec(value(), 1..100), keep in 0.0..0.99_f64) {
            let mut curve = Curve::new(0.5);
            (0..).zip(&values).for_each(|(i, &y)| curve.push(f64::from(i), y));
            curve.smooth(keep);
            let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
            let weights: Vec<f64> = (0..finite.len()).rev().map(|age| keep.powi(age as i32)).collect();
            let expected = finite.iter().zip(&weights).map(|(v, w)| v * w).sum::<f64>() / weights.iter().sum::<f64>();
            let found = curve.last_smooth().unwrap();
            prop_assert!(finite.is_empty() || (found - expected).abs() <= 1e-9 * expected.abs().max(1e3));
        }
    }

    #[test]
    fn going_back_in_time_drops_what_came_later() {
        let (mut curve, mut straight) = (Curve::new(0.9), Curve::new(0.9));
        for x in 0..50 {
            curve.push(f64::from(x), 1.0);
        }
        for x in 0..20 {
            straight.push(f64::from(x), 1.0);
        }
        for x in 20..60 {
            curve.push(f64::from(x), f64::from(x));
            straight.push(f64::from(x), f64::from(x));
        }
        assert_eq!(
            curve.points().collect::<Vec<_>>(),
            straight.points().collect::<Vec<_>>()
        );
        assert_eq!((curve.len(), curve.last_smooth()), (60, straight.last_smooth()));
    }

    #[test]
    fn a_push_costs_the_same_however_long_the_curve() {
        let mut pyramid = Pyramid::default();
        (0..4096).for_each(|i| pyramid.push(f64::from(i)));
        let stored: usize = pyramid.levels.iter().map(Vec::len).sum();
        assert_eq!(stored, 1024 + 256 + 64 + 16 + 4 + 1);
    }
}
