//! The program between two channels: what it asks of the engine, and what it is told.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file is a crate of its own and uses its own part of this"
)]

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, Sender, unbounded};
use diffusion_studio::{
    app::{
        launch::Options,
        shell::App,
        state::Machine,
        worker::{Wake, Worker},
    },
    engine::{Command, Event, event::Preview},
};
use eframe::egui::Vec2;
use egui_kittest::{Harness, HarnessBuilder};

/// The program and the other ends of its channels.
pub struct Program<'a> {
    pub window: Harness<'a, App>,
    pub commands: Receiver<Command>,
    pub events: Sender<Event>,
    pub newest: Arc<ArcSwapOption<Preview>>,
}

impl Program<'_> {
    /// In a window of this size, which comes to rest within so many frames.
    pub fn open(size: Vec2, frames: u64, options: Options) -> Self {
        Self::within(Harness::builder().with_size(size).with_max_steps(frames), options)
    }

    /// In a window of any kind.
    pub fn within(window: HarnessBuilder<App>, options: Options) -> Self {
        Self::remembering(window, options, None)
    }

    /// With what was kept at an earlier end.
    pub fn remembering(
        window: HarnessBuilder<App>,
        options: Options,
        storage: Option<&'static dyn eframe::Storage>,
    ) -> Self {
        let (asks, commands) = unbounded();
        let (events, told) = unbounded();
        let newest = Arc::new(ArcSwapOption::empty());
        let worker = Worker::new(asks, told, newest.clone());
        let window = window.build_eframe(move |cc| {
            cc.storage = storage;
            let wake = Arc::new(Wake::new(cc.egui_ctx.clone(), Duration::ZERO));
            App::new(cc, worker, wake, Machine::default(), &options)
        });
        Self {
            window,
            commands,
            events,
            newest,
        }
    }
}
