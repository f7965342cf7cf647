//! New moves for the rest of a reverse process that is under way.

use std::ops::RangeInclusive;

use super::{Level, Move, NoiseSchedule, Spacing, time_grid};

/// A schedule up to a level of it.
#[derive(Debug)]
struct Below<'a> {
    whole: &'a dyn NoiseSchedule,
    top: Level,
}

impl NoiseSchedule for Below<'_> {
    fn level(&self, t: f64) -> Level {
        self.whole.level(t)
    }

    fn domain(&self) -> RangeInclusive<f64> {
        *self.whole.domain().start()..=self.top.t
    }

    fn steps(&self) -> Option<usize> {
        self.whole.steps().map(|_| self.top.t as usize + 1)
    }

    fn sigma_range(&self) -> (f64, f64) {
        (self.whole.sigma_range().0, self.top.with_signal().sigma_ve())
    }
}

/// The moves from `from` to the end: the spacing is laid over the part of the schedule below that level, `steps` of them
/// (fewer where a discrete schedule has fewer levels left). None where the spacing ends no lower than `from`.
pub fn rest(schedule: &dyn NoiseSchedule, spacing: Spacing, from: Level, steps: usize) -> Vec<Move> {
    let below = Below {
        whole: schedule,
        top: from,
    };
    let all = time_grid(&below, spacing, steps);
    let is_below = |mv: &Move| mv.to.sigma_ve() < from.sigma_ve();
    let mut moves: Vec<Move> = all.into_iter().filter(is_below).collect();
    if let Some(first) = moves.first_mut() {
        // Not every spacing begins at the top of its schedule.
        first.from = from;
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{
        Spec, Value,
        grid::{ENTRIES, build},
        schedule,
    };

    fn schedule(id: &str) -> Box<dyn NoiseSchedule> {
        schedule::build(&Spec::new(id)).unwrap()
    }

    #[test]
    fn from_the_top_it_is_the_whole_grid() {
        for id in ["linear", "cosine", "flow", "edm", "vp"] {
            let schedule = schedule(id);
            for spacing in ["trailing", "linspace", "karras"] {
                let spacing = build(&Spec::new(spacing)).unwrap();
                let whole = time_grid(&*schedule, spacing, 10);
                let moves = rest(&*schedule, spacing, whole[0].from, 10);
                for (a, b) in moves.iter().zip(&whole) {
                    assert!((a.from.sigma - b.from.sigma).abs() < 1e-9, "{id}: {a:?} is not {b:?}");
                }
                assert_eq!(moves.len(), whole.len());
            }
        }
    }

    #[test]
    fn every_spacing_leads_down_from_every_level_without_a_gap() {
        for schedule_id in ["linear", "cosine", "sigmoid", "flow", "edm", "ve", "vp"] {
            let schedule = schedule(schedule_id);
            let whole = time_grid(&*schedule, build(&Spec::new("trailing")).unwrap(), 12);
            for entry in ENTRIES {
                let spacing = build(&Spec::new(entry.id)).unwrap();
                for (at, steps) in whole[..11].iter().zip([1, 2, 3, 5, 7, 9, 11, 20, 30, 50, 90]) {
                    let moves = rest(&*schedule, spacing, at.from, steps);
                    let place = format!("{schedule_id}, {}, {steps} from {:?}", entry.id, at.from);
                    assert!((1..=steps).contains(&moves.len()), "{place}: {} moves", moves.len());
                    assert_eq!(moves[0].from, at.from, "{place}");
                    assert_eq!(moves[moves.len() - 1].to.sigma, 0.0, "{place}");
                    for pair in moves.windows(2) {
                        assert_eq!(pair[0].to, pair[1].from, "{place}");
                        assert!(!pair[0].is_upward(), "{place}: {pair:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_spacing_with_more_noise_of_its_own_begins_where_the_process_stands() {
        let schedule = schedule("linear");
        let wide = Spec::new("karras").with("sigma-max", Value::Real(80.0));
        let from = schedule.level(300.0);
        let moves = rest(&*schedule, build(&wide).unwrap(), from, 20);
        assert_eq!(moves[0].from, from);
        assert!(moves.len() < 20 && moves.iter().all(|mv| !mv.is_upward()), "{moves:?}");
    }
}
