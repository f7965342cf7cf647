//! Models that come from elsewhere and go there, through the real program.

#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test; the lint's own exception covers only test functions"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use diffusion_studio::files::{Tensor, Tensors};

mod finetune;
mod import;
mod pipeline;
mod repeat;
mod torch;

/// The program's answer.
fn run(args: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_diffusion-studio"));
    program.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    program.args(args).output().unwrap()
}

/// Runs, expects success.
fn done(args: &[&str]) {
    let output = run(args);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {message}");
}

/// Runs, expects exit code 1 with one message that holds all of `parts`.
fn refused(args: &[&str], parts: &[&str]) {
    let output = run(args);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {message}");
    assert_eq!(message.matches("error: ").count(), 1, "{message}");
    for part in parts {
        assert!(message.contains(part), "“{part}” is not in: {message}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn pack() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    std::env::var_os("REFERENCE_DIR").map_or_else(own, PathBuf::from)
}

fn tensors(path: &Path) -> BTreeMap<String, Tensor> {
    Tensors::read(path).unwrap().1.0
}

/// Largest difference.
fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a
        .iter()
        .zip(b)
        .map(|(a, b)| if a.is_finite() { (a - b).abs() } else { f32::INFINITY });
    differences.fold(0.0, f32::max)
}

/// A copy of a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
