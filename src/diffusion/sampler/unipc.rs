//! `UniPC` (Zhao et al. 2023): a predictor, and a corrector that needs no further network call.
//!
//! In the half log-SNR with `hh = -h`, `E = e^hh - 1` and the last predictions `m`, both are
//! `x_to = sigma_to / sigma x - alpha_to E m0 - alpha_to B(h) sum_k rho_k (m_k - m0) / r_k`; the corrector's last `m_k` is
//! the prediction at the point that the predictor reached.

use candle_core::Tensor;

use super::{Context, Sampler, combine, contiguous};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Move, Param},
};

mod weights;

use weights::weights;

/// The multistep predictor-corrector of order 1, 2 or 3 in the prediction of the clean sample.
pub struct UniPc {
    /// How many predictions the predictor uses.
    pub order: usize,
    /// `B(h)`.
    pub variant: Variant,
    /// Lower the order at the end.
    pub lower_order_final: bool,
}

/// The paper's two choices of `B(h)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// `B(h) = -h`.
    Bh1,
    /// `B(h) = e^-h - 1`.
    Bh2,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "unipc",
    label: "UniPC",
    help: "Predicts and corrects at one call a step; good from five steps on",
    source: "arXiv:2302.04867",
    params: &[
        Param::int("order", 1, 3, 2, "How many predictions are used"),
        Param::choice("variant", &["bh2", "bh1"], "Which of the paper's two weightings"),
        Param::flag("lower-order-final", true, "Lower the order at the end"),
    ],
    build: |p| {
        Ok(Box::new(UniPc {
            order: p.count("order"),
            variant: match p.text("variant") {
                "bh1" => Variant::Bh1,
                _ => Variant::Bh2,
            },
            lower_order_final: p.flag("lower-order-final"),
        }))
    },
};

impl Sampler for UniPc {
    /// The corrector adds one to the order of the predictor.
    fn order(&self) -> Option<usize> {
        Some(self.order + 1)
    }

    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let belief = context.predict(x, mv.from.with_signal())?;
        let run = contiguous(past, mv);
        let x = match run.split_last() {
            Some((last, before)) => {
                let order = self.order_with(run.len(), context.left + 2);
                let before = &before[before.len() + 1 - order..];
                self.update(last, before, Some(&belief.x0))?
            }
            None => x.clone(),
        };
        let mut step = Step {
            mv,
            next: x.clone(),
            x,
            belief,
        };
        let order = self.order_with(run.len() + 1, context.left + 1);
        step.next = if mv.to.sigma == 0.0 {
            step.belief.x0.clone()
        } else {
            self.update(&step, &run[run.len() + 1 - order..], None)?
        };
        Ok(step)
    }
}

impl UniPc {
    /// The order of a predictor that has `known` predictions and is the `left`-th move from the end.
    fn order_with(&self, known: usize, left: usize) -> usize {
        let last = if self.lower_order_final { left } else { usize::MAX };
        self.order.min(known).min(last)
    }

    /// The state after the move of `step`. `before`: the steps before it that are used, newest last. `reached`: the
    /// prediction at the end of the move, which makes a corrector of it.
    fn update(&self, step: &Step, before: &[Step], reached: Option<&Tensor>) -> Result<Tensor> {
        let Move { from, to } = step.mv.with_signal();
        let h = to.lambda() - from.lambda();
        let m0 = &step.belief.x0;
        let ratio = |other: &Step| (other.mv.with_signal().from.lambda() - from.lambda()) / h;
        let mut nodes: Vec<f64> = before.iter().rev().map(ratio).collect();
        let mut values: Vec<&Tensor> = before.iter().rev().map(|s| &s.belief.x0).collect();
        if let Some(m) = reached {
            nodes.push(1.0);
            values.push(m);
        }
        let b = match self.variant {
            Variant::Bh1 => -h,
            Variant::Bh2 => (-h).exp_m1(),
        };
        let base = ((&step.x * (to.sigma / from.sigma))? - (m0 * (to.alpha * (-h).exp_m1()))?)?;
        if nodes.is_empty() {
            return Ok(base);
        }
        let rho = weights(&nodes, -h, b);
        let differences = values.iter().map(|m| *m - m0).collect::<Result<Vec<_>>>()?;
        let terms = rho.iter().zip(&nodes).map(|(rho, r)| rho / r).zip(&differences);
        base - (combine(terms)? * (to.alpha * b))?
    }
}
