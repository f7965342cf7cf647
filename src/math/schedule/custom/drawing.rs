//! A drawn schedule as it is edited.

use super::{ENTRY, KNOTS, Knots};
use crate::math::{
    Params, Spec, SpecError,
    schedule::{self, NoiseSchedule},
    spec::Value,
};

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
    let at = schedule.at_share(u);
    at.alpha.powi(2) / (at.alpha.powi(2) + at.sigma.powi(2))
}
