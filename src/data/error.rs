//! Why data could not be loaded, in words that say what to do.

use std::io;

use crate::math::SpecError;

/// Why data could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A parameter of a point set is wrong.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Neither a registry id nor a path.
    #[error("there is no data set, file or folder called “{found}”{hint}; choose from {known}, or give a path")]
    Unknown {
        /// What was asked for.
        found: String,
        /// A suggestion with its own punctuation, or empty.
        hint: String,
        /// All registry ids.
        known: String,
    },
    /// A file or folder could not be read.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A file does not hold what was expected.
    #[error("{file}: {why}")]
    Format {
        /// The file.
        file: String,
        /// What was found and what is expected.
        why: String,
    },
    /// A recipe's value makes no sense.
    #[error("data.{key}: {why}")]
    Recipe {
        /// Key in the recipe's `[data]` table.
        key: &'static str,
        /// What was found and what is expected.
        why: String,
    },
    /// Not enough samples to learn from.
    #[error("{from}: {found} of at least 2 usable samples found{first}")]
    TooFew {
        /// The file or folder.
        from: String,
        /// How many were usable.
        found: usize,
        /// The first reason for leaving one out, with its own punctuation, or what to do.
        first: String,
    },
    /// The user gave up waiting.
    #[error("loading was cancelled")]
    Cancelled,
}

impl DataError {
    /// For `map_err` on reading `path`.
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            path: path.display().to_string(),
            source,
        }
    }
}
