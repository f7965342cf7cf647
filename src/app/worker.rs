//! The window's end of the line to the engine.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use eframe::egui;

use crate::engine::{Command, Event, Handle, Settings, event::Preview, thread};

/// How long the engine may save while the window waits to close.
const PATIENCE: Duration = Duration::from_secs(20);

/// The window's end of the line to the engine: commands out, facts in without loss, the newest preview beside them.
pub struct Worker {
    commands: Sender<Command>,
    events: Receiver<Event>,
    newest: Arc<ArcSwapOption<Preview>>,
    engine: Option<Handle>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("waiting", &self.events.len())
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// A line made of its parts.
    pub fn new(commands: Sender<Command>, events: Receiver<Event>, newest: Arc<ArcSwapOption<Preview>>) -> Self {
        Self {
            commands,
            events,
            newest,
            engine: None,
        }
    }

    /// Starts an engine of its own.
    pub fn start(settings: Settings, wake: Arc<Wake>) -> std::io::Result<Self> {
        let engine = thread::spawn(settings, move || wake.call())?;
        let line = Self::new(engine.commands.clone(), engine.events.clone(), engine.preview.clone());
        Ok(Self {
            engine: Some(engine),
            ..line
        })
    }

    /// Sends a command; `false` when the engine has ended.
    pub fn send(&self, command: Command) -> bool {
        self.commands.send(command).is_ok()
    }

    /// Asks the engine to save and end, and waits until it has.
    pub fn shut_down(&mut self) {
        if !self.send(Command::Shutdown) {
            return;
        }
        let deadline = Instant::now() + PATIENCE;
        // The line is closed when the engine's thread ends.
        let ended = loop {
            match self.events.recv_deadline(deadline) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => break false,
            }
        };
        if !ended {
            // Dropping the engine would wait for ever; a stuck disk must not keep the program.
            std::mem::forget(self.engine.take());
        }
    }

    /// Everything that was told since the last call.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        self.events.try_iter()
    }

    /// The newest preview, if there is one that was not taken yet.
    pub fn preview(&self) -> Option<Arc<Preview>> {
        self.newest.swap(None)
    }
}

/// Asks for a frame when the engine has news, at most once until the news were taken in, and not at once: a training
/// that does thousands of steps a second must not draw thousands of frames.
#[derive(Debug)]
pub struct Wake {
    ctx: egui::Context,
    interval: Duration,
    asked: AtomicBool,
    hurry: AtomicBool,
}

impl Wake {
    /// At least `interval` between two frames.
    pub fn new(ctx: egui::Context, interval: Duration) -> Self {
        Self {
            ctx,
            interval,
            asked: AtomicBool::new(false),
            hurry: AtomicBool::new(false),
        }
    }

    /// There is news. Called from any thread.
    pub fn call(&self) {
        if !self.asked.swap(true, Ordering::AcqRel) {
            let at_once = self.hurry.load(Ordering::Acquire);
            let interval = if at_once { Duration::ZERO } else { self.interval };
            self.ctx.request_repaint_after(interval);
        }
    }

    /// Whether someone waits for the news: then they bring a frame at once.
    pub fn hurry(&self, hurry: bool) {
        self.hurry.store(hurry, Ordering::Release);
    }

    /// The news are about to be taken in.
    pub fn taken(&self) {
        self.asked.store(false, Ordering::Release);
    }
}
