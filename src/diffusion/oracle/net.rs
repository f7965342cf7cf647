//! An exact denoiser in the place of a network, so that all that works with a network works without training, too.

use std::sync::Arc;

use candle_core::{DType, Tensor};

use super::Mixture;
use crate::{
    diffusion::{Net, Result},
    math::{Cond, schedule::NoiseSchedule},
};

/// Answers with the clean sample (target `x0`), exactly. It is told the time as a network is, and knows the schedule.
#[derive(Clone, Debug)]
pub struct ExactNet {
    schedule: Arc<dyn NoiseSchedule>,
    all: Mixture,
    classes: Vec<Mixture>,
}

impl ExactNet {
    /// `all` is asked without a class and with any that is not among `classes`, the null class say.
    pub fn new(schedule: Arc<dyn NoiseSchedule>, all: Mixture, classes: Vec<Mixture>) -> Self {
        Self { schedule, all, classes }
    }

    /// Multiplications, roughly, that one sample of `numel` numbers takes.
    pub fn operations(&self, numel: usize) -> f64 {
        // An exponential and the bookkeeping of a component cost about as much as 16 numbers.
        (self.all.components.len() * (4 * numel + 16)) as f64
    }

    fn asked(&self, cond: &Cond, sample: usize) -> &Mixture {
        let class = match cond {
            Cond::None => None,
            Cond::Class(classes) => self.classes.get(classes[sample] as usize),
        };
        class.unwrap_or(&self.all)
    }

    /// Applies `f` to each sample of `x`, its row of `also` and its time.
    fn each(&self, x: &Tensor, also: &Tensor, f: impl Fn(usize, &[f64], &[f64]) -> Vec<f64>) -> Result<Tensor> {
        let rows = |t: &Tensor| t.flatten_from(1)?.to_dtype(DType::F64)?.to_vec2::<f64>();
        let pairs = rows(x)?.into_iter().zip(rows(also)?).enumerate();
        let out: Vec<f64> = pairs.flat_map(|(i, (x, also))| f(i, &x, &also)).collect();
        Tensor::from_vec(out, x.shape(), x.device())?.to_dtype(x.dtype())
    }
}

impl Net for ExactNet {
    fn forward(&self, x: &Tensor, t: &[f64], cond: &Cond) -> Result<Tensor> {
        self.each(x, x, |i, x, _| self.asked(cond, i).mean(x, self.schedule.level(t[i])))
    }

    fn vjp(&self, x: &Tensor, t: &[f64], cond: &Cond, cotangent: &Tensor) -> Result<(Tensor, Tensor)> {
        let pull = |i: usize, x: &[f64], c: &[f64]| self.asked(cond, i).pull_back(x, self.schedule.level(t[i]), c);
        Ok((self.forward(x, t, cond)?, self.each(x, cotangent, pull)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::{
        diffusion::{Denoiser, NetDenoiser},
        math::{Spec, grid, schedule, target},
    };

    fn mixtures() -> (Mixture, Mixture) {
        (
            Mixture::gaussian(vec![1.0, -0.5], 0.3),
            Mixture::points([vec![-1.0, 0.2], vec![0.4, 0.9]]),
        )
    }

    /// At every level of every schedule and spacing the time alone must say as much as the level.
    #[test]
    fn the_net_is_the_oracle_at_every_level_of_every_grid() {
        let (all, _) = mixtures();
        let x = Tensor::new(&[[0.3_f32, -0.8], [1.2, 0.1]], &Device::Cpu).unwrap();
        for schedule in schedule::ENTRIES {
            let noise: Arc<dyn NoiseSchedule> = schedule::build(&Spec::new(schedule.id)).unwrap().into();
            let net = NetDenoiser {
                net: Arc::new(ExactNet::new(noise.clone(), all.clone(), Vec::new())),
                target: target::build(&Spec::new("x0")).unwrap(),
                cond: Cond::None,
            };
            for spacing in grid::ENTRIES {
                for mv in grid::time_grid(&*noise, grid::build(&Spec::new(spacing.id)).unwrap(), 7) {
                    let (found, exact) = (net.predict(&x, mv.from).unwrap(), all.predict(&x, mv.from).unwrap());
                    let apart = (found.x0 - exact.x0).unwrap().abs().unwrap().max_all().unwrap();
                    let apart: f32 = apart.to_scalar().unwrap();
                    assert!(apart < 1e-5, "{} {} at {:?}: {apart}", schedule.id, spacing.id, mv.from);
                }
            }
        }
    }

    #[test]
    fn a_class_asks_its_own_mixture_and_the_null_class_all() {
        let (all, one) = mixtures();
        let schedule: Arc<dyn NoiseSchedule> = schedule::build(&Spec::new("vp")).unwrap().into();
        let net = ExactNet::new(schedule.clone(), all.clone(), vec![one.clone()]);
        let x = Tensor::new(&[[0.3_f64, -0.8], [0.3, -0.8]], &Device::Cpu).unwrap();
        let out = net.forward(&x, &[0.4, 0.7], &Cond::Class(vec![0, 1])).unwrap();
        let expected = [
            one.mean(&[0.3, -0.8], schedule.level(0.4)),
            all.mean(&[0.3, -0.8], schedule.level(0.7)),
        ];
        assert_eq!(out.to_vec2::<f64>().unwrap(), expected);
    }
}
