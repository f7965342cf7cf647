//! The trajectory and schedule workspaces: empty, running and filled; what they ask for; keys, names and uploads.
#![cfg(feature = "gui")]

use diffusion_studio::{
    app::{
        action::{Action, Workspace},
        dialogs::{Answer, Asking, Kind as PathKind, Question},
        export::{ExportKind, ExportRequest, Exports},
        panels::{
            recipe::{RecipeDraft, recipe_panel},
            schedule::{ScheduleDraft, schedule_panel},
            trajectory::{TrajectoryDraft, trajectory_panel},
        },
        playback::PlaybackCommand,
        state::{AppState, DataView},
        theme,
    },
    data::{Dataset, Samples, stats::Stats},
    diffusion::Guidance,
    engine::{
        Command, Event, TrajectoryId,
        command::{ClassChoice, Model, SampleRequest},
        event::{DataSummary, StepFrame, TrajectoryInfo},
        export::{Kind, Shown},
    },
    files::{Overwrite, Recipe},
    math::{
        Domain, Level, Spec,
        noise::{Address, Stream},
        schedule::custom::Drawing,
        spec::Value,
    },
};
use eframe::egui::{self, Context, Key, Modifiers, Pos2, Theme, pos2};
use egui_kittest::{Harness, kittest::Queryable as _};

const PICTURES: Domain = Domain::Image {
    channels: 1,
    height: 8,
    width: 8,
};

/// A workspace with what it reads, what it keeps and what it asked for.
struct Bench {
    state: AppState,
    workspace: Workspace,
    trajectory: TrajectoryDraft,
    schedule: ScheduleDraft,
    recipe: Recipe,
    out: Vec<Action>,
}

impl Bench {
    fn new(state: AppState, workspace: Workspace) -> Self {
        Self {
            state,
            workspace,
            trajectory: TrajectoryDraft::default(),
            schedule: ScheduleDraft::default(),
            recipe: Recipe::default(),
            out: Vec::new(),
        }
    }

    /// The workspace as the shell would show it; clock commands take effect, the others are only kept.
    fn show(&mut self, ui: &mut egui::Ui) {
        let before = self.out.len();
        match self.workspace {
            Workspace::Schedule => schedule_panel(ui, &self.state, &self.recipe, &mut self.schedule, &mut self.out),
            _ => trajectory_panel(ui, &self.state, &mut self.trajectory, &mut self.out),
        }
        for action in &self.out[before..] {
            if let Action::Playback(command) = action {
                self.state.playback.apply(*command);
            }
        }
    }

    fn clock_commands(&self) -> Vec<PlaybackCommand> {
        let commands = self.out.iter().filter_map(|action| match action {
            Action::Playback(command) => Some(*command),
            _ => None,
        });
        commands.collect()
    }
}

fn window(bench: Bench, size: [f32; 2], theme: Theme) -> Harness<'static, Bench> {
    Harness::builder()
        .with_size(size)
        .with_theme(theme)
        .with_context_setup(theme::install)
        .with_step_dt(1.0 / 30.0)
        .build_ui_state(|ui, bench: &mut Bench| bench.show(ui), bench)
}

fn at_1280(state: AppState, workspace: Workspace) -> Harness<'static, Bench> {
    window(Bench::new(state, workspace), [1280.0, 720.0], Theme::Dark)
}

fn info(domain: Domain, moves: usize, count: usize) -> TrajectoryInfo {
    let mut recipe = Recipe::default();
    recipe.data.source = if domain == Domain::Points { "moons" } else { "digits8x8" }.into();
    TrajectoryInfo {
        id: TrajectoryId(7),
        domain,
        model: "this run, step 1200".into(),
        recipe,
        step: 1200,
        sampler: Spec::new("ddim"),
        spacing: Spec::new("trailing"),
        schedule: None,
        moves,
        seed: 1,
        count,
        class: ClassChoice::None,
        guidance: Guidance::default(),
        weaker: None,
        classifier: None,
        noise: None,
        prints: diffusion_studio::files::provenance::Prints::default(),
        class_names: [].into(),
        restore: None,
        branch: None,
    }
}

/// A step of a made-up trajectory: noise that fades towards a fixed pattern.
fn step(info: &TrajectoryInfo, index: usize) -> StepFrame {
    let left = 1.0 - index as f64 / info.moves as f64;
    let level = if index == info.moves {
        Level::clean(0.0)
    } else {
        Level::from_alpha_bar(999.0 * left, 1.0 - 0.999 * left)
    };
    let numel = info.domain.numel();
    let mut x = vec![0.0; info.count * numel];
    for (sample, values) in (0..).zip(x.chunks_exact_mut(numel)) {
        let address = Address {
            seed: 3,
            stream: Stream::Start,
            sample,
            mv: 0,
            draw: 0,
        };
        address.normals(values);
    }
    let eps = x.clone();
    let clean = |i: usize| ((i * 7 % 13) as f32 / 6.5 - 1.0) * 0.8;
    let x0: Vec<f32> = (0..x.len()).map(clean).collect();
    for (v, c) in x.iter_mut().zip(&x0) {
        *v = level.alpha as f32 * c + level.sigma as f32 * *v;
    }
    StepFrame {
        index,
        level,
        x: info.domain.frame(&x),
        x0: info.domain.frame(&x0),
        eps: info.domain.frame(
            &eps.iter()
                .map(|v| if info.domain == Domain::Points { *v } else { v / 3.0 })
                .collect::<Vec<_>>(),
        ),
        change: 0.03,
        x_stats: (0.01, 0.98),
        x0_stats: (-0.1, 0.5),
    }
}

fn request(id: u64) -> SampleRequest {
    SampleRequest {
        id: TrajectoryId(id),
        model: Model::Folder("run".into()),
        sampler: Spec::new("ddim"),
        steps: 50,
        spacing: Spec::new("trailing"),
        schedule: None,
        seed: 1,
        count: 16,
        class: ClassChoice::None,
        guidance: Guidance::default(),
        weaker: None,
        classifier: None,
        noise: None,
        restore: None,
        branch: None,
    }
}

/// A state with a trajectory of which `made` frames have come; all of them end it.
fn with_trajectory(info: &TrajectoryInfo, made: usize) -> AppState {
    let mut state = AppState::default();
    let mut out = Vec::new();
    let (id, frames) = (info.id, info.moves + 1);
    state.asked.push(request(id.0));
    state.apply(Event::SampleStarted(Box::new(info.clone())), &mut out);
    for index in 0..made {
        state.apply(Event::SampleStep(id, Box::new(step(info, index))), &mut out);
    }
    if made == frames {
        let ended = Event::SampleEnded {
            id,
            complete: true,
            secs: 1.5,
        };
        state.apply(ended, &mut out);
    }
    state
}

fn pictures(moves: usize, made: usize) -> AppState {
    with_trajectory(&info(PICTURES, moves, 16), made)
}

fn data(domain: Domain) -> DataView {
    let count = 40;
    let samples = match domain {
        Domain::Points => Samples::Points((0..2 * count).map(|i| (i as f32 * 0.7).sin()).collect()),
        Domain::Image { .. } => Samples::Pixels((0..count * domain.numel()).map(|i| (i * 31 % 256) as u8).collect()),
    };
    let data = Dataset {
        id: if domain == Domain::Points { "moons" } else { "digits8x8" }.into(),
        label: "Test data".into(),
        domain,
        samples,
        count,
        labels: None,
        licence: String::new(),
        skipped: [].into(),
        note: String::new(),
        hash: "0".into(),
    };
    let stats = Stats::of(&data);
    DataView::Loaded(Box::new(DataSummary {
        data,
        stats,
        validation: 4,
    }))
}

#[test]
fn without_a_trajectory_the_panel_says_what_will_be_there() {
    let mut window = at_1280(AppState::default(), Workspace::Trajectory);
    window.run();
    window.get_by_label("Watch noise become a sample");
    window.get_by_label("Train a model in the Lab").click();
    window.run();
    assert!(matches!(window.state().out[..], [Action::Show(Workspace::Lab)]));
    // There is nothing to play.
    let out = window.state().out.len();
    window.get_by_label("Play").click();
    window.key_press(Key::Space);
    window.run();
    assert_eq!(window.state().out.len(), out);
    // Without a run, samples come from the model that comes along.
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run();
    let Some(Action::Engine(Command::Sample(request))) = window.state().out.last() else {
        panic!("no samples were asked for: {:?}", window.state().out)
    };
    assert!(matches!(request.model, Model::Bundled(_)), "{:?}", request.model);
}

#[test]
fn a_request_on_its_way_is_told() {
    let mut state = AppState::default();
    state.ask(&mut request(0));
    let mut window = at_1280(state, Workspace::Trajectory);
    window.run();
    window.get_by_label("Preparing the network");
}

#[test]
fn a_running_trajectory_shows_its_progress_and_can_be_cancelled() {
    let mut window = at_1280(pictures(50, 3), Workspace::Trajectory);
    window.run_steps(3);
    window.check_accessibility();
    assert!(window.query_by_label_contains("step 3 of 51").is_some());
    window.get_by_label("Cancel").click();
    window.run_steps(2);
    assert!(matches!(
        window.state().out[..],
        [Action::Engine(Command::CancelSample(TrajectoryId(7)))]
    ));
}

#[test]
fn a_filled_workspace_has_four_views_and_a_list() {
    for (domain, theme, size) in [
        (PICTURES, Theme::Dark, [1280.0, 720.0]),
        (PICTURES, Theme::Light, [1920.0, 1080.0]),
        (Domain::Points, Theme::Light, [1280.0, 720.0]),
        (Domain::Points, Theme::Dark, [800.0, 520.0]),
    ] {
        let state = with_trajectory(&info(domain, 20, 30), 21);
        let mut window = window(Bench::new(state, Workspace::Trajectory), size, theme);
        window.run_steps(3);
        window.check_accessibility();
        for name in ["State", "Clean guess", "Noise guess", "Change"] {
            assert!(window.get_all_by_label(name).count() >= 1, "{name}");
        }
        window.get_by_label("Film strip");
        window.get_by_label_contains("Remove: DDIM").scroll_to_me();
        window.run_steps(4);
        window.get_by_label_contains("Remove: DDIM").click();
        window.run_steps(2);
        assert!(matches!(
            window.state().out.last(),
            Some(Action::Remove(TrajectoryId(7)))
        ));
    }
}

#[test]
fn the_keys_of_the_clock() {
    let mut window = at_1280(pictures(50, 51), Workspace::Trajectory);
    window.run();
    for (key, modifiers) in [
        (Key::Home, Modifiers::NONE),
        (Key::ArrowRight, Modifiers::NONE),
        (Key::ArrowRight, Modifiers::SHIFT),
        (Key::ArrowLeft, Modifiers::SHIFT),
        (Key::ArrowLeft, Modifiers::NONE),
        (Key::End, Modifiers::NONE),
        (Key::Space, Modifiers::NONE),
        (Key::Space, Modifiers::NONE),
    ] {
        window.key_press_modifiers(modifiers, key);
        window.run_steps(1);
    }
    let expected = [
        PlaybackCommand::Home,
        PlaybackCommand::Step(1),
        PlaybackCommand::Step(10),
        PlaybackCommand::Step(-10),
        PlaybackCommand::Step(-1),
        PlaybackCommand::End,
        PlaybackCommand::Toggle,
        PlaybackCommand::Toggle,
    ];
    assert_eq!(window.state().clock_commands(), expected);
}

#[test]
fn the_buttons_of_the_time_bar() {
    let mut window = at_1280(pictures(50, 51), Workspace::Trajectory);
    window.run();
    for name in [
        "First step",
        "One step on",
        "Play",
        "Pause",
        "One step back",
        "Last step, and follow",
        "Loop",
    ] {
        window.get_by_label(name).click();
        window.run_steps(2);
    }
    let expected = [
        PlaybackCommand::Home,
        PlaybackCommand::Step(1),
        PlaybackCommand::Toggle,
        PlaybackCommand::Toggle,
        PlaybackCommand::Step(-1),
        PlaybackCommand::End,
        PlaybackCommand::SetLoop(false),
    ];
    assert_eq!(window.state().clock_commands(), expected);
    // The slider of the clock takes the keys only while it is held.
    window.get_by_label("Diffusion time").set_value_accesskit(20.0);
    window.run_steps(2);
    assert_eq!(window.state().state.playback.index(), 20);
}

#[test]
fn ctrl_enter_samples_and_r_changes_the_seed() {
    let mut window = at_1280(pictures(50, 51), Workspace::Trajectory);
    window
        .state_mut()
        .trajectory
        .sample
        .model
        .choose(Model::Bundled("moons".into()));
    window.run();
    let seed = window.state().trajectory.sample.seed;
    window.key_press(Key::R);
    window.run_steps(1);
    assert_ne!(window.state().trajectory.sample.seed, seed);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run_steps(1);
    let Some(Action::Engine(Command::Sample(asked))) = window.state().out.last() else {
        panic!("nothing was asked for: {:?}", window.state().out)
    };
    assert_eq!((asked.seed, asked.steps), (window.state().trajectory.sample.seed, 50));
}

/// Presses at `from` and drags to `to` in a few steps.
fn drag(window: &mut Harness<'_, Bench>, from: Pos2, to: Pos2) {
    window.hover_at(from);
    window.run_steps(1);
    window.drag_at(from);
    window.run_steps(1);
    for i in 1..=5 {
        window.hover_at(from.lerp(to, i as f32 / 5.0));
        window.run_steps(1);
    }
    window.drop_at(to);
    window.run_steps(1);
}

#[test]
fn dragging_the_strip_or_any_picture_scrubs() {
    let mut window = at_1280(pictures(100, 101), Workspace::Trajectory);
    window.run();
    let strip = window.get_by_label("Film strip").rect();
    drag(
        &mut window,
        pos2(strip.right() - 5.0, strip.center().y),
        pos2(strip.left() + 3.0, strip.center().y),
    );
    assert_eq!(window.state().state.playback.index(), 0);

    let picture = window
        .get_all_by_label("State")
        .max_by(|a, b| a.rect().area().total_cmp(&b.rect().area()));
    let area = picture.map(|node| node.rect()).expect("a view");
    // The whole width is the whole process, so half of it is half of it.
    let (left, right) = (
        area.center() - egui::vec2(area.width() / 4.0, 0.0),
        area.center() + egui::vec2(area.width() / 4.0, 0.0),
    );
    drag(&mut window, left, right);
    assert_eq!(window.state().state.playback.index(), 50);
    drag(&mut window, right, left);
    assert_eq!(window.state().state.playback.index(), 0);
}

#[test]
fn a_click_selects_a_sample_and_a_double_click_shows_it_alone() {
    let mut window = at_1280(pictures(10, 11), Workspace::Trajectory);
    window.run();
    let picture = window
        .get_all_by_label("State")
        .max_by(|a, b| a.rect().area().total_cmp(&b.rect().area()));
    // The very middle is a gap between pictures.
    let middle = picture
        .map(|node| node.rect().center() + egui::vec2(9.0, 9.0))
        .expect("a view");
    for _ in 0..2 {
        window.hover_at(middle);
        window.drag_at(middle);
        window.drop_at(middle);
        window.run_steps(1);
        assert!(window.state().trajectory.lens.selected.is_some());
    }
    assert!(window.state().trajectory.lens.solo);
    window.get_by_label("All").click();
    window.run_steps(2);
    assert!(!window.state().trajectory.lens.solo);
}

#[test]
fn scrubbing_a_thousand_frames_again_uploads_nothing() {
    let mut window = at_1280(pictures(1000, 1001), Workspace::Trajectory);
    let pass = |window: &mut Harness<'_, Bench>| {
        let mut set = 0;
        for index in (0..1001).rev() {
            window.state_mut().state.playback.apply(PlaybackCommand::Seek(index));
            window.run_steps(1);
            set += window.output().textures_delta.set.len();
        }
        set
    };
    pass(&mut window);
    let (first, thumbnails) = (
        window.state().trajectory.pictures.uploads(),
        window.state().trajectory.strip.uploads(),
    );
    // Each of the four views of each frame once.
    assert_eq!(first, 4 * 1001);
    let set = pass(&mut window);
    assert_eq!(window.state().trajectory.pictures.uploads(), first);
    assert_eq!(window.state().trajectory.strip.uploads(), thumbnails);
    // Only new glyphs of the numbers may still reach the graphics card.
    assert!(set < 30, "{set} textures were written");
    let bytes = window.state().trajectory.pictures.bytes();
    assert!(
        bytes < 20 << 20,
        "{bytes} bytes for a thousand frames of sixteen 8x8 pictures"
    );
}

#[test]
fn a_still_cloud_is_not_built_again() {
    let mut window = at_1280(
        with_trajectory(&info(Domain::Points, 40, 2000), 41),
        Workspace::Trajectory,
    );
    window.run_steps(3);
    let built = window.state().trajectory.clouds.built();
    window.run_steps(5);
    assert_eq!(window.state().trajectory.clouds.built(), built);
    window.key_press(Key::Home);
    window.run_steps(3);
    assert_eq!(window.state().trajectory.clouds.built(), built + 4);
}

#[test]
fn the_score_field_is_asked_for_once_per_level() {
    let mut window = at_1280(
        with_trajectory(&info(Domain::Points, 40, 200), 41),
        Workspace::Trajectory,
    );
    let asked = |window: &Harness<'_, Bench>| {
        let fields = window.state().out.iter().filter_map(|action| match action {
            Action::Engine(Command::Field(field)) => Some(field.at),
            _ => None,
        });
        fields.collect::<Vec<_>>()
    };
    window.run_steps(2);
    assert_eq!(asked(&window), [0.0; 0], "the result has no noise, so no field");
    window.key_press(Key::Home);
    window.run_steps(5);
    assert_eq!(
        asked(&window),
        [1.0],
        "one question, although the answer takes its time"
    );
    window.get_by_label("Score").click();
    window.key_press(Key::ArrowRight);
    window.run_steps(20);
    assert_eq!(asked(&window), [1.0], "nobody looks at it any more");
}

#[test]
fn export_asks_for_what_is_under_the_cursor() {
    let mut window = at_1280(pictures(10, 11), Workspace::Trajectory);
    window.run();
    window.key_press(Key::ArrowLeft);
    window.key_press_modifiers(Modifiers::COMMAND, Key::E);
    window.run();
    window.get_by_label("Grid").click();
    window.run();
    let asked = ExportRequest {
        id: TrajectoryId(7),
        what: ExportKind::Grid,
        index: 9,
        sample: 0,
        path: None,
    };
    assert!(matches!(window.state().out.last(), Some(Action::Export(request)) if *request == asked));
    assert!(window.query_by_label("Grid").is_none(), "the choices close");
}

/// The window asks for the name of a file in `folder`: there is no dialog on this system.
fn asking(folder: &std::path::Path) -> Harness<'static, (Asking, Option<Answer>)> {
    let question = Question {
        kind: PathKind::SaveFile,
        title: "Save the grid".into(),
        name: "grid.png".into(),
        extensions: &["png"],
        folder: Some(folder.to_owned()),
    };
    // The sender is dropped at once.
    let asking = (Asking::with(question, |_, _| {}), None);
    let mut window = Harness::builder().with_context_setup(theme::install).build_ui_state(
        |ui, (asking, answer): &mut (Asking, Option<Answer>)| {
            if answer.is_none() {
                *answer = asking.show(ui.ctx());
            }
        },
        asking,
    );
    window.run();
    window
}

#[test]
fn a_path_is_typed_where_no_dialog_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut window = asking(folder.path());
    window.key_press(Key::Enter);
    window.run();
    assert_eq!(window.state().1, Some(Answer::Path(folder.path().join("grid.png"))));
}

#[test]
fn what_is_typed_takes_the_place_of_the_suggested_name_and_keeps_folder_and_ending() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut window = asking(folder.path());
    for letter in ["c", "a", "t"] {
        window.event(egui::Event::Text(letter.into()));
        window.run();
    }
    window.key_press(Key::Enter);
    window.run();
    assert_eq!(window.state().1, Some(Answer::Path(folder.path().join("cat.png"))));
}

#[test]
fn exported_files_are_those_of_the_one_writer_and_replace_nothing() {
    let state = pictures(10, 11);
    let view = state.trajectory().expect("a trajectory");
    let folder = tempfile::tempdir().expect("a folder");
    let wanted = folder.path().join("grid.png");
    let export = |what, path| {
        let (ctx, mut exports, mut out) = (Context::default(), Exports::default(), Vec::new());
        let request = ExportRequest {
            id: view.info.id,
            what,
            index: 10,
            sample: 2,
            path: Some(path),
        };
        exports.begin(&ctx, view, request, &mut out);
        while exports.is_busy() {
            exports.show(&ctx, &mut out);
            std::thread::yield_now();
        }
        out
    };
    for name in ["grid.png", "grid-2.png"] {
        let out = export(ExportKind::Grid, wanted.clone());
        let Some(Action::Notice(notice)) = out.last() else {
            panic!("nothing was told: {out:?}")
        };
        assert!(notice.text.ends_with(name), "{}", notice.text);
    }
    let shown = Shown {
        info: view.info.clone(),
        steps: view.steps.clone(),
    };
    let twin = shown
        .write(
            Kind::Grid { index: 10 },
            &folder.path().join("twin.png"),
            Overwrite::Refuse,
        )
        .expect("a file");
    let bytes = |path: &std::path::Path| std::fs::read(path).expect("a file");
    assert_eq!(bytes(&wanted), bytes(&twin));
    for (what, name) in [
        (ExportKind::Picture, "one.png"),
        (ExportKind::Strip, "strip.png"),
        (ExportKind::Gif, "film.gif"),
        (ExportKind::Apng, "film.apng"),
        (ExportKind::Frames, "frames"),
        (ExportKind::Curves, "curves.csv"),
    ] {
        export(what, folder.path().join(name));
        assert!(folder.path().join(name).exists(), "{name}");
    }
    let exact = export(ExportKind::Exact, wanted);
    assert!(
        matches!(&exact[..], [Action::Engine(Command::WriteTrajectory { path, .. })] if path.ends_with("grid-3.png"))
    );
}

#[test]
fn the_schedule_without_data_offers_to_choose_some() {
    let mut window = at_1280(AppState::default(), Workspace::Schedule);
    window.run_steps(3);
    window.check_accessibility();
    for name in [
        "Signal left, ᾱ",
        "Signal to noise, dB",
        "Noise added per step, β (log)",
        "Noise level, σ",
    ] {
        assert!(window.query_all_by_label(name).count() >= 1, "{name}");
    }
    window.get_by_label_contains("nothing to worry about");
    window.get_by_label("Choose data").click();
    window.run_steps(2);
    assert!(matches!(window.state().out[..], [Action::Show(Workspace::Data)]));
}

#[test]
fn the_schedule_shows_data_in_noise_and_goes_into_the_lab() {
    for (domain, theme) in [(PICTURES, Theme::Light), (Domain::Points, Theme::Dark)] {
        let mut state = AppState::default();
        state.data = data(domain);
        let mut window = window(Bench::new(state, Workspace::Schedule), [1280.0, 720.0], theme);
        window.run_steps(3);
        window.check_accessibility();
        for name in ["start", "¼", "½", "¾", "end", "cursor"] {
            window.get_by_label(&format!("Sample at {name}"));
        }
        window.state_mut().schedule.mine = Spec::new("cosine");
        window.run_steps(2);
        window.get_by_label("Use for the next run").click();
        window.run_steps(2);
        let [Action::UseSchedule(spec), Action::Show(Workspace::Lab)] = &window.state().out[..] else {
            panic!("{:?}", window.state().out)
        };
        assert_eq!(spec.id, "cosine");
    }
}

#[test]
fn a_schedule_that_does_not_end_in_noise_is_warned_about() {
    let mut window = at_1280(AppState::default(), Workspace::Schedule);
    let short = Spec::new("linear").with("beta-end", Value::Real(0.002));
    window.state_mut().schedule.mine = short;
    window.run_steps(3);
    window.get_by_label("Why? The end is not pure noise");
}

/// The designer draws the steps of its own schedule, whatever the present trajectory went along.
#[test]
fn the_designer_warns_of_its_own_steps_alone() {
    let mut state = pictures(10, 11);
    state.trajectories.get_mut(TrajectoryId(7)).expect("it").request = Some(SampleRequest {
        schedule: Some(Spec::new("cosine")),
        ..request(7)
    });
    let mut window = at_1280(state, Workspace::Schedule);
    window.run_steps(3);
    assert_eq!(window.state().schedule.mine.id, "linear");
    assert!(window.query_by_label("The model's own schedule").is_none());
}

#[test]
fn dragging_a_curve_moves_the_clock_of_the_trajectory() {
    let mut window = at_1280(pictures(100, 101), Workspace::Schedule);
    window.run_steps(3);
    let plot = window
        .get_all_by_label("Noise level, σ")
        .max_by(|a, b| a.rect().area().total_cmp(&b.rect().area()));
    let area = plot.map(|node| node.rect()).expect("a plot");
    let at = |share: f32| pos2(area.left() + area.width() * share, area.center().y);
    drag(&mut window, at(0.3), at(0.98));
    // The right end is t = T, the first step of the reverse process.
    assert!(
        window.state().state.playback.index() < 10,
        "{}",
        window.state().state.playback.index()
    );
}

/// The schedule workspace with a drawn schedule.
fn drawn() -> Harness<'static, Bench> {
    let mut state = AppState::default();
    state.data = data(PICTURES);
    let mut window = at_1280(state, Workspace::Schedule);
    window.run_steps(2);
    window.get_by_label("Draw on from this").click();
    window.run_steps(2);
    window
}

/// Log-SNR of a knot, from 0.
fn knot(window: &Harness<'static, Bench>, index: usize) -> f64 {
    Drawing::of(&window.state().schedule.mine)
        .expect("a drawn schedule")
        .knots
        .0[index]
}

#[test]
fn a_preset_is_drawn_on_from_and_says_how_near_it_is() {
    let window = drawn();
    window.get_by_label_contains("Follows Linear to within");
    window.check_accessibility();
    assert!(window.query_all_by_label_contains("Knot 3 of 9").count() == 4);
    assert!(window.query_by_label("Draw on from this").is_none());
}

#[test]
fn a_knot_follows_the_pointer_in_every_view_and_one_drag_is_one_undo() {
    for (view, index) in [
        ("Signal left, ᾱ", 2),
        ("Signal to noise, dB", 4),
        ("Noise level, σ", 3),
        ("Noise added per step, β (log)", 5),
    ] {
        let mut window = drawn();
        let before = knot(&window, index);
        let name = format!("Knot {} of 9, {view}", index + 1);
        let at = window.get_by_label(&name).rect().center();
        let lower = at + egui::vec2(0.0, if view.starts_with("Noise") { -25.0 } else { 25.0 });
        drag(&mut window, at, lower);
        window.run_steps(2);
        let after = knot(&window, index);
        assert!(after < before - 0.05, "{view}: {before} became {after}");
        let there = window.get_by_label(&name).rect().center();
        let is_alone = index != 5;
        assert!(
            !is_alone || (there.x - lower.x).abs() < 2.0,
            "{view}: {there} is not {lower}"
        );
        window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        window.run_steps(2);
        assert_eq!(knot(&window, index), before, "{view}");
        window.get_by_label("Redo").click();
        window.run_steps(2);
        assert_eq!(knot(&window, index), after, "{view}");
        window.get_by_label("Swap with before").click();
        window.run_steps(2);
        assert_eq!(knot(&window, index), before, "{view}");
    }
}

/// What is pushed on the way comes back when the hand does, and everything follows while the button is down.
#[test]
fn curves_and_pictures_follow_in_the_frame_of_the_drag() {
    let mut window = drawn();
    let before = window.state().schedule.mine.clone();
    let at = window.get_by_label("Knot 5 of 9, Signal to noise, dB").rect().center();
    window.hover_at(at);
    window.drag_at(at);
    window.run_steps(2);
    // A drag begins with the first movement.
    window.hover_at(at + egui::vec2(0.0, 9.0));
    window.step();
    window.hover_at(at + egui::vec2(0.0, 60.0));
    window.step();
    let bent = window.state().schedule.mine.clone();
    assert!(
        knot(&window, 4) < Drawing::of(&before).unwrap().knots.0[5],
        "the next one is pushed"
    );
    assert_ne!(bent, before);
    window.hover_at(at + egui::vec2(0.0, 0.5));
    window.step();
    let back = Drawing::of(&window.state().schedule.mine).unwrap().knots.0;
    for (a, b) in back.iter().zip(Drawing::of(&before).unwrap().knots.0).skip(5) {
        assert_eq!(*a, b);
    }
    window.drop_at(at);
    window.run_steps(2);
}

#[test]
fn knots_are_reached_and_moved_by_keyboard() {
    let mut window = drawn();
    let name = "Knot 6 of 9, Signal to noise, dB";
    let (drawn, mut tabs) = (window.state().schedule.mine.clone(), 0);
    let before = knot(&window, 5);
    while !window.get_by_label(name).is_focused() {
        window.key_press(Key::Tab);
        window.run_steps(2);
        tabs += 1;
        assert!(tabs < 120, "Tab never comes to {name}");
    }
    assert_eq!(window.state().schedule.mine, drawn, "passing a number changes nothing");
    let decibels = |log_snr: f64| log_snr * 10.0 / std::f64::consts::LN_10;
    window.key_press(Key::ArrowUp);
    window.run_steps(2);
    let moved = decibels(knot(&window, 5) - before);
    assert!((moved - 0.25).abs() < 1e-6, "{moved}");
    window.key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
    window.run_steps(2);
    let moved = decibels(knot(&window, 5) - before);
    assert!((moved + 2.25).abs() < 1e-6, "{moved}");
    assert!(window.get_by_label(name).is_focused());
}

#[test]
fn a_trap_says_why_and_is_mended_with_one_click() {
    let mut window = at_1280(AppState::default(), Workspace::Schedule);
    window.state_mut().schedule.mine = Spec::new("linear")
        .with("steps", Value::Int(100))
        .with("scale", Value::Flag(false));
    window.run_steps(3);
    window.get_by_label("Why? β of 1000 steps used for fewer").click();
    window.run_steps(2);
    window.get_by_label_contains("multiplied by 1000 / T");
    window.key_press(Key::Escape);
    window.run_steps(2);
    window.get_by_label("Scale β").click();
    window.run_steps(2);
    assert_eq!(
        window.state().schedule.mine.values.get("scale"),
        Some(&Value::Flag(true))
    );
    assert!(window.query_by_label("Scale β").is_none());
}

#[test]
fn the_sample_form_warns_in_a_line_that_opens_and_mends() {
    let mut window = at_1280(AppState::default(), Workspace::Trajectory);
    window
        .state_mut()
        .trajectory
        .sample
        .model
        .choose(Model::Bundled("moons".into()));
    window.run_steps(2);
    let title = "The last step jumps";
    assert!(window.query_by_label(title).is_none());
    window.state_mut().trajectory.sample.steps = 2;
    window.run_steps(2);
    window.check_accessibility();
    window.get_by_label(title).click();
    window.run_steps(2);
    window.get_by_label_contains("to no noise at once");
    window.get_by_label("More steps").click();
    window.run_steps(2);
    let sample = &window.state().trajectory.sample;
    assert_eq!(sample.steps, 10);
    assert_eq!((sample.pictures, sample.points), (16, 1000), "nothing else changes");
    assert!(window.query_by_label(title).is_none());
}

#[test]
fn the_recipe_warns_in_a_line_that_opens_and_mends() {
    let mut draft = RecipeDraft::default();
    draft.recipe.schedule = Spec::new("cosine").with("zero-snr", Value::Flag(true));
    draft.recipe.target = Spec::new("eps");
    let mut window = Harness::builder()
        .with_size([400.0, 900.0])
        .with_context_setup(theme::install)
        .build_ui_state(
            |ui, draft: &mut RecipeDraft| recipe_panel(ui, &AppState::default(), draft, &mut Vec::new()),
            draft,
        );
    window.run_steps(3);
    window.check_accessibility();
    window
        .get_by_label("Noise as the target where nothing else is left")
        .click();
    window.run_steps(2);
    window.get_by_label_contains("0 / 0");
    window.get_by_label("Learn v instead").click();
    window.run_steps(2);
    assert_eq!(window.state().recipe.target, Spec::new("v"));
    assert!(window.state_mut().undo() && window.state().recipe.target == Spec::new("eps"));
}
