//! Exports: what can be written, and where to.

use std::path::PathBuf;

use crate::engine::TrajectoryId;

/// Something to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRequest {
    /// Of which trajectory.
    pub id: TrajectoryId,
    /// What of it.
    pub what: ExportKind,
    /// Where to; `None` asks with a dialog.
    pub path: Option<PathBuf>,
}

/// What can be written of a trajectory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// One sample at the cursor as PNG.
    Picture,
    /// All samples at the cursor as one PNG.
    Grid,
    /// The process of one sample side by side as PNG.
    Strip,
    /// The process as GIF.
    Film,
    /// Every exact tensor as safetensors.
    Exact,
    /// All samples at the cursor to the clipboard.
    Copy,
}
