//! A schedule as four curves.

use std::rc::Rc;

use crate::{
    app::{
        quantities::{Reading, level},
        words,
    },
    math::{
        Level, Spec,
        schedule::{self, NoiseSchedule, custom::View},
    },
};

/// Points of each curve.
const CURVE: usize = 400;

/// Greatest size of a signal-to-noise ratio that is drawn, in decibels.
const DECIBELS: f64 = 60.0;

/// Name of a view over its curve.
pub(super) fn title(view: View) -> &'static str {
    match view {
        View::AlphaBar => "Signal left, ᾱ",
        View::Decibels => "Signal to noise, dB",
        View::Beta => "Noise added per step, β (log)",
        View::Sigma => "Noise level, σ",
    }
}

/// What a view shows.
pub(super) fn help(view: View) -> &'static str {
    match view {
        View::AlphaBar => "Share of the picture's variance that is left at time t: 1 is the picture, 0 is noise",
        View::Decibels => "10 log₁₀(α² / σ²): above 20 dB the picture is nearly clean, below −20 dB it is gone",
        View::Beta => "Variance of the noise that the step to time t adds",
        View::Sigma => "Standard deviation of the noise in x at time t",
    }
}

/// Where a value lies on the axis of a view.
pub(super) fn height(view: View, value: f64) -> f64 {
    match view {
        View::Beta => value.max(1e-6).log10(),
        View::Decibels => value.clamp(-DECIBELS, DECIBELS),
        View::AlphaBar | View::Sigma => value,
    }
}

/// The value at a height of the axis.
pub(super) fn value(view: View, height: f64) -> f64 {
    if view == View::Beta {
        10_f64.powf(height)
    } else {
        height
    }
}

/// A value of the axis in words.
pub(super) fn text(view: View, height: f64) -> String {
    words::number(value(view, height))
}

/// A schedule drawn.
#[derive(Clone, Debug)]
pub(super) struct Curves {
    /// Time of the noisy end.
    pub(super) last: f64,
    schedule: Rc<dyn NoiseSchedule>,
    views: [Vec<[f64; 2]>; View::ALL.len()],
}

impl Curves {
    /// Curves over the share of the schedule, 0 to 1.
    pub(super) fn new(spec: &Spec) -> Result<Self, String> {
        let schedule: Rc<dyn NoiseSchedule> = schedule::build(spec).map_err(|e| e.to_string())?.into();
        let along = |view: View| {
            let share = |i: usize| i as f64 / (CURVE - 1) as f64;
            let points = (0..CURVE).map(|i| [share(i), height(view, seen(view, &*schedule, share(i)))]);
            points.collect()
        };
        let views = View::ALL.map(along);
        Ok(Self {
            last: *schedule.domain().end(),
            schedule,
            views,
        })
    }

    /// Shares and heights.
    pub(super) fn of(&self, view: View) -> &[[f64; 2]] {
        let place = View::ALL.iter().position(|v| *v == view);
        &self.views[place.unwrap_or_default()]
    }

    /// What a view says at a share.
    pub(super) fn read(&self, view: View, share: f64) -> Reading<'_> {
        let at = self.schedule.at_share(share);
        let of = match view {
            View::AlphaBar => &level::ALPHA_BAR,
            View::Decibels => &level::SNR,
            View::Sigma => &level::SIGMA,
            View::Beta => &level::BETA,
        };
        let values = move || match view {
            View::AlphaBar => level::alpha_bar(at),
            View::Decibels => level::snr(at),
            View::Sigma => level::sigma(at),
            View::Beta => {
                let [before, now] = step(&*self.schedule, share);
                level::beta(before, now)
            }
        };
        let time = words::number((share * self.last).round());
        let told = text(view, height(view, seen(view, &*self.schedule, share)));
        of.reads(format!("t {time}   {told}"), values)
    }

    /// Parts of the schedule where the picture is nearly clean (above 20 dB) or gone (below −20 dB).
    pub(super) fn bands(&self) -> Vec<(f64, f64)> {
        let snr = self.of(View::Decibels);
        let clean = snr.iter().take_while(|p| p[1] > 20.0).last();
        let gone = snr.iter().find(|p| p[1] < -20.0);
        clean
            .map(|p| (0.0, p[0]))
            .into_iter()
            .chain(gone.map(|p| (p[0], 1.0)))
            .collect()
    }
}

/// What a view shows of a schedule at a share of it.
fn seen(view: View, schedule: &dyn NoiseSchedule, share: f64) -> f64 {
    let at = schedule.at_share(share);
    match view {
        View::AlphaBar => at.alpha.powi(2),
        View::Decibels => 10.0 * at.snr().log10(),
        View::Sigma => at.sigma,
        View::Beta => beta(schedule, share),
    }
}

/// Variance of the noise that one step of the schedule adds.
fn beta(schedule: &dyn NoiseSchedule, share: f64) -> f64 {
    let [before, now] = step(schedule, share);
    1.0 - (now.alpha / before.alpha).powi(2)
}

/// The levels before and after one step of the schedule; a thousandth of a continuous one counts as a step.
fn step(schedule: &dyn NoiseSchedule, share: f64) -> [Level; 2] {
    let (start, end) = schedule.domain().into_inner();
    let step = (end - start) / (schedule.steps().unwrap_or(1001).max(2) - 1) as f64;
    let t = start + ((share * (end - start)) / step).round() * step;
    let before = if t - step < start - step / 2.0 {
        Level::clean(t)
    } else {
        schedule.level(t - step)
    };
    [before, schedule.level(t)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn betas_are_those_of_the_formula() {
        let schedule = schedule::build(&Spec::new("linear")).unwrap();
        for (t, expected) in [(0.0, 1e-4), (999.0, 0.02), (500.0, 1e-4 + 500.0 / 999.0 * 0.0199)] {
            let found = beta(&*schedule, t / 999.0);
            assert!((found - expected).abs() < 1e-9, "{t}: {found}");
        }
    }

    #[test]
    fn clean_and_drowned_parts_are_shaded() {
        let bands = Curves::new(&Spec::new("linear")).unwrap().bands();
        assert_eq!((bands.len(), bands[0].0, bands[1].1), (2, 0.0, 1.0));
        let edge = schedule::build(&Spec::new("linear")).unwrap().at_share(bands[1].0);
        assert!((10.0 * edge.snr().log10() + 20.0).abs() < 0.3);
    }

    #[test]
    fn an_axis_reads_what_was_written_on_it() {
        for (view, shown) in [
            (View::AlphaBar, 0.3),
            (View::Decibels, -7.0),
            (View::Beta, 2e-3),
            (View::Sigma, 0.9),
        ] {
            assert!(
                (value(view, height(view, shown)) / shown - 1.0).abs() < 1e-12,
                "{view:?}"
            );
        }
        assert_eq!(height(View::Decibels, 300.0), DECIBELS);
    }
}
