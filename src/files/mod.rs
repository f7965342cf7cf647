//! What the program writes and reads back: recipes, run folders, checkpoints, pictures and films with the recipe inside.

pub mod recipe;

pub use recipe::Recipe;
