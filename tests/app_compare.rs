//! The Compare workspace: empty, with one, two and more trajectories of pictures and of points.
#![cfg(feature = "gui")]

mod numbers;

use std::sync::Arc;

use diffusion_studio::{
    app::{
        action::{Action, Workspace},
        export::Content,
        panels::compare::{CompareDraft, compare_panel},
        playback::PlaybackCommand,
        state::AppState,
        theme,
    },
    diffusion::Guidance,
    draw::Raster,
    engine::{
        Command, Event, TrajectoryId,
        command::{ClassChoice, Model, SampleRequest},
        event::{Parted, StepFrame, TrajectoryInfo},
        export::{Facet, Kind},
    },
    files::{Overwrite, Recipe},
    math::{
        Domain, Level, Spec,
        noise::{Address, Stream},
    },
};
use eframe::egui::{self, Key, Modifiers, Role, Theme};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use numbers::{numbers, shows};

const PICTURES: Domain = Domain::Image {
    channels: 1,
    height: 8,
    width: 8,
};

/// The workspace with what it reads, what it keeps and what it asked for.
struct Bench {
    state: AppState,
    draft: CompareDraft,
    out: Vec<Action>,
}

impl Bench {
    /// As the shell would show it; actions on the clock take effect, the others are only kept.
    fn show(&mut self, ui: &mut egui::Ui) {
        let before = self.out.len();
        compare_panel(ui, &self.state, &mut self.draft, &mut self.out);
        for action in &self.out[before..] {
            match action {
                Action::Playback(command) => self.state.playback.apply(*command),
                Action::Select(id) => self.state.select(*id),
                _ => {}
            }
        }
    }
}

type Window = Harness<'static, Bench>;

fn sized(state: AppState, size: [f32; 2], theme: Theme) -> Window {
    let bench = Bench {
        state,
        draft: CompareDraft::default(),
        out: Vec::new(),
    };
    let mut window = Harness::builder()
        .with_size(size)
        .with_theme(theme)
        .with_context_setup(theme::install)
        .with_step_dt(1.0 / 30.0)
        .build_ui_state(|ui, bench: &mut Bench| bench.show(ui), bench);
    window.run_steps(3);
    window
}

fn window(state: AppState) -> Window {
    sized(state, [1280.0, 720.0], Theme::Dark)
}

fn info(id: u64, domain: Domain, sampler: &str, moves: usize, seed: u64) -> TrajectoryInfo {
    TrajectoryInfo {
        id: TrajectoryId(id),
        domain,
        model: "this run, step 1200".into(),
        recipe: Recipe::default(),
        step: 1200,
        sampler: Spec::new(sampler),
        spacing: Spec::new("trailing"),
        schedule: None,
        moves,
        seed,
        count: 16,
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

/// A step of a made-up trajectory: noise of the seed that fades towards a pattern.
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
            seed: info.seed,
            stream: Stream::Start,
            sample,
            mv: 0,
            draw: 0,
        };
        address.normals(values);
    }
    let clean = |i: usize| ((i * 7 % 13) as f32 / 6.5 - 1.0) * 0.8;
    let x0: Vec<f32> = (0..x.len()).map(clean).collect();
    let eps: Vec<f32> = x.iter().map(|v| v / 3.0).collect();
    for (v, c) in x.iter_mut().zip(&x0) {
        *v = level.alpha as f32 * c + level.sigma as f32 * *v;
    }
    StepFrame {
        index,
        level,
        x: info.domain.frame(&x),
        x0: info.domain.frame(&x0),
        eps: info.domain.frame(&eps),
        change: 0.03,
        x_stats: (0.01, 0.98),
        x0_stats: (-0.1, 0.5),
    }
}

/// A trajectory of which `made` frames have come; all of them end it.
fn add(state: &mut AppState, info: &TrajectoryInfo, made: usize) {
    let mut out = Vec::new();
    let request = SampleRequest {
        id: info.id,
        model: Model::Folder("run".into()),
        ..SampleRequest::default()
    };
    state.asked.push(request);
    state.apply(Event::SampleStarted(Box::new(info.clone())), &mut out);
    for index in 0..made {
        state.apply(Event::SampleStep(info.id, Box::new(step(info, index))), &mut out);
    }
    if made == info.moves + 1 {
        let ended = Event::SampleEnded {
            id: info.id,
            complete: true,
            secs: 1.5,
        };
        state.apply(ended, &mut out);
    }
}

/// Twenty steps of DDIM and a hundred of DDPM.
fn pair(domain: Domain) -> AppState {
    let mut state = AppState::default();
    state.workspace = Workspace::Compare;
    add(&mut state, &info(1, domain, "ddim", 20, 1), 21);
    add(&mut state, &info(2, domain, "ddpm", 100, 1), 101);
    state
}

fn press(window: &mut Window, name: &str) {
    window.get_by_role_and_label(Role::Button, name).click();
    window.run_steps(3);
}

/// The views of trajectories that are on the screen.
fn views(window: &Window) -> Vec<String> {
    let images = window.query_all_by_role(Role::Image);
    images.filter_map(|node| node.accesskit_node().label()).collect()
}

#[test]
fn without_trajectories_a_pair_is_offered() {
    let mut window = window(AppState::default());
    window.check_accessibility();
    assert!(shows(&window, "See what a setting changes"));
    let offers = window.query_all_by_label("Sample with DDIM 20 and DDPM 1000").count();
    assert_eq!(offers, 2, "in the middle and in the list");
    window
        .get_all_by_label("Sample with DDIM 20 and DDPM 1000")
        .next()
        .unwrap_or_else(|| unreachable!("two were counted"))
        .click();
    window.run_steps(2);
    let asked: Vec<_> = window
        .state()
        .out
        .iter()
        .filter_map(|action| match action {
            Action::Engine(Command::Sample(request)) => {
                Some((request.sampler.id.as_str(), request.steps, request.seed))
            }
            _ => None,
        })
        .collect();
    assert_eq!(asked, [("ddim", 20, 1), ("ddpm", 1000, 1)]);
}

#[test]
fn a_single_trajectory_asks_for_a_second() {
    let mut state = AppState::default();
    add(&mut state, &info(1, PICTURES, "ddim", 20, 1), 21);
    let window = window(state);
    assert!(shows(&window, "Choose a second trajectory"));
}

#[test]
fn the_last_two_are_compared_at_the_same_noise_level() {
    for (domain, theme, size) in [
        (PICTURES, Theme::Dark, [1280.0, 720.0]),
        (PICTURES, Theme::Light, [1920.0, 1080.0]),
        (Domain::Points, Theme::Light, [1280.0, 720.0]),
        (Domain::Points, Theme::Dark, [900.0, 560.0]),
    ] {
        let mut state = pair(domain);
        add(&mut state, &info(3, domain, "ddim", 50, 1), 51);
        state.select(TrajectoryId(2));
        let mut window = sized(state, size, theme);
        window.check_accessibility();
        assert_eq!(
            views(&window),
            ["A: DDPM · 100 steps · seed 1", "B: DDIM · 50 steps · seed 1"]
        );
        window.state_mut().state.playback.apply(PlaybackCommand::Seek(40));
        window.run_steps(2);
        assert!(shows(&window, "step 40 of 100"), "{size:?}");
        assert!(shows(&window, "step 20 of 50"), "{size:?}");
        assert!(shows(&window, "same starting noise"));
        assert!(shows(
            &window,
            "B differs from A in sampler (ddpm → ddim), steps (100 → 50)"
        ));
    }
}

#[test]
fn arrow_keys_go_through_the_steps_of_the_one_that_leads() {
    let mut window = window(pair(PICTURES));
    // Level by level: the first of a hundred steps is nearer to the first of twenty than to their start.
    for (key, a, b) in [
        (Key::Home, 0, 0),
        (Key::ArrowRight, 1, 1),
        (Key::ArrowRight, 1, 2),
        (Key::ArrowRight, 1, 3),
    ] {
        window.key_press(key);
        window.run_steps(2);
        assert!(shows(&window, &format!("step {a} of 20")), "{key:?}");
        assert!(shows(&window, &format!("step {b} of 100")), "{key:?}");
    }
    press(&mut window, "Go through the steps of A");
    assert_eq!(window.state().state.current, Some(TrajectoryId(1)));
    window.key_press(Key::ArrowRight);
    window.run_steps(2);
    assert!(shows(&window, "step 2 of 20") && shows(&window, "step 10 of 100"));
}

#[test]
fn free_cursors_stand_on_their_own() {
    let mut window = window(pair(PICTURES));
    window.state_mut().state.playback.apply(PlaybackCommand::Seek(50));
    window.run_steps(2);
    press(&mut window, "Linked cursors");
    window.key_press(Key::Home);
    window.run_steps(2);
    assert!(shows(&window, "step 10 of 20") && shows(&window, "step 0 of 100"));
    let slider = "Cursor of A: DDIM · 20 steps · seed 1";
    window.get_by_label(slider).set_value_accesskit(15.0);
    window.run_steps(2);
    assert!(shows(&window, "step 15 of 20") && shows(&window, "step 0 of 100"));
    press(&mut window, "Free cursors");
    assert!(shows(&window, "step 0 of 20") && shows(&window, "step 0 of 100"));
    assert!(window.query_by_label(slider).is_none());
}

#[test]
fn branches_begin_in_the_noise_of_what_they_part_from() {
    let parted = |id, seed, step, sample| {
        let parent = info(1, PICTURES, "ddim", 20, 1);
        TrajectoryInfo {
            branch: Some(Arc::new(Parted {
                parent,
                step,
                sample,
                remaining: None,
            })),
            ..info(id, PICTURES, "ddim", 20, seed)
        }
    };
    let says = |a: &TrajectoryInfo, b: &TrajectoryInfo, text: &str| {
        let mut state = AppState::default();
        add(&mut state, a, 21);
        add(&mut state, b, 21);
        assert!(shows(&window(state), text), "{text}");
    };
    let root = info(1, PICTURES, "ddim", 20, 1);
    says(&root, &parted(2, 9, 5, None), "same starting noise");
    says(
        &parted(2, 9, 5, None),
        &parted(3, 9, 12, None),
        "parting (step 5 → step 12)",
    );
    says(
        &parted(2, 9, 5, Some(0)),
        &parted(3, 4, 5, Some(0)),
        "same starting noise",
    );
    says(
        &parted(2, 9, 5, Some(0)),
        &parted(3, 9, 5, Some(1)),
        "different starting noise",
    );
    says(&root, &info(2, PICTURES, "ddim", 20, 2), "different starting noise");
}

#[test]
fn four_at_most_are_chosen_and_each_can_be_the_reference() {
    let mut state = AppState::default();
    for id in 1..=5 {
        add(
            &mut state,
            &info(id, PICTURES, "ddim", 10 + id as usize, id),
            11 + id as usize,
        );
    }
    let mut window = window(state);
    let check = |window: &mut Window, steps: usize| {
        let name = format!("Compare: DDIM · {steps} steps · seed {}", steps - 10);
        window.get_by_label(&name).click();
        window.run_steps(3);
    };
    assert!(shows(&window, "different starting noise"));
    check(&mut window, 11);
    check(&mut window, 12);
    assert_eq!(views(&window).len(), 4);
    check(&mut window, 13);
    assert_eq!(views(&window).len(), 4, "a fifth one is not taken");
    window
        .get_by_label("Make it the reference: DDIM · 12 steps · seed 2")
        .click();
    window.run_steps(3);
    assert_eq!(views(&window)[0], "A: DDIM · 12 steps · seed 2");
    check(&mut window, 12);
    assert_eq!(
        views(&window),
        [
            "A: DDIM · 14 steps · seed 4",
            "B: DDIM · 15 steps · seed 5",
            "C: DDIM · 11 steps · seed 1"
        ]
    );
}

#[test]
fn one_that_is_still_made_says_that_it_is_behind() {
    let mut state = AppState::default();
    add(&mut state, &info(1, PICTURES, "ddim", 20, 1), 21);
    add(&mut state, &info(2, PICTURES, "ddpm", 100, 1), 31);
    state.select(TrajectoryId(1));
    let mut window = window(state);
    assert!(shows(&window, "not there yet"));
    window.state_mut().state.playback.apply(PlaybackCommand::Seek(5));
    window.run_steps(2);
    assert!(!shows(&window, "not there yet"));
    assert!(shows(&window, "step 25 of 100"));
}

#[test]
fn flipping_shows_the_other_as_long_as_the_key_is_held() {
    for domain in [PICTURES, Domain::Points] {
        let mut window = window(pair(domain));
        press(&mut window, "Flip");
        assert_eq!(views(&window), ["A: DDIM · 20 steps · seed 1"]);
        window.key_down(Key::F);
        window.run_steps(2);
        assert_eq!(views(&window), ["B: DDPM · 100 steps · seed 1"]);
        window.key_up(Key::F);
        window.run_steps(2);
        assert_eq!(views(&window), ["A: DDIM · 20 steps · seed 1"]);
    }
}

#[test]
fn blinking_shows_both_in_turn_and_slowly_enough() {
    let mut window = window(pair(PICTURES));
    press(&mut window, "Blink");
    let mut seen = Vec::new();
    // Six seconds.
    for _ in 0..180 {
        window.run_steps(1);
        seen.push(views(&window).concat());
    }
    let turns = seen.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(
        (4..=18).contains(&turns),
        "{turns} turns: three a second are the most that harm nobody"
    );
}

#[test]
fn a_split_shows_both_and_its_divider_moves() {
    for domain in [PICTURES, Domain::Points] {
        let mut window = window(pair(domain));
        press(&mut window, "Split");
        assert_eq!(views(&window).len(), 2);
        let before = window.get_by_label("Divider").rect();
        window.hover_at(before.center());
        window.drag_at(before.center());
        window.run_steps(1);
        window.hover_at(before.center() + egui::vec2(60.0, 0.0));
        window.run_steps(1);
        window.hover_at(before.center() + egui::vec2(120.0, 0.0));
        window.run_steps(1);
        window.drop_at(before.center() + egui::vec2(120.0, 0.0));
        window.run_steps(2);
        let after = window.get_by_label("Divider").rect();
        assert!(
            (after.center().x - before.center().x - 120.0).abs() < 1.0,
            "{before:?} {after:?}"
        );
    }
}

#[test]
fn different_kinds_are_shown_only_beside_each_other() {
    let mut state = AppState::default();
    add(&mut state, &info(1, PICTURES, "ddim", 20, 1), 21);
    add(&mut state, &info(2, Domain::Points, "ddim", 20, 2), 21);
    let mut window = window(state);
    assert!(
        shows(&window, "Choose a second trajectory"),
        "by itself only what is of one kind"
    );
    window.get_by_label("Compare: DDIM · 20 steps · seed 1").click();
    window.run_steps(3);
    assert_eq!(views(&window).len(), 2);
    assert!(shows(&window, "cannot be measured against each other"));
    for mode in ["Split", "Flip", "Blink", "Overlay", "Difference"] {
        assert!(window.get_by_label(mode).accesskit_node().is_disabled(), "{mode}");
    }
    window.key_press_modifiers(Modifiers::NONE, Key::F);
    window.run_steps(2);
    assert_eq!(views(&window).len(), 2);
}

/// Chooses what is compared.
fn compare(window: &mut Window, what: &str) {
    window.get_by_label("What is compared").click();
    window.run_steps(3);
    window.get_by_label(what).click();
    window.run_steps(3);
}

/// Two trajectories of equal steps whose noise differs where the seeds do.
fn seeds(domain: Domain, other: u64) -> AppState {
    let mut state = AppState::default();
    state.workspace = Workspace::Compare;
    add(&mut state, &info(1, domain, "ddim", 20, 1), 21);
    add(&mut state, &info(2, domain, "ddpm", 20, other), 21);
    state
}

#[test]
fn equal_pictures_have_no_difference_and_others_a_scale() {
    let mut window = window(seeds(PICTURES, 2));
    press(&mut window, "Difference");
    window.check_accessibility();
    // The made-up clean guesses are the same whatever the seed.
    assert!(shows(&window, "equal: no pixel differs"));
    compare(&mut window, "State");
    assert!(shows(&window, "equal: no pixel differs"), "at the clean end");
    window.key_press(Key::Home);
    window.run_steps(3);
    assert!(shows(&window, "Colours from −2 to +2"));
    window.get_by_label("Scale of the difference").click();
    window.run_steps(3);
    window.get_by_label("scale: ±0.5").click();
    window.run_steps(3);
    assert!(shows(&window, "Colours from −0.5 to +0.5"));
    assert_eq!(views(&window), ["B − A: difference", "Colours from −0.5 to +0.5"]);
}

#[test]
fn points_lie_in_one_plane_with_lines_between_what_belongs_together() {
    let mut window = window(seeds(Domain::Points, 2));
    press(&mut window, "Overlay");
    window.check_accessibility();
    assert_eq!(views(&window), ["A, B in one plane"]);
    press(&mut window, "Difference");
    assert_eq!(views(&window), ["A, B in one plane"]);
    let pictures = self::window(seeds(PICTURES, 2));
    assert!(pictures.get_by_label("Overlay").accesskit_node().is_disabled());
}

/// Goes on until the thread that measures has answered.
fn until_measured(window: &mut Window) {
    for _ in 0..100_000 {
        window.run_steps(1);
        if !shows(window, "…") {
            return;
        }
        std::thread::yield_now();
    }
    panic!("nothing was measured");
}

/// Mean and standard error of each sample's root mean square difference, from the frames' own bytes.
fn expected(a: &StepFrame, b: &StepFrame) -> (f64, f64) {
    let unit = |byte: u8| f64::from(byte) / 127.5 - 1.0;
    let of = |i: usize| {
        let (a, b) = (a.x.picture(i), b.x.picture(i));
        let squares = a.iter().zip(b).map(|(a, b)| (unit(*a) - unit(*b)).powi(2));
        (squares.sum::<f64>() / a.len() as f64).sqrt()
    };
    let each: Vec<f64> = (0..a.x.count()).map(of).collect();
    let n = each.len() as f64;
    let mean = each.iter().sum::<f64>() / n;
    let variance = each.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[test]
fn the_numbers_at_the_cursor_are_those_of_the_frames() {
    let state = seeds(PICTURES, 2);
    let step = |id: u64| {
        state
            .trajectories
            .get(TrajectoryId(id))
            .and_then(|view| view.at(5))
            .cloned()
    };
    let (mean, error) = match (step(1), step(2)) {
        (Some(a), Some(b)) => expected(&a, &b),
        _ => unreachable!("both have all steps"),
    };
    let mut window = window(state);
    compare(&mut window, "State");
    window.state_mut().state.playback.apply(PlaybackCommand::Seek(5));
    until_measured(&mut window);
    assert!(shows(&window, "RMS difference") && shows(&window, "SSIM"));
    let text = format!("B {mean:.3} ± {error:.3}");
    assert!(shows(&window, &text), "{text}: {:?}", errors(&window));
}

/// The texts with errors.
fn errors(window: &Window) -> Vec<String> {
    let texts = numbers(window).into_iter().map(|(_, text)| text);
    texts.filter(|text| text.contains('±')).collect()
}

#[test]
fn points_are_measured_as_sets() {
    let mut window = window(seeds(Domain::Points, 1));
    until_measured(&mut window);
    assert!(shows(&window, "Sliced Wasserstein"));
    assert_eq!(errors(&window), ["B 0 ± 0", "B 0 ± 0"]);
}

#[test]
fn pressing_a_curve_goes_to_its_noise_level() {
    let mut window = window(seeds(PICTURES, 2));
    until_measured(&mut window);
    let head = window.get_by_label("RMS difference").rect();
    let views = window.get_by_label("A: DDIM · 20 steps · seed 1").rect();
    // The middle of the axis is equal parts of signal and noise: alpha² = 0.5, step 10.
    let at = egui::pos2(views.left() + 30.0 + (views.width() - 30.0) / 2.0, head.bottom() + 40.0);
    window.hover_at(at);
    window.drag_at(at);
    window.run_steps(1);
    window.drop_at(at);
    window.run_steps(2);
    let index = window.state().state.playback.index();
    assert!((8..=12).contains(&index), "{index}");
}

#[test]
fn the_film_shows_all_at_the_same_noise_level() {
    let mut state = AppState::default();
    state.workspace = Workspace::Compare;
    add(&mut state, &info(1, PICTURES, "ddim", 20, 1), 21);
    add(&mut state, &info(2, PICTURES, "ddpm", 100, 2), 101);
    let mut window = window(state);
    press(&mut window, "Export a film side by side");
    let asked = window.state_mut().out.drain(..).find_map(|action| match action {
        Action::Save(saving) => Some(saving),
        _ => None,
    });
    let Some(Content::Film(mut film)) = asked.map(|saving| saving.content) else {
        panic!("a film")
    };
    assert!(film.parts[0].0.starts_with("A: DDIM") && film.parts[1].0.starts_with("B: DDPM"));
    assert_eq!(film.facet, Facet::Clean);
    film.facet = Facet::State;
    let frames = film.film().unwrap();
    // The longer process leads; both are in each frame.
    assert_eq!(frames.len(), 101);
    let grid = |part: usize, index: usize| film.parts[part].1.raster(Kind::Grid { index }).unwrap();
    let lambda = |part: usize, index: usize| film.parts[part].1.steps[index].level.lambda().clamp(-40.0, 40.0);
    for (i, frame) in frames.iter().enumerate().step_by(20) {
        let far = |j: &usize| (lambda(0, *j) - lambda(1, i)).abs();
        let nearest = (0..=20).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap();
        assert!(contains(frame, &grid(1, i)), "frame {i}");
        assert!(contains(frame, &grid(0, nearest)), "frame {i} beside {nearest}");
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, start) in [("film.gif", &b"GIF89a"[..]), ("film.apng", &b"\x89PNG"[..])] {
        let path = film.write(&folder.path().join(name), Overwrite::Refuse).unwrap();
        assert!(std::fs::read(path).unwrap().starts_with(start), "{name}");
    }
}

/// Whether a picture lies somewhere in a frame.
fn contains(frame: &Raster, picture: &Raster) -> bool {
    let picture = picture.to_rgb();
    let row = |raster: &Raster, x: usize, y: usize, width: usize| {
        let start = 3 * (y * raster.width + x);
        raster.data[start..start + 3 * width].to_vec()
    };
    let fits = |x: usize, y: usize| {
        (0..picture.height).all(|j| row(frame, x, y + j, picture.width) == row(&picture, 0, j, picture.width))
    };
    (0..=frame.width - picture.width).any(|x| (0..=frame.height - picture.height).any(|y| fits(x, y)))
}
