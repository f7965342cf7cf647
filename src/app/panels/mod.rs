//! One workspace or bar a file: free functions of the state, the panel's own draft, and a list of actions.

pub mod schedule;
pub mod trajectory;
