//! Small pieces that several panels share.

pub mod button;
