//! Initial weights from counter-based noise: a function of the seed and the parameter's place in sorted name order, so
//! the same for every executor and every platform.

use super::graph::{Graph, Init, ParamInfo, Weights};
use crate::math::noise::{Address, Stream};

/// The weights that a run with this seed starts from.
pub fn weights(graph: &Graph, seed: u64) -> Weights {
    let place = |(index, id): (usize, super::graph::ParamId)| {
        let param = &graph.params[id.0];
        (param.name.clone(), values(param, seed, index as u64))
    };
    graph.sorted_params().into_iter().enumerate().map(place).collect()
}

fn values(param: &ParamInfo, seed: u64, index: u64) -> Vec<f32> {
    let address = Address {
        seed,
        stream: Stream::Weights,
        sample: index,
        mv: 0,
        draw: 0,
    };
    let n = param.numel();
    match param.init {
        Init::Zero => vec![0.0; n],
        Init::One => vec![1.0; n],
        Init::Uniform(bound) => {
            let mut unit = vec![0.0; n];
            address.uniforms(&mut unit);
            unit.into_iter().map(|u| ((2.0 * u - 1.0) * bound) as f32).collect()
        }
        Init::Normal(std) => {
            let mut normal = vec![0.0; n];
            address.normals(&mut normal);
            normal.into_iter().map(|z| (f64::from(z) * std) as f32).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(init: Init) -> ParamInfo {
        ParamInfo {
            name: "p".into(),
            shape: vec![100, 1000],
            init,
            trained: true,
        }
    }

    /// Mean and variance.
    fn moments(x: &[f32]) -> (f64, f64) {
        let n = x.len() as f64;
        let mean = x.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let var = x.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        (mean, var)
    }

    #[test]
    fn distributions_have_their_mean_and_variance() {
        // 1e5 numbers: five standard errors of mean and variance are below 2 and 3 percent of the deviation.
        for (init, variance) in [(Init::Uniform(0.3), 0.03), (Init::Normal(2.0), 4.0)] {
            let x = values(&param(init), 1, 0);
            let (mean, var) = moments(&x);
            assert!(mean.abs() < 0.02 * f64::sqrt(variance), "{init:?}: mean {mean}");
            assert!((var / variance - 1.0).abs() < 0.03, "{init:?}: variance {var}");
        }
        let x = values(&param(Init::Uniform(0.3)), 1, 0);
        assert!(x.iter().all(|v| v.abs() <= 0.3));
    }

    #[test]
    fn seed_and_place_decide() {
        let draw = |seed, index| values(&param(Init::Normal(1.0)), seed, index);
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }
}
