//! The story of a training step: a sample is drawn, noised, guessed at, judged, and the weights are nudged.

use super::story::{Line, Stage, Story, Tile};
use crate::{
    app::{catalogue, run_view::RunView, words},
    engine::dissection::Dissection,
    math::{
        Domain, Frame, Level,
        target::{self, Target},
    },
};

/// Noise and answers of pictures are shown a third as large, so that three deviations fit the range of grey.
const NOISE_SCALE: f32 = 1.0 / 3.0;

const SAMPLE: usize = 0;
const NOISE: usize = 1;
const NOISED: usize = 2;
const TARGET: usize = 3;
const ANSWER: usize = 4;
const DIFFERENCE: usize = 5;

/// The newest step of a run that was taken apart.
pub(super) fn story(run: &RunView) -> Option<Story> {
    let parts = run.dissection.as_ref()?;
    let target = target::build(&run.info.recipe.target).ok()?;
    let data = catalogue::label(&run.info.recipe.data.source);
    Some(Story {
        about: format!("{data} · step {}", words::count(parts.step)),
        tiles: tiles(run.info.domain, target, parts),
        stages: vec![
            draw(run.info.domain, parts),
            noise(parts),
            guess(target, parts),
            judge(target, parts),
            nudge(run, parts),
        ],
    })
}

fn tiles(domain: Domain, target: Target, parts: &Dissection) -> Vec<Tile> {
    let is_points = domain == Domain::Points;
    let show = |values: &[f32], scale: f32| -> Frame {
        let scale = if is_points { 1.0 } else { scale };
        domain.frame(&values.iter().map(|v| v * scale).collect::<Vec<_>>())
    };
    let answer = if target == Target::X0 { 1.0 } else { NOISE_SCALE };
    let difference: Vec<f32> = parts.output.iter().zip(&parts.target[..]).map(|(a, b)| a - b).collect();
    let tile = |name, help, frame| Tile { name, help, frame };
    vec![
        tile("sample x₀", "Drawn from the training data", show(&parts.x0, 1.0)),
        tile(
            "noise ε",
            "Standard normal; pictures show a third of it",
            show(&parts.eps, NOISE_SCALE),
        ),
        tile("noised xₜ", "What the network sees", show(&parts.input, 1.0)),
        tile(
            "target",
            "What the network should answer; other things than x₀ a third as large",
            show(&parts.target, answer),
        ),
        tile(
            "answer",
            "What the network answers, as large as the target",
            show(&parts.output, answer),
        ),
        tile(
            "difference",
            "Answer minus target: grey, or the middle, where it is right",
            show(&difference, 1.0),
        ),
    ]
}

fn draw(domain: Domain, parts: &Dissection) -> Stage {
    let Level { t, alpha, sigma } = parts.levels[0];
    let (what, each) = match domain {
        Domain::Points => ("Points x₀ are", "for each of them a time t is; the first has"),
        Domain::Image { .. } => ("A picture x₀ is", "a time t is:"),
    };
    Stage {
        title: "Draw",
        said: format!(
            "{what} drawn from the data, and {each} t = {}. The schedule says how much is left of the sample then, α, \
             and how much noise there is, σ.",
            words::number(t)
        ),
        why: "Each step looks at one noise level of each sample, drawn by chance. After many steps all levels were seen, \
              and no step had to walk the whole way (Ho et al. 2020, algorithm 1).",
        tiles: vec![SAMPLE],
        moving: None,
        formula: Line::new("*t* drawn,  α, σ = schedule(t)"),
        filled: Line::new(&format!("t = *{}*,  α = {alpha:.4},  σ = {sigma:.4}", words::number(t))),
    }
}

fn noise(parts: &Dissection) -> Stage {
    let Level { alpha, sigma, .. } = parts.levels[0];
    let i = middle(parts);
    let (x0, eps, x) = (parts.x0[i], parts.eps[i], parts.input[i]);
    Stage {
        title: "Noise",
        said: "Fresh noise ε is mixed in, all at once: a shortcut for the many small steps of the forward process."
            .into(),
        why: "A sum of normal steps is one normal step, so that every level is reached in closed form (Ho et al. 2020, \
              eq. 4). Where α² + σ² is not 1 the network sees the mixture scaled to unit size.",
        tiles: vec![SAMPLE, NOISE, NOISED],
        moving: Some((NOISED, SAMPLE)),
        formula: Line::new("xₜ = α x₀ + *σ ε*"),
        filled: Line::new(&format!(
            "{} {x:+.3} = {alpha:.4} · {x0:+.3} + *{sigma:.4} · {eps:+.3}*",
            place(parts)
        )),
    }
}

fn guess(target: Target, parts: &Dissection) -> Stage {
    let out = parts.output[middle(parts)];
    Stage {
        title: "Guess",
        said: format!(
            "The network sees xₜ and t, nothing else, and answers what it is asked for: {}.",
            asked(target)
        ),
        why: "Many samples could have become this xₜ. The best answer is the mean over all of them, which is why guesses \
              at high noise are blurred, and why one step back is never the whole way.",
        tiles: vec![NOISED, ANSWER],
        moving: None,
        formula: Line::new("answer = *network*(xₜ, t)"),
        filled: Line::new(&format!("{} answer = *{out:+.3}*", place(parts))),
    }
}

fn judge(target: Target, parts: &Dissection) -> Stage {
    let i = middle(parts);
    let (a, b) = target.row(parts.levels[0]);
    Stage {
        title: "Judge",
        said: format!(
            "The answer is compared with the target, {}, which is known here because the noise was ours. The mean squared \
             error of this sample is {}.",
            formula(target),
            words::reading(parts.error)
        ),
        why: "The squared error makes the mean of all that is possible the best answer. The weight w says how much a noise \
              level counts; w = 1 is the simple loss of Ho et al. 2020, eq. 14, when the target is the noise.",
        tiles: vec![TARGET, ANSWER, DIFFERENCE],
        moving: None,
        formula: Line::new(&format!(
            "loss = w · mean (answer − *target*)²,  target = {}",
            formula(target)
        )),
        filled: Line::new(&format!(
            "{:.5} = {:.4} · {:.5},  {} target *{:+.3}* = {a:.4} x₀ {} {:.4} ε",
            parts.weight * parts.error,
            parts.weight,
            parts.error,
            place(parts),
            parts.target[i],
            if b < 0.0 { "−" } else { "+" },
            b.abs()
        )),
    }
}

fn nudge(run: &RunView, parts: &Dissection) -> Stage {
    let nudge = &parts.nudge;
    let clip = run.info.recipe.train.clip;
    let clipped = if clip > 0.0 {
        nudge.grad_norm.min(clip)
    } else {
        nudge.grad_norm
    };
    Stage {
        title: "Nudge",
        said: format!(
            "The slope of the mean loss, {}, says for each of the {} weights in which direction it falls. All are moved a \
             little: together by {} % of their length.",
            words::reading(nudge.loss),
            words::count(run.info.weights as u64),
            words::reading(100.0 * nudge.moved / nudge.size.max(1e-12))
        ),
        why: "The slope holds only nearby, and this batch is only a few samples: many small steps find the way. AdamW \
              divides each slope by its usual size, so that all weights learn at a similar pace (arXiv:1711.05101).",
        tiles: vec![DIFFERENCE],
        moving: None,
        formula: Line::new("θ ← θ − lr · *AdamW*(slope of the loss)"),
        filled: Line::new(&format!(
            "lr = {},  slope {} clipped to {},  |Δθ| = *{}*,  |θ| = {}",
            words::reading(nudge.lr),
            words::reading(nudge.grad_norm),
            words::reading(clipped),
            words::reading(nudge.moved),
            words::reading(nudge.size)
        )),
    }
}

/// The number that stands for all in the filled formulas: the middle pixel, or the first point's x.
fn middle(parts: &Dissection) -> usize {
    if parts.samples > 1 { 0 } else { parts.x0.len() / 2 }
}

fn place(parts: &Dissection) -> &'static str {
    if parts.samples > 1 { "first x:" } else { "middle pixel:" }
}

fn asked(target: Target) -> &'static str {
    match target {
        Target::Eps => "the noise in it",
        Target::X0 => "the clean sample",
        Target::V => "the velocity, a mixture of noise and sample",
        Target::Score => "the score, where samples get denser",
        Target::Flow => "the direction from sample to noise",
        Target::Edm { .. } => "what is missing after part of xₜ was kept",
    }
}

fn formula(target: Target) -> &'static str {
    match target {
        Target::Eps => "ε",
        Target::X0 => "x₀",
        Target::V => "α ε − σ x₀",
        Target::Score => "−ε ∕ σ",
        Target::Flow => "ε − x₀",
        Target::Edm { .. } => "(x₀ − c xₜ) ∕ c′",
    }
}
