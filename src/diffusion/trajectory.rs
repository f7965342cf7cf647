//! A reverse process as an iterator: pause is "do not call next", cancel is "drop it".

use std::{cell::Cell, collections::VecDeque};

use candle_core::Tensor;

use super::{Denoiser, Prediction, Result, Sampler};
use crate::math::{Move, noise::NoiseSource};

/// How many past steps a multistep sampler may look at.
const MEMORY: usize = 4;

/// The noise of one move; every call of [`Noise::like`] is the next draw.
pub struct Noise<'a> {
    source: &'a dyn NoiseSource,
    first_sample: u64,
    mv: u64,
    draw: Cell<u64>,
}

impl<'a> Noise<'a> {
    /// The noise of move `mv` for the samples `first_sample..`.
    pub fn new(source: &'a dyn NoiseSource, first_sample: u64, mv: u64) -> Self {
        Self {
            source,
            first_sample,
            mv,
            draw: Cell::new(0),
        }
    }

    /// Standard normal noise of the shape of `x`; sample i is the same whatever the batch.
    pub fn like(&self, x: &Tensor) -> Result<Tensor> {
        let batch = x.dim(0)?;
        let mut values = vec![0.0; x.elem_count()];
        let draw = self.draw.replace(self.draw.get() + 1);
        for (sample, out) in (self.first_sample..).zip(values.chunks_exact_mut((x.elem_count() / batch.max(1)).max(1)))
        {
            self.source.normals(sample, self.mv, draw, out);
        }
        Tensor::from_vec(values, x.shape(), x.device())
    }
}

/// The record of one move.
#[derive(Clone, Debug)]
pub struct Step {
    /// The move.
    pub mv: Move,
    /// The state that the prediction belongs to.
    pub x: Tensor,
    /// The belief at `x`.
    pub belief: Prediction,
    /// The state after the move.
    pub next: Tensor,
}

/// A reverse process under way.
pub struct Trajectory {
    moves: Vec<Move>,
    sampler: Box<dyn Sampler>,
    model: Box<dyn Denoiser>,
    noise: Box<dyn NoiseSource>,
    first_sample: u64,
    x: Tensor,
    index: usize,
    past: VecDeque<Step>,
}

impl Trajectory {
    /// `start` is standard normal noise; the sampler scales it to its first level. `first_sample` is the number of the
    /// batch's first sample, which addresses the noise.
    pub fn new(
        moves: Vec<Move>,
        sampler: Box<dyn Sampler>,
        model: Box<dyn Denoiser>,
        noise: Box<dyn NoiseSource>,
        start: &Tensor,
        first_sample: u64,
    ) -> Result<Self> {
        let x = match moves.first() {
            Some(mv) => sampler.start(*mv, start)?,
            None => start.clone(),
        };
        Ok(Self {
            moves,
            sampler,
            model,
            noise,
            first_sample,
            x,
            index: 0,
            past: VecDeque::new(),
        })
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

    fn advance(&mut self, mv: Move) -> Result<Step> {
        let noise = Noise::new(&*self.noise, self.first_sample, self.index as u64);
        let step = self
            .sampler
            .step(mv, &self.x, self.past.make_contiguous(), &*self.model, &noise)?;
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
