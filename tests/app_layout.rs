//! The panes of the workspaces: closed and brought back by mouse and keyboard, kept between starts, filled and empty.
#![cfg(feature = "gui")]
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

mod numbers;
mod program;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use diffusion_studio::{
    app::{
        action::Workspace,
        launch::Options,
        layout::Pane,
        panels::{lab::LabPane, schedule::SchedulePane, trajectory::TrajectoryPane},
    },
    data::{self, Progress as Loading},
    diffusion::Guidance,
    engine::{
        Event, RunId, TrajectoryId,
        command::ClassChoice,
        event::{Preview, Progress, RunInfo, RunState, StepFrame, TrajectoryInfo},
    },
    files::Recipe,
    math::{Domain, Level, Spec, schedule},
};
use eframe::{
    App as _,
    egui::{Key, Modifiers, Rect, Role, Vec2, vec2},
};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use program::Program;

/// The workspaces that have panes, with a text that each pane shows once it is filled.
const FILLED: &[(Workspace, &[(&str, &str)])] = &[
    (
        Workspace::Lab,
        &[
            ("Samples", "20 samples from fixed noise"),
            ("Progress", "Steps per second"),
            ("Loss", "log"),
            ("Loss by noise level", "Loss by noise level"),
            ("Quality", "Quality"),
        ],
    ),
    (
        Workspace::Trajectory,
        &[
            ("State", "mean +0.00  std 1.00"),
            ("Clean guess", "Clean guess"),
            ("Noise guess", "Noise guess"),
            ("Change", "Change"),
            ("Film", "Film strip"),
        ],
    ),
    (
        Workspace::Schedule,
        &[
            ("Signal left, ᾱ", "Signal left, ᾱ"),
            ("Signal to noise, dB", "Signal to noise, dB"),
            ("Noise added per step, β (log)", "Noise added per step, β (log)"),
            ("Noise level, σ", "Noise level, σ"),
            ("Data in noise", "Sample at ¾"),
            ("Advice", "nothing to worry about"),
        ],
    ),
];

/// What the program keeps between two starts, in memory.
#[derive(Clone, Default)]
struct Store(Rc<RefCell<BTreeMap<String, String>>>);

impl eframe::Storage for Store {
    fn get_string(&self, key: &str) -> Option<String> {
        self.0.borrow().get(key).cloned()
    }
    fn set_string(&mut self, key: &str, value: String) {
        self.0.borrow_mut().insert(key.into(), value);
    }
    fn remove_string(&mut self, key: &str) {
        self.0.borrow_mut().remove(key);
    }
    fn flush(&mut self) {}
}

struct Studio(Program<'static>);

impl Studio {
    fn new(size: Vec2, store: &Store) -> Self {
        let store: &'static Store = Box::leak(Box::new(store.clone()));
        let window = Harness::builder().with_size(size).with_max_steps(24);
        let mut studio = Self(Program::remembering(window, Options::default(), Some(store)));
        studio.run();
        studio
    }

    /// With a run, a trajectory and data.
    fn filled(size: Vec2, store: &Store) -> Self {
        let mut studio = Self::new(size, store);
        studio.fill();
        studio
    }

    fn fill(&mut self) {
        let run = RunId(1);
        let events = [
            Event::Started(Box::new(run_info(run))),
            Event::RunState(run, RunState::Running),
            Event::Progress(run, losses()),
            Event::SampleStarted(Box::new(trajectory_info())),
        ];
        let steps = (0..=10).map(|i| Event::SampleStep(TrajectoryId(1), Box::new(step_frame(i))));
        let ended = Event::SampleEnded {
            id: TrajectoryId(1),
            complete: true,
            secs: 0.5,
        };
        for event in events.into_iter().chain(steps).chain([ended]) {
            self.0.events.send(event).unwrap();
        }
        self.0.newest.store(Some(Arc::new(Preview {
            run,
            step: 280,
            path: (0..=10).map(step_frame).collect(),
        })));
        self.run();
        assert!(self.0.window.state().state.notices.is_empty(), "nothing is in the way");
    }

    fn run(&mut self) {
        self.0.window.run_ok();
    }

    fn go(&mut self, workspace: Workspace) {
        self.0
            .window
            .get_by_role_and_label(Role::Tab, workspace.label())
            .click();
        self.run();
    }

    fn press(&mut self, button: &str) {
        self.0.window.get_by_role_and_label(Role::Button, button).click();
        self.run();
    }

    fn shows(&self, text: &str) -> bool {
        numbers::shows(&self.0.window, text)
    }

    /// Where the title of a pane is, while it is in sight.
    fn tab(&self, title: &str) -> Option<Rect> {
        self.0
            .window
            .query_by_role_and_label(Role::Tab, title)
            .map(|tab| tab.rect())
    }

    fn save(&mut self, store: &Store) {
        self.0.window.state_mut().save(&mut store.clone());
    }
}

fn run_info(run: RunId) -> RunInfo {
    let recipe = Recipe::default();
    let data = data::load(&recipe.data, 0, &Loading::default()).unwrap();
    let levels = schedule::build(&recipe.schedule).unwrap();
    RunInfo {
        run,
        folder: "runs/moons-0001".into(),
        domain: data.domain,
        data,
        executor: "cpu".into(),
        weights: 50_000,
        step: 0,
        levels: (0..=10).map(|i| levels.level(f64::from(i) * 99.0)).collect(),
        recipe,
    }
}

fn losses() -> Progress {
    Progress {
        losses: (1..=300).map(|s| (s, 1.0 / s as f32)).collect(),
        by_level: vec![(0.1, 0.5), (0.9, 0.1)],
        lr: 1e-3,
        steps_per_sec: 250.0,
        secs_left: 75.0,
        ..Progress::default()
    }
}

fn trajectory_info() -> TrajectoryInfo {
    TrajectoryInfo {
        id: TrajectoryId(1),
        domain: Domain::Points,
        model: "this run, step 1200".into(),
        recipe: Recipe::default(),
        step: 1200,
        sampler: Spec::new("ddim"),
        spacing: Spec::new("trailing"),
        schedule: None,
        moves: 10,
        seed: 1,
        count: 20,
        class: ClassChoice::None,
        guidance: Guidance::default(),
        weaker: None,
        classifier: None,
        noise: None,
        prints: diffusion_studio::files::provenance::Prints::default(),
        class_names: Arc::default(),
        restore: None,
        branch: None,
    }
}

fn step_frame(index: usize) -> StepFrame {
    let values: Vec<f32> = (0..40).map(|i| (i * 7 % 13) as f32 / 6.5 - 1.0).collect();
    let x = Domain::Points.frame(&values);
    StepFrame {
        index,
        level: Level {
            t: 99.0 * (10 - index) as f64,
            alpha: 0.6,
            sigma: 0.8,
        },
        x0: x.clone(),
        eps: x.clone(),
        x,
        change: 0.1,
        x_stats: (0.0, 1.0),
        x0_stats: (0.0, 1.0),
    }
}

const SMALL: Vec2 = vec2(1280.0, 720.0);

#[test]
fn the_table_above_names_every_pane() {
    fn titles<P: Pane>() -> Vec<&'static str> {
        P::ALL.iter().map(|pane| pane.title()).collect()
    }
    let panes = [
        titles::<LabPane>(),
        titles::<TrajectoryPane>(),
        titles::<SchedulePane>(),
    ];
    for ((_, listed), panes) in FILLED.iter().zip(panes) {
        assert_eq!(listed.iter().map(|(title, _)| *title).collect::<Vec<_>>(), panes);
    }
}

#[test]
fn each_pane_is_closed_and_brought_back_with_the_mouse() {
    let mut studio = Studio::filled(SMALL, &Store::default());
    for (workspace, panes) in FILLED {
        studio.go(*workspace);
        for (title, text) in *panes {
            studio.0.window.get_by_role_and_label(Role::Tab, title).click();
            studio.run();
            assert!(studio.shows(text), "{title}: {text}");
            studio.press(&format!("Close: {title}"));
            assert!(studio.tab(title).is_none(), "{title}");
            studio.press("View");
            studio.0.window.get_by_role_and_label(Role::CheckBox, title).click();
            studio.run();
            studio.0.window.key_press(Key::Escape);
            studio.run();
            assert!(studio.tab(title).is_some() && studio.shows(text), "{title}: {text}");
        }
    }
}

#[test]
fn each_pane_is_closed_and_brought_back_and_seen_alone_with_keys() {
    let mut studio = Studio::filled(SMALL, &Store::default());
    for (workspace, panes) in FILLED {
        studio.go(*workspace);
        for (title, _) in *panes {
            for is_shown in [false, true] {
                studio.0.window.get_by_role_and_label(Role::Button, "View").focus();
                studio.run();
                studio.0.window.key_press(Key::Enter);
                studio.run();
                tab_to(&mut studio, Role::CheckBox, title);
                studio.0.window.key_press(Key::Space);
                studio.run();
                studio.0.window.key_press(Key::Escape);
                studio.run();
                assert_eq!(studio.tab(title).is_some(), is_shown, "{title}");
            }
        }
        let (title, text) = panes[0];
        tab_to(&mut studio, Role::Button, &format!("Show alone: {title}"));
        studio.0.window.key_press(Key::Enter);
        studio.run();
        assert!(studio.shows(text));
        assert!(panes[1..].iter().all(|(other, _)| studio.tab(other).is_none()));
        studio.press("Show all panes");
        assert!(studio.tab(panes[1].0).is_some());
    }
}

/// Presses Tab until something has the focus.
fn tab_to(studio: &mut Studio, role: Role, name: &str) {
    for _ in 0..150 {
        let found = studio.0.window.query_by_role_and_label(role, name);
        if found.is_some_and(|node| node.accesskit_node().is_focused()) {
            return;
        }
        studio.0.window.key_press(Key::Tab);
        studio.0.window.run_steps(2);
    }
    panic!("Tab never comes to {name}");
}

#[test]
fn the_palette_closes_and_brings_back_panes() {
    let mut studio = Studio::filled(SMALL, &Store::default());
    for is_shown in [false, true] {
        studio.0.window.key_press_modifiers(Modifiers::COMMAND, Key::K);
        studio.run();
        let field = studio
            .0
            .window
            .get_by_role_and_label(Role::TextInput, "Search the commands");
        field.type_text("bring back progress");
        studio.run();
        studio.0.window.key_press(Key::Enter);
        studio.run();
        assert_eq!(studio.0.window.state().state.workspace, Workspace::Lab);
        assert_eq!(studio.tab("Progress").is_some(), is_shown);
    }
}

#[test]
fn what_was_arranged_is_there_at_the_next_start_and_reset_brings_back_all() {
    let store = Store::default();
    let mut first = Studio::filled(SMALL, &store);
    first.go(Workspace::Trajectory);
    let at_first = first.tab("State").unwrap();
    first.press("Close: Noise guess");
    first.press("Close: Film");
    let arranged = first.tab("State").unwrap();
    assert_ne!(arranged, at_first);
    first.save(&store);

    let mut second = Studio::filled(SMALL, &store);
    second.go(Workspace::Trajectory);
    assert_eq!(second.tab("State"), Some(arranged));
    assert!(second.tab("Film").is_none());
    second
        .0
        .window
        .key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::R);
    second.run();
    assert_eq!(second.tab("State"), Some(at_first));
    for (item, after) in [("Undo the last change", arranged), ("Reset view", at_first)] {
        second.press("View");
        second.press(item);
        second.0.window.key_press(Key::Escape);
        second.run();
        assert_eq!(second.tab("State"), Some(after), "{item}");
    }
    assert!(second.shows("Film strip"));
    // The trajectory and the run are as they were.
    assert!(second.0.window.state().state.trajectory().is_some() && second.0.window.state().state.run.is_some());
    second.save(&store);
    assert!(!store.0.borrow()["studio"].contains("film"), "{:?}", store.0.borrow());
}

#[test]
fn a_damaged_layout_spoils_nothing_else() {
    let store = Store::default();
    let mut first = Studio::filled(SMALL, &store);
    first.go(Workspace::Lab);
    first.press("Close: Progress");
    first.go(Workspace::Trajectory);
    first.press("Close: Film");
    first.0.window.key_press_modifiers(Modifiers::COMMAND, Key::B);
    first.run();
    first.save(&store);
    let text = store.0.borrow()["studio"].clone();
    assert!(text.contains("\\\"film\\\""), "{text}");
    store
        .0
        .borrow_mut()
        .insert("studio".into(), text.replace("\\\"film\\\"", "\\\"tape\\\""));
    let mut second = Studio::filled(SMALL, &store);
    second.go(Workspace::Trajectory);
    assert!(second.tab("Film").is_some());
    second.go(Workspace::Lab);
    assert!(second.tab("Progress").is_none(), "the other layout is kept");
    assert!(!second.shows("Learning rate schedule") && second.tab("Samples").is_some());
}

#[test]
fn a_title_is_dragged_onto_another_pane() {
    let mut studio = Studio::filled(SMALL, &Store::default());
    studio.go(Workspace::Trajectory);
    let (from, to) = (studio.tab("Change").unwrap(), studio.tab("State").unwrap());
    studio.0.window.hover_at(from.left_center() + vec2(20.0, 0.0));
    studio.0.window.step();
    studio.0.window.drag_at(from.left_center() + vec2(20.0, 0.0));
    studio.0.window.step();
    for i in 1..=8 {
        let at = from.left_center().lerp(to.left_center(), i as f32 / 8.0);
        studio.0.window.hover_at(at + vec2(1.0, 0.0));
        studio.0.window.step();
    }
    studio.0.window.drop_at(to.left_center() + vec2(1.0, 0.0));
    studio.run();
    let (moved, state) = (studio.tab("Change").unwrap(), studio.tab("State").unwrap());
    assert!(moved.left() < state.left(), "{moved} {state}");
}

#[test]
fn panes_have_room_and_lie_side_by_side_at_every_size() {
    for size in [vec2(1920.0, 1080.0), SMALL, vec2(900.0, 600.0)] {
        let mut studio = Studio::filled(size, &Store::default());
        for (workspace, panes) in FILLED {
            studio.go(*workspace);
            let titles: Vec<Rect> = panes.iter().filter_map(|(title, _)| studio.tab(title)).collect();
            for (i, a) in titles.iter().enumerate() {
                assert!(a.width() > 30.0 && a.right() <= size.x && a.bottom() < size.y, "{a}");
                for b in &titles[i + 1..] {
                    assert!(!a.shrink(1.0).intersects(b.shrink(1.0)), "{workspace:?}: {a} {b}");
                }
            }
        }
    }
}

#[test]
fn an_empty_workspace_says_what_will_be_there() {
    let mut studio = Studio::new(SMALL, &Store::default());
    for (workspace, text) in [
        (Workspace::Lab, "Start training"),
        // The model of the start screen is on its way.
        (Workspace::Trajectory, "Preparing the network"),
        (Workspace::Schedule, "With data loaded"),
    ] {
        studio.go(workspace);
        assert!(studio.shows(text), "{text}");
    }
    // Closing and bringing back does no harm where nothing is shown.
    studio.go(Workspace::Trajectory);
    studio.press("View");
    for _ in 0..2 {
        studio.0.window.get_by_role_and_label(Role::CheckBox, "Film").click();
        studio.run();
    }
    assert!(studio.shows("Preparing the network"));
}
