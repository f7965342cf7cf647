//! Singlestep DPM-Solver++ (Lu et al. 2022, algorithm 1, and the third order of DPM-Solver, algorithm 2, in the prediction of
//! the clean sample): further predictions, between the ends of a step, carry it.
//!
//! With `h` the distance in `λ` and `D(r) = (m(λ + r h) - m(λ)) / r` the step is
//! `x_to = sigma_to / sigma x + alpha_to ((1 - e^-h) m + φ D)`, where `φ` is `(1 - e^-h) / 2` in the midpoint form of second
//! order, and otherwise `1 - (1 - e^-h) / h`, the exact integral of the straight line.

use candle_core::Tensor;

use super::{Context, Sampler, combine, contiguous};
use crate::{
    diffusion::{Prediction, Result, Step},
    math::{Level, Move},
};

mod entries;

pub use entries::{ENTRY_1S, ENTRY_2S, ENTRY_3S};

/// The singlestep method of order 1, 2 or 3.
pub struct DpmppSinglestep {
    /// How many predictions make a step.
    pub order: usize,
    /// Where they are made.
    pub between: Between,
    /// How they are weighed.
    pub form: Form,
}

/// Where the further predictions of a step are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// Half-way in `λ`, or at both thirds: no memory, which suits branching.
    Own,
    /// At the grid's own points: as many moves as the order make one step, as in diffusers.
    Grid,
}

/// Updates that differ by terms beyond their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The newest prediction alone; of third order where it lies at two thirds.
    Midpoint,
    /// The polynomial through all predictions, integrated exactly.
    Heun,
}

impl Sampler for DpmppSinglestep {
    fn order(&self) -> Option<usize> {
        Some(self.order)
    }

    fn calls(&self) -> Option<usize> {
        match self.between {
            Between::Own => Some(self.order),
            Between::Grid => Some(1),
        }
    }

    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let Move { from, to } = mv.with_signal();
        let belief = context.predict(x, from)?;
        let next = match self.between {
            _ if to.sigma == 0.0 => belief.x0.clone(),
            Between::Own => self.with_own_points(x, &belief, from, to, context)?,
            Between::Grid => {
                let index = context.total - context.left - 1;
                let run = contiguous(past, mv);
                let first = &run[run.len() - run.len().min(index % self.order)..];
                let known = first.iter().map(|s| (s.mv.with_signal().from, &s.belief.x0));
                let known: Vec<_> = known.chain([(from, &belief.x0)]).collect();
                self.update(first.first().map_or(x, |s| &s.x), &known, to)?
            }
        };
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next,
        })
    }
}

impl DpmppSinglestep {
    fn with_own_points(
        &self,
        x: &Tensor,
        belief: &Prediction,
        from: Level,
        to: Level,
        context: &Context<'_>,
    ) -> Result<Tensor> {
        let mut known = vec![(from, belief.x0.clone())];
        for i in 1..self.order {
            let share = i as f64 / self.order as f64;
            let place = from.sigma_ve().powf(1.0 - share) * to.sigma_ve().powf(share);
            let at = context.schedule.at_sigma(place);
            let there = self.update(x, &borrowed(&known), at)?;
            known.push((at, context.predict(&there, at)?.x0));
        }
        self.update(x, &borrowed(&known), to)
    }

    /// From `x` at the first of the `known` predictions to `to`.
    fn update(&self, x: &Tensor, known: &[(Level, &Tensor)], to: Level) -> Result<Tensor> {
        let (from, m) = known[0];
        let h = to.lambda() - from.lambda();
        let first = -(-h).exp_m1();
        let slope = 1.0 - first / h;
        let bend = 1.0 - 2.0 * slope / h;
        let share = |i: usize| (known[i].0.lambda() - from.lambda()) / h;
        // Weights of D(r) for each further prediction.
        let weights: Vec<(f64, usize)> = match (known.len(), self.form) {
            (1, _) => Vec::new(),
            (2, Form::Midpoint) => vec![(first / 2.0, 1)],
            (2, Form::Heun) => vec![(slope, 1)],
            (_, Form::Midpoint) => vec![(slope, 2)],
            (_, Form::Heun) => {
                let (r1, r2) = (share(1), share(2));
                let apart = r2 - r1;
                vec![((slope * r2 - bend) / apart, 1), ((bend - slope * r1) / apart, 2)]
            }
        };
        let of_others = weights.iter().map(|&(w, i)| (w / share(i), i));
        let of_first = first - of_others.clone().map(|(w, _)| w).sum::<f64>();
        let terms = of_others.map(|(w, i)| (to.alpha * w, known[i].1));
        combine(
            [(to.sigma / from.sigma, x), (to.alpha * of_first, m)]
                .into_iter()
                .chain(terms),
        )
    }
}

fn borrowed(known: &[(Level, Tensor)]) -> Vec<(Level, &Tensor)> {
    known.iter().map(|(at, m)| (*at, m)).collect()
}
