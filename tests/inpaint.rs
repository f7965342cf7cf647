//! The Inpaint workspace: choosing a picture, drawing by pointer and keys, undo, what is asked for, names of all controls.
#![cfg(feature = "gui")]

mod numbers;

use diffusion_studio::{
    app::{
        action::{Action, Browse},
        easel::Easel,
        export::Content,
        loader::Wanted,
        panels::inpaint::{InpaintDraft, inpaint_panel},
        state::AppState,
        theme,
        widgets::hand::Tool,
    },
    draw::Raster,
    engine::{
        Command, Event as Told, TrajectoryId,
        command::{Model, SampleRequest},
        event::{Candidate, Figures, Restored, StepFrame, TrajectoryInfo},
        exact::ExactModel,
    },
    files::Recipe,
    math::{Domain, Level, Spec},
};
use eframe::egui::{
    Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, Theme, TouchPhase, Vec2, pos2, vec2,
};
use egui_kittest::{Harness, kittest::Queryable as _};

/// The workspace with what it reads, keeps and asked for.
#[derive(Default)]
struct Studio {
    state: AppState,
    draft: InpaintDraft,
    out: Vec<Action>,
}

impl Studio {
    fn with(picture: Raster) -> Self {
        let mut studio = Self::default();
        studio
            .draft
            .take(Easel::new("Test", picture), &studio.state, &mut studio.out);
        studio
    }

    /// The share of the picture that is to be filled.
    fn share(&self) -> f64 {
        self.draft.easel.as_ref().map_or(0.0, |easel| easel.sketch().share())
    }
}

fn window(studio: Studio, size: [f32; 2], theme: Theme) -> Harness<'static, Studio> {
    let mut window = Harness::builder()
        .with_size(size)
        .with_theme(theme)
        .with_context_setup(theme::install)
        .with_step_dt(1.0 / 30.0)
        .build_ui_state(
            |ui, studio: &mut Studio| inpaint_panel(ui, &studio.state, &mut studio.draft, &mut studio.out),
            studio,
        );
    window.run();
    window
}

fn at_1280(picture: Raster) -> Harness<'static, Studio> {
    window(Studio::with(picture), [1280.0, 720.0], Theme::Dark)
}

fn grey() -> Raster {
    Raster::filled(32, 32, 1, [90; 3])
}

/// A place on the picture, both coordinates 0 to 1.
fn on_picture(window: &Harness<'_, Studio>, x: f32, y: f32) -> Pos2 {
    let canvas = window.get_by_label("Canvas").rect();
    // A square picture as large as fits, with whole pixels.
    let side = ((canvas.height() - 12.0) / 32.0).floor() * 32.0;
    canvas.center() + vec2(x - 0.5, y - 0.5) * side
}

fn button(window: &Harness<'_, Studio>, at: Pos2, pressed: bool, modifiers: Modifiers) {
    window.event(Event::PointerButton {
        pos: at,
        button: PointerButton::Primary,
        pressed,
        modifiers,
    });
}

fn stroke(window: &mut Harness<'_, Studio>, from: (f32, f32), to: (f32, f32), modifiers: Modifiers) {
    let [from, to] = [from, to].map(|(x, y)| on_picture(window, x, y));
    window.event(Event::ModifiersChanged(modifiers));
    window.event(Event::PointerMoved(from));
    window.run_steps(1);
    button(window, from, true, modifiers);
    window.run_steps(1);
    for i in 1..=4 {
        window.event(Event::PointerMoved(from + (to - from) * (i as f32 / 4.0)));
        window.run_steps(1);
    }
    button(window, to, false, modifiers);
    window.run_steps(2);
}

#[test]
fn without_a_picture_the_panel_offers_some() {
    let mut window = window(Studio::default(), [1280.0, 720.0], Theme::Dark);
    window.get_by_label("Paint what is to be filled");
    window.get_all_by_label("Open…").next().unwrap().click();
    window.run();
    assert!(matches!(window.state().out[..], [Action::Browse(Browse::Picture)]));
}

#[test]
fn every_control_has_a_name_at_every_size_and_colour() {
    for (theme, size) in [
        (Theme::Dark, [1280.0, 720.0]),
        (Theme::Light, [1920.0, 1080.0]),
        (Theme::Dark, [800.0, 520.0]),
    ] {
        let mut window = window(Studio::with(grey()), size, theme);
        window.check_accessibility();
        for name in ["Canvas", "Brush", "Eraser", "Box", "Lasso", "Undo", "Invert", "Save"] {
            assert!(window.query_by_label(name).is_some(), "{name}");
        }
        window.run();
    }
}

#[test]
fn a_stroke_paints_and_the_eraser_takes_away() {
    let mut window = at_1280(grey());
    stroke(&mut window, (0.3, 0.5), (0.7, 0.5), Modifiers::NONE);
    let painted = window.state().share();
    // A line of 0.4 with a radius of 0.07.
    assert!((painted - (0.4 * 0.14 + 0.0154)).abs() < 0.015, "{painted}");
    window.key_press(Key::E);
    stroke(&mut window, (0.5, 0.5), (0.7, 0.5), Modifiers::NONE);
    assert!(window.state().share() < 0.7 * painted);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run();
    assert_eq!(window.state().share(), painted);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run();
    assert_eq!(window.state().share(), 0.0);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.run();
    assert_eq!(window.state().share(), painted);
}

#[test]
fn a_tap_within_one_frame_is_a_dab() {
    let mut window = at_1280(grey());
    let at = on_picture(&window, 0.5, 0.5);
    window.event(Event::PointerMoved(at));
    window.run_steps(2);
    // `event` alone would give each its own frame.
    let both = [true, false].map(|pressed| Event::PointerButton {
        pos: at,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    });
    window.input_mut().events.extend(both);
    window.step();
    window.run_steps(2);
    assert!(
        (window.state().share() - 0.0154).abs() < 0.006,
        "{}",
        window.state().share()
    );
    assert_eq!(window.state().draft.easel.as_ref().unwrap().sketch().marks().len(), 1);
}

#[test]
fn shift_and_a_click_draw_a_straight_line() {
    let mut window = at_1280(grey());
    stroke(&mut window, (0.2, 0.2), (0.2, 0.2), Modifiers::NONE);
    let dab = window.state().share();
    stroke(&mut window, (0.8, 0.8), (0.8, 0.8), Modifiers::SHIFT);
    let line = window.state().share();
    assert!(line > dab + 0.8 * 0.14 * 0.6 * 1.41, "{dab} {line}");
}

#[test]
fn boxes_and_lassos() {
    let mut window = at_1280(grey());
    window.key_press(Key::C);
    stroke(&mut window, (0.25, 0.25), (0.75, 0.5), Modifiers::NONE);
    assert!(
        (window.state().share() - 0.125).abs() < 0.01,
        "{}",
        window.state().share()
    );
    window.key_press(Key::X);
    stroke(&mut window, (0.25, 0.25), (0.5, 0.5), Modifiers::NONE);
    assert!(
        (window.state().share() - 0.0625).abs() < 0.01,
        "{}",
        window.state().share()
    );
    assert_eq!(window.state().draft.hand.tool, Tool::Box);
}

#[test]
fn keys_of_the_mask_and_the_brush() {
    let mut window = at_1280(grey());
    window.key_press_modifiers(Modifiers::SHIFT, Key::V);
    window.run();
    assert_eq!(window.state().share(), 1.0);
    window.key_press_modifiers(Modifiers::SHIFT, Key::C);
    window.run();
    assert_eq!(window.state().share(), 0.0);
    let radius = |window: &mut Harness<'_, Studio>| window.state_mut().draft.hand.brush().radius;
    let before = radius(&mut window);
    window.key_press(Key::CloseBracket);
    window.run();
    assert!(radius(&mut window) > before);
    window.key_press(Key::OpenBracket);
    window.run();
    assert!((radius(&mut window) - before).abs() < 1e-6);
}

#[test]
fn alt_and_a_drag_change_the_brush_and_draw_nothing() {
    let mut window = at_1280(grey());
    let before = *window.state_mut().draft.hand.brush();
    stroke(&mut window, (0.4, 0.5), (0.6, 0.6), Modifiers::ALT);
    let after = *window.state_mut().draft.hand.brush();
    assert!(
        after.radius > before.radius && after.hardness < before.hardness,
        "{before:?} {after:?}"
    );
    assert_eq!(window.state().share(), 0.0);
}

fn wheel(window: &mut Harness<'_, Studio>, modifiers: Modifiers) {
    let at = on_picture(window, 0.5, 0.5);
    window.event(Event::PointerMoved(at));
    window.run_steps(1);
    window.event(Event::ModifiersChanged(modifiers));
    window.event(Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: Vec2::new(0.0, 3.0),
        source: MouseWheelSource::Wheel,
        phase: TouchPhase::Move,
        modifiers,
    });
    window.run_steps(20);
}

#[test]
fn the_wheel_magnifies_and_with_ctrl_it_changes_the_brush() {
    let mut window = at_1280(grey());
    let radius = window.state_mut().draft.hand.brush().radius;
    wheel(&mut window, Modifiers::COMMAND);
    assert!(window.state_mut().draft.hand.brush().radius > radius);
    assert!(window.state().draft.canvas.camera.fits());
    wheel(&mut window, Modifiers::NONE);
    assert!(!window.state().draft.canvas.camera.fits());
    window.event(Event::ModifiersChanged(Modifiers::NONE));
    window.key_press(Key::F);
    window.run();
    assert!(window.state().draft.canvas.camera.fits());
}

#[test]
fn presets_fill_what_they_say() {
    let mut window = at_1280(grey());
    window.get_by_value("A usual mask").click();
    window.run();
    window.get_by_label("Lower half").click();
    window.run();
    assert_eq!(window.state().share(), 0.5);
}

#[test]
fn what_is_saved_is_what_is_seen() {
    let mut window = at_1280(grey());
    window.get_by_label("Fill").click();
    window.run();
    window.get_by_label("Save").click();
    window.run();
    window.get_by_label("Mask…").click();
    window.run();
    let Some(Action::Save(saving)) = window.state().out.last() else {
        panic!("nothing is saved: {:?}", window.state().out)
    };
    assert_eq!(saving.name, "test-mask.png");
    let filled = Raster::filled(32, 32, 1, [255; 3]);
    assert!(matches!(&saving.content, Content::Picture(mask) if *mask == filled));
}

#[test]
fn a_stroke_uploads_a_part_of_a_large_picture() {
    let mut window = at_1280(Raster::filled(640, 640, 3, [10, 60, 90]));
    let before = window.state().draft.canvas.uploaded();
    assert_eq!(before, 2 * 640 * 640);
    stroke(&mut window, (0.5, 0.5), (0.52, 0.5), Modifiers::NONE);
    let strokes = window.state().draft.canvas.uploaded() - before;
    assert!(strokes > 0 && strokes < 640 * 640 / 3, "{strokes}");
    let at = pos2(1.0, 1.0);
    window.event(Event::PointerMoved(at));
    window.run();
    assert_eq!(window.state().draft.canvas.uploaded() - before, strokes);
}

/// The exact formula of the digits, which the panel is told makes pictures of 8 × 8.
fn with_model(picture: Raster) -> Studio {
    let mut studio = Studio::default();
    let easel = Easel::new("Digits 8×8 7", picture).of("digits8x8");
    studio.draft.take(easel, &studio.state, &mut studio.out);
    let model = Model::Exact(Box::new(ExactModel::new("digits8x8")));
    studio.draft.learn(model, Ok(PICTURES));
    studio
}

const PICTURES: Domain = Domain::Image {
    channels: 1,
    height: 8,
    width: 8,
};

fn digit() -> Raster {
    let data = (0..64).map(|i| (i * 37 % 256) as u8).collect();
    Raster {
        width: 8,
        height: 8,
        channels: 1,
        data,
    }
}

fn wide(studio: Studio) -> Harness<'static, Studio> {
    window(studio, [1600.0, 1000.0], Theme::Dark)
}

fn requests(out: &[Action]) -> Vec<SampleRequest> {
    let asked = out.iter().filter_map(|action| match action {
        Action::Engine(Command::Sample(request)) => Some((**request).clone()),
        _ => None,
    });
    asked.collect()
}

fn preset(window: &mut Harness<'_, Studio>, name: &str) {
    window.get_by_value("A usual mask").click();
    window.run_steps(3);
    window.get_by_label(name).click();
    window.run_steps(3);
}

/// What the engine would tell of a request: `count` candidates of one colour each, with figures.
fn answered(window: &mut Harness<'_, Studio>, request: &SampleRequest, moves: usize) {
    let id = TrajectoryId(window.state_mut().state.fresh_id());
    let request = SampleRequest { id, ..request.clone() };
    let count = request.count;
    let info = TrajectoryInfo {
        id,
        domain: PICTURES,
        model: "exact:digits8x8".into(),
        recipe: Recipe::default(),
        step: 0,
        sampler: request.sampler.clone(),
        spacing: request.spacing.clone(),
        schedule: None,
        moves,
        seed: request.seed,
        count,
        class: request.class,
        guidance: request.guidance,
        weaker: None,
        classifier: None,
        noise: None,
        prints: diffusion_studio::files::provenance::Prints::default(),
        class_names: [].into(),
        restore: Some(Restored {
            measured: false,
            steps: request.steps,
            task: Spec::new("inpaint"),
            degraded: PICTURES.frame(&[0.0; 64]),
        }),
        branch: None,
    };
    let frame = PICTURES.frame(&(0..count * 64).map(|i| (i / 64) as f32 * 0.2).collect::<Vec<_>>());
    let step = |index: usize| StepFrame {
        index,
        level: Level::from_alpha_bar(10.0, index as f64 / moves as f64),
        x: frame.clone(),
        x0: frame.clone(),
        eps: frame.clone(),
        change: 0.1,
        x_stats: (0.0, 1.0),
        x0_stats: (0.0, 1.0),
    };
    let one = |i: usize| Candidate {
        residual: 0.0,
        consistency_db: None,
        psnr_db: Some(20.0 + i as f64),
        ssim: Some(0.5),
        seam: Some(1.25),
        class: None,
        class_probability: None,
    };
    let figures = Figures {
        candidates: (0..count).map(one).collect(),
        diversity: Some(0.25),
        deviation: [].into(),
        calls: 50.0,
        secs: 1.5,
    };
    let state = &mut window.state_mut().state;
    state.asked.push(request);
    let mut out = Vec::new();
    state.apply(Told::SampleStarted(Box::new(info)), &mut out);
    for index in 0..=moves {
        state.apply(Told::SampleStep(id, Box::new(step(index))), &mut out);
    }
    state.apply(Told::Restored(id, Box::new(figures)), &mut out);
    let ended = Told::SampleEnded {
        id,
        complete: true,
        secs: 1.5,
    };
    state.apply(ended, &mut out);
    window.run_steps(3);
}

#[test]
fn a_model_of_points_is_refused_with_an_offer() {
    let mut window = wide(Studio::with(digit()));
    window.get_by_label_contains("makes points");
    window.get_by_label_contains("Use the exact formula of Digits").click();
    window.run_steps(3);
    let asks =
        |action: &Action| matches!(action, Action::Load(Wanted::Domain(model)) if matches!(**model, Model::Exact(_)));
    assert!(window.state().out.iter().any(asks), "{:?}", window.state().out);
}

/// Only what is asked for by hand.
fn without_preview(window: &mut Harness<'_, Studio>) {
    window.run_steps(3);
    window.get_by_label("Live preview").click();
    window.run_steps(3);
}

#[test]
fn an_empty_and_a_full_mask_are_told_in_words() {
    let mut window = wide(with_model(digit()));
    window.run_steps(3);
    window.get_by_label("Paint what is to be filled first.");
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run_steps(3);
    assert!(requests(&window.state().out).is_empty());
    window.get_by_label("Fill").click();
    window.run_steps(3);
    window.get_by_label_contains("nothing is left to go by");
}

#[test]
fn what_is_asked_for_is_what_was_painted() {
    let mut window = wide(with_model(digit()));
    without_preview(&mut window);
    preset(&mut window, "Lower half");
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run_steps(3);
    let [request] = &requests(&window.state().out)[..] else {
        panic!("one request: {:?}", window.state().out)
    };
    let restore = request.restore.as_ref().unwrap();
    let fill = restore.fill.as_ref().unwrap();
    assert!((0..64).all(|i| fill[i] == if i < 32 { 0.0 } else { 1.0 }));
    let picture = PICTURES.frame(&restore.picture);
    assert_eq!(picture.picture(0), digit().data);
    assert_eq!(
        (request.sampler.id.as_str(), restore.task.id.as_str(), request.count),
        ("repaint", "inpaint", 4)
    );
}

#[test]
fn an_answer_is_accepted_as_a_layer_and_undone() {
    let mut window = wide(with_model(digit()));
    preset(&mut window, "Lower half");
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run_steps(3);
    let request = requests(&window.state().out).remove(0);
    answered(&mut window, &request, 10);
    window.check_accessibility();
    window.get_by_label("Candidate 3").click();
    window.run_steps(3);
    assert!(numbers::shows(&window, "PSNR 22.0 dB"));
    for look in ["Guess", "Split", "Difference", "Spread", "Known", "State"] {
        window.get_by_label(look).click();
        window.run_steps(3);
    }
    window.get_by_label("Accept").click();
    window.run_steps(3);
    let shown = |window: &Harness<'_, Studio>| window.state().draft.easel.as_ref().unwrap().picture().data.clone();
    let filled = shown(&window);
    // 0.4 as a byte.
    assert_eq!((&filled[..32], &filled[32..]), (&digit().data[..32], &[179; 32][..]));
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    assert_eq!(shown(&window), digit().data);
}

#[test]
fn answers_are_kept_or_discarded() {
    let mut window = wide(with_model(digit()));
    preset(&mut window, "Left half");
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run_steps(3);
    let request = requests(&window.state().out).remove(0);
    answered(&mut window, &request, 4);
    window.get_by_label("Candidate 2").click();
    window.run_steps(3);
    window.get_by_label("Keep it when the others are discarded").click();
    window.run_steps(3);
    window.get_by_label("Discard all that are not kept").click();
    window.run_steps(3);
    assert!(window.query_by_label("Candidate 1").is_none());
    window.get_by_label("Candidate 2").click();
    window.run_steps(3);
    window.get_by_label("Discard it").click();
    window.run_steps(3);
    assert!(
        matches!(window.state().out.last(), Some(Action::Forget(_))),
        "{:?}",
        window.state().out
    );
}

#[test]
fn a_preview_follows_the_lifted_hand_and_the_next_stroke_takes_it_away() {
    let mut window = wide(with_model(digit()));
    window.run_steps(3);
    stroke(&mut window, (0.3, 0.5), (0.6, 0.5), Modifiers::NONE);
    window.run_steps(8);
    let [request] = &requests(&window.state().out)[..] else {
        panic!("one request: {:?}", window.state().out)
    };
    let request = request.clone();
    assert_eq!((request.count, request.steps), (1, 12));
    window.run_steps(10);
    assert_eq!(requests(&window.state().out).len(), 1, "nothing new was drawn");
    window.state_mut().state.asked.push(SampleRequest {
        id: TrajectoryId(77),
        ..request
    });
    stroke(&mut window, (0.3, 0.7), (0.6, 0.7), Modifiers::NONE);
    let ended = |action: &Action| matches!(action, Action::Engine(Command::CancelSample(TrajectoryId(77))));
    assert!(window.state().out.iter().any(ended), "{:?}", window.state().out);
}

#[test]
fn methods_are_compared_in_a_table_that_can_be_sorted_and_saved() {
    let mut window = wide(with_model(digit()));
    without_preview(&mut window);
    preset(&mut window, "Left half");
    window.get_by_label("Compare…").click();
    window.run_steps(3);
    window.get_by_label_contains("Run 3 methods").click();
    window.run_steps(3);
    let asked = requests(&window.state().out);
    assert_eq!(asked.len(), 3);
    assert!(
        asked
            .iter()
            .all(|r| (r.seed, r.steps) == (asked[0].seed, asked[0].steps))
    );
    for request in &asked {
        answered(&mut window, request, 5);
    }
    window.check_accessibility();
    window.get_by_label("Sort by PSNR dB").click();
    window.run_steps(3);
    window.get_by_label("Save as CSV…").click();
    window.run_steps(3);
    let Some(Action::Save(saving)) = window.state().out.last() else {
        panic!("{:?}", window.state().out)
    };
    let Content::Text(csv) = &saving.content else {
        panic!("a table")
    };
    let figures: Vec<&str> = csv.lines().skip(1).map(|l| l.split(',').nth(2).unwrap()).collect();
    assert_eq!(
        figures,
        ["20", "20", "20", "21", "21", "21", "22", "22", "22", "23", "23", "23"]
    );
}

#[test]
fn a_larger_picture_gets_a_frame_and_offers() {
    let mut window = wide(with_model(Raster::filled(40, 30, 3, [200, 60, 20])));
    window.run_steps(3);
    window.get_by_label_contains("sees the framed 30×30 pixels");
    window.get_by_label_contains("knows greys only");
    window.get_by_label("Resize").click();
    window.run_steps(3);
    let Some(Action::Work(easel)) = window.state().out.last() else {
        panic!("{:?}", window.state().out)
    };
    assert_eq!(
        (easel.picture().width, easel.picture().height, easel.source()),
        (8, 8, Some("digits8x8"))
    );
}
