//! Questions "how long will this take here?", one at a time, and the engine's answers.

use std::collections::VecDeque;

use crate::{
    engine::event::Estimate,
    files::{
        Recipe,
        recipe::{EmaRecipe, PreviewRecipe, TrainRecipe},
    },
};

/// Answers kept.
const KEPT: usize = 32;

/// Asked, waiting and answered estimates. The engine answers without repeating the recipe, so only one question is on
/// its way at any time.
#[derive(Clone, Debug, Default)]
pub struct Estimates {
    /// The form's question; a newer one replaces it.
    urgent: Option<Recipe>,
    waiting: VecDeque<Recipe>,
    asked: Option<Recipe>,
    answers: VecDeque<(Recipe, Result<Estimate, String>)>,
}

impl Estimates {
    /// Wants an answer for the recipe in the form, before all others.
    pub fn want_now(&mut self, recipe: &Recipe) {
        self.urgent = (!self.is_known(recipe)).then(|| recipe.clone());
    }

    /// Wants an answer when there is time.
    pub fn want(&mut self, recipe: &Recipe) {
        if !self.is_known(recipe) && !self.waiting.iter().any(|r| cost(r) == cost(recipe)) {
            self.waiting.push_back(recipe.clone());
        }
    }

    fn is_known(&self, recipe: &Recipe) -> bool {
        self.get(recipe).is_some() || self.asked.as_ref().is_some_and(|r| cost(r) == cost(recipe))
    }

    /// The next question to send, when none is on its way.
    pub fn take_question(&mut self) -> Option<Recipe> {
        if self.asked.is_some() {
            return None;
        }
        self.asked = self.urgent.take().or_else(|| self.waiting.pop_front());
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
            self.answers.pop_front();
        }
        self.answers.push_back((recipe, answer));
    }

    /// The answer for a recipe, if there is one.
    pub fn get(&self, recipe: &Recipe) -> Option<Result<&Estimate, &str>> {
        let wanted = cost(recipe);
        let (_, answer) = self.answers.iter().find(|(r, _)| cost(r) == wanted)?;
        Some(answer.as_ref().map_err(String::as_str))
    }
}

/// The part of a recipe that its cost depends on; the rest must not be measured again with every change.
fn cost(recipe: &Recipe) -> Recipe {
    Recipe {
        seed: 0,
        train: TrainRecipe {
            batch: recipe.train.batch,
            micro_batch: recipe.train.micro_batch,
            ..TrainRecipe::default()
        },
        ema: EmaRecipe::default(),
        preview: PreviewRecipe::default(),
        ..recipe.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(batch: usize) -> Recipe {
        let mut recipe = Recipe::default();
        recipe.train.batch = batch;
        recipe
    }

    fn estimate(secs: f64) -> Estimate {
        Estimate {
            source: "moons".into(),
            secs_per_step: secs,
            bytes: 0,
            weights: 0,
            secs_to_samples: secs,
            secs_total: secs,
            executor: String::new(),
            data: String::new(),
        }
    }

    #[test]
    fn one_question_at_a_time_and_the_form_first() {
        let mut e = Estimates::default();
        (1..=3).for_each(|b| e.want(&recipe(b)));
        assert_eq!(e.take_question(), Some(recipe(1)));
        e.want_now(&recipe(8));
        e.want_now(&recipe(9));
        assert_eq!(e.take_question(), None, "one is on its way");
        e.answer(estimate(0.5));
        assert_eq!(
            e.take_question(),
            Some(recipe(9)),
            "the older question of the form is void"
        );
        e.fail("no memory");
        assert_eq!(e.take_question(), Some(recipe(2)));
        assert_eq!(e.get(&recipe(1)), Some(Ok(&estimate(0.5))));
        assert_eq!(e.get(&recipe(9)), Some(Err("no memory")));
        assert_eq!(e.get(&recipe(2)), None);
    }

    #[test]
    fn what_costs_nothing_is_not_measured_again() {
        let mut e = Estimates::default();
        e.want(&recipe(4));
        e.take_question();
        e.answer(estimate(1.0));
        let mut other = recipe(4);
        other.seed = 99;
        other.train.lr = 0.5;
        other.train.steps = 7;
        e.want_now(&other);
        assert_eq!((e.take_question(), e.get(&other).is_some()), (None, true));
        e.want_now(&recipe(5));
        assert!(e.take_question().is_some());
    }
}
