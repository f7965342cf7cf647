//! Starts the studio, or one of its commands without a window.

use std::process::ExitCode;

use diffusion_studio::cli;

fn main() -> ExitCode {
    match cli::run() {
        cli::Outcome::Exit(code) => code,
        cli::Outcome::Studio(request) => cli::report(studio(&request)),
    }
}

/// Opens the window. The engine lives as long as this call: leaving it saves the run.
#[cfg(feature = "gui")]
fn studio(request: &cli::Studio) -> anyhow::Result<()> {
    use std::{cell::RefCell, sync::Arc};

    use diffusion_studio::{
        app::{
            launch::{Options, Renderer, run_with},
            worker::{Wake, Worker},
        },
        engine::{Handle, thread},
    };

    let engine: RefCell<Option<Handle>> = RefCell::new(None);
    let connect = |wake: Arc<Wake>| {
        let handle = thread::spawn(request.settings.clone(), move || wake.call()).map_err(|e| e.to_string())?;
        let worker = Worker::new(handle.commands.clone(), handle.events.clone(), handle.preview.clone());
        engine.replace(Some(handle));
        Ok(worker)
    };
    let options = Options {
        renderer: match request.renderer {
            cli::Renderer::Auto => Renderer::Auto,
            cli::Renderer::Wgpu => Renderer::Wgpu,
            cli::Renderer::Glow => Renderer::Glow,
        },
        open: request.files.clone(),
        started: request.started,
        timings: request.timings.then_some(cli::say),
    };
    Ok(run_with(&options, &connect)?)
}

#[cfg(not(feature = "gui"))]
fn studio(_request: &cli::Studio) -> anyhow::Result<()> {
    anyhow::bail!(
        "this build has no window (it was made without the `gui` feature); \
         train without one: diffusion-studio train --data moons"
    )
}
