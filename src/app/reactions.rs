//! How long the window takes to answer: from the input of a frame to the frame that shows what was asked for.

use std::time::Instant;

use super::{
    frame_times::Histogram,
    screen::{Begun, Shown, Uploads},
};

/// What a person waits to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Both clocks at these frames.
    Cursors([usize; 2]),
    /// The frame that is made again with the weights of a training step.
    Weights(u64),
    /// That Stop was heard.
    Stop,
}

impl Wish {
    /// Whether another wish takes its place.
    fn replaces(self, older: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&older)
    }
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    wish: Wish,
    since: Begun,
    /// Number of the frame that shows it.
    drawn: Option<u64>,
}

/// Times from an input to the frame that answers it.
#[derive(Clone, Debug, Default)]
pub struct Reactions {
    waiting: Vec<Waiting>,
    stopping: Option<Instant>,
    cursor: Histogram,
    /// Most frames that a cursor took, the one with the input and the one with the answer included.
    cursor_frames: u64,
    /// What was uploaded to answer for cursors.
    cursor_uploads: Uploads,
    weights: Histogram,
    heard: Histogram,
    stopped: Histogram,
}

impl Reactions {
    /// Something was asked for with the input of frame `since`.
    pub fn ask(&mut self, wish: Wish, since: Begun) {
        self.waiting
            .retain(|older| older.drawn.is_some() || !wish.replaces(older.wish));
        self.waiting.push(Waiting {
            wish,
            since,
            drawn: None,
        });
        if wish == Wish::Stop {
            self.stopping = Some(since.at);
        }
    }

    /// Frame `number` is drawn, and shows what `is_there` says.
    pub fn draw(&mut self, number: u64, is_there: impl Fn(Wish) -> bool) {
        for waiting in self.waiting.iter_mut().filter(|w| w.drawn.is_none()) {
            waiting.drawn = is_there(waiting.wish).then_some(number);
        }
    }

    /// A frame came to the screen.
    pub fn shown(&mut self, frame: &Shown) {
        let number = frame.begun.number;
        let (answered, waiting) = self
            .waiting
            .iter()
            .partition(|w| w.drawn.is_some_and(|at| at <= number));
        self.waiting = waiting;
        let answered: Vec<Waiting> = answered;
        for Waiting { wish, since, .. } in answered {
            let took = frame.at.duration_since(since.at);
            match wish {
                Wish::Cursors(_) => {
                    self.cursor.add(took);
                    self.cursor_frames = self.cursor_frames.max(number - since.number + 1);
                    self.cursor_uploads += frame.uploads;
                }
                Wish::Weights(_) => self.weights.add(took),
                Wish::Stop => self.heard.add(took),
            }
        }
    }

    /// The training has ended.
    pub fn stopped(&mut self, now: Instant) {
        if let Some(since) = self.stopping.take() {
            self.stopped.add(now.duration_since(since));
        }
    }

    /// One line for each kind that there was.
    pub fn report(&self) -> Vec<String> {
        let line = |name: &str, h: &Histogram| {
            (h.count() > 0).then(|| format!("{name:<8}{}  {} times", h.summary(), h.count()))
        };
        let most = (self.cursor.count() > 0).then(|| {
            let Uploads { pictures, bytes } = self.cursor_uploads;
            let frames = self.cursor_frames;
            format!("        at most {frames} frames; uploaded: {pictures} pictures, {bytes} bytes")
        });
        let lines = [
            line("cursor", &self.cursor),
            most,
            line("weights", &self.weights),
            line("heard", &self.heard),
            line("stopped", &self.stopped),
        ];
        lines.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn begun(number: u64, start: Instant) -> Begun {
        Begun {
            number,
            at: start + Duration::from_millis(10 * number),
        }
    }

    fn shown(number: u64, start: Instant) -> Shown {
        Shown {
            begun: begun(number, start),
            at: start + Duration::from_millis(10 * number + 8),
            uploads: Uploads { pictures: 1, bytes: 5 },
        }
    }

    #[test]
    fn a_cursor_is_answered_by_the_frame_that_shows_it() {
        let (start, mut all) = (Instant::now(), Reactions::default());
        all.ask(Wish::Cursors([3, 0]), begun(1, start));
        all.draw(2, |_| false);
        all.shown(&shown(2, start));
        assert!(all.report().is_empty());
        all.draw(3, |wish| wish == Wish::Cursors([3, 0]));
        all.shown(&shown(3, start));
        assert_eq!(
            all.report(),
            [
                "cursor  p50  28.00  p95  28.00  max  28.00 ms  1 times",
                "        at most 3 frames; uploaded: 1 pictures, 5 bytes"
            ]
        );
    }

    #[test]
    fn only_the_newest_place_of_a_cursor_is_waited_for() {
        let (start, mut all) = (Instant::now(), Reactions::default());
        all.ask(Wish::Weights(16), begun(1, start));
        all.ask(Wish::Weights(32), begun(2, start));
        all.draw(3, |_| true);
        all.shown(&shown(3, start));
        assert_eq!(all.report(), ["weights p50  18.00  p95  18.00  max  18.00 ms  1 times"]);
    }

    #[test]
    fn stop_is_heard_once_and_done_once() {
        let (start, mut all) = (Instant::now(), Reactions::default());
        all.ask(Wish::Stop, begun(1, start));
        all.draw(2, |_| true);
        all.shown(&shown(2, start));
        all.stopped(start + Duration::from_millis(60));
        all.stopped(start + Duration::from_millis(900));
        assert_eq!(
            all.report(),
            [
                "heard   p50  18.00  p95  18.00  max  18.00 ms  1 times",
                "stopped p50  50.00  p95  50.00  max  50.00 ms  1 times"
            ]
        );
    }
}
