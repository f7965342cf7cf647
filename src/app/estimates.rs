//! Questions "how long will this take here?", one at a time, and the engine's answers.

use std::collections::VecDeque;

use crate::{engine::event::Estimate, files::Recipe};

/// Asked, waiting and answered estimates. The engine answers without repeating the recipe, so only one question is on
/// its way at any time.
#[derive(Clone, Debug, Default)]
pub struct Estimates {
    waiting: VecDeque<Recipe>,
    asked: Option<Recipe>,
    answers: Vec<(Recipe, Result<Estimate, String>)>,
}

/// Answers kept.
const KEPT: usize = 32;

impl Estimates {
    /// Wants an answer for `recipe`; an urgent one goes first and replaces the urgent one before it.
    pub fn want(&mut self, recipe: Recipe, urgent: bool) {
        if self.get(&recipe).is_some() || self.asked.as_ref() == Some(&recipe) {
            return;
        }
        self.waiting.retain(|r| *r != recipe);
        if urgent {
            self.waiting.push_front(recipe);
        } else {
            self.waiting.push_back(recipe);
        }
    }

    /// The next question to send, when none is on its way.
    pub fn next(&mut self) -> Option<Recipe> {
        if self.asked.is_some() {
            return None;
        }
        self.asked = self.waiting.pop_front();
        self.asked.clone()
    }

    /// The engine answered.
    pub fn answer(&mut self, estimate: Estimate) {
        self.keep(Ok(estimate));
    }

    /// The engine could not measure.
    pub fn fail(&mut self, message: &str) {
        self.keep(Err(message.to_owned()));
    }

    fn keep(&mut self, answer: Result<Estimate, String>) {
        let Some(recipe) = self.asked.take() else { return };
        if self.answers.len() == KEPT {
            self.answers.drain(..1);
        }
        self.answers.push((recipe, answer));
    }

    /// The answer for a recipe, if there is one.
    pub fn get(&self, recipe: &Recipe) -> Option<Result<&Estimate, &str>> {
        let (_, answer) = self.answers.iter().find(|(r, _)| r == recipe)?;
        Some(answer.as_ref().map_err(String::as_str))
    }
}
