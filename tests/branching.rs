//! Trajectories that part from others: equal up to there bit for bit, and in the data whatever goes on.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

mod rig;

use std::{path::Path, process::Command as Process, sync::Arc};

use diffusion_studio::{
    diffusion::{Guidance, sampler},
    engine::{
        Command, TrajectoryId,
        command::{Branch, ClassChoice, Model, SampleRequest},
        event::{StepFrame, TrajectoryInfo},
        exact::ExactModel,
        export::{Kind, Shown},
        headless,
    },
    files::{Overwrite, picture},
    math::{Spec, Value},
    nn::DeviceChoice,
};
use rig::{Rig, failures, points, request, steps, train_paused, xy};
use tempfile::tempdir;

/// Moves of a trajectory.
const MOVES: usize = 9;

/// A trajectory of an exact model.
fn whole(model: &str, sampler: &str) -> SampleRequest {
    SampleRequest {
        model: Model::Exact(Box::new(ExactModel::parse(model).unwrap())),
        steps: MOVES,
        ..request(0, 5, sampler)
    }
}

/// What goes on as `parent` did.
fn branched(parent: &SampleRequest, step: usize) -> SampleRequest {
    SampleRequest {
        branch: Some(Arc::new(Branch {
            parent: parent.clone(),
            step,
            sample: None,
            remaining: None,
        })),
        ..parent.clone()
    }
}

/// So many futures of one sample.
fn fan(parent: &SampleRequest, step: usize, sample: usize, count: usize) -> SampleRequest {
    let mut request = branched(parent, step);
    request.count = count;
    let branch = Arc::get_mut(request.branch.as_mut().unwrap()).unwrap();
    branch.sample = Some(sample);
    request
}

/// The same with so many new moves.
fn respaced(parent: &SampleRequest, step: usize, remaining: usize) -> SampleRequest {
    let mut request = branched(parent, step);
    let branch = Arc::get_mut(request.branch.as_mut().unwrap()).unwrap();
    branch.remaining = Some(remaining);
    request
}

fn shown(request: &SampleRequest) -> Shown {
    let made = headless::sample(request, DeviceChoice::Auto, false, |_, _| {}).unwrap();
    Shown {
        info: made.info,
        steps: made.path.into_iter().map(Arc::new).collect(),
    }
}

fn made(request: &SampleRequest) -> Vec<Arc<StepFrame>> {
    shown(request).steps
}

/// The samples at the end.
fn result(request: &SampleRequest) -> Vec<f32> {
    xy(&made(request).last().unwrap().x).to_vec()
}

fn text(frames: &[Arc<StepFrame>]) -> String {
    format!("{frames:?}")
}

/// Everything that leads from noise to samples.
fn samplers() -> impl Iterator<Item = &'static str> {
    sampler::ENTRIES.iter().map(|e| e.id).filter(|id| *id != "ddim-inverse")
}

fn assert_near(a: &[f32], b: &[f32], tolerance: f32, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() < tolerance * (1.0 + b.abs()), "{what}: {a} is not {b}");
    }
}

#[test]
fn a_branch_that_changes_nothing_is_its_parent() {
    for id in samplers() {
        let parent = whole("exact:moons", id);
        let expected = text(&made(&parent));
        for step in [0, 1, 5, MOVES - 1] {
            assert_eq!(text(&made(&branched(&parent, step))), expected, "{id} from step {step}");
        }
        let twice = branched(&branched(&parent, 3), 6);
        assert_eq!(text(&made(&twice)), expected, "{id}, a branch of a branch");
        let back = branched(&branched(&parent, 6), 3);
        assert_eq!(text(&made(&back)), expected, "{id}, parted before its parent did");
    }
}

#[test]
fn another_seed_changes_what_comes_after_and_nothing_where_no_noise_is_drawn() {
    let step = 4;
    for id in samplers() {
        let draws_noise = sampler::build(&Spec::new(id)).unwrap().order().is_none();
        let parent = whole("exact:moons", id);
        let (before, after) = (made(&parent), {
            let mut request = branched(&parent, step);
            request.seed += 1;
            made(&request)
        });
        assert_eq!(text(&before[..step]), text(&after[..step]), "{id}");
        assert_eq!(xy(&before[step].x), xy(&after[step].x), "{id}");
        let differs = xy(&before[step + 1].x) != xy(&after[step + 1].x);
        assert_eq!(differs, draws_noise, "{id}");
        if !draws_noise {
            assert_eq!(text(&before), text(&after), "{id}");
        }
    }
}

#[test]
fn a_fan_holds_the_futures_of_one_sample() {
    let (step, sample) = (5, 3);
    let parent = whole("exact:moons", "ddpm");
    let futures = made(&fan(&parent, step, sample, 4));
    let of = |frame: &StepFrame, i: usize| xy(&frame.x)[2 * i..2 * i + 2].to_vec();
    for (before, now) in made(&parent)[..=step].iter().zip(&futures) {
        for future in 0..4 {
            assert_eq!(
                of(now, future),
                of(before, sample),
                "before they part they are the same"
            );
        }
    }
    for future in 0..4 {
        let mut alone = branched(&parent, step);
        alone.seed += future;
        let alone = made(&alone);
        let (a, b) = (of(&futures[MOVES], future as usize), of(&alone[MOVES], sample));
        assert_near(&a, &b, 1e-4, "a future is a branch with its seed");
    }
    let ends: Vec<_> = (0..4).map(|i| of(&futures[MOVES], i)).collect();
    assert!(
        ends.iter().enumerate().all(|(i, end)| !ends[..i].contains(end)),
        "{ends:?}"
    );
}

#[test]
fn a_fan_can_be_branched_and_fanned_again() {
    let parent = fan(&whole("exact:moons", "ddpm"), 3, 1, 4);
    assert_eq!(text(&made(&branched(&parent, 6))), text(&made(&parent)));
    // Its third future had the seed raised by two.
    let mut again = fan(&parent, 6, 2, 2);
    again.seed += 2;
    let (of_parent, of_again) = (result(&parent), result(&again));
    assert_near(
        &of_again[..2],
        &of_parent[4..6],
        1e-4,
        "the first future is the one it parts from",
    );
    assert_ne!(of_again[2..], of_again[..2]);
}

/// A unit that is not converted sends samples elsewhere: every deterministic method walks the same curve on the exact model
/// of a Gaussian.
#[test]
fn methods_of_different_units_take_over_from_each_other() {
    let many = 160;
    for schedule in ["linear", "cosine", "flow", "edm", "ve"] {
        let mut parent = whole("exact-gaussian:moons", "ddim");
        parent.steps = many;
        let Model::Exact(exact) = &mut parent.model else {
            unreachable!()
        };
        exact.schedule = Spec::new(schedule);
        let expected = result(&parent);
        for (first, then) in [
            ("ddim", "euler"),
            ("euler", "ddim"),
            ("ddim", "dpmpp-2m"),
            ("heun", "unipc"),
            ("lms", "plms"),
            ("plms", "lms"),
            ("unipc", "heun"),
            ("dpmpp-2m", "flow-euler"),
        ] {
            parent.sampler = Spec::new(first);
            let mut request = branched(&parent, many / 2);
            request.sampler = Spec::new(then);
            let what = format!("{first}, then {then}, {schedule}");
            assert_near(&result(&request), &expected, 0.03, &what);
        }
    }
}

#[test]
fn the_rest_can_have_other_steps() {
    let mut parent = whole("exact-gaussian:moons", "ddim");
    parent.steps = 120;
    let expected = result(&parent);
    for spacing in ["trailing", "leading", "karras"] {
        let mut request = respaced(&parent, 60, 90);
        request.spacing = Spec::new(spacing);
        let frames = made(&request);
        assert_eq!(frames.len(), 60 + 90 + 1, "{spacing}");
        let falls = |pair: &[Arc<StepFrame>]| pair[1].level.sigma_ve() < pair[0].level.sigma_ve();
        assert!(frames.windows(2).all(falls), "{spacing}");
        assert_near(&xy(&frames[150].x), &expected, 0.03, spacing);
    }
}

#[test]
fn classes_and_guidance_can_be_changed_on_the_way() {
    let mut parent = whole("exact:rings", "ddim");
    parent.class = ClassChoice::One(0);
    let mut other = branched(&parent, 4);
    other.class = ClassChoice::One(1);
    let mut strong = branched(&parent, 4);
    strong.guidance = Guidance::scale(3.0);
    let ends = [result(&parent), result(&other), result(&strong)];
    assert!(ends[0] != ends[1] && ends[1] != ends[2] && ends[0] != ends[2]);
    let mut whole_way = parent.clone();
    whole_way.class = ClassChoice::One(1);
    let mut from_start = branched(&parent, 0);
    from_start.class = ClassChoice::One(1);
    assert_eq!(
        result(&from_start),
        result(&whole_way),
        "from the start on it is the other class's"
    );
}

#[test]
fn the_weights_are_the_parents_even_if_the_run_went_on() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train_paused(points(60))).rest();
    rig.steps(5);
    let parent = request(1, 4, "ddpm");
    rig.send(Command::Sample(Box::new(parent.clone()))).rest();
    rig.steps(5);
    let branch = SampleRequest {
        id: TrajectoryId(2),
        ..branched(&parent, 3)
    };
    rig.send(Command::Sample(Box::new(branch.clone()))).rest();
    // The parent may be forgotten as long as a branch of it is there.
    rig.send(Command::ForgetTrajectory(TrajectoryId(1)));
    let next = SampleRequest {
        id: TrajectoryId(3),
        ..branched(&branch, 4)
    };
    rig.send(Command::Sample(Box::new(next))).rest();
    let events = rig.take();
    assert!(failures(&events).is_empty(), "{:?}", failures(&events));
    let of = |id| format!("{:?}", steps(&events, id));
    assert_eq!(of(2), of(1));
    assert_eq!(of(3), of(1));
    let mut fresh = parent;
    fresh.id = TrajectoryId(4);
    rig.send(Command::Sample(Box::new(fresh))).rest();
    assert_ne!(format!("{:?}", steps(&rig.take(), 4)), of(1), "the run did go on");
}

#[test]
fn what_cannot_be_branched_is_refused_in_words() {
    let parent = whole("exact:moons", "ddim");
    let change = |request: SampleRequest, change: &dyn Fn(&mut SampleRequest)| {
        let mut request = request;
        change(&mut request);
        request
    };
    let cases = [
        (branched(&parent, MOVES), "step 0 to 8, not at 9"),
        (fan(&parent, 2, 5, 3), "no sample 5"),
        (respaced(&parent, 2, 0), "at least one step"),
        (respaced(&parent, 2, usize::MAX), "at most 10000"),
        (
            change(branched(&parent, 2), &|r| r.count = 3),
            "as many as its parent, 5",
        ),
        (
            change(branched(&parent, 2), &|r| r.noise = Some([0.0; 10].into())),
            "parts from",
        ),
        (
            change(branched(&parent, 2), &|r| r.sampler = Spec::new("ddim-inverse")),
            "ddim-inverse",
        ),
        (branched(&whole("exact:moons", "ddim-inverse"), 2), "ddim-inverse"),
        (
            change(branched(&parent, 2), &|r| r.sampler = Spec::new("ddimm")),
            "ddim",
        ),
        (
            (0..70).fold(parent.clone(), |request, _| branched(&request, 2)),
            "at most 64",
        ),
    ];
    for (request, part) in cases {
        let fault = headless::sample(&request, DeviceChoice::Auto, false, |_, _| {});
        let message = fault.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message.contains(part), "“{part}” is not in “{message}”");
    }
}

#[test]
fn a_restoration_is_not_branched() {
    let mut parent = whole("exact:moons", "replace");
    parent.restore = Some(Arc::new(diffusion_studio::engine::command::Restoration {
        task: Spec::new("inpaint"),
        picture: [0.5, 0.0].into(),
        measured: false,
        fill: Some([0.0, 1.0].into()),
        guide: None,
    }));
    for request in [branched(&parent, 2), {
        let mut request = branched(&whole("exact:moons", "ddim"), 2);
        request.restore.clone_from(&parent.restore);
        request
    }] {
        let fault = headless::sample(&request, DeviceChoice::Auto, false, |_, _| {});
        assert!(
            fault
                .err()
                .unwrap()
                .to_string()
                .contains("a restoration cannot be branched")
        );
    }
}

/// A fan of a branch with another sampler and new steps.
fn family() -> SampleRequest {
    let parent = whole("exact:moons", "ddpm");
    let mut child = respaced(&parent, 4, 7);
    child.sampler = Spec::new("euler-a");
    (child.seed, child.spacing) = (23, Spec::new("karras"));
    let mut futures = fan(&child, 6, 2, 3);
    futures.sampler = Spec::new("ddim").with("eta", Value::Real(0.6));
    futures
}

#[test]
fn a_picture_of_a_branch_makes_it_again_byte_for_byte() {
    let folder = tempdir().unwrap();
    let shown = shown(&family());
    let parted = |info: &TrajectoryInfo| {
        info.branch
            .as_ref()
            .map(|parted| (parted.step, parted.sample, parted.remaining))
    };
    assert_eq!(parted(&shown.info), Some((6, Some(2), None)));
    assert_eq!(
        parted(&shown.info.branch.as_ref().unwrap().parent),
        Some((4, None, Some(7)))
    );
    for (kind, ending) in [
        (
            Kind::Grid {
                index: shown.info.moves,
            },
            "png",
        ),
        (Kind::Gif, "gif"),
        (Kind::Apng, "apng"),
    ] {
        let [first, again] = ["first", "again"].map(|name| folder.path().join(name).with_extension(ending));
        shown.write(kind, &first, Overwrite::Refuse).unwrap();
        assert_eq!(picture::read_provenance(&first).unwrap(), Some(shown.provenance(kind)));
        repeat(&first, &again);
        assert_eq!(
            std::fs::read(&first).unwrap(),
            std::fs::read(&again).unwrap(),
            "{ending}"
        );
    }
}

fn repeat(from: &Path, to: &Path) {
    sample(&["--from", from.to_str().unwrap()], to);
}

fn sample(options: &[&str], out: &Path) {
    let output = Process::new(env!("CARGO_BIN_EXE_diffusion-studio"))
        .args(["sample", "exact:moons"])
        .args(options)
        .arg("--out")
        .arg(out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_command_line_branches_a_picture() {
    let folder = tempdir().unwrap();
    let [parent, branch, whole_way, made_here] =
        ["parent", "branch", "whole", "here"].map(|name| folder.path().join(name).with_extension("png"));
    let of_parent = ["--steps", "9", "--sampler", "ddpm", "--count", "5", "--seed", "11"];
    sample(&of_parent, &parent);
    let from = ["--branch", parent.to_str().unwrap(), "--at"];
    sample(
        &[&from[..], &["5", "--of", "3", "--seed", "30", "--count", "4"]].concat(),
        &branch,
    );
    let mut request = fan(&whole("exact:moons", "ddpm"), 5, 3, 4);
    request.seed = 30;
    let shown = shown(&request);
    shown
        .write(Kind::Grid { index: MOVES }, &made_here, Overwrite::Refuse)
        .unwrap();
    assert_eq!(std::fs::read(&branch).unwrap(), std::fs::read(&made_here).unwrap());
    // Nothing is changed: the pixels are the parent's, and the picture knows its way.
    sample(&[&from[..], &["5"]].concat(), &whole_way);
    let pixels = |path: &Path| image::open(path).unwrap().into_rgba8().into_raw();
    assert_eq!(pixels(&whole_way), pixels(&parent));
    let made = picture::read_provenance(&whole_way).unwrap().unwrap();
    assert_eq!(made.branch.unwrap().step, 5);
}
