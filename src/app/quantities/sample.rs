//! What the views of a step say of all its numbers.

use super::{Quantity, digits};
use crate::{app::words, engine::event::StepFrame, math::Frame};

/// The noisy state.
pub static STATE: Quantity = Quantity {
    name: "Mean and deviation of the state xₜ",
    said: "Over all numbers of all samples. It begins with those of the noise and ends with those of the data; a deviation \
           that leaves this way shows a step that is too long or guidance that is too strong.",
    formula: "xₜ = α x₀ + σ ε\nmean m = Σ xᵢ ∕ n,  std = √(Σ (xᵢ − m)² ∕ n)",
    source: "Ho et al. 2020, eq. 4",
};

/// The clean guess.
pub static CLEAN: Quantity = Quantity {
    name: "Mean and deviation of the clean guess x\u{302}₀",
    said: "Over all numbers of all samples. The guess is the mean of all that is still possible: near pure noise its \
           deviation is small, because it is blurred.",
    formula: "x\u{302}₀ = (xₜ − σ ε\u{302}) ∕ α\nmean m = Σ xᵢ ∕ n,  std = √(Σ (xᵢ − m)² ∕ n)",
    source: "Ho et al. 2020, eq. 15",
};

/// The noise guess.
pub static NOISE: Quantity = Quantity {
    name: "Mean and deviation of the noise guess ε\u{302}",
    said: "Over all numbers of all samples. Noise itself has mean 0 and deviation 1; the guess varies a little less, because \
           it is the mean of all noise that is possible.",
    formula: "ε\u{302} = (xₜ − α x\u{302}₀) ∕ σ\nmean m = Σ εᵢ ∕ n,  std = √(Σ (εᵢ − m)² ∕ n)",
    source: "Ho et al. 2020, eq. 15, solved for the noise",
};

/// What a move changed.
pub static CHANGE: Quantity = Quantity {
    name: "Change by the last step",
    said: "How far each number moved, on average over all of them. The sum over the steps is the length of the way.",
    formula: "Σ |xᵢ′ − xᵢ| ∕ n",
    source: "",
};

/// How many numbers there are.
fn numbers(frame: &Frame) -> (usize, usize, usize) {
    match frame {
        Frame::Points { xy } => (xy.len() / 2, 2, xy.len()),
        &Frame::Pixels {
            channels,
            height,
            width,
            ..
        } => {
            let each = channels * height * width;
            (frame.count(), each, frame.count() * each)
        }
    }
}

/// Mean and deviation of what a view shows at a step.
pub fn statistics(step: &StepFrame, (mean, std): (f32, f32)) -> String {
    let (samples, each, n) = numbers(&step.x);
    format!(
        "α = {},  σ = {}\nn = {samples} · {each} = {n}\nm = {mean:+.4},  std = {std:.4}",
        digits(step.level.alpha),
        digits(step.level.sigma)
    )
}

/// What the move before `step` changed.
pub fn change(before: &StepFrame, step: &StepFrame) -> String {
    let (_, _, n) = numbers(&step.x);
    format!(
        "t {} → {}\nΣ |xᵢ′ − xᵢ| = {}\n{} ∕ {n} = {:.3}",
        words::number(before.level.t),
        words::number(step.level.t),
        digits(f64::from(before.change) * n as f64),
        digits(f64::from(before.change) * n as f64),
        before.change
    )
}
