//! The workspace of all runs: empty, busy, filled and with damage; what its rows, buttons and keys ask for.
#![cfg(feature = "gui")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::SystemTime,
};

use diffusion_studio::{
    app::{
        action::{Action, Workspace},
        panels::{
            offers::{OfferDraft, unfinished},
            runs::{RunsDraft, runs_panel},
        },
        runs::{Entry, Lazy},
        shelf::{Change, Errand},
        state::AppState,
        theme,
    },
    files::{Holder, Recipe, Remarks, Summary, summary::Stamp},
};
use eframe::egui::{self, Key, Modifiers, Role, Theme};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};

#[derive(Default)]
struct Bench {
    state: AppState,
    draft: RunsDraft,
    offer: OfferDraft,
    out: Vec<Action>,
}

fn window(state: AppState, size: [f32; 2], theme: Theme) -> Harness<'static, Bench> {
    let bench = Bench {
        state,
        ..Bench::default()
    };
    let show = |ui: &mut egui::Ui, bench: &mut Bench| {
        runs_panel(ui, &bench.state, &mut bench.draft, &mut bench.out);
        unfinished(ui.ctx(), &bench.state, &mut bench.offer, &mut bench.out);
        // The shell remembers what was asked for, so that it is asked for once.
        for action in &bench.out {
            match action {
                Action::Shelf(Errand::Shot(shot)) => drop(bench.state.runs.shots.insert(shot.clone(), Lazy::Asked)),
                Action::Shelf(Errand::Curve(folder, stamp)) => {
                    bench
                        .state
                        .runs
                        .curves
                        .insert(folder.clone(), (stamp.clone(), Lazy::Asked));
                }
                _ => {}
            }
        }
    };
    let mut window = Harness::builder()
        .with_size(size)
        .with_theme(theme)
        .with_context_setup(theme::install)
        .build_ui_state(show, bench);
    window.run();
    window
}

fn summary(step: u64) -> Summary {
    Summary {
        recipe: Recipe::default(),
        step,
        secs: step as f64 / 10.0,
        validation: Some(0.25),
        figure: None,
        domain: None,
        checkpoints: vec![step],
        preview: Some(format!("step-{step}.png").into()),
        remarks: Remarks::default(),
        messages: Vec::new(),
    }
}

fn entry(name: &str, found: Result<Summary, String>) -> Entry {
    Entry {
        folder: PathBuf::from("/runs").join(name),
        stamp: Stamp::default(),
        bytes: 5 << 20,
        holder: Holder::Nobody,
        found,
    }
}

fn with(entries: impl IntoIterator<Item = Entry>) -> AppState {
    let mut state = AppState::default();
    state.workspace = Workspace::Runs;
    let mut folders = BTreeSet::new();
    for entry in entries {
        folders.insert(entry.folder.clone());
        state.runs.put(Arc::new(entry));
    }
    state.runs.looked(&folders, SystemTime::UNIX_EPOCH, Some(3 << 30));
    state
}

/// `moons-0001`, unfinished; `moons-0002`, finished; `broken`.
fn three() -> AppState {
    let mut finished = summary(5000);
    finished.recipe.train.lr = 0.5;
    with([
        entry("moons-0001", Ok(summary(1200))),
        entry("moons-0002", Ok(finished)),
        entry("broken", Err("there is no recipe.toml in it".into())),
    ])
}

fn at_1280(state: AppState) -> Harness<'static, Bench> {
    window(state, [1280.0, 640.0], Theme::Dark)
}

fn shows(window: &Harness<'_, Bench>, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some()
}

fn press(window: &mut Harness<'_, Bench>, button: &str) {
    window.get_by_role_and_label(Role::Button, button).click();
    window.run();
}

fn is_enabled(window: &Harness<'_, Bench>, button: &str) -> bool {
    let found = window.get_by_role_and_label(Role::Button, button);
    !found.accesskit_node().is_disabled()
}

/// Changes that were asked for since the last call: name of the run and what.
fn changes(window: &mut Harness<'_, Bench>) -> Vec<(String, Change)> {
    let out = std::mem::take(&mut window.state_mut().out);
    let changes = out.into_iter().filter_map(|action| match action {
        Action::Shelf(Errand::Change(folder, change)) => Some((folder.file_name()?.to_str()?.to_owned(), change)),
        _ => None,
    });
    changes.collect()
}

#[test]
fn before_the_first_look_it_says_so_and_without_runs_it_offers_a_way() {
    let window = at_1280(AppState::default());
    assert!(shows(&window, "Looking for runs"));
    let mut window = at_1280(with([]));
    assert!(shows(&window, "Every run is kept here"));
    press(&mut window, "Train a first model");
    press(&mut window, "Add a folder with runs");
    let out = &window.state().out;
    assert!(matches!(out[0], Action::Show(Workspace::Lab)), "{out:?}");
    assert!(matches!(out[1], Action::Browse(_)), "{out:?}");
}

#[test]
fn the_table_lists_runs_and_the_damaged_one_with_its_reason() {
    for (size, theme) in [([1280.0, 640.0], Theme::Dark), ([1920.0, 1000.0], Theme::Light)] {
        let mut window = window(three(), size, theme);
        for text in ["moons-0001", "moons-0002", "broken", "3 runs", "3.0 GiB free"] {
            assert!(shows(&window, text), "{text}");
        }
        press(&mut window, "broken");
        assert!(shows(&window, "there is no recipe.toml in it"));
        assert!(window.query_by_role_and_label(Role::Button, "Copy").is_none());
        press(&mut window, "Delete");
        assert_eq!(changes(&mut window), [("broken".into(), Change::Remove)]);
    }
}

#[test]
fn pictures_and_losses_are_asked_for_once_and_only_where_they_are_looked_at() {
    let many = (0..400).map(|i| entry(&format!("run-{i:04}"), Ok(summary(i + 1))));
    let mut window = at_1280(with(many));
    for _ in 0..5 {
        window.run();
    }
    let out = &window.state().out;
    let count = |wanted: fn(&Errand) -> bool| {
        let errands = out
            .iter()
            .filter(|a| matches!(a, Action::Shelf(errand) if wanted(errand)));
        errands.count()
    };
    let shots = count(|e| matches!(e, Errand::Shot(_)));
    assert!((3..40).contains(&shots), "{shots}");
    assert_eq!(count(|e| matches!(e, Errand::Curve(..))), 1);
}

#[test]
fn a_chosen_run_goes_on_is_sampled_from_and_changed() {
    let mut window = at_1280(three());
    press(&mut window, "moons-0001");
    press(&mut window, "Continue");
    press(&mut window, "Sample from it");
    press(&mut window, "Use its recipe");
    let out = std::mem::take(&mut window.state_mut().out);
    let folder = PathBuf::from("/runs/moons-0001");
    assert!(
        out.iter()
            .any(|a| matches!(a, Action::Continue(f, None) if *f == folder))
    );
    assert!(
        out.iter()
            .any(|a| matches!(a, Action::Open(f) if *f == [folder.clone()]))
    );
    assert!(
        out.iter()
            .any(|a| matches!(a, Action::Edit(r) if **r == Recipe::default()))
    );
    press(&mut window, "Archive");
    press(&mut window, "Star moons-0001");
    press(&mut window, "Copy");
    press(&mut window, "Show folder");
    let remarks = |archived, star| {
        Change::Remarks(Remarks {
            star,
            archived,
            ..Remarks::default()
        })
    };
    let wanted = [remarks(true, false), remarks(false, true), Change::Copy, Change::Reveal];
    assert_eq!(changes(&mut window), wanted.map(|change| ("moons-0001".into(), change)));
}

#[test]
fn a_finished_run_is_trained_longer() {
    let mut window = at_1280(three());
    press(&mut window, "moons-0002");
    press(&mut window, "Train longer");
    let out = &window.state().out;
    assert!(
        out.iter().any(|a| matches!(a, Action::Continue(_, Some(10_000)))),
        "{out:?}"
    );
}

#[test]
fn tags_note_and_name_are_typed() {
    let mut window = at_1280(three());
    press(&mut window, "moons-0001");
    window.get_by_role_and_label(Role::TextInput, "Tags").focus();
    window.run();
    window
        .get_by_role_and_label(Role::TextInput, "Tags")
        .type_text("paper, best");
    window.run();
    window.get_by_role_and_label(Role::MultilineTextInput, "Note").focus();
    window.run();
    let tagged = Change::Remarks(Remarks {
        tags: vec!["paper".into(), "best".into()],
        ..Remarks::default()
    });
    assert_eq!(changes(&mut window), [("moons-0001".into(), tagged)]);
    press(&mut window, "Rename");
    window
        .get_by_role_and_label(Role::TextInput, "Name of the run")
        .type_text("-x");
    window.run();
    window.key_press(Key::Enter);
    window.run();
    assert_eq!(
        changes(&mut window),
        [("moons-0001".into(), Change::Rename("moons-0001-x".into()))]
    );
}

#[test]
fn a_run_that_another_program_trains_is_left_alone() {
    let held = Entry {
        holder: Holder::Program,
        ..entry("held", Ok(summary(10)))
    };
    let mut window = at_1280(with([held]));
    assert!(shows(&window, "in use by another program"));
    for button in ["Continue", "Copy", "Delete", "Rename"] {
        assert!(!is_enabled(&window, button), "{button}");
    }
    window.key_press(Key::Delete);
    window.run();
    assert_eq!(changes(&mut window), []);
    assert!(is_enabled(&window, "Sample from it"));
}

#[test]
fn keys_choose_open_and_remove() {
    let mut window = at_1280(three());
    // All were trained at the same time, so names decide.
    let key = |window: &mut Harness<'_, Bench>, key| {
        window.key_press(key);
        window.run();
    };
    press(&mut window, "broken");
    key(&mut window, Key::ArrowDown);
    key(&mut window, Key::Enter);
    let out = std::mem::take(&mut window.state_mut().out);
    assert!(
        out.iter()
            .any(|a| matches!(a, Action::Continue(f, None) if f.ends_with("moons-0001"))),
        "{out:?}"
    );
    key(&mut window, Key::ArrowDown);
    key(&mut window, Key::ArrowDown);
    key(&mut window, Key::ArrowUp);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.run();
    let out = std::mem::take(&mut window.state_mut().out);
    assert!(
        out.iter()
            .any(|a| matches!(a, Action::Open(f) if f[0].ends_with("moons-0001"))),
        "{out:?}"
    );
    key(&mut window, Key::Delete);
    assert_eq!(changes(&mut window), [("moons-0001".into(), Change::Remove)]);
}

#[test]
fn two_runs_are_compared() {
    let mut window = at_1280(three());
    press(&mut window, "moons-0001");
    window
        .get_by_role_and_label(Role::Button, "moons-0002")
        .click_modifiers(Modifiers::COMMAND);
    window.run();
    assert!(shows(&window, "Beside moons-0002") && shows(&window, "train.lr"));
    let asked: BTreeMap<_, _> = window.state().state.runs.curves.iter().collect();
    assert_eq!(asked.len(), 2);
}

#[test]
fn a_filter_that_nothing_fits_says_so() {
    let mut window = at_1280(three());
    window.get_by_role_and_label(Role::TextInput, "Find runs").focus();
    window.run();
    window
        .get_by_role_and_label(Role::TextInput, "Find runs")
        .type_text("zebra");
    window.run();
    assert!(shows(&window, "No run fits"));
    press(&mut window, "Show all runs");
    assert!(shows(&window, "moons-0002"));
}

fn interrupted(name: &str, step: u64) -> Entry {
    Entry {
        holder: Holder::Killed,
        ..entry(name, Ok(summary(step)))
    }
}

#[test]
fn an_interrupted_run_is_offered_and_enter_goes_on() {
    let mut window = at_1280(with([interrupted("moons-0007", 1200)]));
    assert!(shows(&window, "Unfinished training") && shows(&window, "of 5\u{202f}000 is safe"));
    window.key_press(Key::Enter);
    window.run();
    let out = std::mem::take(&mut window.state_mut().out);
    let goes_on: Vec<_> = out.iter().filter(|a| matches!(a, Action::Continue(..))).collect();
    assert!(
        matches!(goes_on[..], [Action::Continue(f, None)] if f.ends_with("moons-0007")),
        "{out:?}"
    );
    assert!(!shows(&window, "Unfinished training"));
}

#[test]
fn what_is_left_is_not_offered_again() {
    let mut window = at_1280(with([interrupted("moons-0007", 1200), interrupted("rings-0001", 30)]));
    press(&mut window, "Leave");
    let left = |name: &str| (name.to_owned(), Change::Leave);
    assert_eq!(changes(&mut window), [left("moons-0007"), left("rings-0001")]);
    assert!(!shows(&window, "Unfinished training"));
}

#[test]
fn nothing_is_offered_after_a_clean_end_nor_for_a_run_in_use_or_a_finished_one() {
    let held = Entry {
        holder: Holder::Program,
        ..entry("held", Ok(summary(10)))
    };
    let window = at_1280(with([
        entry("clean", Ok(summary(10))),
        held,
        interrupted("finished", 5000),
    ]));
    assert!(!shows(&window, "Unfinished training"));
}
