//! Weights of earlier training steps: which ones a run keeps, what they are worth, and what happens where they are lost.

#![expect(clippy::unwrap_used, reason = "the functions between the tests are tests too")]

mod rig;

use std::{fs, path::Path};

use diffusion_studio::{
    engine::{
        Command, Event,
        command::{Model, SampleRequest},
        event::StepFrame,
    },
    files::{RunFolder, SavedModel, learning},
    math::Frame,
};
use rig::{Rig, failures, folder, points, resume, train, train_paused};
use tempfile::tempdir;

/// The files of the kept steps, by name.
fn files(run: &Path) -> Vec<(u64, Vec<u8>)> {
    let folder = RunFolder::open(run).unwrap();
    let read = |step| (step, fs::read(folder.learning_path(step)).unwrap());
    folder.learning().into_iter().map(read).collect()
}

/// The last steps that were told to be kept.
fn told(events: &[Event]) -> Vec<u64> {
    let mut told = events.iter().filter_map(|event| match event {
        Event::Kept(_, steps) => Some(steps.clone()),
        _ => None,
    });
    told.next_back().unwrap()
}

#[test]
fn an_interrupted_run_keeps_the_same_weights_as_a_whole_one() {
    let (first, second) = (tempdir().unwrap(), tempdir().unwrap());
    let recipe = points(1100);
    let mut rig = Rig::new(first.path());
    let events = rig.send(train(recipe.clone())).rest().take();
    let whole = folder(&events);
    let kept = files(&whole);
    let steps: Vec<_> = kept.iter().map(|(step, _)| *step).collect();
    assert_eq!(
        steps,
        (0..=1100).step_by(32).collect::<Vec<_>>(),
        "the spacing has doubled once"
    );
    assert_eq!(told(&events), steps);

    let mut rig = Rig::new(second.path());
    rig.send(train_paused(recipe))
        .rest()
        .steps(40)
        .send(Command::Resume)
        .calls(100);
    let run = folder(&rig.take());
    drop(rig);
    let mut rig = Rig::new(second.path());
    let events = rig.send(resume(&run)).rest().take();
    assert!(failures(&events).is_empty(), "{:?}", failures(&events));
    assert!(files(&run) == kept, "other weights");
}

/// The result of a trajectory.
fn sampled(rig: &mut Rig, model: Model) -> Result<Vec<f32>, Vec<String>> {
    let request = SampleRequest {
        model,
        steps: 20,
        count: 64,
        ..SampleRequest::default()
    };
    let events = rig.send(Command::Sample(Box::new(request))).rest().take();
    let last = events.iter().rev().find_map(|event| match event {
        Event::SampleStep(_, frame) => Some(frame.clone()),
        _ => None,
    });
    match last.as_deref() {
        Some(StepFrame {
            x: Frame::Points { xy },
            ..
        }) => Ok(xy.to_vec()),
        _ => Err(failures(&events)),
    }
}

#[test]
fn samples_of_kept_weights_are_those_of_the_checkpoint_within_half_precision() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    // A multiple of the spacing, so that the last step is kept as well as saved.
    let run = folder(&rig.send(train(points(480))).rest().take());
    let folder = RunFolder::open(&run).unwrap();
    assert_eq!(
        folder.weights_at(480),
        Some(folder.checkpoint_path(480)),
        "the exact weights come first"
    );
    assert_eq!(folder.weights_at(96), Some(folder.learning_path(96)));
    assert_eq!(folder.weights_at(97), None);
    let exact = sampled(&mut rig, Model::Present).unwrap();
    let kept = sampled(&mut rig, Model::Folder(folder.learning_path(480))).unwrap();
    let earlier = sampled(&mut rig, Model::Folder(folder.learning_path(96))).unwrap();
    let furthest = |other: &[f32]| {
        let apart = exact.iter().zip(other).map(|(a, b)| (a - b).abs());
        apart.fold(0.0, f32::max)
    };
    let (rounding, learning) = (furthest(&kept), furthest(&earlier));
    assert!(
        rounding > 0.0 && rounding < 5e-3,
        "rounding moves a sample by {rounding}"
    );
    assert!(learning > 20.0 * rounding, "training moves a sample by {learning}");
}

#[test]
fn damaged_weights_cost_only_their_own_samples() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    let run = folder(&rig.send(train(points(40))).rest().take());
    let folder = RunFolder::open(&run).unwrap();
    let path = folder.learning_path(16);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let message = sampled(&mut rig, Model::Folder(path)).unwrap_err().join(" ");
    assert!(message.contains("step-000000016"), "{message}");
    sampled(&mut rig, Model::Folder(folder.learning_path(32))).unwrap();
}

#[test]
fn where_nothing_can_be_kept_the_run_goes_on() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    let run = folder(&rig.send(train_paused(points(40))).rest().take());
    // A file in the place of the folder stops the writing as a full disk does.
    fs::remove_dir_all(run.join("learning")).unwrap();
    fs::write(run.join("learning"), "").unwrap();
    let events = rig.send(Command::Resume).rest().take();
    let told = failures(&events);
    assert!(
        !told.is_empty() && told.iter().all(|text| text.contains("learning")),
        "{told:?}"
    );
    assert_eq!(SavedModel::open(&run).unwrap().step, 40);
    assert!(RunFolder::open(&run).unwrap().learning().is_empty());
}

#[test]
fn a_network_that_is_too_large_keeps_nothing() {
    assert_eq!(learning::capacity(100_000_000), 0);
    assert_eq!(learning::spacing(0, 0), None);
}
