//! What can go wrong with files: what, where, and what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why something could not be read or written. The message is complete; it needs no cause printed behind it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {verb} “{}”: {}", path.display(), explain(cause))]
    Io {
        /// `read`, `write`, …
        verb: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// There is no room for a checkpoint.
    #[error("cannot write “{}”: the disk is full ({} needed{}); free some space and try again", path.display(), megabytes(*needed), free.map(|n| format!(", {} free", megabytes(n))).unwrap_or_default())]
    Full {
        /// The file or folder.
        path: PathBuf,
        /// Its size in bytes.
        needed: u64,
        /// Bytes that are free, where the system tells.
        free: Option<u64>,
    },
    /// Nothing is overwritten without being asked.
    #[error("“{}” already exists and is not overwritten; choose another name or remove it first", path.display())]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// A file does not hold what it should.
    #[error("“{}” cannot be used: {reason}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A recipe that cannot be run.
    #[error("{origin}{}: {message}", line.map(|n| format!(", line {n}")).unwrap_or_default())]
    Recipe {
        /// Where the recipe comes from, for people: a path, `--set`, a picture.
        origin: String,
        /// Line of the fault, from 1.
        line: Option<usize>,
        /// What is wrong, and a suggestion.
        message: String,
    },
    /// Two programs must not train into one folder.
    #[error("“{}” is in use by another program{}; stop it there or choose another folder", folder.display(), owner(*pid))]
    Busy {
        /// The run folder.
        folder: PathBuf,
        /// Process that holds it, where it is known.
        pid: Option<u32>,
    },
    /// A run needs a folder of its own.
    #[error("“{}” is not empty; choose another folder, or go on with the run in it by --resume", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// A run folder without a checkpoint that can be read.
    #[error("there is no usable checkpoint in “{}”{}", folder.display(), list(skipped))]
    NoCheckpoint {
        /// The run folder.
        folder: PathBuf,
        /// Messages about those that were tried.
        skipped: Vec<String>,
    },
    /// A file of this kind cannot be made from this.
    #[error("this cannot be exported: {reason}")]
    Unsuitable {
        /// Why not, and what to do.
        reason: String,
    },
}

impl Error {
    /// Wraps what the system said about `path`, for `map_err`.
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io {
            verb,
            path: path.to_owned(),
            cause,
        }
    }

    /// A file that does not hold what it should.
    pub(crate) fn broken(path: &Path, reason: impl Into<String>) -> Self {
        Self::Broken {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

/// The system's message, with advice where there is some.
fn explain(cause: &io::Error) -> String {
    let advice = match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full; free some space and try again",
        io::ErrorKind::PermissionDenied => "permission denied; choose another place or change the rights",
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only; choose another place",
        io::ErrorKind::NotFound => "there is no such file or folder",
        io::ErrorKind::AlreadyExists => "there is a file of that name; choose another name",
        io::ErrorKind::IsADirectory => "it is a folder; name a file",
        io::ErrorKind::NotADirectory => "part of the path is a file, not a folder",
        _ => return cause.to_string(),
    };
    advice.to_owned()
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn owner(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

fn list(skipped: &[String]) -> String {
    if skipped.is_empty() {
        "; train for a while first".into()
    } else {
        format!(": {}", skipped.join("; "))
    }
}
