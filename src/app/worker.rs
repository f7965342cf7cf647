//! The window's end of the line to the engine.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
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
    /// News until what somebody waits for is there; [`NOBODY`] waits otherwise.
    awaited: AtomicUsize,
}

/// Nobody waits.
const NOBODY: usize = usize::MAX;

impl Wake {
    /// At least `interval` between two frames.
    pub fn new(ctx: egui::Context, interval: Duration) -> Self {
        Self {
            ctx,
            interval,
            asked: AtomicBool::new(false),
            awaited: AtomicUsize::new(NOBODY),
        }
    }

    /// There is news. Called from any thread.
    pub fn call(&self) {
        let asked = self.asked.swap(true, Ordering::AcqRel);
        if self.is_due() {
            self.ctx.request_repaint();
        } else if !asked {
            self.ctx.request_repaint_after(self.interval);
        }
    }

    /// Counts one of the news. Answers whether it is the one that somebody waits for.
    fn is_due(&self) -> bool {
        let count = |left: usize| match left {
            NOBODY => None,
            0 | 1 => Some(NOBODY),
            more => Some(more - 1),
        };
        let before = self.awaited.fetch_update(Ordering::AcqRel, Ordering::Acquire, count);
        matches!(before, Ok(0 | 1))
    }

    /// Somebody waits for the `count`th of the news from now on, which brings a frame at once. Those before do not: where
    /// the processor paints, each frame would keep it from what is waited for.
    pub fn await_news(&self, count: Option<usize>) {
        self.awaited.store(count.unwrap_or(NOBODY), Ordering::Release);
    }

    /// The news are about to be taken in.
    pub fn taken(&self) {
        self.asked.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::mutex::Mutex;

    use super::*;

    #[test]
    fn only_what_somebody_waits_for_brings_a_frame_at_once() {
        let ctx = egui::Context::default();
        let delays = Arc::new(Mutex::new(Vec::new()));
        let noted = delays.clone();
        ctx.set_request_repaint_callback(move |info| noted.lock().push(info.delay));
        let pause = Duration::from_millis(110);
        let wake = Wake::new(ctx, pause);
        let heard = || -> Vec<Duration> {
            wake.call();
            std::mem::take(&mut *delays.lock())
        };
        assert_eq!(heard(), vec![pause]);
        assert!(heard().is_empty(), "one frame is under way");
        wake.taken();
        wake.await_news(Some(3));
        assert!(!heard().contains(&Duration::ZERO) && !heard().contains(&Duration::ZERO));
        assert_eq!(heard(), vec![Duration::ZERO]);
        assert!(heard().is_empty(), "nobody waits any more");
    }
}
