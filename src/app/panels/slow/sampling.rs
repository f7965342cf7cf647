//! The story of a step of the reverse process: where it is, what the network guesses, and how far that is trusted.

use super::story::{Line, Stage, Story, Tile};
use crate::{
    app::{trajectories::TrajectoryView, words},
    diffusion::sampler,
    engine::event::StepFrame,
    math::{Frame, Level, Move, Spec, Value, domain::unit_from_byte, target},
};

const STATE: usize = 0;
const NOISE: usize = 1;
const CLEAN: usize = 2;
const NEXT: usize = 3;

/// Pictures show a third of the noise.
const NOISE_SCALE: f32 = 3.0;

/// The step that begins at the cursor, or the last one.
pub(super) fn index(view: &TrajectoryView, cursor: usize) -> Option<usize> {
    let last = view.reached().checked_sub(2)?;
    Some(cursor.min(last))
}

/// The step that begins at the cursor: of a picture, or of the whole cloud.
pub(super) fn story(view: &TrajectoryView, cursor: usize, sample: usize) -> Option<Story> {
    let index = index(view, cursor)?;
    let (here, next) = (one(view.at(index)?, sample), one(view.at(index + 1)?, sample));
    let mv = Move {
        from: here.level,
        to: next.level,
    };
    let tile = |name, help, frame: &Frame| Tile {
        name,
        help,
        frame: frame.clone(),
    };
    Some(Story {
        about: format!(
            "Step {} of {} · {}",
            index + 1,
            view.info.moves,
            label(&view.info.sampler)
        ),
        tiles: vec![
            tile("state xₜ", "What the step begins with", &here.x),
            tile("guessed noise", "Pictures show a third of it", &here.eps),
            tile("guessed sample", "What would be left without that noise", &here.x0),
            tile("next state", "What the step ends with", &next.x),
        ],
        stages: vec![
            state(mv.from),
            noise(view, &here),
            clean(&here),
            step(&view.info.sampler, mv),
            after(&here, mv),
        ],
    })
}

/// A step with one of its pictures; points stay together.
fn one(step: &StepFrame, sample: usize) -> StepFrame {
    let only = |frame: &Frame| match frame {
        Frame::Points { .. } => frame.clone(),
        &Frame::Pixels {
            channels,
            height,
            width,
            ..
        } => Frame::Pixels {
            channels,
            height,
            width,
            data: frame.picture(sample.min(frame.count().saturating_sub(1))).into(),
        },
    };
    StepFrame {
        x: only(&step.x),
        x0: only(&step.x0),
        eps: only(&step.eps),
        ..*step
    }
}

fn label(sampler: &Spec) -> &str {
    let entry = sampler::ENTRIES.iter().find(|entry| entry.id == sampler.id);
    entry.map_or(&sampler.id, |entry| entry.label)
}

fn state(at: Level) -> Stage {
    let Level { t, alpha, sigma } = at;
    let share = 100.0 * alpha.powi(2) / (alpha.powi(2) + sigma.powi(2));
    Stage {
        title: "Here",
        said: format!(
            "At t = {} the state holds {} % signal and the rest noise, by variance. Which is which is not known.",
            words::number(t),
            words::number(share)
        ),
        why: "The sampler and the network agree on the schedule: at this time any sample would have been noised exactly \
              this much, so the network knows what to expect.",
        tiles: vec![STATE],
        moving: None,
        formula: Line::new("*xₜ* = α x₀ + σ ε,  x₀ and ε unknown"),
        filled: Line::new(&format!(
            "t = {},  α = *{alpha:.4}*,  σ = *{sigma:.4}*",
            words::number(t)
        )),
    }
}

fn noise(view: &TrajectoryView, here: &StepFrame) -> Stage {
    let target = target::build(&view.info.recipe.target).ok();
    let is_noise = target == Some(target::Target::Eps);
    let (said, formula) = if is_noise {
        (
            "The network looks at xₜ and t and guesses the noise in it.",
            "*noise* = network(xₜ, t)",
        )
    } else {
        (
            "The network looks at xₜ and t. What it answers and xₜ together tell the noise that it sees.",
            "*noise* from network(xₜ, t) and xₜ",
        )
    };
    Stage {
        title: "Guess",
        said: said.into(),
        why: "Guidance, where it is used, has changed this guess already: towards the class, away from what the same or a \
              weaker network says without it.",
        tiles: vec![STATE, NOISE],
        moving: None,
        formula: Line::new(formula),
        filled: Line::new(&format!("{} noise = *{:+.2}*", place(here), noise_at(&here.eps))),
    }
}

fn clean(here: &StepFrame) -> Stage {
    let Level { alpha, sigma, .. } = here.level;
    let (x, x0) = (value_at(&here.x), value_at(&here.x0));
    Stage {
        title: "Clean",
        said: "Without that noise a whole sample would be left: the guess of how this ends.".into(),
        why: "It is the mean of all that is still possible (Tweedie's formula), so it is blurred at first and sharpens as \
              possibilities fall away. It may have been clipped to the range of the data.",
        tiles: vec![STATE, NOISE, CLEAN],
        moving: Some((CLEAN, STATE)),
        formula: Line::new("*guess* = (xₜ − σ noise) ∕ α"),
        filled: Line::new(&format!(
            "{} *{x0:+.2}* = ({x:+.2} − {sigma:.4} · {:+.2}) ∕ {alpha:.4}",
            place(here),
            noise_at(&here.eps)
        )),
    }
}

fn step(sampler: &Spec, mv: Move) -> Stage {
    let (formula, filled) = formula(sampler, mv);
    Stage {
        title: "Step",
        said: "The guess is not trusted at once: only as much noise is taken away as the next level has less.".into(),
        why: "Jumping to the guess would give the blurred mean. With a little less noise the network is asked again and can \
              make up its mind about a little more detail.",
        tiles: vec![NOISE, CLEAN, NEXT],
        moving: Some((NEXT, STATE)),
        formula: Line::new(&formula),
        filled: Line::new(&filled),
    }
}

/// The sampler's step, and the same with its factors.
fn formula(sampler: &Spec, mv: Move) -> (String, String) {
    let fresh = |factor: f64| {
        if factor > 0.0 {
            format!(" + {factor:.4} · fresh noise")
        } else {
            String::new()
        }
    };
    match sampler.id.as_str() {
        "ddim" => {
            let eta = match sampler.values.get("eta") {
                Some(&Value::Real(eta)) => eta,
                _ => 0.0,
            };
            let [of_x0, of_eps, churn] = mv.ddim_factors(eta);
            let more = if churn > 0.0 { " + c · fresh noise" } else { "" };
            (
                format!("next = α′ *guess* + s noise{more}"),
                format!("next = {of_x0:.4} · *guess* + {of_eps:.4} · noise{}", fresh(churn)),
            )
        }
        "ddpm" => {
            let [of_x0, of_x] = mv.posterior_factors();
            let deviation = match sampler.values.get("variance") {
                Some(Value::Text(v)) if v == "large" => Some(mv.forward_std()),
                Some(Value::Text(v)) if v == "learned" => None,
                _ => Some(mv.posterior_std()),
            };
            let deviation = if mv.to.sigma == 0.0 { Some(0.0) } else { deviation };
            let noise = deviation.map_or_else(|| " + learned · fresh noise".into(), fresh);
            (
                "next = a *guess* + b xₜ + c · fresh noise".into(),
                format!("next = {of_x0:.4} · *guess* + {of_x:.4} · xₜ{noise}"),
            )
        }
        _ => (
            format!("next = *{}*(xₜ, guess, earlier guesses)", label(sampler)),
            format!(
                "α {:.4} → *{:.4}*,  σ {:.4} → *{:.4}*",
                mv.from.alpha, mv.to.alpha, mv.from.sigma, mv.to.sigma
            ),
        ),
    }
}

fn after(here: &StepFrame, mv: Move) -> Stage {
    let said = if mv.to.sigma == 0.0 {
        "No noise is left: this is the sample.".into()
    } else {
        format!(
            "At t = {} the same begins again. Each number changed by {} on average.",
            words::number(mv.to.t),
            words::reading(f64::from(here.change))
        )
    };
    Stage {
        title: "Again",
        said,
        why: "Large steps change much at once and miss the bend of the path; that is why few steps cost quality, and why \
              better samplers look back at earlier guesses.",
        tiles: vec![STATE, NEXT],
        moving: None,
        formula: Line::new("xₜ ← *next*,  t ← t′"),
        filled: Line::new(&format!(
            "t {} → *{}*",
            words::number(mv.from.t),
            words::number(mv.to.t)
        )),
    }
}

/// The number that stands for all: the middle of the first picture (8 bits), or the first point's x.
fn value_at(frame: &Frame) -> f32 {
    match frame {
        Frame::Points { xy } => xy.first().copied().unwrap_or_default(),
        Frame::Pixels { .. } => {
            let picture = frame.picture(0);
            picture.get(picture.len() / 2).map_or(0.0, |&byte| unit_from_byte(byte))
        }
    }
}

fn noise_at(frame: &Frame) -> f32 {
    match frame {
        Frame::Points { .. } => value_at(frame),
        Frame::Pixels { .. } => NOISE_SCALE * value_at(frame),
    }
}

fn place(here: &StepFrame) -> &'static str {
    match here.x {
        Frame::Points { .. } => "first x:",
        Frame::Pixels { .. } => "middle pixel, 8 bits:",
    }
}
