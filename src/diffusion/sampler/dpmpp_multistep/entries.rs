//! Registry entries of the multistep methods.

use super::{DpmppMultistep, Sampler, SecondOrder};
use crate::math::{Entry, Param, Params, SpecError};

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
fn build(p: &Params, order: usize, stochastic: bool) -> Result<Box<dyn Sampler>, SpecError> {
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
