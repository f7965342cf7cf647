//! DDIM inversion (Song et al. 2021, section 4.3): the deterministic path walked from data to noise.

use candle_core::Tensor;

use super::{Context, Sampler};
use crate::{
    diffusion::{Prediction, Result, Step},
    math::{Entry, Move, Param, grid, schedule::NoiseSchedule},
};

/// `x_to = alpha_to * x0 + sigma_to * eps`, upwards. The noise at the lower level stands for that at the higher one;
/// each refinement asks again at the point reached.
pub struct DdimInverse {
    /// How often the network is asked again.
    pub refinements: usize,
}

/// Registry entry.
pub const ENTRY: Entry<dyn Sampler> = Entry {
    id: "ddim-inverse",
    label: "DDIM inversion",
    help: "Finds the noise that leads to given samples",
    source: "arXiv:2010.02502",
    params: &[Param::int(
        "refinements",
        0,
        10,
        0,
        "How often each step is corrected at the point that it reached",
    )],
    build: |p| {
        Ok(Box::new(DdimInverse {
            refinements: p.count("refinements"),
        }))
    },
};

impl Sampler for DdimInverse {
    fn order(&self) -> Option<usize> {
        Some(1)
    }

    fn calls(&self) -> Option<usize> {
        Some(1 + self.refinements)
    }

    fn plan(&self, moves: Vec<Move>) -> Vec<Move> {
        grid::inverted(&moves)
    }

    /// The start is a clean sample and stays as it is.
    fn start(&self, _first: Move, clean: &Tensor, _schedule: &dyn NoiseSchedule) -> Result<Tensor> {
        Ok(clean.clone())
    }

    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let climb = |belief: &Prediction| (&belief.x0 * mv.to.alpha)? + (&belief.eps * mv.to.sigma)?;
        let belief = context.predict(x, mv.from)?;
        let mut next = climb(&belief)?;
        for _ in 0..self.refinements {
            let eps = context.predict(&next, mv.to)?.eps;
            let x0 = ((x - (&eps * mv.from.sigma)?)? / mv.from.alpha)?;
            next = climb(&Prediction { x0, eps, var: None })?;
        }
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next,
        })
    }
}
