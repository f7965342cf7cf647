//! The training clock in the window, with a real engine behind it: how a run learned, at a held diffusion step.
#![cfg(feature = "gui")]
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

mod program;
mod rig;

use crossbeam_channel::{Receiver, Sender};
use diffusion_studio::{
    app::{
        action::Workspace,
        launch::Options,
        playback::{Mode, PlaybackCommand},
        shell::App,
        state::AppState,
    },
    engine::{
        Command, Event,
        command::{Model, SampleRequest},
        exact::ExactModel,
    },
    files::RunFolder,
};
use eframe::egui::{Key, Role, Vec2, vec2};
use egui_kittest::{Harness, kittest::Queryable as _};
use program::Program;
use rig::{Rig, folder, points, request, train};
use tempfile::TempDir;

/// The program and its engine, which works whenever it is told to.
struct Studio<'a> {
    window: Harness<'a, App>,
    commands: Receiver<Command>,
    events: Sender<Event>,
    rig: Rig,
    run: RunFolder,
    _runs: TempDir,
}

impl Studio<'_> {
    /// A run of 40 steps, which keeps the weights of steps 0, 16 and 32.
    fn trained() -> Self {
        let program = Program::open(Vec2::new(1280.0, 720.0), 40, Options::default());
        let runs = tempfile::tempdir().unwrap();
        let mut rig = Rig::new(runs.path());
        let run = folder(&rig.send(train(points(40))).rest().take());
        let mut studio = Self {
            window: program.window,
            commands: program.commands,
            events: program.events,
            rig,
            run: RunFolder::open(&run).unwrap(),
            _runs: runs,
        };
        studio.window.state_mut().state.workspace = Workspace::Trajectory;
        studio.window.run();
        studio.window.state_mut().state.asked.clear();
        studio.commands.try_iter().for_each(drop);
        studio
    }

    fn sample(&mut self, model: Model) {
        let mut wanted = SampleRequest {
            model,
            steps: 20,
            ..request(0, 5, "ddim")
        };
        self.window.state_mut().state.ask(&mut wanted);
        self.rig.send(Command::Sample(Box::new(wanted)));
        self.work();
    }

    /// What the window asked for is done, and told, until it asks for nothing more.
    fn work(&mut self) {
        for _ in 0..8 {
            self.rig.rest();
            for event in self.rig.take() {
                self.events.send(event).unwrap();
            }
            self.window.run_steps(3);
            for command in self.commands.try_iter() {
                if let Command::Sample(_) | Command::ForgetTrajectory(_) | Command::CancelSample(_) = command {
                    self.rig.send(command);
                }
            }
        }
    }

    fn state(&self) -> &AppState {
        &self.window.state().state
    }

    fn press(&mut self, button: &str) {
        self.window.get_by_label(button).click();
        self.window.run_steps(3);
    }

    /// The pointer goes to a slider, and a key is pressed there.
    fn key_over(&mut self, slider: &str, key: Key) {
        let at = self.window.get_by_role_and_label(Role::Slider, slider).rect().center();
        self.window.hover_at(at);
        self.window.run_steps(2);
        self.window.key_press(key);
        self.window.run_steps(2);
    }

    /// Training step and diffusion step.
    fn clocks(&self) -> (Option<u64>, usize) {
        (self.state().learning.step(), self.state().playback.index())
    }

    /// What the window asks the engine for and has not been done.
    fn asked(&mut self) -> Vec<Command> {
        self.commands.try_iter().collect()
    }

    /// Goes to the first weights; answers what the window asks for then.
    fn going_to_the_first(&mut self) -> SampleRequest {
        self.asked();
        self.press("First weights");
        self.asked_for()
    }

    /// The only trajectory that the window asks for.
    fn asked_for(&mut self) -> SampleRequest {
        let samples = self.asked().into_iter().filter_map(|command| match command {
            Command::Sample(request) => Some(*request),
            _ => None,
        });
        let [request] = samples.collect::<Vec<_>>().try_into().unwrap();
        request
    }
}

#[test]
fn other_weights_make_the_same_trajectory_at_the_same_step() {
    let mut studio = Studio::trained();
    studio.sample(Model::Folder(studio.run.path().to_owned()));
    assert_eq!(studio.state().learning.steps(), [0, 16, 32, 40]);
    assert_eq!(studio.state().learning.step(), Some(40));
    studio.window.state_mut().state.playback.apply(PlaybackCommand::Seek(7));

    studio.press("First weights");
    studio.work();
    let state = studio.state();
    let (own, shown) = (state.trajectory().unwrap(), state.learned().unwrap());
    assert_eq!((own.info.step, shown.info.step, state.playback.index()), (40, 0, 7));
    assert_eq!(own.at(0).unwrap().x, shown.at(0).unwrap().x, "the same noise");
    assert_ne!(own.at(7).unwrap().x, shown.at(7).unwrap().x);
    assert_eq!(state.trajectories.iter().len(), 1, "it is no entry of the list");

    studio.press("Compute all");
    studio.work();
    assert_eq!(studio.state().learned_count(), 4);
    assert!(studio.state().learning_frames(false).iter().all(Option::is_some));
    let film = studio.state().learning_film(true).unwrap();
    assert_eq!(
        film.steps.iter().map(|step| step.index).collect::<Vec<_>>(),
        [0, 7, 13, 20]
    );
    studio.window.get_by_label("How it learned");
    studio.window.get_by_label("Training step");
    studio.press("Diagonal");
    assert_eq!(
        studio.state().learning.step(),
        Some(16),
        "a third of the way on both clocks"
    );
}

#[test]
fn weights_that_cannot_be_used_are_told_once_and_the_own_ones_stay() {
    let mut studio = Studio::trained();
    std::fs::write(studio.run.learning_path(0), "no weights").unwrap();
    studio.sample(Model::Folder(studio.run.path().to_owned()));
    studio.press("First weights");
    studio.work();
    let state = studio.state();
    assert!(state.learning.has_failed(0));
    assert_eq!(state.learned().unwrap().info.step, 40);
    let told = state
        .notices
        .iter()
        .filter(|notice| notice.text.contains("step-000000000"));
    assert_eq!(told.count(), 1);
}

#[test]
fn without_kept_weights_the_clock_says_why() {
    let mut studio = Studio::trained();
    studio.sample(Model::Exact(Box::new(ExactModel::new("moons"))));
    assert!(studio.window.query_by_label_contains("does not learn").is_some());
    assert!(studio.window.query_by_label("Training step").is_none());
}

#[test]
fn a_drag_goes_on_while_what_it_comes_by_is_made() {
    let mut studio = Studio::trained();
    studio.sample(Model::Folder(studio.run.path().to_owned()));
    let slider = studio
        .window
        .get_by_role_and_label(Role::Slider, "Training step")
        .rect();
    let at = |share: f32| slider.lerp_inside(vec2(share, 0.5));
    studio.window.drag_at(at(0.99));
    studio.window.run_steps(2);
    // The strip of what was made and the word for what is being made come and go meanwhile.
    for (share, step) in [(0.66, 32), (0.33, 16), (0.01, 0), (0.34, 16)] {
        studio.window.hover_at(at(share));
        studio.window.run_steps(2);
        assert_eq!(studio.state().learning.step(), Some(step));
        studio.work();
    }
    studio.window.drop_at(at(0.34));
    studio.window.run_steps(2);
    assert_eq!(studio.state().learning.step(), Some(16));
}

#[test]
fn keys_are_for_the_clock_under_the_pointer() {
    let mut studio = Studio::trained();
    studio.sample(Model::Folder(studio.run.path().to_owned()));
    assert_eq!(studio.clocks(), (Some(40), 20));
    studio.key_over("Diffusion time", Key::Home);
    assert_eq!(studio.clocks(), (Some(40), 0));
    studio.key_over("Training step", Key::Home);
    assert_eq!(studio.clocks(), (Some(0), 0));
    studio.key_over("Training step", Key::ArrowRight);
    assert_eq!(studio.clocks(), (Some(16), 0));
    studio.key_over("Diffusion time", Key::ArrowRight);
    assert_eq!(studio.clocks(), (Some(16), 1));
    studio.key_over("Training step", Key::Space);
    assert_eq!(studio.state().learning.clock().mode(), Mode::Playing);
    assert_ne!(studio.state().playback.mode(), Mode::Playing);
}

#[test]
fn what_is_being_made_is_cancelled_when_the_clock_goes_elsewhere() {
    let mut studio = Studio::trained();
    studio.sample(Model::Folder(studio.run.path().to_owned()));
    let first = studio.going_to_the_first().id;
    assert_eq!(studio.state().learning.making(), Some(0));
    studio.key_over("Training step", Key::ArrowRight);
    let asked = studio.asked();
    assert!(
        matches!(&asked[..], [Command::CancelSample(a), Command::ForgetTrajectory(b), Command::Sample(next)]
            if (*a, *b) == (first, first) && next.model == Model::Folder(studio.run.learning_path(16))),
        "{asked:?}"
    );
    for command in asked {
        studio.rig.send(command);
    }
    studio.work();
    assert!(studio.state().learned_at(16).unwrap().complete);
    // What was given up may be made at another time.
    assert!(!studio.state().learning.has_failed(0));
    studio.press("First weights");
    studio.work();
    assert!(studio.state().learned_at(0).unwrap().complete);
}

#[test]
fn making_all_is_stopped_after_the_present_one() {
    let mut studio = Studio::trained();
    studio.sample(Model::Folder(studio.run.path().to_owned()));
    studio.press("Compute all");
    studio.press("Stop (1 of 4)");
    studio.work();
    assert_eq!(studio.state().learned_count(), 2);
    studio.window.get_by_label("Compute all");
}

#[test]
fn without_its_trajectory_nothing_is_made_for_the_clock() {
    let mut studio = Studio::trained();
    studio.sample(Model::Folder(studio.run.path().to_owned()));
    let made = studio.going_to_the_first().id;
    let own = studio.state().current.unwrap();
    studio.window.state_mut().state.set_aside(own);
    studio.window.run_steps(2);
    let asked = studio.asked();
    assert!(
        asked
            .iter()
            .any(|command| matches!(command, Command::CancelSample(id) if *id == made)),
        "{asked:?}"
    );
}

/// A step that fails for one trajectory can be looked at with another.
#[test]
fn a_failure_belongs_to_the_trajectory_that_it_was_made_for() {
    let mut studio = Studio::trained();
    let model = Model::Folder(studio.run.path().to_owned());
    studio.sample(model.clone());
    let first = studio.state().current.unwrap();
    studio.sample(model);
    let request = studio.going_to_the_first();
    let id = request.id;
    // So far that it is not given up when another trajectory is looked at.
    studio.rig.send(Command::Sample(Box::new(request))).rest();
    let told = studio.rig.take().into_iter().filter(|event| match event {
        Event::SampleStarted(_) => true,
        Event::SampleStep(_, frame) => frame.index <= 15,
        _ => false,
    });
    told.for_each(|event| studio.events.send(event).unwrap());
    studio.window.run_steps(3);
    studio.window.state_mut().state.select(first);
    studio.window.run_steps(2);
    assert_eq!(studio.state().learning.making(), Some(0));
    let (complete, secs) = (false, 1.0);
    studio.events.send(Event::SampleEnded { id, complete, secs }).unwrap();
    studio.window.run_steps(2);
    assert_eq!(studio.state().learning.making(), None);
    assert!(!studio.state().learning.has_failed(0));
}

#[test]
fn the_training_clock_stands_still_while_nobody_sees_it() {
    let mut studio = Studio::trained();
    studio.sample(Model::Folder(studio.run.path().to_owned()));
    studio.press("Compute all");
    studio.work();
    studio.press("Play the training");
    let before = studio.state().learning.step();
    studio.window.run_steps(8);
    assert_ne!(studio.state().learning.step(), before, "it goes on where it is seen");
    studio.window.state_mut().state.workspace = Workspace::Runs;
    studio.window.run_steps(2);
    let left = studio.state().learning.step();
    for _ in 0..8 {
        studio.window.run_steps(3);
        assert_eq!(studio.state().learning.step(), left);
    }
    assert_eq!(studio.state().learning.clock().mode(), Mode::Playing);
}
