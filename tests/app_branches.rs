//! Branching in the window, with a real engine behind it: the form, the tree, the marks, and what the keys do.
#![cfg(feature = "gui")]
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

mod program;
mod rig;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender};
use diffusion_studio::{
    app::{
        action::Workspace,
        launch::Options,
        shell::App,
        trajectories::{TrajectoryView, family},
    },
    engine::{
        Command, Event, TrajectoryId,
        command::{Branch, Model, SampleRequest},
        exact::ExactModel,
        export::provenance,
    },
    files::{Document, Overwrite, document::View},
    math::{Spec, Value},
};
use eframe::egui::{Key, Modifiers, Role, Vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use program::Program;
use rig::{Rig, request};
use tempfile::TempDir;

/// Longer than anything here takes: only a hanging program meets it.
const PATIENCE: Duration = Duration::from_mins(2);

/// The program and its engine, which works whenever it is told to.
struct Studio<'a> {
    window: Harness<'a, App>,
    commands: Receiver<Command>,
    events: Sender<Event>,
    rig: Rig,
    _runs: TempDir,
}

impl Studio<'_> {
    /// Before anything was sampled.
    fn empty() -> Self {
        let mut studio = Self::with(Options::default());
        studio.window.state_mut().state.workspace = Workspace::Trajectory;
        studio.window.run();
        // The film of the start page is not made here.
        studio.window.state_mut().state.asked.clear();
        studio.commands.try_iter().for_each(drop);
        studio
    }

    fn with(options: Options) -> Self {
        let program = Program::open(Vec2::new(1280.0, 720.0), 40, options);
        let runs = tempfile::tempdir().unwrap();
        Self {
            window: program.window,
            commands: program.commands,
            events: program.events,
            rig: Rig::new(runs.path()),
            _runs: runs,
        }
    }

    /// With twenty steps of five points.
    fn sampled() -> Self {
        let mut studio = Self::empty();
        studio.ask();
        studio.work();
        studio
    }

    /// Asks for samples and does nothing yet.
    fn ask(&mut self) -> TrajectoryId {
        let mut wanted = SampleRequest {
            model: Model::Exact(Box::new(ExactModel::new("moons"))),
            steps: 20,
            ..request(0, 5, "ddim")
        };
        self.window.state_mut().state.ask(&mut wanted);
        let id = wanted.id;
        self.rig.send(Command::Sample(Box::new(wanted)));
        id
    }

    /// What the window asked for is done, and told; but for the film of the start page.
    fn work(&mut self) {
        for command in self.commands.try_iter() {
            if matches!(&command, Command::Sample(request) if !matches!(request.model, Model::Bundled(_))) {
                self.rig.send(command);
            }
        }
        self.rig.rest();
        self.tell();
    }

    fn tell(&mut self) {
        for event in self.rig.take() {
            self.events.send(event).unwrap();
        }
        self.window.run_steps(3);
    }

    fn key(&mut self, modifiers: Modifiers, key: Key) {
        self.window.key_press_modifiers(modifiers, key);
        self.window.run_steps(3);
    }

    fn press(&mut self, button: &str) {
        self.window.get_by_role_and_label(Role::Button, button).click();
        self.window.run_steps(3);
    }

    fn shows(&self, text: &str) -> bool {
        self.window.query_all_by_label_contains(text).next().is_some()
    }

    /// To step 10.
    fn stand_in_the_middle(&mut self) {
        self.key(Modifiers::NONE, Key::Home);
        self.key(Modifiers::SHIFT, Key::ArrowRight);
        assert_eq!(self.window.state().state.playback.index(), 10);
    }

    /// The branch that the window asks for.
    fn asked(&self) -> SampleRequest {
        let mut samples = self.commands.try_iter().filter_map(|command| match command {
            Command::Sample(request) => Some(*request),
            _ => None,
        });
        let request = samples.next().unwrap();
        assert!(samples.next().is_none());
        request
    }

    fn views(&self) -> Vec<&TrajectoryView> {
        self.window.state().state.trajectories.iter().collect()
    }

    fn choose(&mut self, box_name: &str, option: &str) {
        self.window.get_by_role_and_label(Role::ComboBox, box_name).click();
        self.window.run_steps(2);
        self.window.get_by_label(option).click();
        self.window.run_steps(3);
    }
}

fn parts(request: &SampleRequest) -> &Branch {
    request.branch.as_ref().unwrap()
}

#[test]
fn without_samples_there_is_nothing_to_branch() {
    let mut studio = Studio::empty();
    assert!(studio.window.query_by_label("Branch").is_none());
    studio.key(Modifiers::NONE, Key::B);
    assert!(
        studio
            .commands
            .try_iter()
            .all(|command| !matches!(command, Command::Sample(_)))
    );
    assert!(!studio.shows("Continue from"));
}

#[test]
fn one_sample_gets_eight_futures() {
    let mut studio = Studio::sampled();
    studio.stand_in_the_middle();
    studio.key(Modifiers::NONE, Key::B);
    assert!(
        studio.shows("draws no noise"),
        "DDIM alone would make eight times the same"
    );
    studio.window.check_accessibility();
    studio.press("Continue from step 10");
    let request = studio.asked();
    let branch = parts(&request);
    assert_eq!((branch.step, branch.sample, branch.remaining), (10, Some(0), None));
    assert_eq!(request.count, 8);
    assert_eq!(request.sampler, Spec::new("ddim").with("eta", Value::Real(1.0)));
    studio.rig.send(Command::Sample(Box::new(request)));
    studio.work();
    let views = studio.views();
    let [parent, fan] = &views[..] else {
        panic!("two trajectories")
    };
    assert_eq!((fan.parent, fan.complete), (Some(parent.info.id), true));
    let ends = rig::xy(&fan.steps[20].x);
    let mut ends: Vec<_> = ends.chunks(2).map(<[f32]>::to_vec).collect();
    ends.dedup();
    assert_eq!(ends.len(), 8, "every future has another end: {ends:?}");
    assert!(studio.shows("Lane: DDIM · 20 steps") && studio.shows("Lane: DDIM · 8 futures from 10"));
    assert!(!studio.shows("Continue from"), "the form is done with");
    studio.window.check_accessibility();
}

#[test]
fn all_samples_go_on_with_another_sampler_and_share_what_was_before() {
    let mut studio = Studio::sampled();
    studio.stand_in_the_middle();
    studio.press("Branch");
    studio.choose("Continue", "all samples, one each");
    studio.choose("Steps left", "new ones");
    studio.press("Continue from step 10");
    let request = studio.asked();
    let branch = parts(&request);
    assert_eq!((branch.sample, branch.remaining, request.count), (None, Some(10), 5));
    let before = studio.window.state().state.trajectories.bytes();
    studio.rig.send(Command::Sample(Box::new(request)));
    studio.rig.calls(1);
    studio.tell();
    assert_eq!(studio.views()[1].reached(), 10, "the shared way is there at once");
    studio.work();
    let views = studio.views();
    let shared = views[0]
        .steps
        .iter()
        .zip(&views[1].steps)
        .map(|(a, b)| Arc::ptr_eq(a, b));
    assert_eq!(shared.collect::<Vec<_>>(), (0..21).map(|i| i < 10).collect::<Vec<_>>());
    let all = studio.window.state().state.trajectories.bytes();
    assert_eq!(all - before, before / 21 * 11);
}

#[test]
fn the_result_cannot_be_branched_and_says_so() {
    let mut studio = Studio::sampled();
    studio.key(Modifiers::NONE, Key::End);
    let button = studio.window.get_by_role_and_label(Role::Button, "Branch");
    assert!(button.accesskit_node().is_disabled());
    studio.key(Modifiers::NONE, Key::B);
    assert!(studio.shows("This is the result") && !studio.shows("Continue from"));
    // The form stays while the cursor moves, and says the same at the end.
    studio.stand_in_the_middle();
    studio.key(Modifiers::NONE, Key::B);
    assert!(studio.shows("Continue from step 10"));
    studio.key(Modifiers::NONE, Key::ArrowRight);
    assert!(studio.shows("Continue from step 11"));
    studio.key(Modifiers::NONE, Key::Escape);
    assert!(!studio.shows("Continue from"), "Esc leads back");
}

#[test]
fn a_trajectory_under_way_can_be_branched_and_a_refusal_is_told() {
    let mut studio = Studio::empty();
    studio.ask();
    studio.rig.calls(6);
    studio.tell();
    studio.key(Modifiers::NONE, Key::ArrowLeft);
    studio.key(Modifiers::NONE, Key::B);
    let index = studio.window.state().state.playback.index();
    assert!(0 < index && index < 6);
    studio.press(&format!("Continue from step {index}"));
    let mut request = studio.asked();
    let mut branch = parts(&request).clone();
    branch.step = 99;
    request.branch = Some(branch.into());
    studio.rig.send(Command::Sample(Box::new(request)));
    studio.tell();
    assert!(studio.shows("can be branched at step 0 to 19, not at 99"));
    assert!(studio.window.state().state.asked.is_empty());
}

/// Three futures of what is there, from step 10.
fn with_branch<'a>() -> Studio<'a> {
    let mut studio = Studio::sampled();
    studio.stand_in_the_middle();
    studio.key(Modifiers::NONE, Key::B);
    studio.press("Continue from step 10");
    let request = studio.asked();
    studio.rig.send(Command::Sample(Box::new(request)));
    studio.work();
    studio
}

#[test]
fn lanes_lead_from_one_to_the_other_at_the_same_step() {
    let mut studio = with_branch();
    let ids: Vec<_> = studio.views().iter().map(|view| view.info.id).collect();
    studio.stand_in_the_middle();
    studio.window.get_by_label_contains("Lane: DDIM · 20 steps").click();
    studio.window.run_steps(3);
    let state = &studio.window.state().state;
    assert_eq!((state.current, state.playback.index()), (Some(ids[0]), 10));
    let partings = family::partings(&state.trajectories, ids[0]);
    assert_eq!(partings.keys().copied().collect::<Vec<_>>(), [10]);
    // The pointer on a lane, and on the flag over the strip.
    studio.window.get_by_label_contains("Lane: DDIM · 8 futures").hover();
    studio.window.run_steps(3);
}

#[test]
fn trajectories_are_named_removed_and_put_back() {
    let mut studio = with_branch();
    let ids: Vec<_> = studio.views().iter().map(|view| view.info.id).collect();
    studio
        .window
        .get_by_label_contains("Rename: DDIM · 8 futures")
        .scroll_to_me();
    studio.window.run_steps(4);
    studio.window.get_by_label_contains("Rename: DDIM · 8 futures").click();
    studio.window.run_steps(3);
    studio
        .window
        .get_by_label("Name of the trajectory")
        .type_text("the fan");
    studio.window.run_steps(2);
    studio.key(Modifiers::NONE, Key::Enter);
    assert_eq!(studio.views()[1].name.as_deref(), Some("the fan"));
    assert!(studio.shows("Lane: the fan"));
    studio.key(Modifiers::NONE, Key::Delete);
    assert_eq!(studio.views().len(), 1);
    assert_eq!(studio.window.state().state.current, Some(ids[0]), "what it parted from");
    assert!(studio.shows("Removed: the fan") && !studio.shows("Lane: "));
    assert!(
        studio
            .commands
            .try_iter()
            .all(|command| !matches!(command, Command::ForgetTrajectory(_)))
    );
    studio.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(studio.views().len(), 2);
    assert_eq!(studio.window.state().state.current, Some(ids[1]));
    // What can no longer be put back is forgotten by the engine too.
    studio.key(Modifiers::NONE, Key::Delete);
    studio.key(Modifiers::NONE, Key::Delete);
    let forgotten = studio.commands.try_iter().find_map(|command| match command {
        Command::ForgetTrajectory(id) => Some(id),
        _ => None,
    });
    assert_eq!(forgotten, Some(ids[1]));
    assert!(studio.shows("Watch noise become a sample"));
    studio.press("Put back");
    assert_eq!(studio.views().len(), 1);
}

#[test]
fn a_document_keeps_the_tree_and_its_names() {
    let mut studio = with_branch();
    let ids: Vec<_> = studio.views().iter().map(|view| view.info.id).collect();
    let trajectories = &mut studio.window.state_mut().state.trajectories;
    trajectories.get_mut(ids[1]).unwrap().name = Some("eight ways".into());
    let folder = tempfile::tempdir().unwrap();
    let views = studio.views().into_iter().map(|view| View {
        made: provenance(&view.info),
        folder: None,
        pinned: view.name.is_some(),
        name: view.name.clone(),
    });
    let document = Document {
        views: views.collect(),
        ..Document::default()
    };
    let path = document
        .write(&folder.path().join("tree.dstudio"), Overwrite::Refuse)
        .unwrap();
    assert_eq!(Document::read(&path).unwrap(), document);

    let mut again = Studio::with(Options {
        open: vec![path],
        ..Options::default()
    });
    let begun = Instant::now();
    let named = |studio: &Studio<'_>| studio.views().iter().any(|view| view.name.is_some() && view.complete);
    while !named(&again) {
        assert!(begun.elapsed() < PATIENCE, "it is read on a thread of its own");
        std::thread::yield_now();
        again.window.run_steps(1);
        again.work();
    }
    let views = again.views();
    let branch = views.iter().find(|view| view.name.is_some()).unwrap();
    assert_eq!(
        (branch.name.as_deref(), branch.pinned, branch.complete),
        (Some("eight ways"), true, true)
    );
    let parent = views.iter().find(|view| Some(view.info.id) == branch.parent).unwrap();
    assert_eq!((parent.name.as_deref(), parent.pinned), (None, false));
    let made = |studio: &Studio<'_>, i: usize| rig::xy(&studio.views()[i].steps[20].x);
    let last = again.views().len() - 1;
    assert_eq!(made(&again, last), made(&studio, 1), "the same bits as before");
}

#[test]
fn a_drawn_schedule_is_used_for_the_rest_and_for_new_samples() {
    let mut studio = Studio::sampled();
    studio.stand_in_the_middle();
    studio.key(Modifiers::ALT, Key::Num4);
    studio.press("Draw on from this");
    studio.press("Branch from here with it");
    let request = studio.asked();
    let (drawn, branch) = (request.schedule.clone().unwrap(), parts(&request));
    assert_eq!((branch.step, branch.remaining, request.count), (10, Some(10), 5));
    assert_eq!(drawn.id, "custom");
    studio.rig.send(Command::Sample(Box::new(request)));
    studio.work();
    let views = studio.views();
    assert_eq!(views[1].info.schedule.as_ref(), Some(&drawn));
    assert_eq!((views[1].info.moves, views[1].complete), (20, true));
    let levels = |view: &TrajectoryView, i: usize| view.steps[i].level;
    assert_eq!(
        levels(views[0], 10),
        levels(views[1], 10),
        "they part where the cursor stood"
    );
    assert_ne!(levels(views[0], 13), levels(views[1], 13));

    studio.key(Modifiers::ALT, Key::Num4);
    studio.press("Use for sampling only");
    assert!(studio.shows("Along"));
    studio.press("Sample");
    assert_eq!(studio.asked().schedule, Some(drawn));
    studio.press("The model's own schedule");
    studio.press("Sample");
    assert_eq!(studio.asked().schedule, None);
}

#[test]
fn without_a_trajectory_there_is_nothing_to_branch() {
    let mut studio = Studio::empty();
    studio.key(Modifiers::ALT, Key::Num4);
    let button = studio
        .window
        .get_by_role_and_label(Role::Button, "Branch from here with it");
    assert!(button.accesskit_node().is_disabled());
}
