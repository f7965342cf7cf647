//! A reverse process along another schedule than the network's.
//!
//! `x / alpha` is the sample with noise of deviation `sigma / alpha`, whatever the schedule: all schedules lead through the same
//! states, and one that is drawn for sampling says only where on this way to stop. So its stops are taken over by their noise,
//! and the network is asked at its own time of that noise.

use super::{Level, Move, NoiseSchedule, Spacing, rest, time_grid};

/// The moves of a reverse process whose spacing is laid over `path`, on the time axis of `own`. Stops with more noise than `own`
/// knows become its noisiest level, those with less its cleanest; what becomes one stop is one.
pub fn along(own: &dyn NoiseSchedule, path: &dyn NoiseSchedule, spacing: Spacing, steps: usize) -> Vec<Move> {
    onto(own, &time_grid(path, spacing, steps))
}

/// The moves from `from`, a level of `own`, to the end: as [`rest`], but with the spacing laid over the part of `path` below it.
pub fn rest_along(
    own: &dyn NoiseSchedule,
    path: &dyn NoiseSchedule,
    spacing: Spacing,
    from: Level,
    steps: usize,
) -> Vec<Move> {
    let below = onto(own, &rest(path, spacing, on(path, from), steps));
    let mut moves: Vec<Move> = below
        .into_iter()
        .filter(|mv| mv.to.sigma_ve() < from.sigma_ve())
        .collect();
    if let Some(first) = moves.first_mut() {
        first.from = from;
    }
    moves
}

/// Moves of another schedule on the time axis of `own`, without those that lead nowhere there.
fn onto(own: &dyn NoiseSchedule, moves: &[Move]) -> Vec<Move> {
    let moved = moves.iter().map(|mv| Move {
        from: on(own, mv.from),
        to: on(own, mv.to),
    });
    moved.filter(|mv| mv.from != mv.to).collect()
}

/// The level of `schedule` with the noise of `at`, or its nearest end.
fn on(schedule: &dyn NoiseSchedule, at: Level) -> Level {
    if at.sigma == 0.0 {
        return Level::clean(0.0);
    }
    let (start, end) = schedule.domain().into_inner();
    let (least, most) = schedule.sigma_range();
    match at.with_signal().sigma_ve() {
        sigma if sigma >= most => schedule.level(end),
        sigma if sigma <= least => schedule.level(start),
        sigma => schedule.at_sigma(sigma),
    }
}

#[cfg(test)]
mod tests;
