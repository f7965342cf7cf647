//! Guided lessons: pages of text that bring the right workspace to the front, do things in it when asked to, and see by
//! themselves when the reader has done them.
//!
//! A lesson is a Markdown file ([`mod@file`]); the eight in `assets/lessons` ship with the program, others can be opened or
//! dropped. What a step may do is listed in [`doing`], what it may wait for in [`until`].

use std::{collections::VecDeque, sync::LazyLock};

use super::{
    action::{Action, Workspace},
    state::AppState,
};
use crate::files::Recipe;

pub mod doing;
pub mod file;
pub mod until;

use doing::Doing;
pub use file::{Lesson, Step};

/// The lessons that ship with the program, in the order in which they build on each other.
pub static LESSONS: LazyLock<Vec<Lesson>> = LazyLock::new(|| {
    let texts = [
        include_str!("../../../assets/lessons/1-noise.md"),
        include_str!("../../../assets/lessons/2-reverse.md"),
        include_str!("../../../assets/lessons/3-loss.md"),
        include_str!("../../../assets/lessons/4-schedules.md"),
        include_str!("../../../assets/lessons/5-steps.md"),
        include_str!("../../../assets/lessons/6-guidance.md"),
        include_str!("../../../assets/lessons/7-inpainting.md"),
        include_str!("../../../assets/lessons/8-curves.md"),
    ];
    // A test reads each of them, so that none is missing.
    texts.into_iter().filter_map(|text| Lesson::parse(text).ok()).collect()
});

/// What can be asked of the lesson that is open.
#[derive(Clone, Debug)]
pub enum LessonCommand {
    /// Opens one.
    Begin(Box<Lesson>),
    /// To a step; the next ones stay as they are.
    Go(usize),
    /// Does what the step asks the reader to do.
    ShowMe,
    /// Closes it.
    Leave,
}

/// A lesson that is open, and how far the reader is.
#[derive(Clone, Debug)]
pub struct Course {
    lesson: Lesson,
    at: usize,
    done: Vec<bool>,
    /// What "Show me" still has to do.
    showing: VecDeque<Doing>,
}

impl Course {
    /// At the first step of a lesson.
    pub fn new(lesson: Lesson) -> Self {
        let done = vec![false; lesson.steps.len()];
        Self {
            lesson,
            at: 0,
            done,
            showing: VecDeque::new(),
        }
    }

    /// What is taught.
    pub fn lesson(&self) -> &Lesson {
        &self.lesson
    }

    /// Number of the step that is open, from 0.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The step that is open.
    pub fn step(&self) -> &Step {
        &self.lesson.steps[self.at]
    }

    /// Whether what a step asks for was done, also earlier. A step that asks for nothing is done once it was read.
    pub fn is_done(&self, step: usize) -> bool {
        self.done.get(step).is_some_and(|done| *done)
    }

    /// Whether all steps are done.
    pub fn is_finished(&self) -> bool {
        self.done.iter().all(|done| *done)
    }

    /// Opens a step; the last one where there are fewer.
    pub fn go(&mut self, step: usize) {
        self.at = step.min(self.lesson.steps.len() - 1);
        self.showing.clear();
    }

    /// Sees whether the reader has done what the open step asks for.
    pub fn look(&mut self, state: &AppState, recipe: &Recipe) {
        let until = &self.lesson.steps[self.at].until;
        self.done[self.at] |= until.iter().all(|until| until.holds(state, recipe));
    }

    /// What brings the open step before the reader's eyes.
    pub fn scene(&self) -> Option<Action> {
        self.step().show.map(Action::Show)
    }

    /// From now on does in the reader's place what the open step asks for.
    pub fn show_me(&mut self) {
        self.showing = self.step().doing.iter().cloned().collect();
    }

    /// What can be done of it now: all up to samples that have to be made first.
    pub fn next(&mut self, state: &AppState, recipe: &Recipe) -> Vec<Action> {
        let mut ready = Vec::new();
        while let Some(doing) = self.showing.pop_front_if(|doing| !doing.waits(state)) {
            ready.push(doing);
            if ready.last().is_some_and(Doing::takes_time) {
                break;
            }
        }
        doing::actions(&ready, state, recipe)
    }

    /// Whether the step belongs to a workspace that is not in front.
    pub fn is_elsewhere(&self, workspace: Workspace) -> bool {
        self.step().show.is_some_and(|show| show != workspace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: &str = "+++\ntitle = \"Short\"\nabout = \"Two steps\"\nminutes = 1\n+++\n\n## Read\n\nText.\n\n## Set\n\n\
        +++\nshow = \"lab\"\ndo = [{ set = { \"schedule.id\" = \"cosine\" } }]\n\
        until = [{ form = { \"schedule.id\" = \"cosine\" } }]\n+++\n\nMore.\n";

    #[test]
    fn the_eight_lessons_can_be_read() {
        assert_eq!(LESSONS.len(), 8);
    }

    #[test]
    fn a_step_is_done_once_its_condition_was_met() {
        let mut course = Course::new(Lesson::parse(SHORT).unwrap());
        let (state, mut recipe) = (AppState::default(), Recipe::default());
        recipe.set("schedule.id", "linear").unwrap();
        course.look(&state, &recipe);
        assert!(course.is_done(0) && !course.is_done(1));
        course.go(7);
        course.look(&state, &recipe);
        assert_eq!((course.at(), course.is_finished()), (1, false));
        course.show_me();
        let actions = course.next(&state, &recipe);
        let [Action::Edit(changed)] = actions.as_slice() else {
            panic!("{actions:?}");
        };
        assert!(course.next(&state, &recipe).is_empty());
        course.look(&state, changed);
        course.look(&state, &recipe);
        assert!(course.is_finished(), "what was done stays done");
    }
}
