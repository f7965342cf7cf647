//! What each method promises.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{apart, image, moves, normal, operator, restored, values, walked};
use candle_core::Tensor;
use diffusion_studio::{
    diffusion::{
        Context, Denoiser, Prediction, Result, Sampler, Step,
        oracle::{Component, Mixture},
        restore::{self, Measurement, method, task},
        sampler,
    },
    math::{Domain, Level, Move, Spec, Value},
};

const COLOUR: Domain = image(3, 8, 8);

/// Two kinds of pictures.
fn model(domain: Domain) -> Arc<dyn Denoiser> {
    let component = |number: u64, weight: f64| Component {
        weight,
        mean: values(&(normal(&domain.shape(1), number) * 0.5).unwrap()),
        std: 0.3,
    };
    Arc::new(Mixture::new(vec![component(20, 0.4), component(21, 0.6)]))
}

fn measured(domain: Domain, task: &str, noise: f64, fill: Option<&[f32]>) -> Measurement {
    let operator = operator(domain, task, noise, fill);
    let exact = operator.apply(&(normal(&domain.shape(1), 7) * 0.5).unwrap()).unwrap();
    let noise_in_it = (normal(exact.dims(), 8) * noise).unwrap();
    Measurement::new(operator, (exact + noise_in_it).unwrap(), noise).unwrap()
}

/// Methods that promise exactness for a task, with the parameters that make it so.
fn exact(task: &str) -> Vec<Spec> {
    let all = method::ENTRIES.iter().map(|entry| Spec::new(entry.id));
    let strict = |spec: Spec| match spec.id.as_str() {
        "ilvr" => spec.with("free", Value::Real(0.0)),
        _ => spec,
    };
    all.map(strict)
        .filter(|spec| {
            let method = method::build(spec).unwrap();
            method.is_exact() && method.tasks().contains(&task)
        })
        .collect()
}

#[test]
fn when_all_is_known_the_picture_comes_back() {
    let measured = measured(COLOUR, "inpaint", 0.0, Some(&[0.0; 64]));
    let specs = exact("inpaint");
    assert_eq!(specs.len(), 6, "{specs:?}");
    for spec in specs {
        let found = restored(&spec, &measured, &model(COLOUR), 12, 0, 2);
        let expected = measured.y.broadcast_as(found.shape()).unwrap();
        assert_eq!(apart(&found, &expected), 0.0, "{}", spec.id);
    }
}

#[test]
fn known_pixels_are_exact_at_the_end_and_the_others_are_filled() {
    let fill: Vec<f32> = (0..64).map(|i| f32::from(u8::from(i % 8 < 4))).collect();
    let measured = measured(COLOUR, "inpaint", 0.0, Some(&fill));
    let mut specs = exact("inpaint");
    specs.push(Spec::new("sdedit"));
    specs.push(Spec::new("replace").with("sampler", Value::Text("euler-a".into())));
    for spec in specs {
        let found = values(&restored(&spec, &measured, &model(COLOUR), 12, 0, 1));
        for (i, (found, y)) in found.iter().zip(values(&measured.y)).enumerate() {
            let known = i % 8 >= 4;
            assert!(!known || *found == y, "{} {i}: {found} is not {y}", spec.id);
            assert!(
                known || (*found != 0.0 && found.abs() < 3.0),
                "{} {i}: {found}",
                spec.id
            );
        }
    }
}

#[test]
fn exact_methods_explain_every_measurement_without_noise() {
    for task in task::ENTRIES {
        let fill: Vec<f32> = (0..64).map(|i| f32::from(u8::from(i % 3 == 0))).collect();
        let measured = measured(COLOUR, task.id, 0.0, Some(&fill));
        for spec in exact(task.id) {
            let found = restored(&spec, &measured, &model(COLOUR), 12, 0, 2);
            let residual = values(&measured.residual(&found).unwrap());
            let worst = residual.into_iter().map(f64::abs).fold(0.0, f64::max);
            assert!(worst < 2e-5, "{} {}: {worst}", spec.id, task.id);
        }
    }
}

/// Nothing is known: bit for bit the sampler underneath.
#[test]
fn when_nothing_is_known_the_base_sampler_is_left() {
    let measured = measured(COLOUR, "inpaint", 0.0, Some(&[1.0; 64]));
    let model = model(COLOUR);
    let pairs = [
        (Spec::new("replace"), "ddpm"),
        (Spec::new("replace").with("sampler", Value::Text("ddim".into())), "ddim"),
        (
            Spec::new("replace").with("sampler", Value::Text("euler-a".into())),
            "euler-a",
        ),
        (Spec::new("repaint").with("passes", Value::Int(1)), "ddpm"),
        (Spec::new("dps"), "ddpm"),
    ];
    for (method, base) in pairs {
        let alone = walked(
            sampler::build(&Spec::new(base)).unwrap(),
            &measured.guide,
            &model,
            15,
            0,
            2,
        );
        let found = restored(&method, &measured, &model, 15, 0, 2);
        assert_eq!(values(&found), values(&alone), "{method:?}");
    }
}

/// The step that DDRM, DDNM and `DiffPIR` make without data: DDIM with `share` of the next level's noise fresh.
struct Dataless {
    kept: f64,
    fresh: f64,
}

impl Sampler for Dataless {
    fn step(&self, mv: Move, x: &Tensor, _past: &[Step], context: &Context<'_>) -> Result<Step> {
        let belief = context.predict(x, mv.from)?;
        let mean = ((&belief.x0 * mv.to.alpha)? + (&belief.eps * (self.kept * mv.to.sigma))?)?;
        let next = context.add_noise(mean, self.fresh * mv.to.sigma)?;
        Ok(Step {
            mv,
            x: x.clone(),
            belief,
            next,
        })
    }
}

#[test]
fn when_nothing_is_known_the_others_sample_without_their_data_term() {
    let measured = measured(COLOUR, "inpaint", 0.0, Some(&[1.0; 64]));
    let model = model(COLOUR);
    let some = (1.0 - 0.85_f64.powi(2)).sqrt();
    for (id, kept, fresh) in [("ddrm", some, 0.85), ("ddnm", some, 0.85), ("diffpir", 0.0, 1.0)] {
        let alone = walked(Box::new(Dataless { kept, fresh }), &measured.guide, &model, 15, 0, 2);
        let found = restored(&Spec::new(id), &measured, &model, 15, 0, 2);
        assert!(apart(&found, &alone) < 1e-5, "{id}: {}", apart(&found, &alone));
    }
}

#[test]
fn a_candidate_does_not_depend_on_its_batch() {
    for entry in method::ENTRIES {
        let method = method::build(&Spec::new(entry.id)).unwrap();
        let task = method.tasks()[0];
        let fill: Vec<f32> = (0..64).map(|i| f32::from(u8::from(i % 8 < 4))).collect();
        let measured = measured(COLOUR, task, 0.0, Some(&fill));
        let together = restored(&Spec::new(entry.id), &measured, &model(COLOUR), 12, 0, 3);
        let alone = restored(&Spec::new(entry.id), &measured, &model(COLOUR), 12, 2, 1);
        let third = together.narrow(0, 2, 1).unwrap();
        assert!(apart(&third, &alone) < 1e-5, "{}: {}", entry.id, apart(&third, &alone));
    }
}

#[test]
fn the_gradient_of_dps_is_that_of_the_residual() {
    let domain = image(1, 4, 4);
    let (model, at) = (
        model(domain),
        Level {
            t: 0.0,
            alpha: 0.8,
            sigma: 0.6,
        },
    );
    for task in ["inpaint", "sr2", "deblur"] {
        let fill: Vec<f32> = (0..16).map(|i| f32::from(u8::from(i % 2 == 0))).collect();
        let measured = measured(domain, task, 0.0, Some(&fill));
        let x = normal(&domain.shape(1), 9);
        let norm = |x: &Tensor| {
            let residual = values(&measured.residual(&model.predict(x, at).unwrap().x0).unwrap());
            residual.iter().map(|r| r * r).sum::<f64>().sqrt()
        };
        let belief = model.predict(&x, at).unwrap();
        let gradient = values(&method::dps::gradient(&measured, &*model, &x, at, &belief).unwrap());
        for (i, found) in gradient.iter().enumerate() {
            let nudge = |by: f32| {
                let mut moved: Vec<f32> = x.flatten_all().unwrap().to_vec1().unwrap();
                moved[i] += by;
                norm(&Tensor::from_vec(moved, x.shape(), x.device()).unwrap())
            };
            let expected = (nudge(0.02) - nudge(-0.02)) / 0.04;
            assert!((found - expected).abs() < 2e-3, "{task} {i}: {found} {expected}");
        }
    }
}

/// Counts how often it is asked.
struct Counting(Mixture, Arc<AtomicUsize>);

impl Denoiser for Counting {
    fn predict(&self, x: &Tensor, at: Level) -> Result<Prediction> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.predict(x, at)
    }
}

#[test]
fn repaint_asks_as_often_as_published() {
    let measured = measured(Domain::Points, "inpaint", 0.0, Some(&[1.0, 0.0]));
    let published = [
        (250, 10, 10, 2410),
        (100, 10, 10, 910),
        (100, 10, 5, 460),
        (50, 10, 10, 410),
        (50, 10, 5, 210),
        (50, 5, 5, 230),
    ];
    for (steps, jump, passes, calls) in published {
        let spec = Spec::new("repaint")
            .with("jump", Value::Int(jump))
            .with("passes", Value::Int(passes));
        let asked = Arc::new(AtomicUsize::new(0));
        let model: Arc<dyn Denoiser> = Arc::new(Counting(Mixture::gaussian(vec![0.0, 0.0], 1.0), asked.clone()));
        restored(&spec, &measured, &model, steps, 0, 1);
        assert_eq!(asked.load(Ordering::Relaxed), calls, "{steps} {jump} {passes}");
    }
}

/// Up and down again: the saw-tooth goes over neighbouring levels and ends without noise.
#[test]
fn repaint_walks_without_a_gap() {
    let measured = measured(Domain::Points, "inpaint", 0.0, Some(&[1.0, 0.0]));
    let plan = method::build(&Spec::new("repaint"))
        .unwrap()
        .bind(measured)
        .plan(moves(250));
    assert!(plan.windows(2).all(|pair| pair[0].to == pair[1].from));
    assert_eq!(plan.iter().filter(|mv| mv.is_upward()).count(), 2160);
    assert_eq!(plan.last().unwrap().to.sigma, 0.0);
}

#[test]
fn a_method_that_does_not_fit_says_which_do() {
    let refusal = |id: &str, task: &str, noise: f64| {
        let method = method::build(&Spec::new(id)).unwrap();
        restore::check(id, &*method, task, noise).unwrap_err().to_string()
    };
    assert_eq!(
        refusal("repaint", "sr4", 0.0),
        "repaint does inpaint, not sr4; choose one of: ddrm, diffpir, ddnm, dps, ilvr, sdedit"
    );
    assert_eq!(
        refusal("replace", "inpaint", 0.2),
        "replace takes the measurement for exact, but this one has noise of 0.2; choose one of: ddrm, diffpir, ddnm, dps, sdedit"
    );
    let ddrm = method::build(&Spec::new("ddrm")).unwrap();
    assert!(restore::check("ddrm", &*ddrm, "deblur", 0.1).is_ok());
}

/// The registry lists every task once, and methods name tasks that there are.
#[test]
fn methods_do_tasks_that_there_are() {
    let tasks: Vec<&str> = task::ENTRIES.iter().map(|entry| entry.id).collect();
    for entry in method::ENTRIES {
        let method = method::build(&Spec::new(entry.id)).unwrap();
        assert!(method.tasks().iter().all(|task| tasks.contains(task)), "{}", entry.id);
    }
    let served = |task: &&str| method::build(&Spec::new("ddrm")).unwrap().tasks().contains(task);
    assert!(tasks.iter().all(served));
}
