//! Starts the studio, or one of its commands without a window.

use std::process::ExitCode;

use diffusion_studio::cli;

fn main() -> ExitCode {
    match cli::run() {
        cli::Outcome::Exit(code) => code,
        cli::Outcome::Studio(request) => cli::report(studio(*request)),
    }
}

#[cfg(feature = "gui")]
fn studio(request: cli::Studio) -> anyhow::Result<()> {
    use diffusion_studio::{
        app::{Options, Renderer, run},
        files::run::default_parent,
    };

    let options = Options {
        renderer: match request.renderer {
            cli::Renderer::Auto => Renderer::Auto,
            cli::Renderer::Wgpu => Renderer::Wgpu,
            cli::Renderer::Glow => Renderer::Glow,
        },
        device: request.settings.device,
        open: request.files,
        // Without a home folder the engine says so when a run begins.
        runs: default_parent().ok(),
        started: request.started,
        timings: request.timings.then_some(cli::say),
    };
    Ok(run(&options)?)
}

#[cfg(not(feature = "gui"))]
fn studio(_request: cli::Studio) -> anyhow::Result<()> {
    anyhow::bail!(
        "this build has no window (it was made without the `gui` feature); \
         train without one: diffusion-studio train --data moons"
    )
}
