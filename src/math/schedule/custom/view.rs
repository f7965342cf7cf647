//! The quantities in which a knot is seen and dragged.

use std::f64::consts::LN_10;

use super::{
    drawing::Drawing,
    knots::{COUNT, Knots, place},
};
use crate::math::schedule::params::logistic;

/// A quantity that a schedule is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// `ᾱ`, the share of the signal.
    AlphaBar,
    /// `10 log₁₀ SNR`.
    Decibels,
    /// `σ = √(1 - ᾱ)`.
    Sigma,
    /// The mean variance that the steps from the knot before to this one add.
    Beta,
}

impl View {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::AlphaBar, Self::Decibels, Self::Beta, Self::Sigma];

    /// Where the `i`-th knot is seen, from 0 (least noise) to 1: a rate belongs to the way to the knot.
    pub fn place(self, i: usize) -> f64 {
        match self {
            Self::Beta => f64::midpoint(place(i.saturating_sub(1)), place(i)),
            _ => place(i),
        }
    }

    /// What is seen of the `i`-th knot; `None` where it cannot be dragged in this view.
    pub fn value(self, drawing: &Drawing, i: usize) -> Option<f64> {
        // Where the end is brought to pure noise, nothing shows its knot.
        if i + 1 == COUNT && drawing.zero_snr {
            return None;
        }
        let alpha_bar = drawing.alpha_bar(i);
        match self {
            Self::AlphaBar => Some(alpha_bar),
            Self::Decibels => Some(10.0 / LN_10 * logit(alpha_bar)),
            Self::Sigma => Some((1.0 - alpha_bar).sqrt()),
            Self::Beta if i == 0 => None,
            Self::Beta => {
                let kept = (alpha_bar / drawing.alpha_bar(i - 1)).ln();
                Some(-(kept / drawing.steps_between()).exp_m1())
            }
        }
    }

    /// The knots with the `i`-th where this view shows `value`, or as near as it can come.
    pub fn moved(self, drawing: &Drawing, i: usize, value: f64) -> Knots {
        let alpha_bar = match self {
            Self::AlphaBar => value,
            Self::Decibels => logistic(value * LN_10 / 10.0),
            Self::Sigma => 1.0 - value.clamp(0.0, 1.0).powi(2),
            Self::Beta => {
                let kept = (-value.clamp(0.0, 1.0)).ln_1p() * drawing.steps_between();
                drawing.alpha_bar(i.saturating_sub(1)) * kept.exp()
            }
        };
        drawing.knots.moved(i, drawing.log_snr(i, alpha_bar.clamp(0.0, 1.0)))
    }
}

impl Drawing {
    /// `ᾱ` at a knot, the end brought to zero where that is wanted.
    fn alpha_bar(&self, i: usize) -> f64 {
        let root = self.root(i);
        if !self.zero_snr {
            return root * root;
        }
        let (first, last) = (self.root(0), self.root(COUNT - 1));
        ((root - last) * first / (first - last)).powi(2)
    }

    /// The log-SNR of a knot that makes `ᾱ` there: the way back.
    fn log_snr(&self, i: usize, alpha_bar: f64) -> f64 {
        // The first level stays where it is.
        if !self.zero_snr || i == 0 {
            return logit(alpha_bar);
        }
        let (first, last) = (self.root(0), self.root(COUNT - 1));
        logit((alpha_bar.sqrt() * (first - last) / first + last).powi(2))
    }

    /// `√ᾱ` of a knot itself.
    fn root(&self, i: usize) -> f64 {
        logistic(self.knots.0[i]).sqrt()
    }

    fn steps_between(&self) -> f64 {
        (self.steps - 1) as f64 / (COUNT - 1) as f64
    }
}

fn logit(p: f64) -> f64 {
    p.ln() - (-p).ln_1p()
}
