//! A drawn schedule: nine values of the log-SNR and the smooth falling curve through them, or every beta one by one.

use super::{NoiseSchedule, Table, params};
use crate::math::{Entry, Param, Params, SpecError};

mod drawing;
mod knots;
mod view;

pub use drawing::{Drawing, departure};
pub use knots::{COUNT, GAP, Knots};
pub use view::View;

const fn knot(id: &'static str, default: f64) -> Param {
    Param::real(
        id,
        -knots::REACH,
        knots::REACH,
        default,
        "ln(alpha² / sigma²) at this eighth of the way",
    )
}

/// Ids of the knots, from the clean to the noisy end.
pub const KNOTS: [&str; 9] = [
    "log-snr-0",
    "log-snr-1",
    "log-snr-2",
    "log-snr-3",
    "log-snr-4",
    "log-snr-5",
    "log-snr-6",
    "log-snr-7",
    "log-snr-8",
];

/// Registry entry. The defaults follow the cosine schedule.
pub const ENTRY: Entry<dyn NoiseSchedule> = Entry {
    id: "custom",
    label: "Drawn",
    help: "Drag the signal-to-noise curve yourself",
    source: "",
    params: &[
        params::STEPS,
        knot(KNOTS[0], 10.0),
        knot(KNOTS[1], 3.1),
        knot(KNOTS[2], 1.7),
        knot(KNOTS[3], 0.8),
        knot(KNOTS[4], 0.0),
        knot(KNOTS[5], -0.8),
        knot(KNOTS[6], -1.8),
        knot(KNOTS[7], -3.3),
        knot(KNOTS[8], -12.0),
        params::ZERO_SNR,
        Param::text(
            "betas",
            "",
            "Every beta one by one, as models made elsewhere bring them, instead of the curve",
        )
        .or_else("by curve"),
    ],
    build,
};

fn build(p: &Params) -> Result<Box<dyn NoiseSchedule>, SpecError> {
    let table = match p.text("betas") {
        "" => drawn(p)?,
        text => listed(text, p.count("steps"))?,
    };
    Ok(Box::new(table.with_end(p)))
}

/// As many betas as there are steps, separated by spaces.
fn listed(text: &str, steps: usize) -> Result<Table, SpecError> {
    let fault = |found: String, expected: String| SpecError::BadValue {
        param: "betas",
        found,
        expected,
    };
    let read = |word: &str| {
        let beta = word.parse().ok().filter(|beta| (0.0..=0.9999).contains(beta));
        beta.ok_or_else(|| fault(word.into(), "numbers from 0 to 0.9999, separated by spaces".into()))
    };
    let betas: Vec<f64> = text.split_whitespace().map(read).collect::<Result<_, _>>()?;
    if betas.len() != steps {
        let expected = format!("as many as there are steps, {steps}");
        return Err(fault(format!("{} numbers", betas.len()), expected));
    }
    Ok(Table::from_betas(betas.into_iter()))
}

fn drawn(p: &Params) -> Result<Table, SpecError> {
    let knots = KNOTS.map(|id| p.real(id));
    if let Some(i) = (1..knots.len()).find(|&i| knots[i] >= knots[i - 1]) {
        return Err(SpecError::Impossible(format!(
            "the log-SNR must fall from knot to knot, but “{}” is {} after {}",
            KNOTS[i],
            knots[i],
            knots[i - 1]
        )));
    }
    let curve = Monotone::through(&knots);
    let steps = p.count("steps");
    let alpha_bar = params::line(0.0, 1.0, steps).map(|u| params::logistic(curve.at(u)));
    Ok(Table::new(alpha_bar.collect()))
}

/// Piecewise cubic without overshoot through values at even distances (Fritsch and Butland 1984).
struct Monotone<'a> {
    values: &'a [f64],
    slopes: Vec<f64>,
}

impl<'a> Monotone<'a> {
    /// At least two values, all rising or all falling.
    fn through(values: &'a [f64]) -> Self {
        let rise: Vec<f64> = values.windows(2).map(|w| w[1] - w[0]).collect();
        // The harmonic mean of neighbouring slopes keeps each piece between its ends.
        let inner = rise.windows(2).map(|w| 2.0 / (w[0].recip() + w[1].recip()));
        let slopes = rise[..1]
            .iter()
            .copied()
            .chain(inner)
            .chain(rise[rise.len() - 1..].iter().copied());
        Self {
            values,
            slopes: slopes.collect(),
        }
    }

    /// The value at `u` of `[0, 1]`.
    fn at(&self, u: f64) -> f64 {
        let pieces = self.values.len() - 1;
        let x = u.clamp(0.0, 1.0) * pieces as f64;
        let i = (x as usize).min(pieces - 1);
        let h = x - i as f64;
        let (rest, bend) = (1.0 - h, h * (1.0 - h));
        // Cubic Hermite basis.
        self.values[i] * rest * rest * (1.0 + 2.0 * h)
            + self.values[i + 1] * h * h * (3.0 - 2.0 * h)
            + self.slopes[i] * bend * rest
            - self.slopes[i + 1] * bend * h
    }
}

#[cfg(test)]
mod tests;
