//! Grids that are not walked straight down: inversion and time travel.

use crate::math::Move;

/// The moves backwards: from clean samples to noise (DDIM inversion).
pub fn inverted(moves: &[Move]) -> Vec<Move> {
    moves.iter().rev().map(|mv| mv.inverted()).collect()
}

/// Time travel of `RePaint` (Lugmayr et al. 2022): at every `length`-th level the process jumps `length` moves back and
/// walks them again, until each stretch has been walked `passes` times. Upward moves go through every level between.
pub fn with_jumps(moves: &[Move], length: usize, passes: usize) -> Vec<Move> {
    let mut plan = Vec::new();
    for (i, &mv) in moves.iter().enumerate() {
        plan.push(mv);
        let left = moves.len() - 1 - i;
        if left.is_multiple_of(length) && left + length < moves.len() {
            let stretch = &moves[i + 1 - length..=i];
            for _ in 1..passes {
                plan.extend(stretch.iter().rev().map(|mv| Move {
                    from: mv.to,
                    to: mv.from,
                }));
                plan.extend(stretch);
            }
        }
    }
    plan
}
