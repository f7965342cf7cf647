//! Output, loss, input gradient and every parameter's gradient norm of a `UNet2DModel`.

use std::collections::BTreeMap;

use diffusion_studio::{
    math::Cond,
    nn::{Executor as _, Mode},
};

use crate::{
    Case, Outcome,
    net::{mean_square, open},
    numbers,
};

const TOLERANCE: f64 = 1e-4;

pub(crate) fn check(case: &Case) -> Outcome {
    assert_eq!(case.about["loss"], "mean((y-target)^2)", "{}", case.name());
    let (x, t) = (&case.tensors["x"], case.numbers("t"));
    let mut net = open(case.file.parent().unwrap(), x);
    let cond = match case.tensors.get("class_labels") {
        Some(labels) => Cond::Class(numbers(labels).into_iter().map(|v| v as u32).collect()),
        None => Cond::None,
    };
    let mut outcome = Outcome::default();
    let still = net.forward(x, &t, &cond, Mode::Infer).unwrap();
    outcome.compare("y without gradients", &numbers(&still), &case.numbers("y"), TOLERANCE);
    let y = net.forward(x, &t, &cond, Mode::Train).unwrap();
    outcome.compare("y", &numbers(&y), &case.numbers("y"), TOLERANCE);
    let (loss, d_out) = mean_square(&y, &case.tensors["target"]);
    outcome.compare("loss", &[loss], &case.numbers("loss"), TOLERANCE);
    let mut grads = vec![0.0; net.params().len()];
    let grad_x = net.backward(&d_out, Some(&mut grads), true).unwrap().unwrap();
    outcome.compare("grad_x", &numbers(&grad_x), &case.numbers("grad_x"), TOLERANCE);
    compare_norms(case, &mut outcome, &net.unpack(&grads));
    outcome.demand_all(case, |name| {
        ["x", "t", "y", "target", "loss", "grad_x", "class_labels"].contains(&name) || name.starts_with("grad_norm/")
    });
    outcome
}

fn compare_norms(case: &Case, outcome: &mut Outcome, grads: &BTreeMap<String, Vec<f32>>) {
    let norms: Vec<(String, f64)> = grads
        .keys()
        .map(|param| (param.clone(), case.numbers(&format!("grad_norm/{param}"))[0]))
        .collect();
    let largest = norms.iter().fold(0.0_f64, |max, (_, norm)| max.max(*norm));
    for (param, expected) in norms {
        let found = grads[&param].iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        // The gradient of a key's bias is nothing but rounding, since softmax ignores it.
        if expected < 1e-6 * largest && found < 1e-6 * largest {
            outcome.compared += 1;
            continue;
        }
        outcome.compare(&format!("grad_norm/{param}"), &[found], &[expected], TOLERANCE);
    }
}
