//! A short training run of PyTorch with diffusers: loss and gradient norm of every step.

use candle_core::Tensor;
use diffusion_studio::{
    diffusion::scheduler_config::beta_schedule,
    math::{Cond, schedule::NoiseSchedule},
    nn::{
        Executor as _, Mode,
        optim::{self, AdamW, Hyper},
    },
};
use serde_json::{Map, Value as Json};

use crate::{
    Case, Outcome,
    net::{mean_square, open},
};

const TOLERANCE: f64 = 1e-4;

pub(crate) fn check(case: &Case) -> Outcome {
    let about = &case.about;
    for (key, known) in [("target", "epsilon"), ("loss", "mse")] {
        assert_eq!(about[key], known, "{}", case.name());
    }
    let optimizer = &about["optimizer"];
    assert_eq!(optimizer["name"], "AdamW", "{}", case.name());
    let mut net = open(case.file.parent().unwrap(), &case.tensors["x0_00"]);
    let mut adam = AdamW::new(net.params().len(), hyper(optimizer));
    let (lr, clip) = (real(&optimizer["lr"]), real(&about["clip_grad_norm"]));
    let schedule = schedule(&about["schedule"]);
    let (mut losses, mut norms) = (Vec::new(), Vec::new());
    for step in 0..about["steps"].as_u64().unwrap() {
        let part = |name: &str| format!("{name}_{step:02}");
        let (x0, eps, t) = (
            &case.tensors[&part("x0")],
            &case.tensors[&part("eps")],
            case.numbers(&part("t")),
        );
        let x = noisy(&*schedule, x0, eps, &t);
        let y = net.forward(&x, &t, &Cond::None, Mode::Train).unwrap();
        let (loss, d_out) = mean_square(&y, eps);
        let mut grads = vec![0.0; net.params().len()];
        net.backward(&d_out, Some(&mut grads), false).unwrap();
        losses.push(loss);
        norms.push(optim::clip(&mut grads, clip));
        adam.update(net.params_mut(), &grads, lr);
    }
    let mut outcome = Outcome::default();
    outcome.compare("losses", &losses, &case.numbers("losses"), TOLERANCE);
    outcome.compare("grad_norms", &norms, &case.numbers("grad_norms"), TOLERANCE);
    outcome.demand_all(case, |name| {
        let inputs = ["x0_", "eps_", "t_"];
        ["losses", "grad_norms"].contains(&name) || inputs.iter().any(|p| name.starts_with(p))
    });
    outcome
}

fn real(value: &Json) -> f64 {
    value.as_f64().unwrap()
}

fn hyper(optimizer: &Json) -> Hyper {
    Hyper {
        beta1: real(&optimizer["betas"][0]),
        beta2: real(&optimizer["betas"][1]),
        eps: real(&optimizer["eps"]),
        weight_decay: real(&optimizer["weight_decay"]),
    }
}

/// The schedule in the words of a scheduler's config.
fn schedule(about: &Json) -> std::sync::Arc<dyn NoiseSchedule> {
    let mut config: Map<String, Json> = about.as_object().unwrap().clone();
    let name = config.remove("name").unwrap();
    config.insert("beta_schedule".into(), name);
    beta_schedule("DDPMScheduler", &config).unwrap()
}

/// `alpha_t x0 + sigma_t eps` with a time for each sample.
fn noisy(schedule: &dyn NoiseSchedule, x0: &Tensor, eps: &Tensor, t: &[f64]) -> Tensor {
    let column = |f: &dyn Fn(f64) -> f64| {
        let factors: Vec<f32> = t.iter().map(|&t| f(t) as f32).collect();
        Tensor::from_vec(factors, (t.len(), 1, 1, 1), x0.device()).unwrap()
    };
    let signal = x0.broadcast_mul(&column(&|t| schedule.level(t).alpha)).unwrap();
    let noise = eps.broadcast_mul(&column(&|t| schedule.level(t).sigma)).unwrap();
    (signal + noise).unwrap()
}
