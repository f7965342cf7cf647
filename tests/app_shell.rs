//! The window without a window: what each workspace shows when it is empty, running and filled, and what its buttons ask
//! of the engine.
#![cfg(feature = "gui")]
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

mod numbers;
mod program;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, Sender};
use diffusion_studio::{
    app::{action::Workspace, launch::Options, shell::App},
    data::{self, DataRecipe, Progress as Loading, Stats},
    diffusion::Guidance,
    engine::{
        Command, Event, RunId, TrajectoryId,
        command::{ClassChoice, Model, SampleRequest, TrainRequest},
        dissection::{Dissection, Nudge},
        event::{
            DataSummary, Estimate, Mark, MarkKind, Preview, Progress, RunInfo, RunState, StepFrame, TrajectoryInfo,
        },
    },
    math::{Domain, Level, Spec, Value, schedule},
};
use eframe::egui::{Key, Modifiers, Role, Vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use program::Program;

/// The program with a line to a test instead of an engine.
struct Studio<'a> {
    window: Harness<'a, App>,
    commands: Receiver<Command>,
    events: Sender<Event>,
    newest: Arc<ArcSwapOption<Preview>>,
}

impl Studio<'_> {
    fn new() -> Self {
        Self::sized(Vec2::new(1280.0, 720.0))
    }

    fn sized(size: Vec2) -> Self {
        Self::with(size, Options::default())
    }

    /// Started with this file.
    fn opening(path: std::path::PathBuf) -> Self {
        let options = Options {
            open: vec![path],
            ..Options::default()
        };
        Self::with(Vec2::new(1280.0, 720.0), options)
    }

    fn with(size: Vec2, options: Options) -> Self {
        let program = Program::open(size, 12, options);
        let mut studio = Self {
            window: program.window,
            commands: program.commands,
            events: program.events,
            newest: program.newest,
        };
        studio.run();
        // What is opened is read on a thread of its own.
        while studio.window.state().state.opening.is_some() {
            std::thread::yield_now();
            studio.window.step();
        }
        studio.run();
        studio
    }

    fn in_workspace(workspace: Workspace) -> Self {
        let mut studio = Self::new();
        studio.press_tab(workspace.label());
        studio
    }

    /// In the Lab with two moons described.
    fn in_lab() -> Self {
        let mut studio = Self::in_workspace(Workspace::Lab);
        studio.tell(Event::DataLoaded(Box::new(summary(&small("moons")))));
        studio
    }

    fn press_tab(&mut self, name: &str) {
        self.window.get_by_role_and_label(Role::Tab, name).click();
        self.run();
    }

    fn run(&mut self) {
        self.window.run();
    }

    fn tell(&mut self, event: Event) {
        self.events.send(event).unwrap();
        self.run();
    }

    fn press(&mut self, button: &str) {
        self.window.get_by_role_and_label(Role::Button, button).click();
        self.run();
    }

    fn is_enabled(&self, button: &str) -> bool {
        !self
            .window
            .get_by_role_and_label(Role::Button, button)
            .accesskit_node()
            .is_disabled()
    }

    fn key(&mut self, modifiers: Modifiers, key: Key) {
        self.window.key_press_modifiers(modifiers, key);
        self.run();
    }

    fn shows(&self, text: &str) -> bool {
        numbers::shows(&self.window, text)
    }

    /// What was asked since the last call, without what the window asks by itself.
    fn asked(&self) -> Vec<Command> {
        let by_itself =
            |c: &Command| matches!(c, Command::Estimate(_) | Command::LoadData(..)) || plays_a_bundled_model(c);
        self.commands.try_iter().filter(|c| !by_itself(c)).collect()
    }

    fn begin_run(&mut self) -> RunId {
        self.press("Train");
        let Some(Command::Train(request)) = self.asked().pop() else {
            panic!("no run was asked for")
        };
        let run = request.run;
        self.tell(Event::Started(Box::new(run_info(*request))));
        self.tell(Event::RunState(run, RunState::Running));
        run
    }
}

fn small(source: &str) -> DataRecipe {
    let mut recipe = DataRecipe {
        source: source.into(),
        ..DataRecipe::default()
    };
    if source == "moons" {
        recipe.params.insert("count".into(), Value::Int(200));
    }
    recipe
}

fn summary(recipe: &DataRecipe) -> DataSummary {
    let data = data::load(recipe, 0, &Loading::default()).unwrap();
    DataSummary {
        stats: Stats::of(&data),
        validation: data.count / 10,
        data,
    }
}

fn run_info(request: TrainRequest) -> RunInfo {
    let data = summary(&small(&request.recipe.data.source)).data;
    let levels = schedule::build(&request.recipe.schedule).unwrap();
    RunInfo {
        run: request.run,
        folder: "runs/moons-0001".into(),
        domain: data.domain,
        data,
        executor: "cpu".into(),
        weights: 50_000,
        step: 0,
        levels: (0..=10).map(|i| levels.level(f64::from(i) * 99.0)).collect(),
        recipe: request.recipe,
    }
}

/// A path whose state is the frame number in every value.
fn preview(run: RunId, step: u64, domain: Domain, count: usize) -> Arc<Preview> {
    let frame = |index: usize| {
        let values = vec![index as f32 / 10.0; count * domain.numel()];
        let x = domain.frame(&values);
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
    };
    Arc::new(Preview {
        run,
        step,
        path: (0..=10).map(frame).collect(),
    })
}

fn losses(steps: std::ops::RangeInclusive<u64>) -> Progress {
    Progress {
        losses: steps.map(|s| (s, 1.0 / s as f32)).collect(),
        by_level: vec![(0.1, 0.5), (0.9, 0.1)],
        lr: 1e-3,
        steps_per_sec: 250.0,
        secs_left: 75.0,
        ..Progress::default()
    }
}

#[test]
fn the_start_screen_leads_to_the_lab_with_a_suitable_recipe() {
    let mut studio = Studio::new();
    assert!(studio.shows("Watch noise become data") && studio.shows("Drop pictures"));
    studio.press("Learn Digits 8×8");
    assert_eq!(studio.window.state().state.workspace, Workspace::Lab);
    let recipe = &studio.window.state().recipe.recipe;
    assert_eq!(
        (recipe.data.source.as_str(), recipe.net.id.as_str()),
        ("digits8x8", "unet")
    );
}

/// The start screen plays a model that comes along without being asked.
fn plays_a_bundled_model(command: &Command) -> bool {
    matches!(command, Command::Sample(request) if matches!(request.model, Model::Bundled(_)))
}

#[test]
fn the_start_screen_measures_one_card_after_the_other() {
    let mut studio = Studio::new();
    let next = |studio: &Studio<'_>| -> Vec<Command> {
        studio
            .commands
            .try_iter()
            .filter(|c| !plays_a_bundled_model(c))
            .collect()
    };
    let first = next(&studio);
    let [Command::Estimate(recipe)] = &first[..] else {
        panic!("{first:?}")
    };
    assert_eq!(recipe.data.source, "moons");
    // Measuring waits for the model that plays.
    studio.tell(Event::SampleStarted(Box::new(bundled_info(
        TrajectoryId(1),
        Domain::Points,
    ))));
    studio.tell(Event::SampleEnded {
        id: TrajectoryId(1),
        complete: true,
        secs: 0.1,
    });
    studio.tell(Event::Estimated(Estimate {
        source: "moons".into(),
        secs_per_step: 1e-3,
        bytes: 1 << 20,
        weights: 1000,
        secs_to_samples: 12.0,
        secs_total: 30.0,
        executor: "cpu".into(),
        data: String::new(),
    }));
    let second = next(&studio);
    assert!(
        matches!(&second[..], [Command::Estimate(r)] if r.data.source == "swiss-roll"),
        "{second:?}"
    );
}

#[test]
fn drawing_needs_points_and_can_be_closed() {
    let mut studio = Studio::new();
    studio.press("Draw your own points");
    assert!(!studio.is_enabled("Learn these 0 points"));
    let sheet = studio.window.get_by_label("Sheet to draw points on").rect();
    studio.window.drag_at(sheet.center());
    for i in 0..10 {
        studio.window.hover_at(sheet.center() + Vec2::new(i as f32 * 9.0, 0.0));
        studio.window.step();
    }
    studio.window.drop_at(sheet.center());
    studio.run();
    studio.press("Undo");
    assert!(!studio.is_enabled("Learn these 0 points"));
    studio.press("Redo");
    studio.window.get_by_label_contains("Learn these").click();
    studio.run();
    let app = studio.window.state();
    assert_eq!(
        (app.recipe.recipe.data.source.as_str(), app.state.workspace),
        ("drawn", Workspace::Lab)
    );
}

#[test]
fn an_empty_lab_shows_the_data_and_asks_for_nothing_but_their_description() {
    let mut studio = Studio::in_workspace(Workspace::Lab);
    let asked: Vec<_> = studio.commands.try_iter().collect();
    assert!(
        asked
            .iter()
            .any(|c| matches!(c, Command::LoadData(r, _) if r.source == "moons")),
        "{asked:?}"
    );
    assert!(studio.shows("Reading the data"));
    studio.tell(Event::DataLoaded(Box::new(summary(&small("moons")))));
    assert!(studio.shows("Training data") && studio.shows("200 points"));
    assert!(!studio.is_enabled("Stop") && !studio.is_enabled("Finish") && studio.is_enabled("Step"));
}

#[test]
fn step_without_a_run_starts_one_that_waits() {
    let mut studio = Studio::in_lab();
    studio.press("Step");
    assert!(matches!(&studio.asked()[..], [Command::Train(r)] if r.paused));
}

#[test]
fn a_run_that_has_ended_can_be_trained_on() {
    let mut studio = Studio::in_lab();
    assert!(!studio.shows("Train on from"));
    let run = studio.begin_run();
    studio.tell(Event::Progress(run, losses(1..=3)));
    assert!(!studio.shows("Train on from"), "not while it trains");
    studio.tell(Event::RunState(run, RunState::Finished));
    let folder = studio
        .window
        .state_mut()
        .state
        .run
        .as_ref()
        .unwrap()
        .info
        .folder
        .clone();
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    studio.asked();
    studio.press(&format!("Train on from {name}"));
    let asked = studio.asked();
    let [Command::Train(request)] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert!(matches!(&request.start, Some(Model::Folder(path)) if *path == folder));
    assert!(!request.resume && request.folder.is_none());
}

#[test]
fn the_three_verbs_are_acknowledged_at_once() {
    let mut studio = Studio::in_lab();
    let run = studio.begin_run();
    studio.press("Pause");
    assert!(matches!(studio.asked()[..], [Command::Pause]));
    assert!(!studio.is_enabled("Pausing…"));
    studio.tell(Event::RunState(run, RunState::Paused));
    studio.press("Step");
    studio.press("Resume");
    assert!(matches!(studio.asked()[..], [Command::StepOnce, Command::Resume]));
    studio.tell(Event::RunState(run, RunState::Running));
    studio.press("Finish");
    assert!(!studio.is_enabled("Finishing…") && studio.is_enabled("Stop"));
    studio.press("Stop");
    assert!(!studio.is_enabled("Stopping…"));
    assert!(matches!(studio.asked()[..], [Command::Finish, Command::Stop]));
    studio.tell(Event::RunState(run, RunState::Stopped));
    assert!(studio.is_enabled("Train") && !studio.is_enabled("Stop"));
}

#[test]
fn a_running_lab_shows_losses_samples_and_their_path() {
    let mut studio = Studio::in_lab();
    let run = studio.begin_run();
    assert!(studio.shows("first samples are on their way"));
    studio.tell(Event::Progress(run, losses(1..=300)));
    studio.tell(Event::Validation {
        run,
        step: 200,
        loss: 0.4,
        ema: 0.3,
    });
    studio.tell(Event::Mark(
        run,
        Mark {
            step: 100,
            kind: MarkKind::Change,
            text: "lr 1e-3 → 3e-4".into(),
        },
    ));
    studio.newest.store(Some(preview(run, 280, Domain::Points, 20)));
    studio.run();
    for text in [
        "Loss by noise level",
        "1 min 15 s",
        "250",
        "20 samples from fixed noise",
        "denoising step 10 of 10",
    ] {
        assert!(studio.shows(text), "{text}");
    }
    let slider = studio.window.get_by_label("Step of the reverse process");
    slider.set_value_accesskit(4.0);
    studio.run();
    assert!(studio.shows("denoising step 4 of 10"));
    studio.newest.store(Some(preview(run, 290, Domain::Points, 20)));
    studio.run();
    assert!(studio.shows("after 290 training steps") && studio.shows("denoising step 4 of 10"));
}

#[test]
fn pictures_are_shown_as_they_come() {
    let mut studio = Studio::new();
    studio.press("Learn Digits 8×8");
    let run = studio.begin_run();
    let domain = Domain::Image {
        channels: 1,
        height: 8,
        width: 8,
    };
    studio.newest.store(Some(preview(run, 10, domain, 9)));
    studio.tell(Event::Progress(run, losses(1..=10)));
    assert!(studio.shows("9 samples from fixed noise") && studio.shows("Live samples"));
}

#[test]
fn a_late_message_of_another_run_changes_nothing() {
    let mut studio = Studio::in_lab();
    let run = studio.begin_run();
    let other = RunId(run.0 + 1000);
    studio.tell(Event::Progress(other, losses(1..=50)));
    studio.tell(Event::RunState(other, RunState::Failed));
    let view = studio.window.state().state.run.as_ref().unwrap();
    assert_eq!((view.step, view.state), (0, RunState::Running));
}

#[test]
fn a_full_disk_is_told_once() {
    let mut studio = Studio::in_lab();
    for (what, message) in [
        ("Save", "full at 10"),
        ("Preview", "full at 11"),
        ("Save", "full at 12"),
    ] {
        let message = message.to_owned();
        studio.tell(Event::Failed { what, message });
    }
    assert!(studio.shows("full at 12") && !studio.shows("full at 10") && !studio.shows("full at 11"));
    let message = "no such sampler".to_owned();
    studio.tell(Event::Failed {
        what: "Sample",
        message,
    });
    assert!(studio.shows("full at 12") && studio.shows("no such sampler"));
}

#[test]
fn a_divergence_is_explained_and_can_be_healed() {
    let mut studio = Studio::in_lab();
    let run = studio.begin_run();
    studio.tell(Event::Progress(run, losses(1..=120)));
    studio.tell(Event::RunState(run, RunState::Paused));
    let message = "The loss became infinite in the third layer.".to_owned();
    studio.tell(Event::Diverged {
        run,
        step: 120,
        message,
        healthy_step: 90,
    });
    assert!(studio.shows("diverged at step 120") && studio.shows("third layer") && studio.shows("those of step 90"));
    studio.press("Go back and on with a third of the learning rate (3.33e-4)");
    let asked = studio.asked();
    assert!(matches!(asked[..], [Command::Restore { lr_factor }] if (lr_factor - 1.0 / 3.0).abs() < 1e-12));
    studio.tell(Event::RunState(run, RunState::Running));
    assert!(!studio.shows("diverged at step"));
}

#[test]
fn the_learning_rate_acts_on_the_run_under_way() {
    let mut studio = Studio::in_lab();
    let field = |studio: &mut Studio<'_>, value: f64| {
        let node = studio.window.get_by_role_and_label(Role::SpinButton, "Learning rate");
        node.set_value_accesskit(value);
        studio.run();
    };
    field(&mut studio, 0.004);
    assert!(studio.asked().is_empty(), "nothing runs yet");
    assert_eq!(studio.window.state().recipe.recipe.train.lr, 0.004);
    studio.begin_run();
    field(&mut studio, 0.0005);
    assert!(matches!(studio.asked()[..], [Command::SetLearningRate(v)] if v == 0.0005));
    // Back to what the recipe says.
    field(&mut studio, 0.004);
    assert!(matches!(studio.asked()[..], [Command::SetLearningRate(v)] if v == 0.004));
    field(&mut studio, 0.004);
    assert!(studio.asked().is_empty(), "nothing is new");
}

#[test]
fn the_data_view_describes_filters_and_names_what_was_left_out() {
    let mut studio = Studio::in_workspace(Workspace::Data);
    studio.press("Digits 8×8");
    let asked: Vec<_> = studio.commands.try_iter().collect();
    assert!(
        asked
            .iter()
            .any(|c| matches!(c, Command::LoadData(r, _) if r.source == "digits8x8")),
        "{asked:?}"
    );
    let mut digits = summary(&small("digits8x8"));
    digits.data.skipped = vec![data::Skipped {
        what: "cat.png".into(),
        why: "the file ends early".into(),
    }]
    .into();
    studio.tell(Event::DataLoaded(Box::new(digits)));
    for text in [
        "10 classes",
        "mean",
        "deviation",
        "cat.png",
        "the file ends early",
        "for validation",
        "CC BY 4.0",
    ] {
        assert!(studio.shows(text), "{text}");
    }
    let class = studio
        .window
        .state()
        .state
        .data
        .loaded()
        .unwrap()
        .data
        .labels
        .as_ref()
        .unwrap()
        .names[3]
        .clone();
    studio.press(&class);
    assert!(studio.shows(&format!("only {class}")));
    studio.press("Learn from this");
    assert_eq!(studio.window.state().state.workspace, Workspace::Lab);
}

#[test]
fn data_that_cannot_be_read_say_why() {
    let mut studio = Studio::in_workspace(Workspace::Data);
    let message = "the folder holds no pictures".to_owned();
    studio.tell(Event::DataFailed {
        source: "cats".into(),
        message,
    });
    assert!(studio.shows("cats cannot be used") && studio.shows("the folder holds no pictures"));
    studio.tell(Event::Failed {
        what: "Train",
        message: "no room on the disk".into(),
    });
    assert!(studio.shows("no room on the disk"));
}

#[test]
fn import_choices_change_what_the_engine_is_asked_to_read() {
    let mut studio = Studio::in_workspace(Workspace::Data);
    studio.press("Pixel avatars");
    studio.commands.try_iter().for_each(drop);
    studio.window.state_mut().recipe.recipe.data.size = Some(8);
    studio.run();
    let asked: Vec<_> = studio.commands.try_iter().collect();
    assert!(
        asked
            .iter()
            .any(|c| matches!(c, Command::LoadData(r, _) if r.size == Some(8))),
        "{asked:?}"
    );
}

#[test]
fn keys_do_what_the_table_says() {
    let mut studio = Studio::in_lab();
    studio.key(Modifiers::ALT, Key::Num2);
    assert_eq!(studio.window.state().state.workspace, Workspace::Data);
    studio.key(Modifiers::ALT, Key::Num1);
    studio.key(Modifiers::COMMAND, Key::Enter);
    assert!(matches!(&studio.asked()[..], [Command::Train(r)] if !r.paused));
    studio.key(Modifiers::NONE, Key::Questionmark);
    assert!(studio.shows("Everywhere") && studio.shows("Full screen"));
    studio.key(Modifiers::NONE, Key::F12);
    assert!(studio.shows("p50"));
    let seed = studio.window.state().recipe.recipe.seed;
    studio.key(Modifiers::NONE, Key::R);
    assert_ne!(studio.window.state().recipe.recipe.seed, seed);
    studio.key(Modifiers::COMMAND, Key::Z);
    assert_eq!(studio.window.state().recipe.recipe.seed, seed);
    studio.key(Modifiers::COMMAND, Key::B);
    assert!(studio.window.query_by_label("Network").is_none());
}

#[test]
fn nothing_is_drawn_while_nothing_changes() {
    let mut studio = Studio::in_lab();
    studio.begin_run();
    for tab in ["Data", "Lab"] {
        studio.press_tab(tab);
        studio.window.run_steps(3);
        let output = &studio.window.output().viewport_output;
        let delay = output.values().map(|v| v.repaint_delay).min().unwrap();
        assert!(
            delay > Duration::from_secs(1),
            "{tab}: the next frame is due in {delay:?}"
        );
    }
}

#[test]
fn small_windows_keep_every_button() {
    let mut studio = Studio::sized(Vec2::new(800.0, 520.0));
    studio.press_tab("Lab");
    studio.tell(Event::DataLoaded(Box::new(summary(&small("moons")))));
    for name in ["Train", "Step", "Finish", "Stop"] {
        let rect = studio.window.get_by_role_and_label(Role::Button, name).rect();
        assert!(rect.max.y <= 520.0 && rect.width() > 20.0, "{name}: {rect:?}");
    }
}

#[test]
fn the_engine_is_asked_to_save_and_end() {
    let studio = Studio::in_lab();
    let Studio {
        window,
        commands,
        events,
        ..
    } = studio;
    drop(events);
    let mut app = window.into_state();
    eframe::App::on_exit(&mut app, None);
    assert!(commands.try_iter().any(|c| matches!(c, Command::Shutdown)));
}

fn step_frame(domain: Domain, count: usize, index: usize) -> StepFrame {
    let x = domain.frame(&vec![0.1 * index as f32; count * domain.numel()]);
    StepFrame {
        index,
        level: Level {
            t: 10.0 - index as f64,
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

/// What the engine says of ten DDIM steps of a bundled model.
fn bundled_info(id: TrajectoryId, domain: Domain) -> TrajectoryInfo {
    TrajectoryInfo {
        id,
        domain,
        model: "bundled".into(),
        recipe: diffusion_studio::app::catalogue::recipe_for("digits8x8"),
        step: 6000,
        sampler: Spec::new("ddim"),
        spacing: Spec::new("trailing"),
        schedule: None,
        moves: 10,
        seed: 1,
        count: 4,
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

/// The film of the start screen with all its frames, of which no more come once it has ended.
fn film_of_a_bundled_model(studio: &mut Studio<'_>) -> TrajectoryId {
    let mut request = SampleRequest {
        id: TrajectoryId::default(),
        model: Model::Bundled("digits8x8".into()),
        sampler: Spec::new("ddim"),
        steps: 10,
        spacing: Spec::new("trailing"),
        schedule: None,
        seed: 1,
        count: 4,
        class: ClassChoice::None,
        guidance: Guidance::default(),
        weaker: None,
        classifier: None,
        noise: None,
        restore: None,
        branch: None,
    };
    studio.window.state_mut().state.ask(&mut request);
    let domain = Domain::Image {
        channels: 1,
        height: 8,
        width: 8,
    };
    studio.tell(Event::SampleStarted(Box::new(bundled_info(request.id, domain))));
    for index in 0..=10 {
        studio.tell(Event::SampleStep(request.id, Box::new(step_frame(domain, 4, index))));
    }
    request.id
}

fn end_film(studio: &mut Studio<'_>, id: TrajectoryId) {
    studio.tell(Event::SampleEnded {
        id,
        complete: true,
        secs: 0.5,
    });
}

#[test]
fn a_bundled_model_plays_on_the_start_screen_and_can_be_looked_at() {
    let mut studio = Studio::new();
    let id = film_of_a_bundled_model(&mut studio);
    assert!(studio.shows("Samples of a trained model") && studio.shows("Play the film"));
    end_film(&mut studio, id);
    assert!(studio.shows("Pause the film"), "the film begins by itself");
    studio.press("Look closer");
    let state = &studio.window.state().state;
    assert_eq!((state.workspace, state.current), (Workspace::Trajectory, Some(id)));
}

#[test]
fn with_reduced_motion_only_what_is_played_moves() {
    let mut studio = Studio::new();
    studio.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::M);
    assert!(studio.shows("Reduced motion: nothing moves unless you play it."));
    let id = film_of_a_bundled_model(&mut studio);
    end_film(&mut studio, id);
    assert!(studio.shows("Play the film"), "the film waits");
    studio.press("Play the film");
    assert!(studio.shows("Pause the film"));

    studio.press_tab("Lab");
    studio.tell(Event::DataLoaded(Box::new(summary(&small("moons")))));
    let run = studio.begin_run();
    studio.key(Modifiers::NONE, Key::S);
    studio.tell(Event::Dissected(run, dissection(12).into()));
    assert!(studio.shows("Play the story"), "the stages wait");
    studio.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::M);
    studio.press("Next step");
    studio.tell(Event::Dissected(run, dissection(13).into()));
    assert!(studio.shows("Pause the story"));
}

#[test]
fn the_menu_does_what_it_says() {
    let mut studio = Studio::new();
    studio.press("Menu");
    assert!(!studio.is_enabled("Save a checkpoint"));
    studio.press("Full screen");
    studio.press("Menu");
    studio.press("Frame times");
    assert!(studio.shows("p50"));
    studio.press("Menu");
    studio.press("Go to");
    studio.press("Samplers");
    assert_eq!(studio.window.state().state.workspace, Workspace::Samplers);
}

#[test]
fn notices_stay_until_they_are_closed_and_are_kept_in_a_list() {
    let mut studio = Studio::new();
    studio.tell(Event::Failed {
        what: "Train",
        message: "the disk is full".into(),
    });
    assert!(studio.shows("the disk is full"));
    studio.press("Close this note");
    assert!(!studio.shows("the disk is full"));
    studio.press("1 note");
    assert!(studio.shows("the disk is full"));
}

/// A picture of moons at step 3 of 10: of the exact model, or at step 0 of a run that is gone.
fn made_picture(folder: &std::path::Path, step: u64) -> std::path::PathBuf {
    use diffusion_studio::{
        draw::Raster,
        files::{Overwrite, Provenance, Recipe, bundled, picture, provenance::Prints},
    };
    let model = bundled::ALL.iter().find(|m| m.id == "moons").unwrap();
    let made = Provenance {
        recipe: Recipe::parse(model.recipe, "moons").unwrap(),
        model: if step == 0 {
            "gone-0001, step 7".into()
        } else {
            "exact:moons".into()
        },
        training_step: step,
        sampler: Spec::new("ddpm"),
        spacing: Spec::new("leading"),
        schedule: None,
        steps: 10,
        seed: 77,
        count: 5,
        class: String::new(),
        guidance: Guidance::default(),
        weaker: None,
        classifier: None,
        noise: None,
        prints: Prints::default(),
        restored: None,
        branch: None,
        step: Some(3),
        sample: Some(2),
    };
    let path = folder.join(format!("made-{step}.png"));
    let raster = Raster::filled(4, 4, 3, [1, 2, 3]);
    picture::write_png(&path, &raster, Some(&made), Overwrite::Refuse).unwrap()
}

#[test]
fn a_picture_of_this_program_is_made_again_and_the_cursor_stands_on_its_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = Studio::opening(made_picture(folder.path(), 1));
    let asked = studio.asked();
    let [Command::Sample(request)] = &asked[..] else {
        panic!("a request for samples")
    };
    assert!(matches!(&request.model, Model::Exact(exact) if exact.data.source == "moons"));
    assert_eq!((request.steps, request.seed, request.count), (10, 77, 5));
    assert_eq!(
        (request.sampler.id.as_str(), request.spacing.id.as_str()),
        ("ddpm", "leading")
    );
    assert_eq!(studio.window.state().state.workspace, Workspace::Trajectory);
    assert_eq!(studio.window.state().recipe.recipe.data.source, "moons");
    let info = TrajectoryInfo {
        count: 5,
        ..bundled_info(request.id, Domain::Points)
    };
    studio.tell(Event::SampleStarted(Box::new(info.clone())));
    for index in 0..=10 {
        studio.tell(Event::SampleStep(
            info.id,
            Box::new(step_frame(Domain::Points, 5, index)),
        ));
    }
    assert_eq!(studio.window.state().state.playback.index(), 3);
}

#[test]
fn a_picture_whose_model_is_gone_says_so_and_offers_to_train_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = Studio::opening(made_picture(folder.path(), 0));
    assert!(studio.asked().is_empty());
    assert!(studio.shows("The model of this picture is not here") && studio.shows("gone-0001"));
    studio.press("Train this recipe");
    assert_eq!(studio.window.state().state.workspace, Workspace::Lab);
    assert!(!studio.shows("The model of this picture is not here"));
}

#[test]
fn a_key_of_ones_own_takes_the_place_of_the_tables() {
    let mut studio = Studio::in_lab();
    studio.key(Modifiers::NONE, Key::F1);
    assert!(studio.shows("Press a key in the list"));
    studio.press("Key for All commands");
    assert!(studio.shows("Press the new key for “All commands”"));
    // What is pressed now is no command.
    studio.key(Modifiers::COMMAND, Key::O);
    assert!(studio.shows("is “Open a file” already"));
    studio.key(Modifiers::NONE, Key::Tab);
    assert!(studio.shows("moves from control to control"));
    studio.key(Modifiers::COMMAND, Key::J);
    assert!(studio.shows("Press a key in the list"));
    studio.key(Modifiers::NONE, Key::F1);
    let palette = |studio: &Studio<'_>| {
        let fields = studio
            .window
            .query_all_by_role_and_label(Role::TextInput, "Search the commands");
        fields.count()
    };
    studio.key(Modifiers::COMMAND, Key::K);
    assert_eq!(palette(&studio), 0);
    studio.key(Modifiers::COMMAND, Key::J);
    assert_eq!(palette(&studio), 1);
    studio.key(Modifiers::NONE, Key::Escape);
    studio.key(Modifiers::NONE, Key::F1);
    studio.press("Key for All commands as it was");
    studio.key(Modifiers::NONE, Key::F1);
    studio.key(Modifiers::COMMAND, Key::K);
    assert_eq!(palette(&studio), 1);
}

#[test]
fn escape_keeps_the_old_key_and_leaves_the_list_open() {
    let mut studio = Studio::in_lab();
    studio.key(Modifiers::NONE, Key::F1);
    let search = studio.window.get_by_role_and_label(Role::TextInput, "Search the keys");
    search.focus();
    search.type_text("train");
    studio.run();
    studio.press("Key for Train");
    assert!(studio.shows("Press the new key for “Train”, “Make samples”"));
    studio.key(Modifiers::NONE, Key::Escape);
    assert!(studio.shows("Press a key in the list"));
    studio.key(Modifiers::NONE, Key::Escape);
    assert!(!studio.shows("Press a key in the list"));
    studio.key(Modifiers::COMMAND, Key::Enter);
    assert!(matches!(studio.asked().pop(), Some(Command::Train(_))));
}

/// A step of eight points at one level, whose answer is half the noise.
fn dissection(step: u64) -> Dissection {
    let at = Level::from_alpha_bar(40.0, 0.64);
    let x0: Vec<f32> = (0..16).map(|i| i as f32 / 8.0 - 1.0).collect();
    let eps: Vec<f32> = x0.iter().rev().copied().collect();
    let input = x0.iter().zip(&eps).map(|(x, e)| 0.8 * x + 0.6 * e).collect();
    Dissection {
        step,
        samples: 8,
        levels: vec![at; 8],
        input,
        target: eps.clone().into(),
        output: eps.iter().map(|e| e / 2.0).collect(),
        x0: x0.into(),
        eps: eps.into(),
        error: 0.25,
        weight: 1.0,
        nudge: Nudge {
            loss: 0.5,
            grad_norm: 2.0,
            lr: 1e-3,
            moved: 0.01,
            size: 10.0,
        },
    }
}

#[test]
fn a_training_step_is_told_slowly_and_the_training_goes_on_afterwards() {
    let mut studio = Studio::in_lab();
    let run = studio.begin_run();
    studio.key(Modifiers::NONE, Key::S);
    assert!(matches!(studio.asked()[..], [Command::StepSlowly]));
    assert!(studio.shows("The step is being made"));
    studio.tell(Event::RunState(run, RunState::Paused));
    assert!(studio.asked().is_empty());
    studio.tell(Event::Dissected(run, dissection(12).into()));
    assert!(studio.shows("Two moons · step 12"));
    studio.press_tab("2 Noise");
    studio.press_tab("Numbers");
    // The first x: 0.8 · −1 + 0.6 · 0.875.
    assert!(studio.shows("first x: -0.275 = 0.8000 · -1.000 + "));
    assert!(studio.shows("0.6000 · +0.875"));
    studio.press_tab("5 Nudge");
    assert!(studio.shows("together by 0.100 % of their length"));
    assert!(!studio.shows("many small steps find the way"));
    studio.press("Why?");
    assert!(studio.shows("many small steps find the way"));
    studio.press("Next step");
    assert!(matches!(studio.asked()[..], [Command::StepSlowly]));
    assert!(!studio.is_enabled("Next step"));
    studio.tell(Event::Dissected(run, dissection(13).into()));
    assert!(studio.shows("step 13"));
    studio.key(Modifiers::NONE, Key::Escape);
    assert!(!studio.shows("step 13"));
    assert!(matches!(studio.asked()[..], [Command::Resume]));
}

#[test]
fn a_step_that_cannot_be_told_says_why() {
    let mut studio = Studio::in_lab();
    let run = studio.begin_run();
    studio.key(Modifiers::NONE, Key::S);
    assert!(studio.shows("The step is being made"));
    studio.tell(Event::RunState(run, RunState::Paused));
    studio.tell(Event::Diverged {
        run,
        step: 1,
        message: "The loss became infinite.".into(),
        healthy_step: 0,
    });
    assert!(studio.shows("The step led nowhere"));
    studio.key(Modifiers::NONE, Key::Escape);
    studio.asked();
    let run = {
        studio.tell(Event::RunState(run, RunState::Stopped));
        studio.begin_run()
    };
    studio.key(Modifiers::NONE, Key::S);
    studio.tell(Event::RunState(run, RunState::Finished));
    assert!(studio.shows("The training has ended."));
}

#[test]
fn slowly_without_a_run_begins_one_that_waits() {
    let mut studio = Studio::in_lab();
    studio.key(Modifiers::NONE, Key::S);
    let Some(Command::Train(request)) = studio.asked().pop() else {
        panic!("no run was asked for")
    };
    assert!(request.paused);
    let run = request.run;
    studio.tell(Event::Started(Box::new(run_info(*request))));
    studio.tell(Event::RunState(run, RunState::Paused));
    assert!(matches!(studio.asked()[..], [Command::StepSlowly]));
    studio.tell(Event::Dissected(run, dissection(1).into()));
    assert!(studio.shows("step 1"));
    // It rests where it was begun for this.
    studio.key(Modifiers::NONE, Key::S);
    assert!(studio.asked().is_empty());
}

#[test]
fn a_step_back_is_told_with_the_factors_of_its_sampler() {
    let mut studio = Studio::in_workspace(Workspace::Trajectory);
    studio.key(Modifiers::NONE, Key::S);
    assert!(studio.shows("There is no trajectory yet: make samples first."));
    let domain = Domain::Points;
    let info = bundled_info(TrajectoryId(1), domain);
    studio.tell(Event::SampleStarted(Box::new(info)));
    let at = [Level::from_alpha_bar(80.0, 0.25), Level::from_alpha_bar(40.0, 0.64)];
    for (index, level) in at.into_iter().enumerate() {
        let frame = StepFrame {
            level,
            ..step_frame(domain, 4, index)
        };
        studio.tell(Event::SampleStep(TrajectoryId(1), Box::new(frame)));
    }
    assert!(studio.shows("Step 1 of 10 · DDIM"));
    studio.press_tab("1 Here");
    assert!(studio.shows("the state holds 25 % signal"));
    studio.press_tab("Numbers");
    studio.press_tab("4 Step");
    // Without fresh noise DDIM takes the guess at alpha 0.8 and the noise at sigma 0.6.
    assert!(studio.shows("next = 0.8000 · ") && studio.shows(" + 0.6000 · noise"));
    assert!(!studio.is_enabled("Next step"));
    studio.press_tab("Lab");
    assert!(!studio.shows("Step 1 of 10"));
}
