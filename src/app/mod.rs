//! The window: the only place that knows egui.
//!
//! One way round: the engine's events change [`state::AppState`], panels read it and push [`action::Action`]s, the
//! [`shell::App`] applies them at the end of the frame. Half-edited forms ("drafts") belong to their panel.

pub mod action;
pub mod cards;
pub mod catalogue;
pub mod desk;
pub mod dialogs;
pub mod easel;
pub mod estimates;
pub mod export;
pub mod frame_times;
pub mod gpu;
pub mod history;
pub mod icon;
pub mod keys;
pub mod launch;
pub mod layout;
pub mod learning;
pub mod lessons;
pub mod loader;
pub mod measurer;
pub mod opening;
pub mod own;
pub mod panels;
pub mod playback;
pub mod quantities;
pub mod reactions;
pub mod run_view;
pub mod runs;
pub mod screen;
pub mod shelf;
pub mod shell;
pub mod state;
pub mod theme;
pub mod trajectories;
pub mod widgets;
pub mod words;
pub mod worker;

pub use launch::{Options, Renderer, RunError, run};
