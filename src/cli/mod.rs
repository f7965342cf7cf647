//! The command line: one subcommand a file, exit code 0 for done, 1 for failed with one clear message, 2 for wrong usage.
#![expect(clippy::print_stderr, reason = "this layer is what talks to the terminal")]

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::Context as _;
use clap::Parser as _;

mod args;
mod bench;
mod branch;
mod check;
mod eval;
mod exchange;
mod judge;
mod laboratory;
mod list;
mod repeat;
mod restore;
mod sample;
mod threads;
mod train;

pub use args::Renderer;
use args::{Cli, Command, Common};

use crate::engine::Settings;

/// What is left to do after the command line was read and carried out.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing: the program ends with this code.
    Exit(ExitCode),
    /// The window is to be opened.
    Studio(Box<Studio>),
}

/// What the window is opened with.
#[derive(Debug)]
pub struct Studio {
    /// Recipes, run folders, pictures, folders of pictures or data files to open.
    pub files: Vec<PathBuf>,
    /// How the window is drawn.
    pub renderer: Renderer,
    /// What the engine is told.
    pub settings: Settings,
    /// Whether start times and frame times are printed.
    pub timings: bool,
    /// When the program started.
    pub started: Instant,
}

/// Reads the command line and carries out every command that needs no window.
pub fn run() -> Outcome {
    let started = Instant::now();
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
    match (command, settings(&common)) {
        (_, Err(error)) => Outcome::Exit(report(Err(error))),
        (Some(command), Ok(settings)) => Outcome::Exit(report(carry_out(command, settings))),
        (None, Ok(settings)) => {
            let args::StudioArgs { files, renderer } = studio;
            let timings = common.timings;
            Outcome::Studio(Box::new(Studio {
                files,
                renderer,
                settings,
                timings,
                started,
            }))
        }
    }
}

fn carry_out(command: Command, settings: Settings) -> anyhow::Result<()> {
    match command {
        Command::Check(args) => print(&check::check(&args)?)?,
        Command::List(args) => print(&list::list(&args)?)?,
        Command::Bench(args) => bench::bench(&args, settings.device)?,
        Command::Eval(args) => print(&eval::eval(&args, &settings)?)?,
        Command::Laboratory(args) => print(&laboratory::laboratory(&args, &settings)?)?,
        Command::Judge(args) => print(&judge::judge(&args, &settings)?)?,
        Command::Train(args) => train::train(&args, settings)?,
        Command::Import(args) => exchange::import(&args)?,
        Command::Export(args) => exchange::export(&args, &settings)?,
        Command::Sample(args) => sample::sample(&args, &settings)?,
        Command::Restore(args) => print(&restore::restore(&args, &settings)?)?,
    }
    Ok(())
}

/// Prints to stdout. A reader that has seen enough (`| head`) is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// What the common options tell the engine.
fn settings(common: &Common) -> anyhow::Result<Settings> {
    let device = common.device.parse().map_err(anyhow::Error::msg)?;
    Ok(Settings {
        device,
        ..Settings::default()
    })
}

/// The two parts of a `--set KEY=VALUE`.
fn key_and_value(set: &str) -> anyhow::Result<(&str, &str)> {
    set.split_once('=')
        .with_context(|| format!("--set {set}: expected KEY=VALUE"))
}

/// Prints a line for the person at the terminal.
pub fn say(line: &str) {
    eprintln!("{line}");
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
