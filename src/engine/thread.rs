//! The only file with threads: the engine's own, and one for each lane of slow work.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::{Builder, JoinHandle},
};

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, unbounded};
use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};

use super::{
    Activity, Command, Engine, Event, Settings,
    event::Preview,
    ports::{Background, Done, Lane, Outbox, Ports, Task, WallClock, panic_message},
};
use crate::nn::Interrupt;

/// Of 100; niceness 9 where the system has such a thing. The window's threads have about 50.
const PRIORITY: u8 = 25;

/// The window's end of the engine. Dropping it saves the run and waits for the thread.
pub struct Handle {
    /// Takes commands.
    pub commands: Sender<Command>,
    /// Gives facts, in order and without loss.
    pub events: Receiver<Event>,
    /// The newest preview of the running training. Take it with `swap(None)`.
    pub preview: Arc<ArcSwapOption<Preview>>,
    thread: Option<JoinHandle<()>>,
}

impl Handle {
    /// Sends a command; `false` when the engine has ended.
    pub fn send(&self, command: Command) -> bool {
        self.commands.send(command).is_ok()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // An error of either means that the thread is gone already, which is what is wanted.
        let _ = self.commands.send(Command::Shutdown);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts the engine's thread. `wake` is called for each message when it can be fetched; it may be called from any
/// thread and must return at once.
pub fn spawn(settings: Settings, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Handle> {
    let interrupt = Interrupt::default();
    let (commands, inbox) = forward(&interrupt)?;
    let (out, events) = unbounded();
    let preview = Arc::new(ArcSwapOption::empty());
    let (lanes, done) = Lanes::spawn()?;
    let outbox = Channels {
        events: out,
        preview: preview.clone(),
        wake: Box::new(wake),
    };
    let thread = Builder::new().name("engine".into()).spawn(move || {
        yield_to_the_window();
        let ports = Ports {
            out: Box::new(outbox),
            clock: Box::new(WallClock::default()),
            background: Box::new(lanes),
            interrupt: interrupt.clone(),
        };
        Loop {
            engine: Engine::new(settings, ports),
            inbox,
            done,
            interrupt,
        }
        .run();
    })?;
    Ok(Handle {
        commands,
        events,
        preview,
        thread: Some(thread),
    })
}

/// A channel that breaks off the engine's network call when an urgent command passes. It ends with its last sender.
fn forward(interrupt: &Interrupt) -> std::io::Result<(Sender<Command>, Receiver<Command>)> {
    let (commands, outer) = unbounded::<Command>();
    let (inner, inbox) = unbounded();
    let interrupt = interrupt.clone();
    Builder::new().name("engine-inbox".into()).spawn(move || {
        for command in outer {
            let is_urgent = command.is_urgent();
            if inner.send(command).is_err() {
                return;
            }
            if is_urgent {
                interrupt.raise();
            }
        }
        drop(inner);
        interrupt.raise();
    })?;
    Ok((commands, inbox))
}

/// The window's thread keeps the right of way. Threads that are started from here inherit the lower priority. A system
/// that refuses just shares evenly.
fn yield_to_the_window() {
    let lowered = ThreadPriorityValue::try_from(PRIORITY)
        .map(ThreadPriority::Crossplatform)
        .and_then(|priority| set_current_thread_priority(priority).map_err(|e| format!("{e:?}")));
    if let Err(error) = lowered {
        tracing::debug!("the thread keeps its priority: {error}");
    }
}

/// Answers into channels.
struct Channels {
    events: Sender<Event>,
    preview: Arc<ArcSwapOption<Preview>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Outbox for Channels {
    fn event(&mut self, event: Event) {
        // Nobody listens any more only while the program ends.
        let _ = self.events.send(event);
        (self.wake)();
    }

    fn preview(&mut self, preview: Preview) {
        self.preview.store(Some(Arc::new(preview)));
        (self.wake)();
    }
}

/// One thread a lane.
struct Lanes {
    queues: [Sender<Task>; Lane::COUNT],
    done: Receiver<Done>,
    pending: usize,
}

impl Lanes {
    /// The second value becomes ready whenever there is a result to poll.
    fn spawn() -> std::io::Result<(Self, Receiver<Done>)> {
        let (results, done) = unbounded();
        let lane = |name: &str| {
            let (queue, tasks) = unbounded::<Task>();
            let results = results.clone();
            Builder::new().name(name.into()).spawn(move || {
                yield_to_the_window();
                for task in tasks {
                    if results.send(task.run()).is_err() {
                        return;
                    }
                }
            })?;
            Ok::<_, std::io::Error>(queue)
        };
        let queues = [
            lane("engine-load")?,
            lane("engine-prepare")?,
            lane("engine-write")?,
            lane("engine-study")?,
        ];
        let lanes = Self {
            queues,
            done: done.clone(),
            pending: 0,
        };
        Ok((lanes, done))
    }
}

impl Background for Lanes {
    fn submit(&mut self, lane: Lane, task: Task) {
        if self.queues[lane as usize].send(task).is_ok() {
            self.pending += 1;
        }
    }

    fn poll(&mut self) -> Option<Done> {
        let done = self.done.try_recv().ok()?;
        self.pending -= 1;
        Some(done)
    }

    fn pending(&self) -> usize {
        self.pending
    }
}

struct Loop {
    engine: Engine,
    inbox: Receiver<Command>,
    done: Receiver<Done>,
    interrupt: Interrupt,
}

impl Loop {
    fn run(mut self) {
        let mut connected = true;
        loop {
            // Before the commands are taken: one that comes later raises it again.
            self.interrupt.clear();
            while connected {
                match self.inbox.try_recv() {
                    Ok(command) => self.guarded(|engine| engine.handle(command)),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        connected = false;
                        self.guarded(|engine| engine.handle(Command::Shutdown));
                    }
                }
            }
            match self.guarded(Engine::advance) {
                Activity::Busy => {}
                Activity::Idle => self.wait(connected),
                Activity::Ended => return,
            }
        }
    }

    /// Sleeps until there is a command or a result of slow work.
    fn wait(&self, connected: bool) {
        let mut select = Select::new();
        select.recv(&self.done);
        if connected {
            select.recv(&self.inbox);
        }
        select.ready();
    }

    /// A panic ends the job that caused it, not the engine.
    fn guarded<T: Default>(&mut self, work: impl FnOnce(&mut Engine) -> T) -> T {
        let engine = &mut self.engine;
        catch_unwind(AssertUnwindSafe(|| work(engine))).unwrap_or_else(|panic| {
            self.engine.abandon(panic_message(&*panic));
            T::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_lane_becomes_a_message() {
        let (mut lanes, done) = Lanes::spawn().unwrap();
        lanes.submit(Lane::Write, Task::new("Save", || panic!("no ink")));
        let mut select = Select::new();
        select.recv(&done);
        select.ready();
        let Some(Done::Panicked { what, message }) = lanes.poll() else {
            panic!("a message")
        };
        assert_eq!((what, message.as_str()), ("Save", "an internal error: no ink"));
        assert_eq!(lanes.pending(), 0);
    }
}
