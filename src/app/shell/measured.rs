//! What the window measures of itself.

use super::App;
use crate::{
    app::{reactions::Wish, run_view::Verb, state::AppState},
    engine::event::RunState,
};

impl App {
    /// Frame times and answers, one line each.
    pub(super) fn measured(&self) -> Vec<String> {
        let mut lines = self.times.report();
        lines.extend(self.reactions.report());
        lines
    }

    /// Something was asked for with the input of the present frame.
    pub(super) fn wish(&mut self, wish: Wish) {
        if let Some(since) = self.screen.begun() {
            self.reactions.ask(wish, since);
        }
    }

    /// A clock was told to move.
    pub(super) fn cursors_moved(&mut self) {
        self.wish(cursors(&self.state));
        let weights = self.state.learning.step().map(Wish::Weights);
        if let Some(wish) = weights.filter(|wish| !is_there(&self.state, *wish)) {
            self.wish(wish);
        }
    }

    /// Before a frame is laid out: what it will show, and which frames came to the screen since the last.
    pub(super) fn follow_wishes(&mut self) {
        for frame in self.screen.shown() {
            self.times.whole.add(frame.time());
            self.reactions.shown(&frame);
        }
        if let Some(begun) = self.screen.begun() {
            self.reactions.draw(begun.number, |wish| is_there(&self.state, wish));
        }
    }
}

fn cursors(state: &AppState) -> Wish {
    Wish::Cursors([state.playback.index(), state.learning.clock().index()])
}

/// Whether a frame that is laid out now shows it.
fn is_there(state: &AppState, wish: Wish) -> bool {
    match wish {
        Wish::Cursors(_) => cursors(state) == wish,
        Wish::Weights(step) => {
            let made = state.learned_at(step);
            made.is_some_and(|view| view.ended || view.reached() > state.playback.index())
        }
        Wish::Stop => state
            .run
            .as_ref()
            .is_none_or(|run| run.asked == Some(Verb::Stop) || run.state == RunState::Stopped),
    }
}
