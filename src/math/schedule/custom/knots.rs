//! The knots of a drawn schedule as they are moved by hand.

use std::cmp::Ordering;

use super::{ENTRY, KNOTS};
use crate::math::{
    Params, Spec, SpecError,
    schedule::{self, NoiseSchedule},
    spec::Value,
};

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
        let (start, end) = schedule.domain().into_inner();
        let mut knots = std::array::from_fn(|i| {
            let at = schedule.level(start + (end - start) * place(i)).with_signal();
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

/// A drawn schedule, taken apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawing {
    /// Its knots.
    pub knots: Knots,
    /// Number of noise levels.
    pub steps: usize,
    /// Whether the last level has no signal.
    pub zero_snr: bool,
}

impl Drawing {
    /// That of a choice; `None` where it is another schedule, lists its betas or is not sound.
    pub fn of(spec: &Spec) -> Option<Self> {
        let is_drawn = spec.id == ENTRY.id;
        let p = is_drawn.then(|| Params::check(ENTRY.params, &spec.values).ok())??;
        p.text("betas").is_empty().then(|| Self {
            knots: Knots(KNOTS.map(|id| p.real(id))),
            steps: p.count("steps"),
            zero_snr: p.flag("zero-snr"),
        })
    }

    /// A drawn schedule along another one, of continuous ones with 1000 levels.
    ///
    /// # Errors
    /// If the other one cannot be built.
    pub fn along(spec: &Spec) -> Result<Self, SpecError> {
        let whole = schedule::build(spec)?;
        let zero_snr = whole.level(*whole.domain().end()).alpha == 0.0;
        // What is brought to zero afterwards is drawn as it was before.
        let mut before = spec.clone();
        before.values.remove("zero-snr");
        Ok(Self {
            knots: Knots::along(&*schedule::build(&before)?),
            steps: whole.steps().unwrap_or(1000),
            zero_snr,
        })
    }

    /// The choice that draws this.
    pub fn spec(&self) -> Spec {
        let spec = Spec::new(ENTRY.id)
            .with("steps", Value::Int(self.steps as i64))
            .with("zero-snr", Value::Flag(self.zero_snr));
        let knots = KNOTS.into_iter().zip(self.knots.0);
        knots.fold(spec, |spec, (id, log_snr)| spec.with(id, Value::Real(log_snr)))
    }
}

/// How far two schedules are apart at most: the difference of their shares of signal, `SNR / (1 + SNR)`, at the same share of
/// the way.
pub fn departure(a: &dyn NoiseSchedule, b: &dyn NoiseSchedule) -> f64 {
    const PLACES: usize = 400;
    (0..=PLACES)
        .map(|i| i as f64 / PLACES as f64)
        .map(|u| (signal(a, u) - signal(b, u)).abs())
        .fold(0.0, f64::max)
}

/// Share of the signal in the variance.
fn signal(schedule: &dyn NoiseSchedule, u: f64) -> f64 {
    let (start, end) = schedule.domain().into_inner();
    let at = schedule.level(start + (end - start) * u);
    at.alpha.powi(2) / (at.alpha.powi(2) + at.sigma.powi(2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn default() -> Drawing {
        Drawing::of(&Spec::new("custom")).unwrap()
    }

    fn is_sound(Knots(knots): Knots) -> bool {
        knots.windows(2).all(|w| w[0] - w[1] > GAP - 1e-9) && knots.iter().all(|k| k.abs() <= REACH)
    }

    proptest! {
        #[test]
        fn no_sequence_of_drags_breaks_the_fall(drags in prop::collection::vec((0..COUNT, -200.0..200.0_f64), 1..40)) {
            let mut drawing = default();
            for (i, wanted) in drags {
                drawing.knots = drawing.knots.moved(i, wanted);
                prop_assert!(is_sound(drawing.knots), "{drawing:?}");
                let schedule = schedule::build(&drawing.spec()).unwrap();
                let levels: Vec<_> = (0..1000).map(|t| schedule.level(f64::from(t)).sigma_ve()).collect();
                prop_assert!(levels.windows(2).all(|w| w[0] <= w[1]), "{drawing:?}");
            }
        }

        #[test]
        fn a_knot_lies_where_it_was_put_and_others_give_way_only_when_passed(i in 0..COUNT, wanted in -12.0..10.0_f64) {
            let before = default().knots;
            let after = before.moved(i, wanted);
            prop_assert_eq!(after.0[i], wanted);
            for j in 0..COUNT {
                let room = GAP * i.abs_diff(j) as f64;
                let is_passed = if j < i { before.0[j] < wanted + room } else { before.0[j] > wanted - room };
                prop_assert!(j == i || is_passed || after.0[j] == before.0[j], "{j}: {after:?}");
            }
        }
    }

    #[test]
    fn what_is_drawn_is_read_again() {
        let drawing = Drawing {
            knots: default().knots.moved(3, 2.25),
            steps: 400,
            zero_snr: true,
        };
        assert_eq!(Drawing::of(&drawing.spec()), Some(drawing));
        assert_eq!(Drawing::of(&Spec::new("linear")), None);
        assert_eq!(
            Drawing::of(&Spec::new("custom").with("betas", Value::Text("0.1".into()))),
            None
        );
    }

    /// Nine knots follow nearly every schedule of the program to a few percent of the signal.
    #[test]
    fn presets_can_be_drawn_on_from() {
        for entry in schedule::ENTRIES {
            for zero_snr in [false, true] {
                let mut spec = Spec::new(entry.id);
                if zero_snr && entry.params.iter().any(|p| p.id == "zero-snr") {
                    spec = spec.with("zero-snr", Value::Flag(true));
                }
                let drawing = Drawing::along(&spec).unwrap();
                assert!(is_sound(drawing.knots), "{}: {drawing:?}", entry.id);
                let [preset, drawn] = [&spec, &drawing.spec()].map(|spec| schedule::build(spec).unwrap());
                let apart = departure(&*preset, &*drawn);
                let most = match entry.id {
                    // Both have ends that are steeper than the curve between two knots.
                    "laplace" => 0.26,
                    "sqrt" => 0.13,
                    _ => 0.05,
                };
                assert!(apart < most, "{} {zero_snr}: {apart}", entry.id);
            }
        }
    }

    #[test]
    fn a_drawn_schedule_follows_itself_exactly() {
        let spec = default().spec();
        let [a, b] = [&spec, &Drawing::along(&spec).unwrap().spec()].map(|spec| schedule::build(spec).unwrap());
        assert!(departure(&*a, &*b) < 1e-4, "{}", departure(&*a, &*b));
    }
}
