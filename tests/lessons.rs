//! The lessons, played as a reader plays them who always presses "Show me".
#![cfg(feature = "gui")]
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

#[path = "rig/window.rs"]
mod window;

use std::time::{Duration, Instant};

use diffusion_studio::{
    app::{
        action::Action,
        lessons::{LESSONS, doing},
        shell::App,
        state::AppState,
    },
    diffusion::{restore::method, sampler},
    engine::Command,
    files::Recipe,
    math::schedule,
};
use eframe::egui::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use window::program;

/// A step that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_mins(2);

#[test]
fn what_lessons_do_can_be_done() {
    for step in LESSONS.iter().flat_map(|lesson| &lesson.steps) {
        assert!(!step.text.is_empty() && !step.title.is_empty());
        for action in doing::actions(&step.doing, &AppState::default(), &Recipe::default()) {
            match action {
                Action::Notice(notice) => panic!("{}: {}", step.title, notice.text),
                Action::Engine(Command::Sample(request)) => drop(sampler::build(&request.sampler).unwrap()),
                Action::Look(specs) => specs.iter().for_each(|spec| drop(schedule::build(spec).unwrap())),
                Action::Edit(recipe) => assert!(recipe.check().is_ok(), "{}", step.title),
                _ => {}
            }
        }
        for doing in &step.doing {
            if let doing::Doing::Fill(filling) = doing {
                let known = method::ENTRIES.iter().any(|entry| entry.id == filling.with.sampler);
                assert!(known, "{}", filling.with.sampler);
            }
        }
    }
}

struct Reader<'a> {
    window: Harness<'a, App>,
}

impl Reader<'_> {
    fn shows(&self, button: &str) -> bool {
        self.window.query_by_role_and_label(Role::Button, button).is_some()
    }

    fn press(&mut self, button: &str) {
        self.window.get_by_role_and_label(Role::Button, button).click();
        self.window.run_ok();
    }

    /// Lets the program go on until the button is there.
    fn wait_for(&mut self, button: &str, step: &str) {
        let begun = Instant::now();
        while !self.shows(button) {
            assert!(begun.elapsed() < PATIENCE, "“{step}” does not come to its end");
            std::thread::sleep(Duration::from_millis(10));
            self.window.step();
        }
    }
}

#[test]
#[ignore = "trains for minutes without optimisation: cargo test --release --features inspection --test lessons -- --ignored"]
fn each_lesson_can_be_played_to_its_end() {
    let runs = tempfile::tempdir().unwrap();
    let mut reader = Reader {
        window: program(runs.path().to_owned()),
    };
    for (i, lesson) in LESSONS.iter().enumerate() {
        if i == 0 {
            reader.press(&format!("1  {}", lesson.title));
        }
        let last = lesson.steps.len() - 1;
        for (at, step) in lesson.steps.iter().enumerate() {
            let is_done = format!("Step {}: {}, done", at + 1, step.title);
            if !reader.shows(&is_done) && !step.doing.is_empty() {
                reader.press("Show me");
            }
            reader.wait_for(&is_done, &step.title);
            if at < last {
                reader.press("Next");
            }
        }
        reader.press(if i + 1 < LESSONS.len() {
            "Next lesson"
        } else {
            "All done"
        });
    }
}
