//! One workspace or bar a file: free functions of the state, the panel's own draft, and a list of actions.

pub mod export;
pub mod sample_form;
pub mod schedule;
pub mod time_bar;
pub mod trajectory;
