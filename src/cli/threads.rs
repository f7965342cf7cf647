//! `--threads`: candle and rayon read their number of threads from the environment only, so the program starts itself anew.

use std::process::{Command, ExitCode};

use anyhow::Context as _;

const VARIABLES: [&str; 2] = ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"];

/// Starts the program again with `threads` in the environment, waits for it and passes its exit code on; `None` when
/// the environment already says so.
pub(super) fn reexecute(threads: usize) -> anyhow::Result<Option<ExitCode>> {
    let wanted = threads.max(1).to_string();
    if VARIABLES
        .iter()
        .all(|v| std::env::var(v).is_ok_and(|found| found == wanted))
    {
        return Ok(None);
    }
    // Ctrl-C reaches both processes; the one that trains answers it, this one only waits.
    ctrlc::set_handler(|| {}).context("cannot watch for Ctrl-C")?;
    let program = std::env::current_exe().context("cannot find the program's own file to start it with --threads")?;
    let status = Command::new(program)
        .args(std::env::args_os().skip(1))
        .envs(VARIABLES.map(|v| (v, &wanted)))
        .status()
        .context("cannot start the program again with --threads")?;
    let code = status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1);
    Ok(Some(ExitCode::from(code)))
}
