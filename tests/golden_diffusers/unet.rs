//! Cases of kind `unet`: output, loss, input gradient and every parameter's gradient norm of a `UNet2DModel`.

use std::path::Path;

use candle_core::{Device, Tensor};
use diffusion_studio::{
    math::{Cond, Domain},
    nn::{CandleExecutor, Executor as _, Mode, Weights, unet},
};

use crate::read::{Case, assert_close, values, weights};

/// The network in a folder with `config.json` and its weights, for pictures of `height x width`.
pub(crate) fn open(folder: &Path, height: usize, width: usize) -> CandleExecutor {
    let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
    let config = unet::Config::from_json(&config).unwrap();
    let domain = Domain::Image {
        channels: config.in_channels,
        height,
        width,
    };
    let graph = unet::graph(&config, domain).unwrap();
    let named = weights(&folder.join("diffusion_pytorch_model.safetensors"), &graph);
    let mut executor = CandleExecutor::new(graph, &Device::Cpu);
    let flat = executor.pack(&named).unwrap();
    executor.params_mut().copy_from_slice(&flat);
    executor
}

/// The mean square of `y - target` and its gradient.
pub(crate) fn mean_square(y: &Tensor, target: &Tensor) -> (f64, Tensor) {
    let error = (y - target).unwrap();
    let loss = values(&error.sqr().unwrap().mean_all().unwrap())[0];
    (loss, (&error * (2.0 / error.elem_count() as f64)).unwrap())
}

/// Compares one case; returns how many tensors were compared.
pub(crate) fn check(folder: &Path) -> usize {
    let case = Case::open(&folder.join("io.safetensors"));
    assert_eq!(case.meta["loss"], "mean((y-target)^2)", "an unknown loss");
    let name = case.meta["name"].as_str().unwrap();
    let x = case.tensor("x");
    let (_, _, height, width) = x.dims4().unwrap();
    let mut executor = open(folder, height, width);
    let cond = match case.get("class_labels") {
        Some(labels) => Cond::Class(values(labels).into_iter().map(|v| v as u32).collect()),
        None => Cond::None,
    };
    let y = executor
        .forward(&x, &values(&case.tensor("t")), &cond, Mode::Train)
        .unwrap();
    assert_close(&format!("{name} y"), &y, &case.tensor("y"), 1e-4);
    let still = executor
        .forward(&x, &values(&case.tensor("t")), &cond, Mode::Infer)
        .unwrap();
    assert_close(&format!("{name} y without gradients"), &still, &y, 1e-6);

    executor
        .forward(&x, &values(&case.tensor("t")), &cond, Mode::Train)
        .unwrap();
    let (loss, d_out) = mean_square(&y, &case.tensor("target"));
    let expected = values(&case.tensor("loss"))[0];
    assert!(
        (loss - expected).abs() <= 1e-4 * expected,
        "{name} loss {loss}, expected {expected}"
    );
    let mut grads = vec![0.0; executor.params().len()];
    let grad_x = executor.backward(&d_out, Some(&mut grads), true).unwrap().unwrap();
    assert_close(&format!("{name} grad_x"), &grad_x, &case.tensor("grad_x"), 1e-4);
    4 + gradient_norms(name, &case, &executor.unpack(&grads))
}

fn gradient_norms(name: &str, case: &Case, grads: &Weights) -> usize {
    let norm = |values: &[f32]| values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let expected: Vec<(&str, f64)> = case
        .names()
        .filter_map(|key| key.strip_prefix("grad_norm/"))
        .map(|param| (param, values(&case.tensor(&format!("grad_norm/{param}")))[0]))
        .collect();
    assert_eq!(expected.len(), grads.len(), "{name}: a norm for each parameter");
    let largest = expected.iter().fold(0.0_f64, |max, (_, norm)| max.max(*norm));
    for (param, expected) in &expected {
        let found = norm(&grads[*param]);
        // The gradient of a key's bias is zero but for rounding, since softmax ignores it: hence the absolute part.
        let tolerance = 1e-4 * expected + 1e-6 * largest;
        assert!(
            (found - expected).abs() <= tolerance,
            "{name} {param}: {found}, expected {expected}"
        );
    }
    expected.len()
}
