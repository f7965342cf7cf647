//! Cursors of several reverse processes, held at the same noise level whatever their steps and schedules.

use std::f64::consts::FRAC_PI_2;

use super::Level;

/// Stands for the infinite logarithm of pure noise and of no noise, beyond all that schedules reach.
const FARTHEST: f64 = 40.0;

/// A place of a reverse process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// Index of the step, `0..=moves`.
    pub index: usize,
    /// Half log-SNR `ln(alpha / sigma)`, at most 40 either way.
    pub lambda: f64,
    /// How much of the process is done, `0..=1`.
    pub share: f64,
}

impl Mark {
    /// How clean it is: 0 is noise alone, 1 none. The angle `atan(alpha / sigma)` as a share of a right angle, along which the
    /// cosine schedule goes at an even pace.
    pub fn cleanness(self) -> f64 {
        self.lambda.exp().atan() / FRAC_PI_2
    }
}

/// The places of a reverse process that are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track(Vec<Mark>);

impl Track {
    /// The levels of known steps, `index` rising, of a process of so many moves.
    pub fn new(steps: impl IntoIterator<Item = (usize, Level)>, moves: usize) -> Self {
        let mark = |(index, level): (usize, Level)| Mark {
            index,
            lambda: level.lambda().clamp(-FARTHEST, FARTHEST),
            share: index as f64 / moves.max(1) as f64,
        };
        Self(steps.into_iter().map(mark).collect())
    }

    /// All places, `index` rising.
    pub fn marks(&self) -> &[Mark] {
        &self.0
    }

    /// The place whose index is nearest, the earlier one of two; `None` where nothing is known yet.
    pub fn at(&self, index: usize) -> Option<Mark> {
        let after = self.0.partition_point(|mark| mark.index < index);
        let around = [after.checked_sub(1), Some(after)];
        let candidates = around.into_iter().flatten().filter_map(|i| self.0.get(i));
        candidates.min_by_key(|mark| mark.index.abs_diff(index)).copied()
    }

    /// The place whose noise level is nearest to that of another process. Where several are, as in processes that go back,
    /// the one that is as far on its way.
    pub fn nearest(&self, to: Mark) -> Option<Mark> {
        let distance = |mark: &Mark| ((mark.lambda - to.lambda).abs(), (mark.share - to.share).abs());
        let nearer = |a: &&Mark, b: &&Mark| {
            let ((a, far_a), (b, far_b)) = (distance(a), distance(b));
            a.total_cmp(&b).then(far_a.total_cmp(&far_b))
        };
        self.0.iter().min_by(nearer).copied()
    }

    /// Whether the process has come as far as this noise level.
    pub fn reaches(&self, mark: Mark) -> bool {
        self.0.last().is_some_and(|last| last.lambda >= mark.lambda)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::math::{Spec, schedule};

    /// The levels of a schedule from noise to clean in `moves` moves, and the clean end.
    fn process(id: &str, moves: usize) -> Track {
        let schedule = schedule::build(&Spec::new(id)).unwrap();
        let (low, high) = schedule.domain().into_inner();
        let level = |i: usize| match i {
            i if i == moves => Level::clean(low),
            i => schedule.level(high + (low - high) * i as f64 / moves as f64),
        };
        Track::new((0..=moves).map(|i| (i, level(i))), moves)
    }

    fn any_schedule() -> impl Strategy<Value = &'static str> {
        prop_oneof![Just("linear"), Just("cosine"), Just("vp"), Just("edm"), Just("flow")]
    }

    proptest! {
        /// Each place goes to the nearest one by brute force, in order, and the ends to the ends.
        #[test]
        fn linked_cursors_keep_order_and_level(
            a in any_schedule(), b in any_schedule(), n in 1_usize..200, m in 1_usize..200
        ) {
            let (lead, other) = (process(a, n), process(b, m));
            let mut last = 0;
            for &mark in lead.marks() {
                let found = other.nearest(mark).unwrap();
                let least = other.marks().iter().map(|o| (o.lambda - mark.lambda).abs()).fold(f64::INFINITY, f64::min);
                prop_assert_eq!((found.lambda - mark.lambda).abs(), least);
                prop_assert!(found.index >= last, "{} after {}", found.index, last);
                last = found.index;
            }
            prop_assert_eq!(last, m);
        }

        #[test]
        fn a_process_is_linked_to_itself_step_by_step(a in any_schedule(), n in 1_usize..300) {
            let track = process(a, n);
            for &mark in track.marks() {
                prop_assert_eq!(track.nearest(mark), Some(mark));
            }
        }
    }

    #[test]
    fn a_process_that_goes_back_is_followed_by_how_far_it_is() {
        let noisy = Level::from_alpha_bar(0.0, 0.2);
        let cleaner = Level::from_alpha_bar(0.0, 0.6);
        let levels = [noisy, cleaner, noisy, cleaner, Level::clean(0.0)];
        let track = Track::new(levels.into_iter().enumerate(), 4);
        let twice = Track::new(
            [noisy, noisy, cleaner, cleaner, Level::clean(0.0)]
                .into_iter()
                .enumerate(),
            4,
        );
        let indices: Vec<_> = track.marks().iter().map(|m| twice.nearest(*m).unwrap().index).collect();
        assert_eq!(indices, [0, 2, 1, 3, 4]);
    }

    #[test]
    fn the_nearest_known_index_is_found_where_some_were_let_go() {
        let level = |i: usize| Level::from_alpha_bar(0.0, 0.1 * i as f64);
        let track = Track::new([0, 4, 8, 9].map(|i| (i, level(i))), 9);
        let found = [0, 1, 2, 3, 7, 9, 50].map(|i| track.at(i).unwrap().index);
        assert_eq!(found, [0, 0, 0, 4, 8, 9, 9]);
        assert_eq!(Track::default().at(3), None);
        assert!(track.reaches(track.at(9).unwrap()));
        assert!(!Track::new([(0, level(0))], 9).reaches(track.at(4).unwrap()));
    }

    #[test]
    fn cleanness_goes_from_noise_to_none() {
        let level = |alpha: f64, sigma: f64| Level { t: 0.0, alpha, sigma };
        // Only the ratio counts: half the scale is the same level.
        let levels = [level(0.0, 1.0), level(0.5, 0.5), level(1.0, 0.0)];
        let found: Vec<_> = Track::new(levels.into_iter().enumerate(), 2)
            .marks()
            .iter()
            .map(|m| m.cleanness())
            .collect();
        assert!(
            found.iter().zip([0.0, 0.5, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12),
            "{found:?}"
        );
        let third = Track::new(
            [(0, level(30.0_f64.to_radians().sin(), 30.0_f64.to_radians().cos()))],
            2,
        );
        assert!((third.marks()[0].cleanness() - 1.0 / 3.0).abs() < 1e-12);
    }
}
