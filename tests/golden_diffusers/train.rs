//! Cases of kind `train`: a short training run of PyTorch with diffusers, step by step.

use std::path::Path;

use candle_core::Tensor;
use diffusion_studio::{
    math::{Cond, Spec, Value, schedule},
    nn::{
        Executor as _, Mode,
        optim::{self, AdamW, Hyper},
    },
};
use serde_json::Value as Json;

use crate::{
    read::{Case, values},
    unet::{mean_square, open},
};

/// Compares one case; returns how many numbers were compared.
pub(crate) fn check(folder: &Path) -> usize {
    let case = Case::open(&folder.join("run.safetensors"));
    let meta = &case.meta;
    assert_eq!(
        (&meta["target"], &meta["loss"]),
        (&"epsilon".into(), &"mse".into()),
        "an unknown objective"
    );
    assert_eq!(meta["optimizer"]["name"], "AdamW", "an unknown optimiser");
    let (_, _, height, width) = case.tensor("x0_00").dims4().unwrap();
    let mut executor = open(folder, height, width);
    let mut adam = AdamW::new(executor.params().len(), hyper(&meta["optimizer"]));
    let (lr, clip) = (real(&meta["optimizer"]["lr"]), real(&meta["clip_grad_norm"]));
    let (losses, norms) = (values(&case.tensor("losses")), values(&case.tensor("grad_norms")));
    let steps = meta["steps"].as_u64().unwrap() as usize;
    assert_eq!((losses.len(), norms.len()), (steps, steps));
    for step in 0..steps {
        let (x, t, eps) = noisy(&case, step);
        let y = executor.forward(&x, &t, &Cond::None, Mode::Train).unwrap();
        let (loss, d_out) = mean_square(&y, &eps);
        let mut grads = vec![0.0; executor.params().len()];
        executor.backward(&d_out, Some(&mut grads), false).unwrap();
        let norm = optim::clip(&mut grads, clip);
        adam.update(executor.params_mut(), &grads, lr);
        for (what, found, expected) in [("loss", loss, losses[step]), ("gradient norm", norm, norms[step])] {
            assert!(
                (found - expected).abs() <= 1e-4 * expected,
                "step {step} {what}: {found}, expected {expected}"
            );
        }
    }
    2 * steps
}

fn real(value: &Json) -> f64 {
    value.as_f64().unwrap()
}

fn hyper(meta: &Json) -> Hyper {
    Hyper {
        beta1: real(&meta["betas"][0]),
        beta2: real(&meta["betas"][1]),
        eps: real(&meta["eps"]),
        weight_decay: real(&meta["weight_decay"]),
    }
}

/// The noisy batch of a step, its times and its noise.
fn noisy(case: &Case, step: usize) -> (Tensor, Vec<f64>, Tensor) {
    let part = |name: &str| case.tensor(&format!("{name}_{step:02}"));
    let (x0, eps, t) = (part("x0"), part("eps"), values(&part("t")));
    let meta = &case.meta["schedule"];
    let spec = Spec::new(meta["name"].as_str().unwrap())
        .with("steps", Value::Int(meta["num_train_timesteps"].as_i64().unwrap()))
        .with("beta-start", Value::Real(real(&meta["beta_start"])))
        .with("beta-end", Value::Real(real(&meta["beta_end"])));
    let schedule = schedule::build(&spec).unwrap();
    let column = |f: &dyn Fn(f64) -> f64| {
        let factors: Vec<f32> = t.iter().map(|&t| f(t) as f32).collect();
        Tensor::from_vec(factors, (t.len(), 1, 1, 1), x0.device()).unwrap()
    };
    let signal = x0.broadcast_mul(&column(&|t| schedule.level(t).alpha)).unwrap();
    let noise = eps.broadcast_mul(&column(&|t| schedule.level(t).sigma)).unwrap();
    let x = (signal + noise).unwrap();
    (x, t, eps)
}
