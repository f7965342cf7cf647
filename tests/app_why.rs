//! Numbers that can be asked why: by mouse and keys, what they answer, and that they look like any other text.
#![cfg(feature = "gui")]
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

mod numbers;
mod program;
mod rig;

use diffusion_studio::{
    app::{
        action::Workspace,
        launch::Options,
        quantities::{level, training},
        theme,
        widgets::number::{cell, number},
    },
    engine::{
        Command,
        command::{Model, SampleRequest},
        exact::ExactModel,
    },
};
use eframe::egui::{Key, Rect, accesskit::Role, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use numbers::numbers;
use program::Program;
use rig::{Rig, points, request, train};
use tempfile::TempDir;

/// The program after a short training, and with a trajectory of an exact model.
fn program() -> (Program<'static>, TempDir) {
    let mut program = Program::open(vec2(1280.0, 720.0), 40, Options::default());
    let runs = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train(points(20))).rest();
    let mut wanted = SampleRequest {
        model: Model::Exact(Box::new(ExactModel::new("moons"))),
        steps: 20,
        ..request(0, 50, "ddim")
    };
    program.window.state_mut().state.ask(&mut wanted);
    rig.send(Command::Sample(Box::new(wanted))).rest();
    for event in rig.take() {
        program.events.send(event).unwrap();
    }
    program.window.run_steps(4);
    (program, runs)
}

fn at(workspace: Workspace) -> (Program<'static>, TempDir) {
    let (mut program, runs) = program();
    program.window.state_mut().state.workspace = workspace;
    program.window.run_steps(4);
    (program, runs)
}

/// Whether the explanation is open.
fn tells(program: &Program<'_>, said: &str) -> bool {
    program.window.query_by_label(said).is_some()
}

#[test]
fn a_click_opens_and_escape_or_a_click_elsewhere_closes() {
    let (mut program, _runs) = at(Workspace::Lab);
    let said = training::GRADIENT.said;
    for close in [0, 1] {
        program.window.get_by_label("Why? Gradient norm").click();
        program.window.run_steps(3);
        assert!(tells(&program, said) && tells(&program, training::GRADIENT.formula));
        if close == 0 {
            program.window.key_press(Key::Escape);
        } else {
            program.window.get_by_label("Steps per second").click();
        }
        program.window.run_steps(3);
        assert!(!tells(&program, said), "{close}");
    }
}

#[test]
fn keys_open_and_close_and_keep_the_place() {
    let (mut program, _runs) = at(Workspace::Lab);
    for key in [Key::Enter, Key::Space] {
        program.window.get_by_label("Why? EMA decay").focus();
        program.window.run_steps(2);
        program.window.key_press(key);
        program.window.run_steps(3);
        assert!(tells(&program, training::DECAY.said), "{key:?}");
        program.window.key_press(Key::Escape);
        program.window.run_steps(3);
        assert!(!tells(&program, training::DECAY.said), "{key:?}");
        assert!(
            program
                .window
                .get_by_label("Why? EMA decay")
                .accesskit_node()
                .is_focused()
        );
    }
}

#[test]
fn the_answer_follows_what_is_on_screen() {
    let (mut program, _runs) = at(Workspace::Trajectory);
    program.window.key_press(Key::Home);
    program.window.run_steps(3);
    program.window.get_by_label("Why? Signal-to-noise ratio").click();
    program.window.run_steps(3);
    let filled = |program: &Program<'_>| {
        let labels = program.window.get_all_by_role(Role::Label);
        let mut texts = labels.filter_map(|node| node.accesskit_node().value());
        texts.find(|text| text.starts_with("10 log₁₀(")).unwrap()
    };
    let shown = |program: &Program<'_>| {
        let node = program.window.get_by_label("Why? Signal-to-noise ratio");
        node.accesskit_node().value().unwrap()
    };
    let before = filled(&program);
    for _ in 0..2 {
        let told = filled(&program);
        let (_, decibels) = told.split_once(" = ").unwrap();
        assert!(shown(&program).ends_with(decibels), "{} and {told}", shown(&program));
        program.window.key_press(Key::ArrowRight);
        program.window.run_steps(3);
    }
    assert_ne!(filled(&program), before);
}

#[test]
fn each_workspace_has_numbers_that_can_be_asked() {
    for (workspace, expected) in [
        (
            Workspace::Lab,
            &[
                "Training steps",
                "Loss",
                "Steps per second",
                "Time left",
                "Learning rate",
                "Gradient norm",
            ][..],
        ),
        (
            Workspace::Trajectory,
            &[
                "Step",
                "Time t",
                "Noise level σ",
                "Signal-to-noise ratio",
                "Mean and deviation of the state xₜ",
                "Mean and deviation of the clean guess x\u{302}₀",
                "Mean and deviation of the noise guess ε\u{302}",
                "Change by the last step",
            ],
        ),
        (
            Workspace::Schedule,
            &[
                "Signal left ᾱ",
                "Noise added β",
                "Noise level σ",
                "Signal-to-noise ratio",
            ],
        ),
    ] {
        let (mut program, _runs) = at(workspace);
        if workspace == Workspace::Trajectory {
            program.window.key_press(Key::Home);
            program.window.key_press(Key::ArrowRight);
            program.window.run_steps(4);
        }
        let asked = numbers(&program.window);
        for name in expected {
            let found = asked.iter().find(|(asked, _)| asked == name);
            assert!(
                found.is_some_and(|(_, text)| !text.is_empty()),
                "{workspace:?}: {name} of {asked:?}"
            );
        }
        // Memory is in the bar at the bottom everywhere.
        assert!(asked.iter().any(|(name, _)| name == "Memory of trajectories"));
    }
}

#[test]
fn a_number_has_the_place_of_a_label() {
    let place = |asks: bool| -> Rect {
        let harness = Harness::builder()
            .with_context_setup(theme::install)
            .build_ui(move |ui| {
                ui.horizontal(|ui| {
                    let text = theme::number("σ 0.830");
                    if asks {
                        number(ui, text, &level::SIGMA, "σ", String::new);
                    } else {
                        ui.label(text);
                    }
                    ui.label("behind");
                });
            });
        harness.get_by_label("behind").rect()
    };
    assert_eq!(place(true), place(false));
}

#[test]
fn a_cell_is_no_stop_of_the_keyboard() {
    let mut harness = Harness::builder().with_context_setup(theme::install).build_ui(|ui| {
        number(ui, theme::number("1"), &level::SIGMA, "first", String::new);
        cell(ui, theme::number("2"), &level::SIGMA, "second", String::new);
        number(ui, theme::number("3"), &level::SNR, "next row", String::new);
    });
    let is_at = |harness: &Harness<'_>, name: &str| harness.get_by_label(name).accesskit_node().is_focused();
    for stop in ["Why? first", "Why? next row"] {
        harness.key_press(Key::Tab);
        harness.run_steps(2);
        assert!(is_at(&harness, stop), "{stop}");
    }
    harness.get_by_label("Why? second").click();
    harness.run_steps(3);
    assert!(harness.query_by_label(level::SIGMA.said).is_some());
}
