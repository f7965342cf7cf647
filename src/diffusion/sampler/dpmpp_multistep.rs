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
    /// Third order with the weight of the second derivative as in the paper's code and diffusers: half of what Taylor's
    /// formula says (which leaves the ODE method of second order), and one less for the SDE (which leaves it of first order).
    /// Both are measured in `tests/convergence.rs`.
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
    "Third order with the weights of the paper's code and diffusers, exact to second order only",
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
    fn order(&self) -> Option<usize> {
        let order = if self.published { self.order.min(2) } else { self.order };
        (!self.stochastic).then_some(order)
    }

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
                all => weights.third(self.published).into_iter().zip(all).collect(),
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

/// Integrals of the exponential against the powers of `τ / h` over the move.
struct Weights {
    /// Of the newest prediction.
    first: f64,
    /// Of the slope, as the chosen form of second order has it.
    second: f64,
    /// Of the slope.
    slope: f64,
    /// Of half the second derivative.
    bend: f64,
    /// What the published third order has instead.
    published_bend: f64,
}

impl Weights {
    /// `∫ e^-(h - τ) (τ / h)^k dτ`.
    fn ode(h: f64, decay: f64, form: SecondOrder) -> Self {
        let first = 1.0 - decay;
        let slope = 1.0 - first / h;
        let bend = 1.0 - 2.0 * slope / h;
        Self {
            first,
            second: if form == SecondOrder::Heun { slope } else { first / 2.0 },
            slope,
            bend,
            published_bend: bend / 2.0,
        }
    }

    /// `2 ∫ e^-2(h - τ) (τ / h)^k dτ`: the doubled rate of the reverse SDE.
    fn sde(h: f64, decay: f64, form: SecondOrder) -> Self {
        let first = 1.0 - decay * decay;
        let slope = 1.0 - first / (2.0 * h);
        let bend = 1.0 - slope / h;
        Self {
            first,
            second: if form == SecondOrder::Heun { slope } else { first / 2.0 },
            slope,
            bend,
            published_bend: bend / 2.0 - 1.0,
        }
    }

    fn third(&self, published: bool) -> [f64; 2] {
        [self.slope, if published { self.published_bend } else { self.bend }]
    }
}
