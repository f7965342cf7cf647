//! A reverse process as an iterator: pause is "do not call next", cancel is "drop it".

use std::{collections::VecDeque, sync::Arc};

use candle_core::Tensor;

use super::{Context, Denoiser, Prediction, Result, Sampler};
use crate::math::{Move, Units, noise::NoiseSource, schedule::NoiseSchedule};

mod noise;

pub use noise::Noise;

/// How many past steps a multistep sampler may look at.
const MEMORY: usize = 4;

/// The record of one move.
#[derive(Clone, Debug)]
pub struct Step {
    /// The move.
    pub mv: Move,
    /// The state that the move left from, in the sampler's units. (UniPC corrects it after looking at it.)
    pub x: Tensor,
    /// The belief before the move: that of the first network call where a sampler makes several.
    pub belief: Prediction,
    /// The state after the move.
    pub next: Tensor,
}

/// A reverse process under way.
pub struct Trajectory {
    moves: Vec<Move>,
    sampler: Box<dyn Sampler>,
    model: Box<dyn Denoiser>,
    schedule: Arc<dyn NoiseSchedule>,
    noise: Box<dyn NoiseSource>,
    first_sample: u64,
    x: Tensor,
    index: usize,
    past: VecDeque<Step>,
}

impl Trajectory {
    /// `moves` is a grid of `schedule`; the sampler may replan it (inversion turns it round). `start` is standard normal
    /// noise, which the sampler scales to its first level, or for inversion the clean samples. `first_sample` is the
    /// number of the batch's first sample, which addresses the noise.
    pub fn new(
        moves: Vec<Move>,
        sampler: Box<dyn Sampler>,
        model: Box<dyn Denoiser>,
        schedule: Arc<dyn NoiseSchedule>,
        noise: Box<dyn NoiseSource>,
        start: &Tensor,
        first_sample: u64,
    ) -> Result<Self> {
        let moves = sampler.plan(moves);
        let x = match moves.first() {
            Some(mv) => sampler.start(*mv, start, &*schedule)?,
            None => start.clone(),
        };
        Ok(Self {
            moves,
            sampler,
            model,
            schedule,
            noise,
            first_sample,
            x,
            index: 0,
            past: VecDeque::new(),
        })
    }

    /// Goes on from another point: the state before move `index` and the steps that led there, newest last (the last
    /// four matter; none for single-step samplers).
    pub fn seek(&mut self, index: usize, x: Tensor, past: impl IntoIterator<Item = Step>) {
        self.index = index;
        self.x = x;
        self.past = past.into_iter().collect();
        while self.past.len() > MEMORY {
            self.past.pop_front();
        }
    }

    /// The units of the states.
    pub fn units(&self) -> Units {
        self.sampler.units()
    }

    /// All moves.
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// Index of the next move.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The present state.
    pub fn x(&self) -> &Tensor {
        &self.x
    }

    /// The last steps, newest last: what [`Trajectory::seek`] takes.
    pub fn past(&self) -> impl ExactSizeIterator<Item = &Step> {
        self.past.iter()
    }

    fn advance(&mut self, mv: Move) -> Result<Step> {
        let context = Context {
            model: &*self.model,
            schedule: &*self.schedule,
            noise: Noise::new(&*self.noise, self.first_sample, self.index as u64),
            total: self.moves.len(),
            left: self.moves.len() - self.index - 1,
        };
        let step = self.sampler.step(mv, &self.x, self.past.make_contiguous(), &context)?;
        // candle records a graph through trainable weights; a detached state keeps it from growing over the trajectory.
        self.x = step.next.detach();
        if self.past.len() == MEMORY {
            self.past.pop_front();
        }
        self.past.push_back(step.clone());
        self.index += 1;
        Ok(step)
    }
}

impl Iterator for Trajectory {
    type Item = Result<Step>;

    fn next(&mut self) -> Option<Self::Item> {
        let mv = *self.moves.get(self.index)?;
        Some(self.advance(mv))
    }
}
