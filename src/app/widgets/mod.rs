//! Small pieces that several panels share.

pub mod aspect;
pub mod atlas;
pub mod button;
pub mod canvas;
pub mod cloud;
pub mod colour;
pub mod form;
pub mod hand;
pub mod lanes;
pub mod levels;
pub mod live;
pub mod mark;
pub mod noised;
pub mod number;
pub mod pictures;
pub mod samples;
pub mod strip;
pub mod tiles;
