//! What was drawn and made is there again at the next start.
#![cfg(feature = "gui")]
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

#[path = "rig/window.rs"]
mod window;

use std::time::{Duration, Instant};

use diffusion_studio::app::{action::Workspace, shell::App};
use eframe::{
    App as _,
    egui::{Key, Modifiers, Role},
};
use egui_kittest::{Harness, kittest::Queryable as _};
use window::program;

/// Longer than anything here takes: only a hanging program meets it.
const PATIENCE: Duration = Duration::from_mins(2);

type Window<'a> = Harness<'a, App>;

fn press(window: &mut Window<'_>, button: &str) {
    window.get_by_role_and_label(Role::Button, button).click();
    window.run_ok();
}

fn wait(window: &mut Window<'_>, what: &str, is_so: impl Fn(&Window<'_>) -> bool) {
    let begun = Instant::now();
    while !is_so(window) {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
        window.step();
    }
}

#[test]
fn the_next_start_goes_on_with_what_was_drawn_and_made() {
    let home = tempfile::tempdir().unwrap();
    let mut window = program(home.path().join("runs"));
    assert!(window.query_by_label("Go on where you were").is_none());
    window.key_press_modifiers(Modifiers::ALT, Key::Num3);
    window.run_ok();
    press(&mut window, "Sample");
    wait(&mut window, "a trajectory", |w| {
        let trajectories = &w.state().state.trajectories;
        trajectories.iter().next().is_some_and(|view| view.complete)
    });
    window.key_press_modifiers(Modifiers::NONE, Key::Home);
    window.key_press_modifiers(Modifiers::NONE, Key::ArrowRight);
    window.key_press_modifiers(Modifiers::ALT, Key::Num5);
    window.run_ok();
    press(&mut window, "Data");
    press(&mut window, "Digits 8×8");
    wait(&mut window, "a picture", |w| w.query_by_label("Canvas").is_some());
    press(&mut window, "Fill");
    assert!(window.query_by_label_contains("100.0 % to be filled").is_some());
    window.state_mut().on_exit(None);
    drop(window);

    let mut window = program(home.path().join("runs"));
    press(&mut window, "Go on where you were");
    wait(&mut window, "the easel", |w| {
        w.query_by_label_contains("100.0 % to be filled").is_some()
    });
    assert_eq!(window.state().state.workspace, Workspace::Inpaint);
    wait(&mut window, "the cursor of the trajectory", |w| {
        w.state().state.playback.index() == 1
    });
    // What was drawn can still be taken back.
    press(&mut window, "Undo");
    assert!(window.query_by_label_contains("nothing is to be filled yet").is_some());
}
