//! Starts the studio, or one of its commands without a window.

use std::process::ExitCode;

use diffusion_studio::cli;

fn main() -> ExitCode {
    match cli::run() {
        cli::Outcome::Exit(code) => code,
        cli::Outcome::Studio(request) => studio(request),
    }
}

#[cfg(feature = "gui")]
fn studio(request: cli::StudioArgs) -> ExitCode {
    cli::report(diffusion_studio::app::run(request.into()).map_err(Into::into))
}

#[cfg(not(feature = "gui"))]
fn studio(_request: cli::StudioArgs) -> ExitCode {
    cli::report(Err(anyhow::anyhow!(
        "this build has no window (it was made without the `gui` feature); train with: diffusion-studio train --data moons"
    )))
}
