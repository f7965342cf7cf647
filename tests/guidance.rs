//! Guidance from the request to the samples: its interval, its rescaling, and a weaker model to be led away from.

mod rig;

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use diffusion_studio::{
    diffusion::{Denoiser as _, Guidance, NetDenoiser},
    engine::{
        Command,
        command::{ClassChoice, ClassifierChoice, Model, SampleRequest},
    },
    math::{Cond, Domain, Level, Spec, Value, target::Target},
    nn::{self, CandleExecutor, Executor as _, SharedNet},
};
use rig::{Rig, failures, folder, points, request, steps, train, xy};
use tempfile::tempdir;

/// A run on rings with classes.
fn run(runs: &Path, steps: u64, schedule: &str) -> PathBuf {
    let mut recipe = points(steps);
    recipe.data.source = "rings".into();
    recipe.condition.classes = true;
    recipe.schedule = Spec::new(schedule);
    folder(&Rig::new(runs).send(train(recipe)).rest().take())
}

/// The last frame of six samples, or why there are none.
fn made(runs: &Path, model: &Path, change: impl FnOnce(&mut SampleRequest)) -> Result<Vec<f32>, String> {
    let mut request = request(1, 6, "ddim");
    request.model = Model::Folder(model.into());
    request.class = ClassChoice::Each;
    change(&mut request);
    let events = Rig::new(runs).send(Command::Sample(Box::new(request))).rest().take();
    match failures(&events).pop() {
        Some(failure) => Err(failure),
        None => Ok(xy(&steps(&events, 1)[8].x).to_vec()),
    }
}

#[test]
fn a_weaker_model_is_left_behind() {
    let runs = tempdir().unwrap();
    let (good, weak) = (run(runs.path(), 60, "linear"), run(runs.path(), 10, "linear"));
    let away = |scale: f64, weak: &Path| {
        made(runs.path(), &good, |r| {
            r.guidance = Guidance::scale(scale);
            r.weaker = Some(Model::Folder(weak.into()));
        })
    };
    let plain = |model: &Path| made(runs.path(), model, |_| {}).unwrap();
    assert_ne!(away(2.0, &weak).unwrap(), plain(&good));
    // Nothing is left of a model that is led away from itself, and at scale 0 the weaker one is all there is.
    let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
    assert!(close(&away(3.0, &good).unwrap(), &plain(&good)));
    assert!(close(&away(0.0, &weak).unwrap(), &plain(&weak)));
    assert!(
        away(1.0, &weak)
            .unwrap_err()
            .contains("counts for nothing at guidance 1")
    );
    let other = run(runs.path(), 1, "cosine");
    assert!(away(2.0, &other).unwrap_err().contains("another noise schedule"));
}

/// A model that was never told a class follows the judge of its data towards one.
#[test]
fn a_classifier_leads() {
    let runs = tempdir().unwrap();
    let mut recipe = points(2);
    recipe.data.source = "digits8x8".into();
    recipe.schedule = Spec::new("cosine");
    recipe.net = Spec::new("unet")
        .with("base-channels", Value::Int(8))
        .with("groups", Value::Int(4))
        .with("head-dim", Value::Int(8));
    let model = folder(&Rig::new(runs.path()).send(train(recipe)).rest().take());
    let led = |scale: Option<f64>, class| {
        let change = |request: &mut SampleRequest| {
            request.class = class;
            request.classifier = scale.map(|scale| ClassifierChoice { scale, judge: None });
        };
        let mut wanted = request(1, 6, "ddim");
        wanted.model = Model::Folder(model.clone());
        change(&mut wanted);
        let events = Rig::new(runs.path())
            .send(Command::Sample(Box::new(wanted)))
            .rest()
            .take();
        match failures(&events).pop() {
            Some(failure) => Err(failure),
            None => Ok(steps(&events, 1).pop().unwrap().x),
        }
    };
    let (each, three) = (ClassChoice::Each, ClassChoice::One(3));
    let plain = led(None, ClassChoice::None).unwrap();
    assert_eq!(led(Some(0.0), each).unwrap(), plain);
    assert_ne!(led(Some(3.0), each).unwrap(), plain);
    assert_ne!(led(Some(3.0), each).unwrap(), led(Some(3.0), three).unwrap());
    let fault = |scale, class| led(scale, class).unwrap_err();
    assert!(fault(None, three).contains("let a classifier lead"));
    assert!(fault(Some(1.0), ClassChoice::None).contains("choose one, or each"));
    assert!(fault(Some(1.0), ClassChoice::One(10)).contains("the classes are 0 to 9"));
    let rings = run(runs.path(), 1, "linear");
    let of_points = made(runs.path(), &rings, |r| {
        r.classifier = Some(ClassifierChoice {
            scale: 1.0,
            judge: None,
        });
    });
    assert!(of_points.unwrap_err().contains("there is no classifier"));
}

#[test]
fn the_interval_and_the_rescaling_reach_the_samples() {
    let runs = tempdir().unwrap();
    let model = run(runs.path(), 30, "linear");
    let with = |interval, rescale, scale| {
        let guidance = Guidance {
            scale,
            interval,
            rescale,
        };
        made(runs.path(), &model, |r| r.guidance = guidance).unwrap()
    };
    let all = (0.0, f64::INFINITY);
    let (off, on) = (with(all, 0.0, 1.0), with(all, 0.0, 3.0));
    assert_ne!(on, off);
    assert_ne!(with(all, 0.7, 3.0), on);
    assert_ne!(with((0.5, 5.0), 0.0, 3.0), on);
    assert_ne!(with((0.5, 5.0), 0.0, 3.0), off);
    // No level of the walk has so much noise.
    assert_eq!(with((1e6, f64::INFINITY), 0.0, 3.0), off);
}

/// Networks that say their variance have gradients of what they say of the sample.
#[test]
fn half_of_an_output_can_be_asked_for_its_gradient() {
    let spec = Spec::new("mlp")
        .with("width", Value::Int(16))
        .with("variance", Value::Flag(true));
    let graph = nn::graph(&spec, Domain::Points, None).unwrap();
    let mut exec = CandleExecutor::new(graph.clone(), &Device::Cpu);
    let flat = exec.pack(&nn::init::weights(&graph, 3)).unwrap();
    exec.params_mut().copy_from_slice(&flat);
    let model = NetDenoiser {
        net: std::sync::Arc::new(SharedNet::new(Box::new(exec))),
        target: Target::V,
        cond: Cond::None,
    };
    let at = Level::from_alpha_bar(300.0, 0.4);
    let tensor = |v: [f32; 2]| Tensor::new(&[v], &Device::Cpu).unwrap();
    let (x, c) = ([0.4_f32, -0.9], [0.8_f32, 0.5]);
    let (belief, grad) = model.vjp(&tensor(x), at, &tensor(c)).unwrap();
    assert_eq!(belief.var.unwrap().dims(), [1, 2]);
    let grad = grad.to_vec2::<f32>().unwrap()[0].clone();
    for i in 0..2 {
        let along = |by: f32| {
            let mut moved = x;
            moved[i] += by;
            let x0 = model.predict(&tensor(moved), at).unwrap().x0.to_vec2::<f32>().unwrap();
            x0[0][0] * c[0] + x0[0][1] * c[1]
        };
        let difference = (along(0.01) - along(-0.01)) / 0.02;
        assert!(
            (grad[i] - difference).abs() < 2e-3,
            "{i}: {} is not {difference}",
            grad[i]
        );
    }
}
