//! The engine as a state machine: commands in, network calls one at a time, events out.

mod rig;

use std::sync::Arc;

use diffusion_studio::{
    data::Progress,
    diffusion::Guidance,
    engine::{
        Activity, Command, Event, TrajectoryId,
        command::{ClassChoice, FieldRequest, Model, SampleRequest},
        event::{MarkKind, RunState},
        headless,
    },
    files::{RunFolder, Tensors, recipe::DataRecipe},
    math::{Spec, Value},
    nn::DeviceChoice,
};
use rig::{Rig, failures, folder, losses, points, request, resume, states, steps, train, train_paused, xy};
use tempfile::tempdir;

#[test]
fn ten_steps_give_the_same_events_twice() {
    let run = || {
        let runs = tempdir().unwrap();
        let mut rig = Rig::new(runs.path());
        let mut recipe = points(10);
        recipe.preview.count = 3;
        rig.send(train(recipe)).rest();
        let mut events = rig.take();
        events.retain(|e| !matches!(e, Event::Started(_)));
        (format!("{events:?}"), format!("{:?}", rig.take_previews()), events)
    };
    let (first, second) = (run(), run());
    assert_eq!((&first.0, &first.1), (&second.0, &second.1));
    assert_eq!(
        losses(&first.2).iter().map(|(step, _)| *step).collect::<Vec<_>>(),
        (1..=10).collect::<Vec<_>>()
    );
    assert_eq!(
        states(&first.2),
        [RunState::Preparing, RunState::Running, RunState::Finished]
    );
    assert!(failures(&first.2).is_empty(), "{:?}", failures(&first.2));
}

#[test]
fn samples_are_measured_while_training_and_the_figures_come_back() {
    let runs = tempdir().unwrap();
    let mut recipe = points(1000);
    recipe.data.params.insert("count".into(), Value::Int(1200));
    recipe.preview.count = 3;
    let quality = |events: &[Event]| {
        let rows = events.iter().filter_map(|e| match e {
            Event::Quality(_, rows) => Some(rows.clone()),
            _ => None,
        });
        rows.flatten().collect::<Vec<_>>()
    };
    let events = Rig::new(runs.path()).send(train(recipe.clone())).rest().take();
    let measured = quality(&events);
    let names: Vec<&str> = measured.iter().map(|row| row.figure.as_str()).collect();
    assert!(!names.is_empty(), "one evaluation is complete by now");
    assert!(
        names
            .chunks(2)
            .all(|pair| pair == ["sliced-wasserstein", "energy-distance"]),
        "{names:?}"
    );
    assert!(measured.iter().all(|row| row.step >= 20 && row.value.is_finite()));
    assert!(
        measured
            .iter()
            .all(|row| row.error.is_some() && row.reference.is_some())
    );
    // Looking changes nothing: without previews nothing is measured, and the numbers are the same.
    recipe.preview.count = 0;
    let alone = Rig::new(runs.path()).send(train(recipe)).rest().take();
    assert_eq!((losses(&alone), quality(&alone)), (losses(&events), Vec::new()));
    let again = Rig::new(runs.path()).send(resume(&folder(&events))).rest().take();
    assert_eq!(quality(&again), measured);
}

#[test]
fn another_seed_gives_other_losses() {
    let run = |seed| {
        let runs = tempdir().unwrap();
        let mut recipe = points(3);
        recipe.seed = seed;
        let mut rig = Rig::new(runs.path());
        losses(&rig.send(train(recipe)).rest().take())
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
fn the_parts_of_a_batch_add_up_to_the_whole() {
    let run = |micro| {
        let runs = tempdir().unwrap();
        let mut recipe = points(8);
        recipe.train.micro_batch = Some(micro);
        let mut rig = Rig::new(runs.path());
        losses(&rig.send(train(recipe)).rest().take())
    };
    for ((_, whole), (_, parts)) in run(32).into_iter().zip(run(5)) {
        assert!((whole - parts).abs() < 1e-5 * whole, "{whole} is not {parts}");
    }
}

#[test]
fn pause_resume_step_stop_and_finish() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train_paused(points(1000))).rest();
    assert_eq!(states(&rig.take()), [RunState::Preparing, RunState::Paused]);

    rig.send(Command::StepOnce).rest();
    let events = rig.take();
    assert_eq!(losses(&events).len(), 1);
    assert_eq!(states(&events), [RunState::Running, RunState::Paused]);

    // 32 samples in parts of 16: the pause comes between the two parts of a step.
    rig.send(Command::Resume).calls(5).send(Command::Pause);
    assert_eq!(rig.engine.advance(), Activity::Idle);
    let events = rig.take();
    assert_eq!(losses(&events).last().map(|l| l.0), Some(3));
    assert_eq!(states(&events), [RunState::Running, RunState::Paused]);

    rig.send(Command::Resume).calls(1).send(Command::Finish).rest();
    let events = rig.take();
    assert_eq!(
        losses(&events).last().map(|l| l.0),
        Some(4),
        "the step under way is completed"
    );
    assert_eq!(states(&events), [RunState::Running, RunState::Finished]);

    rig.send(train(points(1000))).calls(7).send(Command::Stop).rest();
    let events = rig.take();
    assert_eq!(states(&events).last(), Some(&RunState::Stopped));
    let saved = RunFolder::open(&folder(&events)).unwrap().newest().unwrap();
    assert_eq!(Some(saved.content.state.step), losses(&events).last().map(|l| l.0));

    rig.send(Command::Resume).rest();
    assert!(failures(&rig.take())[0].contains("start one first"));
}

#[test]
fn a_paused_step_goes_on_where_it_was() {
    let all = |interrupted: bool| {
        let runs = tempdir().unwrap();
        let mut rig = Rig::new(runs.path());
        rig.send(train(points(6)));
        if interrupted {
            rig.calls(4).send(Command::Pause).rest().send(Command::Resume);
        }
        losses(&rig.rest().take())
    };
    assert_eq!(all(false), all(true));
}

/// A command that arrives while a run is prepared elsewhere is for the engine's thread, and the run begins.
#[test]
fn what_is_urgent_does_not_spoil_a_preparation() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    let mut recipe = points(2);
    recipe.data.source = "digits8x8".into();
    recipe.net = Spec::new("unet").with("base-channels", Value::Int(8));
    recipe.preview.count = 1;
    // As when the engine went to sleep between the arrival of the command and its alarm.
    rig.interrupt.raise();
    rig.send(train_paused(recipe));
    rig.calls(1);
    let events = rig.take();
    assert_eq!(failures(&events), [""; 0]);
    assert!(events.iter().any(|e| matches!(e, Event::Started(_))));
    rig.interrupt.clear();
    rig.send(Command::Resume).rest();
    assert!(
        rig.take()
            .iter()
            .any(|e| matches!(e, Event::RunState(_, RunState::Finished)))
    );
}

#[test]
fn interrupted_calls_are_made_again_with_the_same_numbers() {
    let all = |interrupted: bool| {
        let runs = tempdir().unwrap();
        let mut rig = Rig::new(runs.path());
        let mut recipe = points(60);
        recipe.preview.count = 2;
        rig.send(train(recipe)).calls(1);
        for _ in 0..40 {
            if interrupted {
                rig.interrupt.raise();
                assert_eq!(rig.engine.advance(), Activity::Busy);
                rig.interrupt.clear();
            }
            rig.calls(3);
        }
        rig.send(Command::Sample(Box::new(request(1, 3, "ddpm"))));
        if interrupted {
            rig.interrupt.raise();
            rig.calls(2);
            rig.interrupt.clear();
        }
        let events = rig.rest().take();
        assert!(failures(&events).is_empty(), "{:?}", failures(&events));
        // The sample's weights are those of another step: an interrupted step starts over.
        assert_eq!(steps(&events, 1).len(), 9);
        (
            losses(&events),
            rig.take_previews().last().map(|p| format!("{:?}", p.path)),
        )
    };
    assert_eq!(all(false), all(true));
}

#[test]
fn training_lowers_the_loss_and_draws_near_the_data() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    let events = rig.send(train(points(600))).rest().take();
    let losses = losses(&events);
    let mean = |part: &[(u64, f32)]| part.iter().map(|l| l.1).sum::<f32>() / part.len() as f32;
    assert!(
        mean(&losses[500..]) < 0.8 * mean(&losses[..50]),
        "{} {}",
        mean(&losses[500..]),
        mean(&losses[..50])
    );
    let judged: Vec<(f64, f64)> = events
        .iter()
        .filter_map(|e| match e {
            Event::Validation { loss, ema, .. } => Some((*loss, *ema)),
            _ => None,
        })
        .collect();
    assert!(judged.len() >= 3, "{judged:?}");
    assert_eq!(judged[0].0, judged[0].1, "both sets of weights start alike");
    assert!(judged.last().unwrap().1 < judged[0].1, "{judged:?}");
}

#[test]
fn messages_are_merged() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    let mut recipe = points(300);
    recipe.train.micro_batch = None;
    let events = rig.send(train(recipe)).rest().take();
    let messages = events.iter().filter(|e| matches!(e, Event::Progress(..))).count();
    // A step is a few looks at the clock, a millisecond each; a message may come every 33.
    assert!((10..100).contains(&messages), "{messages}");
    assert_eq!(losses(&events).len(), 300);
}

#[test]
fn divergence_pauses_and_the_healthy_weights_come_back() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    let mut recipe = points(40);
    recipe.train.warmup = 0;
    rig.send(train_paused(recipe)).rest();
    rig.steps(3);
    rig.take();
    rig.send(Command::SetLearningRate(1e20)).send(Command::Resume).rest();
    let events = rig.take();
    let diverged = events.iter().find_map(|e| match e {
        Event::Diverged {
            step,
            message,
            healthy_step,
            ..
        } => Some((*step, message.clone(), *healthy_step)),
        _ => None,
    });
    let (step, message, healthy) = diverged.expect("such a rate must fail");
    assert!(
        message.contains("loss") && message.contains(&format!("step {}", step + 1)),
        "{message}"
    );
    assert_eq!(healthy, 3);
    assert_eq!(states(&events), [RunState::Running, RunState::Paused]);

    rig.send(Command::Restore { lr_factor: 1e-23 }).rest();
    let events = rig.take();
    assert_eq!(states(&events), [RunState::Running, RunState::Finished]);
    let steps: Vec<u64> = losses(&events).iter().map(|l| l.0).collect();
    assert_eq!(steps, (4..=40).collect::<Vec<_>>());
    assert!(losses(&events).iter().all(|l| l.1 < 3.0));
    assert!(failures(&events).is_empty(), "{:?}", failures(&events));
    let rows = std::fs::read_dir(runs.path()).unwrap().next().unwrap().unwrap().path();
    let rows = RunFolder::open(&rows).unwrap().metrics().unwrap();
    assert_eq!(
        rows.iter().map(|r| r.step).collect::<Vec<_>>(),
        (1..=40).collect::<Vec<_>>()
    );
}

#[test]
fn settings_change_while_training_and_are_marked() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train(points(50))).calls(30);
    rig.send(Command::SetLearningRate(2.5e-4))
        .send(Command::SetEmaDecay(0.5))
        .rest();
    let events = rig.take();
    let marks: Vec<&str> = events
        .iter()
        .filter_map(|e| match e {
            Event::Mark(_, mark) if mark.kind == MarkKind::Change => Some(mark.text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(marks, ["lr 1e-3 → 2.5e-4", "EMA 0.999 → 0.5"]);
    let newest = events.iter().rev().find_map(|e| match e {
        Event::Progress(_, progress) => Some((progress.lr, progress.ema_decay)),
        _ => None,
    });
    assert_eq!(newest, Some((2.5e-4, 0.5)));
    rig.send(train(points(50)))
        .calls(10)
        .send(Command::SetLearningRate(-1.0))
        .rest();
    assert!(failures(&rig.take())[0].contains("greater than zero"));
}

#[test]
fn sampling_while_training_uses_the_weights_of_its_start() {
    let sampled = |goes_on: bool| {
        let runs = tempdir().unwrap();
        let mut rig = Rig::new(runs.path());
        rig.send(train_paused(points(60))).rest();
        rig.steps(5);
        rig.send(Command::Sample(Box::new(request(1, 4, "ddpm"))));
        if goes_on {
            rig.send(Command::Resume);
        }
        let events = rig.rest().take();
        if goes_on {
            let first = events.iter().position(|e| matches!(e, Event::SampleStep(..)));
            let last = events.iter().rposition(|e| matches!(e, Event::SampleStep(..)));
            let finished = events
                .iter()
                .position(|e| matches!(e, Event::RunState(_, RunState::Finished)));
            assert!(first < last && last < finished, "both jobs share the time");
            assert_eq!(losses(&events).last().map(|l| l.0), Some(60));
        }
        format!("{:?}", steps(&events, 1))
    };
    assert_eq!(sampled(false), sampled(true));
}

#[test]
fn samples_just_asked_for_go_ahead_of_the_training_which_does_not_stop() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train(points(1000))).calls(20);
    let moves = 100;
    let wanted = SampleRequest {
        steps: moves,
        ..request(1, 4, "ddim")
    };
    rig.send(Command::Sample(Box::new(wanted))).take();
    let mut calls = 0;
    while !rig.take().iter().any(|e| matches!(e, Event::SampleEnded { .. })) {
        rig.calls(1);
        calls += 1;
        assert!(calls < 10 * moves, "the samples do not come");
    }
    let trained = calls - moves;
    assert!(
        (moves / 50..moves / 10).contains(&trained),
        "{trained} calls went to the training"
    );
}

#[test]
fn a_sample_does_not_depend_on_how_many_there_are() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train(points(20))).rest();
    rig.send(Command::Sample(Box::new(request(1, 1, "ddpm"))));
    rig.send(Command::Sample(Box::new(request(2, 5, "ddpm")))).rest();
    let events = rig.take();
    let (one, five) = (steps(&events, 1), steps(&events, 2));
    assert_eq!((one.len(), five.len()), (9, 9));
    for (a, b) in one.iter().zip(&five) {
        for (a, b) in xy(&a.x).iter().zip(&xy(&b.x)[..2]) {
            assert!((a - b).abs() < 1e-5, "{a} is not {b}");
        }
    }
    let all = xy(&five[8].x);
    assert!(
        all.chunks(2).skip(1).all(|p| p != &all[..2]),
        "the samples differ among each other"
    );
}

#[test]
fn a_written_trajectory_equals_the_frames_shown_and_the_headless_one() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train(points(20))).rest();
    rig.send(Command::Sample(Box::new(request(7, 5, "ddpm")))).rest();
    let path = runs.path().join("path.safetensors");
    let write = Command::WriteTrajectory {
        id: TrajectoryId(7),
        path: path.clone(),
    };
    rig.send(write.clone()).rest();
    let events = rig.take();
    let frames = steps(&events, 7);
    let (_, Tensors(tensors)) = Tensors::read(&path).unwrap();
    assert_eq!(tensors.len(), 1 + 2 * 8);
    assert_eq!(tensors["x_init"].data[..], xy(&frames[0].x)[..]);
    for i in 0..8 {
        assert_eq!(tensors[&format!("x0_{i:03}")].data[..], xy(&frames[i].x0)[..]);
        assert_eq!(tensors[&format!("x_{i:03}")].data[..], xy(&frames[i + 1].x)[..]);
    }
    rig.send(write).rest();
    assert!(failures(&rig.take())[0].contains("already exists"));

    let mut from_folder = request(7, 5, "ddpm");
    from_folder.model = Model::Folder(folder(&events));
    let samples = headless::sample(&from_folder, DeviceChoice::Auto, true, |_, _| {}).unwrap();
    assert_eq!(samples.tensors.unwrap().0, tensors);
    assert_eq!(samples.x[..], xy(&frames[8].x)[..]);
    assert_eq!(samples.path.len(), frames.len());

    rig.send(Command::ForgetTrajectory(TrajectoryId(7)));
    rig.send(Command::WriteTrajectory {
        id: TrajectoryId(7),
        path: runs.path().join("again.safetensors"),
    });
    assert!(failures(&rig.take())[0].contains("make it again"));
}

#[test]
fn states_are_shown_in_the_units_of_the_schedule() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train(points(300))).rest();
    rig.send(Command::Sample(Box::new(request(1, 64, "ddim"))));
    rig.send(Command::Sample(Box::new(request(2, 64, "euler")))).rest();
    let events = rig.take();
    assert!(failures(&events).is_empty(), "{:?}", failures(&events));
    // The same path through other coordinates: Euler in variance-exploding units is DDIM.
    for (a, b) in steps(&events, 1).iter().zip(steps(&events, 2)) {
        for (a, b) in xy(&a.x).iter().zip(&*xy(&b.x)) {
            assert!((a - b).abs() < 0.02, "{a} is not {b}");
        }
    }
}

#[test]
fn given_noise_starts_the_trajectory() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train(points(5))).rest();
    let mut given = request(1, 2, "ddim");
    given.noise = Some([0.5, -1.0, 2.0, 0.25].into());
    rig.send(Command::Sample(Box::new(given.clone()))).rest();
    assert_eq!(xy(&steps(&rig.take(), 1)[0].x)[..], [0.5, -1.0, 2.0, 0.25]);
    given.count = 3;
    rig.send(Command::Sample(Box::new(given))).rest();
    assert!(failures(&rig.take())[0].contains("need 6"));
}

#[test]
fn a_cancelled_trajectory_ends_at_once() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train(points(5))).rest();
    rig.send(Command::Sample(Box::new(request(1, 2, "ddim")))).calls(3);
    rig.send(Command::CancelSample(TrajectoryId(1))).rest();
    let events = rig.take();
    assert_eq!(steps(&events, 1).len(), 3);
    assert!(matches!(
        events.last(),
        Some(Event::SampleEnded { complete: false, .. })
    ));
}

#[test]
fn classes_are_told_and_guidance_acts() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    let mut recipe = points(30);
    recipe.data.source = "rings".into();
    recipe.condition.classes = true;
    rig.send(train(recipe)).rest();
    let mut ask = |id: u64, class: ClassChoice, guidance: f64| {
        let mut request = request(id, 6, "ddim");
        (request.class, request.guidance) = (class, Guidance::scale(guidance));
        rig.send(Command::Sample(Box::new(request))).rest();
        let events = rig.take();
        assert!(failures(&events).is_empty(), "{:?}", failures(&events));
        xy(&steps(&events, id)[8].x)
    };
    let (none, first, each) = (
        ask(1, ClassChoice::None, 1.0),
        ask(2, ClassChoice::One(0), 1.0),
        ask(3, ClassChoice::Each, 1.0),
    );
    let strong = ask(4, ClassChoice::One(0), 4.0);
    assert_ne!(none, first);
    assert_ne!(first, strong);
    assert_eq!(first[..2], each[..2], "sample 0 has class 0 in both");
    assert_ne!(first[2..4], each[2..4]);
    let mut request = request(5, 1, "ddim");
    request.class = ClassChoice::One(99);
    rig.send(Command::Sample(Box::new(request))).rest();
    assert!(failures(&rig.take())[0].contains("no class 99"));
}

#[test]
fn the_score_points_back_to_the_data() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train(points(400))).rest();
    rig.send(Command::Field(FieldRequest {
        model: Model::Present,
        at: 0.9,
        side: 9,
        extent: 4.0,
    }))
    .rest();
    let field = rig.take().into_iter().find_map(|e| match e {
        Event::Field(field) => Some(field),
        _ => None,
    });
    let field = field.expect("an answer");
    assert_eq!(field.score.len(), 2 * 81);
    // At strong noise the data is about a unit normal: the score is about -x.
    let (corner, middle) = (&field.score[..2], &field.score[80..82]);
    assert!(corner.iter().all(|s| (1.0..8.0).contains(s)), "{corner:?}");
    assert!(middle.iter().all(|s| s.abs() < 1.0), "{middle:?}");
}

#[test]
fn previews_come_from_the_same_noise_and_keep_to_their_share() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    let mut recipe = points(400);
    recipe.preview.count = 3;
    rig.send(train(recipe)).rest();
    let previews = rig.take_previews();
    assert!(previews.len() >= 3, "{}", previews.len());
    assert_eq!(previews[0].step, 0, "the first shows the untrained network");
    assert_eq!(previews.last().unwrap().step, 400, "the last shows the finished one");
    for preview in &previews {
        assert_eq!(preview.path.len(), 11);
        assert_eq!(preview.path[0].x, previews[0].path[0].x);
    }
    let kept = std::fs::read_dir(folder(&rig.take()).join("previews")).unwrap();
    let mut names: Vec<_> = kept.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names[0], "step-000000000.png");
    assert!((3..=previews.len()).contains(&names.len()), "{names:?}");
    // Each call takes a millisecond on the test's clock: 800 of training pay for 80 of previews, eight at most, besides
    // the free ones at the start and the end.
    assert!(previews.len() <= 10, "{}", previews.len());
}

#[test]
fn impossible_requests_say_what_to_do() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(Command::Sample(Box::new(request(1, 1, "ddim"))));
    let mut unknown = request(2, 1, "ddim");
    unknown.model = Model::Bundled("nobody".into());
    rig.send(Command::Sample(Box::new(unknown))).rest();
    let mut recipe = points(5);
    recipe.data.source = "mons".into();
    rig.send(train(recipe)).rest();
    rig.send(Command::LoadData(
        DataRecipe {
            source: "/no/such/place".into(),
            ..DataRecipe::default()
        },
        Arc::default(),
    ))
    .rest();
    let events = rig.take();
    let messages = failures(&events);
    for (message, part) in messages
        .iter()
        .zip(["train first", "nobody", "moons", "/no/such/place"])
    {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(messages.len(), 4, "{messages:?}");
    let ended = events
        .iter()
        .filter(|e| matches!(e, Event::SampleEnded { complete: false, .. }));
    assert_eq!(ended.count(), 2, "every request is answered");
    assert_eq!(states(&events), [RunState::Preparing, RunState::Failed]);
    rig.send(train(points(2))).rest();
    assert_eq!(
        states(&rig.take()).last(),
        Some(&RunState::Finished),
        "the engine goes on"
    );
}

#[test]
fn data_that_were_given_up_are_not_told() {
    let (runs, pictures) = (tempdir().unwrap(), tempdir().unwrap());
    let mut rig = Rig::new(runs.path());
    for i in 0..3u8 {
        let picture = image::GrayImage::from_pixel(8, 8, image::Luma([i]));
        picture.save(pictures.path().join(format!("{i}.png"))).unwrap();
    }
    let recipe = DataRecipe {
        source: pictures.path().display().to_string(),
        ..DataRecipe::default()
    };
    let progress = Arc::<Progress>::default();
    progress.cancel();
    rig.send(Command::LoadData(recipe.clone(), progress)).rest();
    assert!(rig.take().is_empty());
    rig.send(Command::LoadData(recipe, Arc::default())).rest();
    assert!(matches!(&rig.take()[..], [Event::DataLoaded(summary)] if summary.data.count == 3));
}

#[test]
fn data_and_estimates_are_told_before_the_start() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(Command::LoadData(points(1).data, Arc::default()));
    rig.send(Command::Estimate(Box::new(points(1000)))).rest();
    let events = rig.take();
    assert!(matches!(&events[0], Event::DataLoaded(summary) if summary.validation > 0));
    let Event::Estimated(estimate) = &events[1] else {
        panic!("{events:?}")
    };
    assert!(estimate.secs_per_step > 0.0);
    assert!((estimate.secs_total / estimate.secs_per_step - 1000.0).abs() < 1e-6);
    assert!(estimate.weights > 1000 && estimate.bytes > 4 * estimate.weights as u64);
}

#[test]
fn a_run_saves_itself_and_survives_a_disk_that_refuses() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    let mut recipe = points(120);
    // Seconds of the test's clock, on which each look takes a millisecond.
    recipe.train.save_every_secs = 0.1;
    rig.send(train(recipe)).calls(120);
    let events = rig.take();
    let run = folder(&events);
    let saves = |events: &[Event]| {
        let saved = |e: &&Event| matches!(e, Event::Mark(_, mark) if mark.kind == MarkKind::Checkpoint);
        events.iter().filter(saved).count()
    };
    assert!(saves(&events) >= 2, "{events:?}");

    // A file where the folder of the checkpoints should be.
    let checkpoints = run.join("checkpoints");
    std::fs::remove_dir_all(&checkpoints).unwrap();
    std::fs::write(&checkpoints, "").unwrap();
    rig.calls(80);
    let events = rig.take();
    assert!(failures(&events).iter().all(|m| m.starts_with("Save: ")) && !failures(&events).is_empty());
    assert!(!losses(&events).is_empty(), "training goes on");

    std::fs::remove_file(&checkpoints).unwrap();
    rig.rest();
    let events = rig.take();
    assert!(failures(&events).is_empty() && saves(&events) >= 1, "{events:?}");
    let rows = RunFolder::open(&run).unwrap().metrics().unwrap();
    assert_eq!(
        rows.iter().map(|r| r.step).collect::<Vec<_>>(),
        (1..=120).collect::<Vec<_>>()
    );
}

#[test]
#[ignore = "needs a small disk, named by SMALL_DISK"]
fn a_full_disk_in_the_middle_of_a_run_costs_only_the_saves_that_did_not_fit() {
    let runs = tempfile::tempdir_in(std::env::var("SMALL_DISK").unwrap()).unwrap();
    let mut rig = Rig::new(runs.path());
    let mut recipe = points(120);
    recipe.train.save_every_secs = 0.1;
    rig.send(train(recipe)).calls(120);
    let run = folder(&rig.take());
    let before = RunFolder::open(&run).unwrap().newest().unwrap().content;

    // Something else takes all the room that is left.
    let ballast = runs.path().join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 512]).is_ok() {}
    drop(file);
    rig.calls(80);
    let events = rig.take();
    let (saves, others): (Vec<_>, Vec<_>) = failures(&events).into_iter().partition(|m| m.starts_with("Save: "));
    assert!(!saves.is_empty(), "{others:?}");
    // The weights of earlier steps do not fit either, which is told once.
    assert_eq!(others.len(), 1, "{others:?}");
    assert!(others[0].starts_with("Learning: "), "{others:?}");
    assert!(saves.iter().any(|m| m.contains("the disk is full")), "{saves:?}");
    assert!(!losses(&events).is_empty(), "training goes on");
    let newest = RunFolder::open(&run).unwrap().newest().unwrap();
    assert!(
        newest.content == before && newest.skipped.is_empty(),
        "the last good one is whole"
    );

    std::fs::remove_file(&ballast).unwrap();
    let told = failures(&rig.rest().take());
    assert!(told.is_empty(), "{told:?}");
    let folder = RunFolder::open(&run).unwrap();
    assert_eq!(folder.newest().unwrap().content.state.step, 120);
    let rows = folder.metrics().unwrap();
    assert_eq!(
        rows.iter().map(|r| r.step).collect::<Vec<_>>(),
        (1..=120).collect::<Vec<_>>()
    );
}

#[test]
fn a_shutdown_saves_the_run() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train(points(1000))).calls(11).send(Command::Shutdown);
    while rig.engine.advance() != Activity::Ended {}
    let events = rig.take();
    let saved = RunFolder::open(&folder(&events)).unwrap().newest().unwrap();
    // Two calls for the validation at the start, then two a step.
    assert_eq!(saved.content.state.step, 4);
    assert!(failures(&events).is_empty());
}

#[test]
fn net_parameters_out_of_range_are_refused() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    let mut recipe = points(5);
    recipe.net = recipe.net.with("width", Value::Int(-1));
    rig.send(train(recipe)).rest();
    assert!(failures(&rig.take())[0].contains("width"));
}

#[test]
fn a_step_taken_apart_is_the_step() {
    let runs = tempdir().unwrap();
    let train = |slowly: bool| {
        let mut rig = Rig::new(&runs.path().join(slowly.to_string()));
        rig.send(train_paused(points(3))).rest();
        for _ in 0..3 {
            rig.send(if slowly { Command::StepSlowly } else { Command::StepOnce })
                .rest();
        }
        rig.take()
    };
    let (plain, slow) = (train(false), train(true));
    assert_eq!(losses(&plain), losses(&slow));
    let parts = slow.iter().filter_map(|e| match e {
        Event::Dissected(_, parts) => Some(parts),
        _ => None,
    });
    let parts: Vec<_> = parts.collect();
    assert_eq!(parts.iter().map(|p| p.step).collect::<Vec<_>>(), [1, 2, 3]);
    for (part, (_, loss)) in parts.iter().zip(losses(&slow)) {
        assert_eq!(part.samples, 16);
        assert!((part.nudge.loss - f64::from(loss)).abs() < 1e-6);
        // The forward process in closed form, at the level of each sample.
        for (i, x) in part.input.iter().enumerate() {
            let at = part.levels[i / 2];
            let expected = at.alpha * f64::from(part.x0[i]) + at.sigma * f64::from(part.eps[i]);
            assert!((f64::from(*x) - expected).abs() < 1e-5, "{x} {expected}");
        }
        let squares = (0..2).map(|i| f64::from(part.output[i] - part.target[i]).powi(2));
        assert!((part.error - squares.sum::<f64>() / 2.0).abs() < 1e-6);
        assert!(part.nudge.moved > 0.0 && part.nudge.moved < part.nudge.size);
    }
}
