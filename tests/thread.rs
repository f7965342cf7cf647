//! The engine in its own thread, as the window runs it.

#![expect(clippy::unwrap_used, reason = "the functions between the tests are tests too")]

mod rig;

use std::{sync::Arc, time::Duration};

use diffusion_studio::{
    data::{self, Labels, Progress},
    engine::{Command, Event, Handle, Settings, event::RunState, thread},
    files::RunFolder,
};
use rig::{Rig, failures, folder, losses, points, states, train};
use tempfile::{TempDir, tempdir};

/// Far longer than anything here takes: only a hanging engine meets it.
const PATIENCE: Duration = Duration::from_mins(2);

fn engine(runs: &TempDir) -> Handle {
    let settings = Settings {
        runs: Some(runs.path().to_owned()),
        ..Settings::default()
    };
    thread::spawn(settings, || {}).unwrap()
}

/// All events up to the first that is `last`.
fn until(handle: &Handle, last: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        events.push(handle.events.recv_timeout(PATIENCE).expect("the engine answers"));
        if events.last().is_some_and(&last) {
            return events;
        }
    }
}

fn is_over(event: &Event) -> bool {
    matches!(event, Event::RunState(_, state) if !state.is_live())
}

#[test]
fn the_thread_computes_what_the_state_machine_computes() {
    let (runs, others) = (tempdir().unwrap(), tempdir().unwrap());
    let mut recipe = points(30);
    recipe.preview.count = 2;
    let handle = engine(&runs);
    handle.send(train(recipe.clone()));
    let events = until(&handle, is_over);
    assert_eq!(
        states(&events),
        [RunState::Preparing, RunState::Running, RunState::Finished]
    );
    let mut rig = Rig::new(others.path());
    let expected = losses(&rig.send(train(recipe)).rest().take());
    assert_eq!(losses(&events), expected);
    assert!(handle.preview.load().is_some());
}

#[test]
fn dropping_the_handle_saves_the_run() {
    let runs = tempdir().unwrap();
    let handle = engine(&runs);
    handle.send(train(points(1_000_000)));
    let events = until(&handle, |e| matches!(e, Event::Progress(..)));
    drop(handle);
    let newest = RunFolder::open(&folder(&events)).unwrap().newest().unwrap();
    assert!(newest.content.state.step >= losses(&events).last().unwrap().0);
}

#[test]
fn a_panic_ends_the_run_and_not_the_engine() {
    let runs = tempdir().unwrap();
    let handle = engine(&runs);
    let mut recipe = points(5);
    recipe.condition.classes = true;
    recipe.data.validation = 0.0;
    let mut data = data::load(&recipe.data, 0, &Progress::default()).unwrap();
    // Fewer labels than samples: no loader makes such data, and the training stumbles over it.
    data.labels = Some(Labels {
        names: vec!["only".into()],
        of: Arc::new([]),
    });
    let Command::Train(mut request) = train(recipe) else {
        unreachable!()
    };
    request.data = Some(data);
    handle.send(Command::Train(request));
    let mut events = until(&handle, is_over);
    assert_eq!(states(&events).last(), Some(&RunState::Failed));
    events.extend(until(&handle, |e| matches!(e, Event::Failed { .. })));
    assert!(
        failures(&events)[0].contains("internal error"),
        "{:?}",
        failures(&events)
    );
    handle.send(train(points(3)));
    assert_eq!(states(&until(&handle, is_over)).last(), Some(&RunState::Finished));
}
