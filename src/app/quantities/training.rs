//! The numbers of a training.

use super::{Quantity, digits};
use crate::{
    app::{run_view::RunView, words},
    engine::event::Estimate,
    files::Recipe,
    nn::optim,
};

/// Weights below this no longer show in a fading average.
const FORGOTTEN: f64 = 1e-9;

/// What is said of the speed before there is one.
const UNTIMED: &str = "no step was timed yet";

/// How far the training has come.
pub static STEPS: Quantity = Quantity {
    name: "Training steps",
    said: "How often the weights were changed, of how often the recipe says. Each step looks at one batch of noised samples.",
    formula: "n of N steps see n · batch samples",
    source: "",
};

/// The smoothed loss.
pub static LOSS: Quantity = Quantity {
    name: "Loss",
    said: "How far off the network's answers are: the mean squared error, weighted by noise level. Single steps jump, because \
           times and noise are drawn anew, so what is shown is a fading average over the steps.",
    formula: "L = mean of w(t) (target − network(xₜ, t))²\nshown: Σ kʲ Lₙ₋ⱼ ∕ Σ kʲ,  j = 0, 1, …",
    source: "Ho et al. 2020, eq. 14",
};

/// Speed.
pub static SPEED: Quantity = Quantity {
    name: "Steps per second",
    said: "Training steps in a second of training, averaged over about the last three seconds.",
    formula: "Σ steps ∕ Σ seconds,  both fading by e^(−s ∕ 3)",
    source: "",
};

/// Time left.
pub static LEFT: Quantity = Quantity {
    name: "Time left",
    said: "How long the remaining steps take if the speed stays as it is.",
    formula: "(N − n) ∕ speed",
    source: "",
};

/// The learning rate.
pub static RATE: Quantity = Quantity {
    name: "Learning rate",
    said: "The factor of the newest step: with Adam, about how far each weight moves. It rises in a line during warm-up, then falls \
           along half a cosine.",
    formula: "warm-up: r n ∕ w\nthen: r (e + (1 − e) (1 + cos(π (n − 1 − w) ∕ (N − w))) ∕ 2)",
    source: "Loshchilov and Hutter 2017, eq. 5",
};

/// The decay of averaged weights.
pub static DECAY: Quantity = Quantity {
    name: "EMA decay",
    said: "The share of the averaged weights that stays when the newest weights are mixed in. It rises to the recipe's value, \
           so that the first weights are soon forgotten. Samples are made with the averaged weights.",
    formula: "averaged ← d averaged + (1 − d) weights\nd = min(recipe, n ∕ (n + 9))",
    source: "",
};

/// The gradient's size.
pub static GRADIENT: Quantity = Quantity {
    name: "Gradient norm",
    said: "Length of the gradient over all weights, before clipping. Where it is longer than the recipe allows it is \
           shortened to that, so that one odd batch cannot throw the weights far.",
    formula: "‖g‖ = √(Σ gᵢ²),  clipped: g min(1, c ∕ ‖g‖)",
    source: "Pascanu et al. 2013, algorithm 1",
};

/// What a training would take.
pub static ESTIMATE: Quantity = Quantity {
    name: "What the training takes",
    said: "A few steps of this recipe were made on this machine to measure one; the others take as long.",
    formula: "all = N · one step",
    source: "",
};

/// How far a run has come.
pub fn steps(step: u64, recipe: &Recipe) -> String {
    let (total, batch) = (recipe.train.steps, recipe.train.batch);
    format!(
        "{step} ∕ {total} = {}\n{step} · {batch} = {} samples",
        digits(step as f64 / total.max(1) as f64),
        step * batch as u64
    )
}

/// Weights of an earlier step, among those that were kept.
pub fn kept(step: u64, all: &[u64]) -> String {
    format!(
        "n = {step}\n{} steps are kept, the last one {}",
        all.len(),
        all.last().copied().unwrap_or_default()
    )
}

/// The loss at an earlier step.
pub fn loss_at(step: u64, loss: f64) -> String {
    format!("after step {step}: {}", digits(loss))
}

/// The newest losses and their average.
pub fn loss(run: &RunView) -> String {
    let keep = run.losses.keep();
    let newest = run
        .losses
        .points()
        .rev()
        .map(|[_, loss]| loss)
        .filter(|l| l.is_finite());
    let mut weight = 1.0;
    let (mut sum, mut weights) = (0.0, 0.0);
    for loss in newest {
        sum += weight * loss;
        weights += weight;
        weight *= keep;
        if weight < FORGOTTEN {
            break;
        }
    }
    let Some([step, newest]) = run.losses.last() else {
        return "no step was made yet".into();
    };
    format!(
        "step {step:.0}: L = {}\nk = {keep}\n{} ∕ {} = {}",
        digits(newest),
        digits(sum),
        digits(weights),
        digits(sum / weights)
    )
}

/// The speed as the time of one step.
pub fn speed(run: &RunView) -> String {
    let speed = run.now.steps_per_sec;
    if speed <= 0.0 {
        return UNTIMED.into();
    }
    format!("1 ∕ {} = {} s a step", digits(speed), digits(1.0 / speed))
}

/// The rest at the present speed.
pub fn left(run: &RunView) -> String {
    let (total, speed) = (run.info.recipe.train.steps, run.now.steps_per_sec);
    if speed <= 0.0 {
        return UNTIMED.into();
    }
    format!(
        "({total} − {}) ∕ {} = {} s",
        run.step,
        digits(speed),
        digits(total.saturating_sub(run.step) as f64 / speed)
    )
}

/// The rate of the newest step. A rate that was changed by hand is not the recipe's, but follows from what is shown.
pub fn rate(run: &RunView) -> String {
    let train = &run.info.recipe.train;
    let (n, w, end) = (run.step.max(1), train.warmup, train.lr_end);
    let factor = optim::rate(n - 1, train.steps, w, 1.0, end);
    let rate = if factor > 0.0 { run.now.lr / factor } else { train.lr };
    let by_hand = if (rate / train.lr - 1.0).abs() > 1e-6 {
        " (changed by hand)"
    } else {
        ""
    };
    let filled = if n <= w {
        format!("{} · {n} ∕ {w}", digits(rate))
    } else {
        let way = format!("{} ∕ {}", n - 1 - w, train.steps.saturating_sub(w).max(1));
        format!("{} · ({end} + (1 − {end}) · (1 + cos(π · {way})) ∕ 2)", digits(rate))
    };
    format!(
        "r = {}{by_hand}, n = {n}\n{filled} = {}",
        digits(rate),
        digits(run.now.lr)
    )
}

/// The decay of the newest step.
pub fn decay(run: &RunView) -> String {
    let n = run.step.max(1) as f64;
    let rising = n / (n + 9.0);
    let largest = if run.now.ema_decay < rising - 1e-9 {
        run.now.ema_decay
    } else {
        run.info.recipe.ema.decay
    };
    format!("min({largest}, {n} ∕ ({n} + 9)) = {}", digits(run.now.ema_decay))
}

/// The gradient and what clipping makes of it.
pub fn gradient(run: &RunView) -> String {
    let (norm, clip) = (run.now.grad_norm, run.info.recipe.train.clip);
    let text = format!("‖g‖ = {} at step {}", digits(norm), run.step);
    if clip <= 0.0 || norm <= 0.0 {
        return format!("{text}; never clipped");
    }
    let factor = (clip / norm).min(1.0);
    format!("{text}\nmin(1, {clip} ∕ {}) = {}", digits(norm), digits(factor))
}

/// The whole training from one step of it.
pub fn estimate(e: &Estimate, steps: u64) -> String {
    format!(
        "{steps} · {} s = {} s\n{}, with {}",
        digits(e.secs_per_step),
        digits(e.secs_per_step * steps as f64),
        words::bytes(e.bytes),
        e.executor
    )
}
