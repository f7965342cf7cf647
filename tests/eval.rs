//! `eval`: figures of a model that is known to be good, of one that learned nothing, and of one that learned by heart.

#![expect(clippy::unwrap_used, reason = "a test ends at the first fault")]

mod rig;

use std::path::PathBuf;

use diffusion_studio::{
    engine::{
        command::Model,
        eval::{EvalRequest, Evaluation, Figure, evaluate},
    },
    files::Recipe,
    math::{Spec, Value},
    nn::DeviceChoice,
};
use rig::{Rig, folder, points, train};
use tempfile::tempdir;

fn request(model: Model) -> EvalRequest {
    EvalRequest {
        model,
        data: None,
        sampler: Spec::new("dpmpp-2m"),
        steps: 12,
        count: 150,
        rounds: 3,
        seed: 5,
        likelihood: 48,
        judge: None,
        classifier: None,
    }
}

fn measured(request: &EvalRequest) -> Evaluation {
    evaluate(request, DeviceChoice::Auto, |_| {}).unwrap()
}

fn figure<'a>(evaluation: &'a Evaluation, id: &str) -> &'a Figure {
    evaluation.figures.iter().find(|f| f.id == id).unwrap()
}

fn run(recipe: Recipe) -> (tempfile::TempDir, PathBuf) {
    let runs = tempdir().unwrap();
    let path = folder(&Rig::new(runs.path()).send(train(recipe)).rest().take());
    (runs, path)
}

/// The bundled model of the two moons is nearly as near to the data as other data are, and far nearer than what a network
/// after one step makes; what the moons are like takes fewer nats than a normal distribution has.
#[test]
fn a_good_model_is_told_from_a_bad_one() {
    let good = measured(&request(Model::Bundled("moons".into())));
    let (_runs, path) = run(points(1));
    let bad = measured(&request(Model::Folder(path)));
    for id in ["sliced-wasserstein", "energy-distance"] {
        let (good, bad) = (figure(&good, id), figure(&bad, id));
        let error = good.error.unwrap();
        assert!(error > 0.0 && error < 0.1, "{good:?}");
        assert!(bad.value > 5.0 * good.value.max(error), "{good:?} {bad:?}");
        assert!(good.value < good.reference.unwrap() + 0.1, "{good:?}");
    }
    let (good, bad) = (figure(&good, "nats-path"), figure(&bad, "nats-path"));
    // A round normal of unit variance has ln(2πe) = 2.84 nats in the plane.
    assert!(good.value + 3.0 * good.error.unwrap() < 2.84, "{good:?}");
    assert!(bad.value > good.value + 0.5, "{bad:?}");
}

#[test]
fn the_same_request_gives_the_same_figures() {
    let short = EvalRequest {
        rounds: 1,
        count: 20,
        likelihood: 4,
        ..request(Model::Bundled("moons".into()))
    };
    let (first, second) = (measured(&short), measured(&short));
    assert_eq!(first.figures, second.figures);
    assert_eq!(figure(&first, "energy-distance").error, None);
    let json = serde_json::to_value(&first).unwrap();
    assert_eq!(json["figures"][0]["id"], "sliced-wasserstein");
    assert_eq!(json["sampler"]["id"], "dpmpp-2m");
}

#[test]
fn pictures_have_their_own_figures() {
    let mut recipe = points(3);
    recipe.data.source = "digits8x8".into();
    recipe.schedule = Spec::new("cosine");
    recipe.target = Spec::new("v");
    recipe.net = Spec::new("unet")
        .with("base-channels", Value::Int(8))
        .with("groups", Value::Int(4))
        .with("head-dim", Value::Int(8));
    let (_runs, path) = run(recipe);
    let wanted = EvalRequest {
        count: 8,
        rounds: 2,
        steps: 4,
        likelihood: 2,
        ..request(Model::Folder(path))
    };
    let evaluation = measured(&wanted);
    let nearest = figure(&evaluation, "nearest-training-distance");
    // Unseen digits have near neighbours; noise has none.
    assert!(
        nearest.reference.unwrap() > 0.05 && nearest.reference.unwrap() < nearest.value,
        "{nearest:?}"
    );
    assert_eq!(evaluation.judge.as_deref(), Some("digits8x8"));
    for id in ["feature-frechet", "feature-kid"] {
        let apart = figure(&evaluation, id);
        assert!(apart.error.unwrap() > 0.0, "{apart:?}");
        assert!(
            apart.value - apart.reference.unwrap() > 4.0 * apart.error.unwrap(),
            "{apart:?}"
        );
    }
    let recognised = figure(&evaluation, "recognised-share");
    assert!(
        recognised.value < 0.5 && recognised.reference.unwrap() > 0.9,
        "{recognised:?}"
    );
    // The model is told no class, so there is none to be right about, unless a classifier leads.
    assert!(evaluation.figures.iter().all(|f| f.id != "class-accuracy"));
    let led = measured(&EvalRequest {
        classifier: Some(1.0),
        likelihood: 0,
        ..wanted
    });
    assert!(figure(&led, "class-accuracy").reference.unwrap() > 0.9);
    assert_ne!(figure(&led, "feature-kid"), figure(&evaluation, "feature-kid"));
    for id in ["bits-per-dim-path", "bits-per-dim-bound"] {
        let bits = figure(&evaluation, id);
        // Eight bits is what a byte takes that nobody knows anything about.
        assert!(
            bits.value > 1.0 && bits.value < 40.0 && bits.error.unwrap() > 0.0,
            "{bits:?}"
        );
    }
}

#[test]
fn other_data_must_be_of_the_same_kind() {
    let other = EvalRequest {
        data: Some("digits8x8".into()),
        ..request(Model::Bundled("moons".into()))
    };
    let fault = evaluate(&other, DeviceChoice::Auto, |_| {}).unwrap_err().to_string();
    assert!(fault.contains("other samples"), "{fault}");
    let rings = EvalRequest {
        data: Some("rings".into()),
        rounds: 1,
        likelihood: 0,
        ..request(Model::Bundled("moons".into()))
    };
    let of_moons = measured(&EvalRequest {
        data: None,
        ..rings.clone()
    });
    let of_rings = measured(&rings);
    assert!(figure(&of_rings, "energy-distance").value > 5.0 * figure(&of_moons, "energy-distance").value);
}
