//! The whole program behind a window without a screen, with its engine on a thread as in real life.

use std::{path::PathBuf, sync::Arc, time::Duration};

use diffusion_studio::{
    app::{
        launch::Options,
        shell::App,
        state::Machine,
        worker::{Wake, Worker},
    },
    engine::Settings,
};
use eframe::egui::vec2;
use egui_kittest::Harness;

/// The program as it starts, with its runs in a folder.
pub(crate) fn program<'a>(runs: PathBuf) -> Harness<'a, App> {
    Harness::builder()
        .with_size(vec2(1280.0, 720.0))
        .with_max_steps(12)
        .build_eframe(move |cc| {
            let settings = Settings {
                runs: Some(runs.clone()),
                ..Settings::default()
            };
            let options = Options {
                runs: Some(runs),
                ..Options::default()
            };
            let wake = Arc::new(Wake::new(cc.egui_ctx.clone(), Duration::ZERO));
            let worker = Worker::start(settings, wake.clone()).unwrap();
            App::new(cc, worker, wake, Machine::default(), &options)
        })
}
