//! Networks of a pack: a configuration and its weights.

use std::path::Path;

use candle_core::{Device, Tensor};
use diffusion_studio::{
    math::Domain,
    nn::{CandleExecutor, Executor as _, Weights, unet},
};

use crate::numbers;

/// The network in a folder with `config.json` and its weights, for pictures like `x`.
pub(crate) fn open(folder: &Path, x: &Tensor) -> CandleExecutor {
    let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
    let config = unet::Config::from_json(&config).unwrap();
    let (_, channels, height, width) = x.dims4().unwrap();
    let domain = Domain::Image {
        channels,
        height,
        width,
    };
    let graph = unet::graph(&config, domain).unwrap();
    let file = folder.join("diffusion_pytorch_model.safetensors");
    let file = candle_core::safetensors::load(file, &Device::Cpu).unwrap();
    for param in &graph.params {
        let found = file.get(&param.name).map(Tensor::dims);
        assert_eq!(found, Some(param.shape.as_slice()), "{}", param.name);
    }
    let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let weights: Weights = file.iter().map(|(name, t)| (name.clone(), flat(t))).collect();
    let mut executor = CandleExecutor::new(graph, &Device::Cpu);
    let flat = executor.pack(&weights).unwrap();
    executor.params_mut().copy_from_slice(&flat);
    executor
}

/// The mean square of `y - target` and its gradient.
pub(crate) fn mean_square(y: &Tensor, target: &Tensor) -> (f64, Tensor) {
    let error = (y - target).unwrap();
    let loss = numbers(&error.sqr().unwrap().mean_all().unwrap())[0];
    (loss, (&error * (2.0 / error.elem_count() as f64)).unwrap())
}
