//! Registry entries of the singlestep methods.

use super::{Between, DpmppSinglestep, Form, Sampler};
use crate::math::{Entry, Param, Params, SpecError};

const BETWEEN: Param = Param::choice(
    "between",
    &["own", "grid"],
    "Where further predictions are made; with grid, as many moves as the order make one step",
);
const SOLVER: Param = Param::choice("solver", &["midpoint", "heun"], "How the predictions are weighed");

/// Registry entry.
pub const ENTRY_1S: Entry<dyn Sampler> = Entry {
    id: "dpmpp-1s",
    label: "DPM-Solver++ 1S",
    help: "First order; the same path as DDIM",
    source: "arXiv:2211.01095",
    params: &[],
    build: |_| {
        Ok(Box::new(DpmppSinglestep {
            order: 1,
            between: Between::Own,
            form: Form::Midpoint,
        }))
    },
};

/// Registry entry.
pub const ENTRY_2S: Entry<dyn Sampler> = Entry {
    id: "dpmpp-2s",
    label: "DPM-Solver++ 2S",
    help: "Second order, two network calls a step, no memory",
    source: "arXiv:2211.01095",
    params: &[BETWEEN, SOLVER],
    build: |p| build(p, 2),
};

/// Registry entry.
pub const ENTRY_3S: Entry<dyn Sampler> = Entry {
    id: "dpmpp-3s",
    label: "DPM-Solver++ 3S",
    help: "Third order, three network calls a step, no memory",
    source: "arXiv:2211.01095",
    params: &[BETWEEN, SOLVER],
    build: |p| build(p, 3),
};

#[expect(clippy::unnecessary_wraps, reason = "the type of Entry::build")]
fn build(p: &Params, order: usize) -> Result<Box<dyn Sampler>, SpecError> {
    let chosen = |id: &str, word: &str| p.text(id) == word;
    Ok(Box::new(DpmppSinglestep {
        order,
        between: if chosen(BETWEEN.id, "grid") {
            Between::Grid
        } else {
            Between::Own
        },
        form: if chosen(SOLVER.id, "heun") {
            Form::Heun
        } else {
            Form::Midpoint
        },
    }))
}
