//! Whole reverse processes with a network given as a formula.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use candle_core::Tensor;
use diffusion_studio::{
    diffusion::{Denoiser, Net, NetDenoiser, Prediction, Trajectory, sampler, scheduler_config::Setup},
    math::{Cond, Level, noise::NoiseSource, target},
};
use serde_json::Map;

use crate::{Case, Outcome, numbers};

/// Largest difference, as a share of the largest value of a tensor.
const TOLERANCE: f64 = 1e-4;
/// Where diffusers' own float32 noise levels enter: it looks up the times of Karras levels in a float32 table.
const FLOAT32_SIGMAS: f64 = 5e-4;
/// The settings that bring them in.
const IN_FLOAT32: [&str; 3] = ["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"];

/// The formula's inputs and outputs, call by call.
#[derive(Default)]
struct Calls {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    times: Vec<f64>,
}

/// `0.8 x / (1 + |x|) + 0.05 sin(0.01 t)`.
struct Formula(Arc<Mutex<Calls>>);

impl Net for Formula {
    fn forward(&self, x: &Tensor, at: Level, _cond: &Cond) -> candle_core::Result<Tensor> {
        let out = (((x * 0.8)? / (x.abs()? + 1.0)?)? + 0.05 * (0.01 * at.t).sin())?;
        let mut calls = self.0.lock().unwrap();
        calls.inputs.push(x.clone());
        calls.outputs.push(out.clone());
        calls.times.push(at.t);
        Ok(out)
    }

    fn vjp(&self, _: &Tensor, _: Level, _: &Cond, _: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
        unreachable!("no sampler here asks for a gradient")
    }
}

/// What the sampler asked and was told, call by call.
struct Overheard {
    inner: Box<dyn Denoiser>,
    heard: Arc<Mutex<Vec<(Tensor, Level, Prediction)>>>,
}

impl Denoiser for Overheard {
    fn predict(&self, x: &Tensor, at: Level) -> candle_core::Result<Prediction> {
        let belief = self.inner.predict(x, at)?;
        self.heard.lock().unwrap().push((x.clone(), at, belief.clone()));
        Ok(belief)
    }
}

/// The noise that diffusers drew, by the network call that it followed and its number there. Some schedulers draw noise
/// that they do not use.
struct Recorded {
    noise: BTreeMap<(usize, u64), Vec<f64>>,
    calls: Arc<Mutex<Calls>>,
}

impl Recorded {
    fn of(case: &Case, calls: Arc<Mutex<Calls>>) -> Self {
        let noise = case.tensors.iter().filter_map(|(name, tensor)| {
            let (call, draw) = name.strip_prefix("noise_")?.split_once('_')?;
            Some(((call.parse().unwrap(), draw.parse().unwrap()), numbers(tensor)))
        });
        Self {
            noise: noise.collect(),
            calls,
        }
    }
}

impl NoiseSource for Recorded {
    fn normals(&self, sample: u64, _mv: u64, draw: u64, out: &mut [f32]) {
        let call = self.calls.lock().unwrap().times.len() - 1;
        let noise = self.noise.get(&(call, draw));
        let noise = noise.unwrap_or_else(|| panic!("diffusers drew no noise {draw} after call {call}"));
        let first = sample as usize * out.len();
        for (out, v) in out.iter_mut().zip(&noise[first..]) {
            *out = *v as f32;
        }
    }
}

/// Walks the case and compares all that was recorded.
pub(crate) fn check(case: &Case) -> Outcome {
    let about = &case.about;
    assert_eq!(about["network"], "0.8*x/(1+|x|) + 0.05*sin(0.01*t)", "{}", case.name());
    let steps = about["num_inference_steps"].as_u64().unwrap() as usize;
    let empty = Map::new();
    let object = |key: &str| about.get(key).and_then(|v| v.as_object()).unwrap_or(&empty);
    let class = about["scheduler"].as_str().unwrap();
    let setup = match Setup::from_diffusers(class, object("config"), object("step"), steps) {
        Ok(setup) => setup,
        Err(error) => {
            return Outcome {
                faults: vec![error.to_string()],
                ..Outcome::default()
            };
        }
    };

    let calls = Arc::new(Mutex::new(Calls::default()));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let model = NetDenoiser {
        net: Arc::new(Formula(calls.clone())),
        target: target::build(&setup.target).unwrap(),
        cond: Cond::None,
    };
    let sampler = sampler::build(&setup.sampler).unwrap();
    let units = sampler.units();
    let x_init = case.tensors["x_init"].clone();
    let mut trajectory = Trajectory::new(
        setup.moves(steps).unwrap(),
        sampler,
        Box::new(Overheard {
            inner: setup.clipped(Box::new(model)),
            heard: heard.clone(),
        }),
        setup.schedule().unwrap(),
        Box::new(Recorded::of(case, calls.clone())),
        &x_init,
        0,
    )
    .unwrap();
    trajectory.seek(0, x_init, []);

    // The state after each network call: where the next call of the same move looked, or the end of the move.
    let mut states = Vec::new();
    for step in trajectory {
        let step = step.unwrap();
        let heard = heard.lock().unwrap();
        for (x, at, _) in heard.iter().skip(states.len() + 1) {
            states.push((x / units.schedule_from_state(*at)).unwrap());
        }
        states.push(step.next);
    }

    let in_float32 = IN_FLOAT32
        .iter()
        .any(|key| object("config").get(*key) == Some(&true.into()));
    let tolerance = if in_float32 { FLOAT32_SIGMAS } else { TOLERANCE };
    let calls = calls.lock().unwrap();
    let beliefs: Vec<Tensor> = heard.lock().unwrap().iter().map(|(_, _, b)| b.x0.clone()).collect();
    let mut outcome = Outcome::default();
    for (name, tensor) in &case.tensors {
        let Some((list, index)) = (match name.rsplit_once('_') {
            Some(("model_input", i)) => Some((&calls.inputs, i)),
            Some(("model_output", i)) => Some((&calls.outputs, i)),
            Some(("x0", i)) => Some((&beliefs, i)),
            Some(("x", i)) if i != "init" => Some((&states, i)),
            _ => None,
        }) else {
            continue;
        };
        match list.get(index.parse::<usize>().unwrap()) {
            Some(found) => outcome.compare(name, &numbers(found), &numbers(tensor), tolerance),
            None => outcome.faults.push(format!("{name} was never reached")),
        }
    }
    outcome.demand_all(case, |name| {
        ["model_input_", "model_output_", "x0_", "x_", "noise_"]
            .iter()
            .any(|p| name.starts_with(p))
    });
    let times: Vec<f64> = about["timesteps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_f64().unwrap())
        .collect();
    outcome.compare("timesteps", &calls.times, &times, tolerance);
    assert_eq!(states.len(), times.len(), "{}: network calls", case.name());
    outcome
}
