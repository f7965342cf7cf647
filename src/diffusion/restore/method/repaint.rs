//! `RePaint` (Lugmayr et al. 2022, arXiv:2201.09865, algorithm 1): replacement with time travel. Every `jump` levels the
//! process goes `jump` levels back, `x <- sqrt(1 - beta) x + sqrt(beta) z`, and down again, so that what is made gets to
//! fit what is known. In line 5 the paper has a variance where the deviation belongs.

use candle_core::Tensor;

use super::{Context, Measurement, Method, PIXELS, Result, Step, ancestral, replace::Replacing};
use crate::{
    diffusion::Sampler,
    math::{Entry, Move, Param, grid},
};

/// Replacement, each stretch of the way walked several times.
pub struct RePaint {
    /// Levels of a jump back.
    pub jump: usize,
    /// How often each stretch is walked: 1 is replacement.
    pub passes: usize,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Method> = Entry {
    id: "repaint",
    label: "RePaint",
    help: "Replacement that goes back and forth until the parts fit; slow and thorough",
    source: "arXiv:2201.09865",
    params: &[
        Param::int("jump", 1, 1000, 10, "Levels that a jump goes back"),
        Param::int(
            "passes",
            1,
            100,
            10,
            "How often each stretch is walked; 1 makes no jumps",
        ),
    ],
    build: |p| {
        Ok(Box::new(RePaint {
            jump: p.count("jump"),
            passes: p.count("passes"),
        }))
    },
};

impl Method for RePaint {
    fn tasks(&self) -> &'static [&'static str] {
        PIXELS
    }

    fn steps(&self) -> usize {
        250
    }

    fn bind(&self, measured: Measurement) -> Box<dyn Sampler> {
        let inner = Box::new(ancestral());
        Box::new(Travelling {
            down: Replacing { inner, measured },
            jump: self.jump,
            passes: self.passes,
        })
    }
}

struct Travelling {
    down: Replacing,
    jump: usize,
    passes: usize,
}

impl Sampler for Travelling {
    fn plan(&self, moves: Vec<Move>) -> Vec<Move> {
        grid::with_jumps(&moves, self.jump, self.passes)
    }

    fn step(&self, mv: Move, x: &Tensor, past: &[Step], context: &Context<'_>) -> Result<Step> {
        match past.last() {
            Some(before) if mv.is_upward() => back(mv, x, before, context),
            _ => self.down.step(mv, x, past, context),
        }
    }
}

/// A forward step. No network is asked: the belief is still that of the last move down.
fn back(mv: Move, x: &Tensor, before: &Step, context: &Context<'_>) -> Result<Step> {
    let forward = Move {
        from: mv.to,
        to: mv.from,
    };
    let kept = (x * (mv.to.alpha / mv.from.alpha))?;
    Ok(Step {
        mv,
        x: x.clone(),
        belief: before.belief.clone(),
        next: context.add_noise(kept, forward.forward_std())?,
    })
}
