//! The knots of a drawn schedule as they are moved by hand.

use std::cmp::Ordering;

use super::KNOTS;
use crate::math::schedule::NoiseSchedule;

/// Knots of a drawn schedule.
pub const COUNT: usize = KNOTS.len();

/// Least fall of the log-SNR from one knot to the next.
pub const GAP: f64 = 0.05;

/// Greatest size of a knot's log-SNR.
pub(super) const REACH: f64 = 30.0;

/// Log-SNR at each eighth of the way, falling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knots(pub [f64; COUNT]);

impl Knots {
    /// What lies along a schedule, as far as knots reach and [`GAP`] apart.
    pub fn along(schedule: &dyn NoiseSchedule) -> Self {
        let mut knots = std::array::from_fn(|i| {
            let at = schedule.at_share(place(i)).with_signal();
            (2.0 * at.lambda()).clamp(least(i), most(i))
        });
        for i in 1..COUNT {
            knots[i] = f64::min(knots[i], knots[i - 1] - GAP);
        }
        // Four digits are read and typed easily, and no picture shows the fifth.
        Self(knots.map(|log_snr| (1e4 * log_snr).round() / 1e4))
    }

    /// The knots with the `i`-th at another log-SNR; those that it would pass are pushed along.
    #[must_use]
    pub fn moved(mut self, i: usize, log_snr: f64) -> Self {
        let knots = &mut self.0;
        knots[i] = log_snr.clamp(least(i), most(i));
        let wanted = knots[i];
        for (j, knot) in knots.iter_mut().enumerate() {
            let room = GAP * i.abs_diff(j) as f64;
            *knot = match j.cmp(&i) {
                Ordering::Less => knot.max(wanted + room).min(REACH),
                Ordering::Equal => wanted,
                Ordering::Greater => knot.min(wanted - room).max(-REACH),
            };
        }
        self
    }
}

/// Where a knot lies, from 0 (least noise) to 1.
pub(super) fn place(i: usize) -> f64 {
    i as f64 / (COUNT - 1) as f64
}

/// Leaves room for those below.
fn least(i: usize) -> f64 {
    -REACH + GAP * (COUNT - 1 - i) as f64
}

/// Leaves room for those above.
fn most(i: usize) -> f64 {
    REACH - GAP * i as f64
}
