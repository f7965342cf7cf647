//! An interrupted run ends with the same numbers as an uninterrupted one, bit for bit.

#![expect(clippy::unwrap_used, reason = "the functions between the tests are tests too")]

mod rig;

use std::{fs, path::Path};

use diffusion_studio::{
    data::Dataset,
    engine::Command,
    files::{Recipe, RunFolder},
    math::{Spec, Value},
};
use rig::{Rig, failures, folder, losses, points, resume, resume_paused, train, train_paused};
use tempfile::tempdir;

/// The files of the checkpoint at `step`.
fn checkpoint(run: &Path, step: u64) -> Vec<Vec<u8>> {
    let folder = RunFolder::open(run).unwrap().checkpoint_path(step);
    ["model.safetensors", "ema.safetensors", "optimizer.safetensors"]
        .iter()
        .map(|name| fs::read(folder.join(name)).unwrap())
        .collect()
}

/// `metrics.csv` without the columns that depend on the clock.
fn metrics(run: &Path) -> Vec<String> {
    let text = fs::read_to_string(run.join("metrics.csv")).unwrap();
    text.lines()
        .map(|line| line.rsplitn(3, ',').last().unwrap().to_owned())
        .collect()
}

/// Trains without a break.
fn whole(recipe: &Recipe, runs: &Path) -> std::path::PathBuf {
    let mut rig = Rig::new(runs);
    let events = rig.send(train(recipe.clone())).rest().take();
    assert!(failures(&events).is_empty(), "{:?}", failures(&events));
    folder(&events)
}

/// Trains `steps`, loses the engine, and goes on with another one. `more` steps after the last save are lost.
fn broken(recipe: &Recipe, runs: &Path, steps: u64, more: usize) -> std::path::PathBuf {
    let mut rig = Rig::new(runs);
    rig.send(train_paused(recipe.clone())).rest();
    rig.steps(steps).send(Command::Resume).calls(more);
    let run = folder(&rig.take());
    drop(rig);
    let mut rig = Rig::new(runs);
    let events = rig.send(resume(&run)).rest().take();
    assert!(failures(&events).is_empty(), "{:?}", failures(&events));
    // The history comes first, then the new steps: the whole curve once.
    let told: Vec<u64> = losses(&events).iter().map(|l| l.0).collect();
    assert_eq!(told, (1..=recipe.train.steps).collect::<Vec<_>>());
    run
}

fn assert_same(recipe: &Recipe, at: u64, more: usize) {
    let (first, second) = (tempdir().unwrap(), tempdir().unwrap());
    let (whole, broken) = (whole(recipe, first.path()), broken(recipe, second.path(), at, more));
    assert_eq!(metrics(&whole).len() as u64, recipe.train.steps + 1);
    assert_eq!(metrics(&whole), metrics(&broken));
    assert!(
        checkpoint(&whole, recipe.train.steps) == checkpoint(&broken, recipe.train.steps),
        "weights differ"
    );
}

#[test]
fn points_resumed_at_17_of_40() {
    assert_same(&points(40), 17, 0);
}

#[test]
fn points_killed_after_the_last_save() {
    assert_same(&points(40), 17, 9);
}

#[test]
fn points_killed_while_the_validation_runs() {
    // The validation at step 50 is under way when the engine is lost.
    assert_same(&points(60), 50, 1);
}

#[test]
fn pictures_with_classes_in_uneven_parts() {
    let mut recipe = points(6);
    recipe.data.source = "digits8x8".into();
    recipe.data.shift = 1;
    recipe.net = Spec::new("unet")
        .with("base-channels", Value::Int(8))
        .with("groups", Value::Int(4))
        .with("head-dim", Value::Int(8));
    recipe.train.batch = 5;
    recipe.train.micro_batch = Some(2);
    recipe.train.lr_end = 0.1;
    recipe.condition.classes = true;
    recipe.condition.drop = 0.3;
    assert_same(&recipe, 4, 2);
}

#[test]
fn what_the_loss_learned_survives() {
    let mut by_importance = points(40);
    by_importance.times = Spec::new("importance")
        .with("pieces", Value::Int(10))
        .with("history", Value::Int(3));
    assert_same(&by_importance, 17, 3);
    let mut learned = points(40);
    learned.weighting = Spec::new("learned");
    assert_same(&learned, 17, 3);
    let mut hybrid = points(20);
    hybrid.weighting = Spec::new("hybrid");
    hybrid.net = hybrid.net.with("variance", Value::Flag(true));
    assert_same(&hybrid, 11, 3);
}

#[test]
fn a_run_goes_on_with_its_own_data_only() {
    let runs = tempdir().unwrap();
    let run = broken(&points(4), runs.path(), 2, 0);
    let path = run.join("recipe.toml");
    let recipe = fs::read_to_string(&path).unwrap();
    fs::write(&path, recipe.replace("\"moons\"", "\"spiral\"")).unwrap();
    let mut rig = Rig::new(runs.path());
    let events = rig.send(resume(&run)).rest().take();
    assert!(
        failures(&events)[0].contains("are not those"),
        "{:?}",
        failures(&events)
    );
}

#[test]
fn drawn_points_are_kept_with_the_run() {
    let runs = tempdir().unwrap();
    let spots: Vec<[f64; 2]> = (0..40).map(|i| f64::from(i).sin_cos().into()).collect();
    let Command::Train(mut request) = train_paused(points(6)) else {
        panic!("a request to train");
    };
    request.recipe.data.source = "drawn".into();
    request.data = Some(Dataset::from_points("My points", &spots).unwrap());
    let mut rig = Rig::new(runs.path());
    rig.send(Command::Train(request)).rest();
    let run = folder(&rig.steps(3).take());
    drop(rig);
    let events = Rig::new(runs.path()).send(resume(&run)).rest().take();
    assert!(failures(&events).is_empty(), "{:?}", failures(&events));
    assert_eq!(losses(&events).last().map(|l| l.0), Some(6));
}

#[test]
fn changed_settings_survive() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train_paused(points(10)))
        .rest()
        .send(Command::SetLearningRate(5e-4));
    rig.send(Command::SetEmaDecay(0.25)).send(Command::StepOnce).rest();
    let run = folder(&rig.take());
    drop(rig);
    let mut rig = Rig::new(runs.path());
    rig.send(resume(&run)).rest();
    let rows = RunFolder::open(&run).unwrap().metrics().unwrap();
    assert_eq!(rows.last().map(|r| (r.step, r.lr, r.ema_decay)), Some((10, 5e-4, 0.25)));
}

#[test]
fn a_finished_run_trains_on_as_if_it_had_been_longer() {
    let (first, second) = (tempdir().unwrap(), tempdir().unwrap());
    let long = whole(&points(30), first.path());
    let short = whole(&points(20), second.path());
    let mut rig = Rig::new(second.path());
    rig.send(resume_paused(&short))
        .rest()
        .send(Command::SetSteps(30))
        .send(Command::Resume)
        .rest();
    assert!(failures(&rig.take()).is_empty());
    assert_eq!(metrics(&long), metrics(&short));
    assert!(checkpoint(&long, 30) == checkpoint(&short, 30), "weights differ");
    assert_eq!(RunFolder::open(&short).unwrap().recipe().unwrap().train.steps, 30);
}
