//! The Inpaint workspace: choosing a picture, drawing by pointer and keys, undo, what is asked for, names of all controls.
#![cfg(feature = "gui")]

use diffusion_studio::{
    app::{
        action::{Action, Browse},
        easel::Easel,
        export::Content,
        panels::inpaint::{InpaintDraft, inpaint_panel},
        state::AppState,
        theme,
        widgets::hand::Tool,
    },
    draw::Raster,
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
        studio.draft.take(Easel::new("Test", picture));
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
    assert_eq!(saving.content, Content::Picture(Raster::filled(32, 32, 1, [255; 3])));
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
