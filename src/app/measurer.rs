//! Compares frames of trajectories on a thread of its own, and remembers what came out.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::widgets::aspect::Aspect;
use crate::{
    engine::{
        TrajectoryId,
        likeness::{Likeness, likeness},
    },
    math::Frame,
};

/// Questions that wait at the same time: enough to keep the thread busy from one frame of the window to the next, few enough
/// that a new wish is not long behind old ones.
const WAITING: usize = 8;

/// Answers that are remembered, some hundred bytes each.
const REMEMBERED: usize = 50_000;

/// Two frames, looked at as the same thing. A frame never changes, so that an answer holds for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Trajectory and step of the reference.
    pub a: (TrajectoryId, usize),
    /// Trajectory and step of the other one.
    pub b: (TrajectoryId, usize),
    /// What is compared.
    pub aspect: Aspect,
}

/// What is compared: two frames, and how many sample units 1 is in them.
#[derive(Debug)]
pub struct Question {
    /// The reference.
    pub a: Frame,
    /// The other one.
    pub b: Frame,
    /// Sample units.
    pub unit: f64,
}

/// The line to the thread, and what came back.
#[derive(Debug, Default)]
pub struct Measurer {
    known: BTreeMap<Pair, Option<Likeness>>,
    waiting: BTreeSet<Pair>,
    line: Option<Line>,
}

#[derive(Debug)]
struct Line {
    questions: Sender<(Pair, Question)>,
    answers: Receiver<(Pair, Option<Likeness>)>,
}

impl Measurer {
    /// Takes in what was found since the last call.
    pub fn take_in(&mut self) {
        let Some(line) = &self.line else { return };
        for (pair, found) in line.answers.try_iter() {
            self.waiting.remove(&pair);
            self.known.insert(pair, found);
        }
        if self.known.len() > REMEMBERED {
            self.known.clear();
        }
    }

    /// How alike both frames are; `None` while nobody knows, or where they cannot be compared.
    pub fn get(&self, pair: Pair) -> Option<&Likeness> {
        self.known.get(&pair)?.as_ref()
    }

    /// Whether the answer is there, whatever it is.
    pub fn knows(&self, pair: Pair) -> bool {
        self.known.contains_key(&pair)
    }

    /// Asks, unless the answer is known or on its way, or others wait already; `wake` is called from the thread when it is
    /// there. Ask again in each frame, what matters most first.
    pub fn ask(&mut self, pair: Pair, question: impl FnOnce() -> Option<Question>, wake: impl Fn() + Send + 'static) {
        if self.knows(pair) || self.waiting.contains(&pair) || self.waiting.len() >= WAITING {
            return;
        }
        let Some(question) = question() else { return };
        if self.line.is_none() {
            self.line = start(wake);
        }
        if let Some(line) = &self.line
            && line.questions.send((pair, question)).is_ok()
        {
            self.waiting.insert(pair);
        }
    }
}

/// The thread ends when its line does. Without threads to be had nothing is measured.
fn start(wake: impl Fn() + Send + 'static) -> Option<Line> {
    let (questions, asked) = unbounded::<(Pair, Question)>();
    let (tell, answers) = unbounded();
    let work = move || {
        for (pair, question) in asked {
            let found = likeness(&question.a, &question.b, question.unit);
            if tell.send((pair, found)).is_err() {
                return;
            }
            wake();
        }
    };
    let thread = thread::Builder::new().name("measurer".into()).spawn(work);
    thread.is_ok().then_some(Line { questions, answers })
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;

    use super::*;

    fn pair(index: usize) -> Pair {
        Pair {
            a: (TrajectoryId(1), index),
            b: (TrajectoryId(2), index),
            aspect: Aspect::Clean,
        }
    }

    fn points(x: f32) -> Frame {
        Frame::Points {
            xy: [x, 0.0, x, 0.0].into(),
        }
    }

    #[test]
    fn each_pair_is_compared_once_and_remembered() {
        let mut measurer = Measurer::default();
        let (send, done) = bounded(WAITING);
        let question = |b| {
            Some(Question {
                a: points(0.0),
                b,
                unit: 1.0,
            })
        };
        for _ in 0..3 {
            let send = send.clone();
            measurer.ask(pair(1), || question(points(2.0)), move || send.send(()).unwrap());
        }
        done.recv().unwrap();
        measurer.take_in();
        let found = measurer.get(pair(1)).unwrap();
        assert!((found.rms.value - 2.0_f64.sqrt()).abs() < 1e-6 && found.samples == 2);
        measurer.ask(pair(1), || panic!("it is known"), || {});
        let empty = Frame::Points { xy: [].into() };
        measurer.ask(pair(2), || question(empty), || {});
        done.recv().unwrap();
        measurer.take_in();
        assert!(measurer.knows(pair(2)) && measurer.get(pair(2)).is_none());
        assert!(done.try_recv().is_err() && measurer.waiting.is_empty());
    }

    #[test]
    fn not_more_wait_than_are_soon_answered() {
        let mut measurer = Measurer::default();
        let (go, wait) = bounded::<()>(0);
        for index in 0..100 {
            let wait = wait.clone();
            let question = || {
                Some(Question {
                    a: points(0.0),
                    b: points(1.0),
                    unit: 1.0,
                })
            };
            // The thread stands after its first answer.
            measurer.ask(pair(index), question, move || assert!(wait.recv().is_err()));
        }
        assert_eq!(measurer.waiting.len(), WAITING);
        drop(go);
    }
}
