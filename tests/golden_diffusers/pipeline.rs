//! A trained network sampled with several schedulers.

use std::sync::Arc;

use candle_core::Tensor;
use diffusion_studio::{
    diffusion::{NetDenoiser, Trajectory, sampler, scheduler_config::Setup},
    math::{Cond, noise::Seeded, target},
    nn::SharedNet,
};
use serde_json::Value as Json;

use crate::{Case, Outcome, net::open, numbers};

/// Largest difference, as a share of the largest value, where the process does not amplify rounding.
const TOLERANCE: f64 = 1e-4;
/// Share by which a start is changed to see how much it does. One network call in float32 differs by about five times this
/// between two implementations.
const NUDGE: f64 = 1e-6;

pub(crate) fn check(case: &Case) -> Outcome {
    let x_init = &case.tensors["x_init"];
    let net = open(&case.file.parent().unwrap().join("unet"), x_init);
    let net = Arc::new(SharedNet::new(Box::new(net)));
    let runs = case.about["runs"].as_array().unwrap();
    let key = |run: &Json| run["key"].as_str().unwrap().to_owned();
    let mut outcome = Outcome::default();
    for run in runs {
        let expected = case.numbers(&key(run));
        let found = numbers(&sample(run, net.clone(), x_init));
        let nudged = numbers(&sample(run, net.clone(), &(x_init * (1.0 + NUDGE)).unwrap()));
        // A network of random weights followed by clipping is chaotic at high noise: the effect of the nudge says how
        // closely two float32 implementations can agree. A wrong formula is off by the size of the values.
        let tolerance = TOLERANCE + 3.0 * largest_difference(&found, &nudged) / largest_difference(&expected, &[]);
        assert!(tolerance < 0.02, "{}: too chaotic to compare", key(run));
        outcome.compare(&key(run), &found, &expected, tolerance);
    }
    let compared: Vec<String> = runs.iter().map(key).chain(["x_init".into()]).collect();
    outcome.demand_all(case, |name| compared.iter().any(|key| key == name));
    outcome
}

/// The largest difference; missing numbers are zero.
fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    let zeros = std::iter::repeat(&0.0);
    a.iter()
        .zip(b.iter().chain(zeros))
        .fold(0.0, |max, (a, b)| max.max((a - b).abs()))
}

fn sample(run: &Json, net: Arc<SharedNet>, x_init: &Tensor) -> Tensor {
    let steps = run["num_inference_steps"].as_u64().unwrap() as usize;
    let (config, step) = (run["config"].as_object().unwrap(), run["step"].as_object().unwrap());
    let class = run["scheduler"].as_str().unwrap();
    let setup = Setup::from_diffusers(class, config, step, steps).unwrap();
    let model = NetDenoiser {
        net,
        target: target::build(&setup.target).unwrap(),
        cond: Cond::None,
    };
    let mut trajectory = Trajectory::new(
        setup.moves(steps).unwrap(),
        sampler::build(&setup.sampler).unwrap(),
        setup.clipped(Box::new(model)),
        setup.schedule().unwrap(),
        // None of the runs draws noise.
        Box::new(Seeded(0)),
        x_init,
        0,
    )
    .unwrap();
    trajectory.by_ref().for_each(|step| drop(step.unwrap()));
    trajectory.x().clone()
}
