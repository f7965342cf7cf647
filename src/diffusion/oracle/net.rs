//! An exact denoiser in the place of a network, so that all that works with a network works without training, too.

use candle_core::Tensor;

use super::Mixture;
use crate::{
    diffusion::{Net, Result},
    math::{Cond, Level, target::Target},
};

/// Answers with the clean sample (target `x0`), exactly.
#[derive(Clone, Debug)]
pub struct ExactNet {
    all: Mixture,
    classes: Vec<Mixture>,
}

impl ExactNet {
    /// `all` is asked without a class and with any that is not among `classes`, the null class say.
    pub fn new(all: Mixture, classes: Vec<Mixture>) -> Self {
        Self { all, classes }
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
}

impl Net for ExactNet {
    fn forward(&self, x: &Tensor, at: Level, cond: &Cond) -> Result<Tensor> {
        let at = scaled(at);
        Mixture::each_sample(x, x, |i, x, _| self.asked(cond, i).mean(x, at))
    }

    fn vjp(&self, x: &Tensor, at: Level, cond: &Cond, cotangent: &Tensor) -> Result<(Tensor, Tensor)> {
        let level = scaled(at);
        let pull = |i: usize, x: &[f64], c: &[f64]| self.asked(cond, i).pull_back(x, level, c);
        Ok((self.forward(x, at, cond)?, Mixture::each_sample(x, cotangent, pull)?))
    }
}

/// The level of a network's input, which is brought to unit size where the schedule explodes.
fn scaled(at: Level) -> Level {
    let scale = Target::X0.input_scale(at);
    Level {
        alpha: scale * at.alpha,
        sigma: scale * at.sigma,
        ..at
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use candle_core::Device;

    use super::*;
    use crate::diffusion::{Denoiser as _, NetDenoiser};

    const AT: Level = Level {
        t: 0.0,
        alpha: 0.8,
        sigma: 0.6,
    };

    fn mixtures() -> (Mixture, Mixture) {
        (
            Mixture::gaussian(vec![1.0, -0.5], 0.3),
            Mixture::points([vec![-1.0, 0.2], vec![0.4, 0.9]]),
        )
    }

    fn close(a: &Tensor, b: &Tensor) {
        let apart = (a - b).unwrap().abs().unwrap().max_all().unwrap();
        assert!(apart.to_scalar::<f64>().unwrap() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn the_net_is_the_oracle() {
        let (_, points) = mixtures();
        let net = NetDenoiser {
            net: Arc::new(ExactNet::new(points.clone(), Vec::new())),
            target: Target::X0,
            cond: Cond::None,
        };
        let x = Tensor::new(&[[0.3_f64, -0.8], [1.2, 0.1]], &Device::Cpu).unwrap();
        let c = Tensor::new(&[[1.0_f64, 0.5], [-0.2, 2.0]], &Device::Cpu).unwrap();
        let exploding = |sigma| Level {
            t: 0.0,
            alpha: 1.0,
            sigma,
        };
        for at in [AT, exploding(0.5), exploding(20.0)] {
            let (found, exact) = (net.predict(&x, at).unwrap(), points.predict(&x, at).unwrap());
            close(&found.x0, &exact.x0);
            close(&found.eps, &exact.eps);
            close(&net.vjp(&x, at, &c).unwrap().1, &points.vjp(&x, at, &c).unwrap().1);
        }
    }

    #[test]
    fn a_class_asks_its_own_mixture_and_the_null_class_all() {
        let (all, one) = mixtures();
        let net = ExactNet::new(all.clone(), vec![one.clone()]);
        let x = Tensor::new(&[[0.3_f64, -0.8], [0.3, -0.8]], &Device::Cpu).unwrap();
        let out = net.forward(&x, AT, &Cond::Class(vec![0, 1])).unwrap();
        let expected = [one.mean(&[0.3, -0.8], AT), all.mean(&[0.3, -0.8], AT)];
        assert_eq!(out.to_vec2::<f64>().unwrap(), expected);
    }
}
