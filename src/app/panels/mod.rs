//! One workspace or bar a file: free functions of the state, the panel's own draft, and a list of actions.

mod advice;
pub mod compare;
pub mod data;
pub mod draw_points;
pub mod export;
pub mod frame;
pub mod hero;
pub mod inpaint;
pub mod key_list;
pub mod lab;
pub mod lesson;
pub mod likelihood;
pub mod notices;
pub mod offers;
pub mod palette;
pub mod plots;
pub mod quality;
pub mod recipe;
pub mod runs;
pub mod sample_form;
pub mod samplers;
pub mod schedule;
pub mod slow;
pub mod start;
pub mod status;
pub mod time_bar;
pub mod trajectory;
