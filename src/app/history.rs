//! Undo of settings: what was, and what was taken back.

/// Undo steps kept.
const DEPTH: usize = 200;

/// The states that something had.
#[derive(Clone, Debug)]
pub struct History<T> {
    /// Before each change, newest last.
    past: Vec<T>,
    /// Undone, newest last.
    future: Vec<T>,
    /// When it last stood still.
    settled: T,
}

impl<T: Clone + PartialEq> History<T> {
    /// Nothing has happened yet.
    pub fn new(present: T) -> Self {
        Self {
            past: Vec::new(),
            future: Vec::new(),
            settled: present,
        }
    }

    /// Closes an edit: what changed since the last call is one undo step.
    pub fn settle(&mut self, present: &T) {
        if *present == self.settled {
            return;
        }
        self.past.push(std::mem::replace(&mut self.settled, present.clone()));
        self.future.clear();
        if self.past.len() > DEPTH {
            self.past.remove(0);
        }
    }

    /// Takes over a state that cannot be undone.
    pub fn accept(&mut self, present: &T) {
        self.settled = present.clone();
    }

    /// The state without an edit that is still under way.
    pub fn settled(&self) -> &T {
        &self.settled
    }

    /// The state before the last change, or before the one that is under way.
    pub fn before(&self, present: &T) -> Option<&T> {
        if *present == self.settled {
            self.past.last()
        } else {
            Some(&self.settled)
        }
    }

    /// Whether there is something to undo, and something to redo.
    pub fn is_open(&self) -> (bool, bool) {
        (!self.past.is_empty(), !self.future.is_empty())
    }

    /// Goes back one step. `false` when there is none.
    pub fn undo(&mut self, present: &mut T) -> bool {
        self.settle(present);
        let Some(before) = self.past.pop() else { return false };
        self.future.push(std::mem::replace(present, before.clone()));
        self.settled = before;
        true
    }

    /// Goes forward again. `false` when nothing was undone.
    pub fn redo(&mut self, present: &mut T) -> bool {
        let Some(next) = self.future.pop() else { return false };
        self.past.push(std::mem::replace(present, next.clone()));
        self.settled = next;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_one_step_however_long_it_took() {
        let (mut present, mut history) = (0, History::new(0));
        present += 1;
        assert_eq!(history.before(&present), Some(&0));
        present += 1;
        history.settle(&present);
        assert_eq!((history.before(&present), history.is_open()), (Some(&0), (true, false)));
        assert!(history.undo(&mut present) && present == 0 && history.is_open() == (false, true));
        assert!(!history.undo(&mut present));
        assert!(history.redo(&mut present) && present == 2);
        assert!(!history.redo(&mut present));
    }

    #[test]
    fn an_open_edit_is_undone_first_and_a_new_one_forgets_what_was_undone() {
        let (mut present, mut history) = (0, History::new(0));
        history.settle(&1);
        present += 5;
        assert!(history.undo(&mut present) && present == 1);
        present = 7;
        history.settle(&present);
        assert!(!history.redo(&mut present));
        assert!(history.undo(&mut present) && present == 1);
    }

    #[test]
    fn only_so_much_is_kept() {
        let mut history = History::new(0);
        (1..=2 * DEPTH).for_each(|i| history.settle(&i));
        let mut present = 2 * DEPTH;
        let steps = (0..3 * DEPTH).take_while(|_| history.undo(&mut present)).count();
        assert_eq!((steps, present), (DEPTH, DEPTH));
    }
}
