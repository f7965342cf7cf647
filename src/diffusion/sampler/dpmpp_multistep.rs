//! DPM-Solver++ (Lu et al. 2022): the exact solution of the linear part, and a polynomial in `λ = ln(alpha / sigma)`
//! through the last predictions of the clean sample.

use candle_core::Tensor;

use super::{Context, Sampler, combine, contiguous};
use crate::{
    diffusion::{Result, Step},
    math::{Entry, Move, Param, Params, SpecError},
};

/// The multistep method of order 1, 2 or 3, deterministic or with the noise of the reverse SDE.
pub struct DpmppMultistep {
    /// How many predictions are used.
    pub order: usize,
    /// Solve the SDE instead of the ODE.
    pub stochastic: bool,
    /// How the second order weighs the difference of the predictions.
    pub second_order: SecondOrder,
    /// Lower the order near the end where there are fewer than 15 moves, as diffusers does.
    pub lower_order_final: bool,
    /// Third order as published: its second derivative counts half of what Taylor's formula says, which leaves the method
    /// of second order (measured in `tests/convergence.rs`).
    pub published: bool,
}

/// Two second-order updates that differ by terms of third order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondOrder {
    /// Half the first-order weight.
    Midpoint,
    /// The exact integral of the straight line.
    Heun,
}

const SOLVER: Param = Param::choice("solver", &["midpoint", "heun"], "Form of the second-order update");
const LOWER: Param = Param::flag(
    "lower-order-final",
    true,
    "With fewer than 15 steps, lower the order near the end",
);

const PUBLISHED: Param = Param::flag(
    "published",
    false,
    "Third order with the halved second derivative of the paper's code and diffusers",
);

/// Registry entry.
pub const ENTRY_2M: Entry<dyn Sampler> = Entry {
    id: "dpmpp-2m",
    label: "DPM-Solver++ 2M",
    help: "Second order at one call a step; good from ten steps on",
    source: "arXiv:2211.01095",
    params: &[
        Param::int("order", 1, 2, 2, "How many predictions are used"),
        SOLVER,
        LOWER,
    ],
    build: |p| build(p, p.count("order"), false),
};

/// Registry entry.
pub const ENTRY_3M: Entry<dyn Sampler> = Entry {
    id: "dpmpp-3m",
    label: "DPM-Solver++ 3M",
    help: "Third order at one call a step; for smooth models",
    source: "arXiv:2211.01095",
    params: &[SOLVER, LOWER, PUBLISHED],
    build: |p| build(p, 3, false),
};

/// Registry entry.
pub const ENTRY_2M_SDE: Entry<dyn Sampler> = Entry {
    id: "dpmpp-2m-sde",
    label: "DPM-Solver++ 2M SDE",
    help: "Second order with fresh noise at each step",
    source: "arXiv:2211.01095",
    params: &[
        Param::int("order", 1, 3, 2, "How many predictions are used"),
        SOLVER,
        LOWER,
        PUBLISHED,
    ],
    build: |p| build(p, p.count("order"), true),
};

#[expect(clippy::unnecessary_wraps, reason = "the type of Entry::build")]
fn build(p: &Params, order: usize, stochastic: bool) -> std::result::Result<Box<dyn Sampler>, SpecError> {
    Ok(Box::new(DpmppMultistep {
        order,
        stochastic,
        second_order: match p.text("solver") {
            "heun" => SecondOrder::Heun,
            _ => SecondOrder::Midpoint,
        },
        lower_order_final: p.flag("lower-order-final"),
        published: p.has("published") && p.flag("published"),
    }))
}

impl Sampler for DpmppMultistep {
    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        let Move { from, to } = mv.with_signal();
        let belief = context.predict(x, from)?;
        let run = contiguous(past, mv);
        let order = self.order_of(mv, context).min(run.len() + 1);
        let h = to.lambda() - from.lambda();
        // e^-h; the ratios stay finite at sigma = 0 where the logarithms do not.
        let decay = to.sigma * from.alpha / (to.alpha * from.sigma);
        let weights = if self.stochastic {
            Weights::sde(h, decay, self.second_order)
        } else {
            Weights::ode(h, decay, self.second_order)
        };
        let kept = to.sigma / from.sigma * if self.stochastic { decay } else { 1.0 };
        let mut next = ((x * kept)? + (&belief.x0 * (to.alpha * weights.first))?)?;
        if order > 1 {
            let differences = differences(mv, &belief.x0, &run[run.len() + 1 - order..], h)?;
            let terms = match &differences[..] {
                [d1] => vec![(weights.second, d1)],
                all => self.third(weights.third).into_iter().zip(all).collect(),
            };
            next = (next + (combine(terms)? * to.alpha)?)?;
        }
        let noise = if self.stochastic {
            to.sigma * (1.0 - decay * decay).sqrt()
        } else {
            0.0
        };
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next: context.add_noise(next, noise)?,
        })
    }
}

impl DpmppMultistep {
    fn third(&self, [slope, bend]: [f64; 2]) -> [f64; 2] {
        [slope, if self.published { bend } else { 2.0 * bend }]
    }

    /// The order that this move is allowed: first order where it ends without noise.
    fn order_of(&self, mv: Move, context: &Context<'_>) -> usize {
        let few = self.lower_order_final && context.total < 15;
        if mv.to.sigma == 0.0 {
            1
        } else if few {
            self.order.min(context.left + 1)
        } else {
            self.order
        }
    }
}

/// Divided differences of the predictions in units of `h`: the slope, or the slope here and half the second derivative. `before` holds
/// one or two steps, newest last.
fn differences(mv: Move, m0: &Tensor, before: &[Step], h: f64) -> Result<Vec<Tensor>> {
    let lambda = |mv: Move| mv.with_signal().from.lambda();
    let quotient = |new: &Tensor, old: &Tensor, r: f64| (new - old)? / r;
    match before {
        [one] => Ok(vec![quotient(m0, &one.belief.x0, (lambda(mv) - lambda(one.mv)) / h)?]),
        [two, one] => {
            let r0 = (lambda(mv) - lambda(one.mv)) / h;
            let r1 = (lambda(one.mv) - lambda(two.mv)) / h;
            let near = quotient(m0, &one.belief.x0, r0)?;
            let far = quotient(&one.belief.x0, &two.belief.x0, r1)?;
            let bend = ((&near - far)? / (r0 + r1))?;
            Ok(vec![(near + (&bend * r0)?)?, bend])
        }
        _ => Ok(Vec::new()),
    }
}

/// Integrals of the exponential against the powers of the polynomial.
struct Weights {
    /// Of the newest prediction.
    first: f64,
    /// Of the difference, at second order.
    second: f64,
    /// Of the first and the second derivative, at third order.
    third: [f64; 2],
}

impl Weights {
    fn ode(h: f64, decay: f64, form: SecondOrder) -> Self {
        let first = 1.0 - decay;
        let slope = (decay - 1.0) / h + 1.0;
        Self {
            first,
            second: if form == SecondOrder::Heun { slope } else { first / 2.0 },
            third: [slope, 0.5 - (decay - 1.0 + h) / (h * h)],
        }
    }

    /// The same integrals with the doubled rate of the reverse SDE.
    fn sde(h: f64, decay: f64, form: SecondOrder) -> Self {
        let first = 1.0 - decay * decay;
        let slope = 1.0 - first / (2.0 * h);
        Self {
            first,
            second: if form == SecondOrder::Heun { slope } else { first / 2.0 },
            third: [slope, (first - 2.0 * h) / (4.0 * h * h) - 0.5],
        }
    }
}
