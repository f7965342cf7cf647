//! The command line: one subcommand a file, exit code 0 for done, 1 for failed with one clear message, 2 for wrong usage.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this layer is what talks to the terminal"
)]

use std::process::ExitCode;

use clap::Parser as _;

mod args;
mod list;
mod sample;
mod threads;
mod train;

use args::{Cli, Command, Common};
pub use args::{Renderer, StudioArgs};

use crate::engine::Settings;

/// What is left to do after the command line was read and carried out.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing: the program ends with this code.
    Exit(ExitCode),
    /// The window is to be opened.
    Studio(StudioArgs),
}

/// Reads the command line and carries out every command that needs no window.
pub fn run() -> Outcome {
    let Cli {
        command,
        studio,
        common,
    } = Cli::parse();
    if let Some(threads) = common.threads {
        match threads::reexecute(threads) {
            Ok(Some(code)) => return Outcome::Exit(code),
            Ok(None) => {}
            Err(error) => return Outcome::Exit(report(Err(error))),
        }
    }
    let Some(command) = command else {
        return Outcome::Studio(StudioArgs {
            device: common.device,
            timings: common.timings,
            ..studio
        });
    };
    Outcome::Exit(report(carry_out(command, &common)))
}

fn carry_out(command: Command, common: &Common) -> anyhow::Result<()> {
    match command {
        Command::List(args) => println!("{}", list::list(&args)),
        Command::Train(args) => train::train(&args, common)?,
        Command::Sample(args) => sample::sample(&args, common)?,
    }
    Ok(())
}

/// What the common options tell the engine.
fn settings(common: &Common) -> anyhow::Result<Settings> {
    let device = common.device.parse().map_err(anyhow::Error::msg)?;
    Ok(Settings {
        device,
        ..Settings::default()
    })
}

/// Prints an error with its causes, once, and gives the exit code.
pub fn report(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
