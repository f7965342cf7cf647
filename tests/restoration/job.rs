//! A restoration as the engine's job: an ordinary trajectory with figures at its end.

use std::{path::Path, sync::Arc};

use diffusion_studio::{
    engine::{
        Command, Event, TrajectoryId,
        command::{Model, Restoration, SampleRequest},
        event::{Figures, TrajectoryInfo},
        exact::ExactModel,
        headless,
    },
    math::{Frame, Spec, Value},
    nn::DeviceChoice,
};
use tempfile::tempdir;

use crate::rig::{Rig, failures, request, steps};

/// Eight by eight pixels, of which the left half is to be filled.
fn half(method: &str) -> SampleRequest {
    let restoration = Restoration {
        task: Spec::new("inpaint"),
        picture: (0..64).map(|i| (i as f32 * 0.4).sin()).collect(),
        measured: false,
        fill: Some((0..64).map(|i| f32::from(u8::from(i % 8 < 4))).collect()),
        guide: None,
    };
    SampleRequest {
        model: Model::Exact(Box::new(ExactModel::new("digits8x8"))),
        restore: Some(Arc::new(restoration)),
        ..request(1, 3, method)
    }
}

fn with(method: &str, change: impl FnOnce(&mut Restoration)) -> SampleRequest {
    let mut request = half(method);
    let mut restoration = (**request.restore.as_ref().unwrap()).clone();
    change(&mut restoration);
    request.restore = Some(Arc::new(restoration));
    request
}

fn told(request: SampleRequest) -> Vec<Event> {
    let runs = tempdir().unwrap();
    Rig::new(runs.path())
        .send(Command::Sample(Box::new(request)))
        .rest()
        .take()
}

fn started(events: &[Event]) -> &TrajectoryInfo {
    let found = events.iter().find_map(|event| match event {
        Event::SampleStarted(info) => Some(&**info),
        _ => None,
    });
    found.unwrap()
}

fn figures(events: &[Event]) -> Option<&Figures> {
    events.iter().find_map(|event| match event {
        Event::Restored(TrajectoryId(1), figures) => Some(&**figures),
        _ => None,
    })
}

#[test]
fn the_saw_tooth_is_streamed_and_figures_come_before_the_end() {
    let mut wanted = half("repaint");
    wanted.sampler = wanted.sampler.with("jump", Value::Int(2)).with("passes", Value::Int(3));
    let events = told(wanted);
    assert!(failures(&events).is_empty(), "{:?}", failures(&events));
    let info = started(&events);
    // Eight moves, and three times two levels back and down again twice.
    assert_eq!((info.moves, info.sampler.id.as_str()), (8 + 3 * 2 * 2 * 2, "repaint"));
    let frames = steps(&events, 1);
    assert_eq!(frames.len(), info.moves + 1);
    let upward = frames
        .windows(2)
        .filter(|pair| pair[1].level.sigma > pair[0].level.sigma);
    assert_eq!(upward.count(), 12);
    let figures = figures(&events).unwrap();
    assert_eq!((figures.candidates.len(), figures.calls), (3, 8.0 + 12.0));
    assert!(
        figures
            .candidates
            .iter()
            .all(|c| c.residual == 0.0 && c.class.is_some())
    );
    assert!(figures.diversity.unwrap() > 0.0 && figures.deviation.len() == 64);
    assert!(
        figures
            .deviation
            .iter()
            .enumerate()
            .all(|(i, d)| (i % 8 < 4) || *d == 0.0)
    );
    let last = events.len() - 1;
    assert!(
        matches!(events[last - 1], Event::Restored(..))
            && matches!(events[last], Event::SampleEnded { complete: true, .. })
    );
    let degraded = &info.restore.as_ref().unwrap().degraded;
    let Frame::Pixels { data, .. } = degraded else {
        panic!("a picture")
    };
    assert!((0..64).all(|i| i % 8 >= 4 || data[i] == 128), "what is hidden is grey");
}

#[test]
fn headless_makes_what_the_engine_makes() {
    let events = told(half("ddrm"));
    let samples = headless::sample(&half("ddrm"), DeviceChoice::Cpu, false, |_, _| {}).unwrap();
    let frames = steps(&events, 1);
    assert_eq!(frames.last().unwrap().x, samples.path.last().unwrap().x);
    let (theirs, ours) = (figures(&events).unwrap(), samples.figures.unwrap());
    assert_eq!((&theirs.candidates, theirs.calls), (&ours.candidates, ours.calls));
}

#[test]
fn the_measurement_is_the_same_for_all_seeds_and_counts() {
    let noisy = |seed, count| {
        let mut wanted = with("ddrm", |r| r.task = Spec::new("denoise"));
        (wanted.seed, wanted.count) = (seed, count);
        let events = told(wanted);
        started(&events).restore.clone().unwrap()
    };
    assert_eq!(noisy(1, 1), noisy(2, 3));
    let clean = told(with("ddrm", |r| {
        r.task = Spec::new("denoise").with("noise", Value::Real(0.0));
    }));
    assert_ne!(noisy(1, 1).degraded, started(&clean).restore.clone().unwrap().degraded);
}

#[test]
fn what_was_measured_can_be_given_as_it_is() {
    let small = with("ddnm", |r| {
        r.task = Spec::new("sr4");
        r.picture = [0.5, -0.5, 0.0, 0.25].into();
        r.measured = true;
    });
    let events = told(small);
    let figures = figures(&events).unwrap();
    assert!(
        figures
            .candidates
            .iter()
            .all(|c| c.residual < 1e-6 && c.psnr_db.is_none() && c.ssim.is_none())
    );
}

#[test]
fn a_cancelled_restoration_ends_without_figures() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(Command::Sample(Box::new(half("repaint")))).calls(5);
    let events = rig.send(Command::CancelSample(TrajectoryId(1))).rest().take();
    assert!(figures(&events).is_none() && !steps(&events, 1).is_empty());
    assert!(matches!(
        events.last(),
        Some(Event::SampleEnded { complete: false, .. })
    ));
}

#[test]
fn it_is_written_exactly_as_it_was_made() {
    let (runs, files) = (tempdir().unwrap(), tempdir().unwrap());
    let path: &Path = &files.path().join("walk.safetensors");
    let mut rig = Rig::new(runs.path());
    rig.send(Command::Sample(Box::new(half("diffpir")))).rest();
    let id = TrajectoryId(1);
    let events = rig
        .send(Command::WriteTrajectory {
            id,
            path: path.to_owned(),
        })
        .rest()
        .take();
    let (_, tensors) = diffusion_studio::files::Tensors::read(path).unwrap();
    let last = &tensors.0["x_007"];
    let frames = steps(&events, 1);
    let Frame::Pixels { data, .. } = &frames.last().unwrap().x else {
        panic!("pictures")
    };
    let bytes: Vec<u8> = last
        .data
        .iter()
        .map(|v| diffusion_studio::math::domain::byte_from_unit(*v))
        .collect();
    assert_eq!(bytes, **data);
}

#[test]
fn what_cannot_be_restored_is_refused_in_words() {
    let refusal = |request: SampleRequest| {
        let events = told(request);
        assert!(matches!(events.last(), Some(Event::Failed { .. })) || !failures(&events).is_empty());
        failures(&events).remove(0)
    };
    let fill = |value: f32| with("ddrm", move |r| r.fill = Some([value; 64].into()));
    assert!(refusal(fill(0.0)).contains("the mask is empty"));
    assert!(refusal(fill(1.0)).contains("covers everything"));
    assert!(refusal(with("ddrm", |r| r.picture = [0.0; 49].into())).contains("49 numbers"));
    assert!(refusal(with("ddrm", |r| r.task = Spec::new("colourise"))).contains("no colours"));
    assert!(refusal(with("ilvr", |_| ())).contains("choose one of: replace, repaint, ddrm"));
    assert!(refusal(half("blended")).contains("choose a class"));
    assert!(refusal(half("ddim")).contains("no method called"));
}
