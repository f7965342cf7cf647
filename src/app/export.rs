//! Exports: what can be written, and where to.

use std::path::PathBuf;

use egui_material_icons::{MaterialIcon, icons};

use crate::engine::TrajectoryId;

/// Something to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRequest {
    /// Of which trajectory.
    pub id: TrajectoryId,
    /// What of it.
    pub what: ExportKind,
    /// The cursor.
    pub index: usize,
    /// The selected sample.
    pub sample: usize,
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
    /// The process side by side as PNG.
    Strip,
    /// The process as GIF.
    Gif,
    /// The process as animated PNG, without loss.
    Apng,
    /// The process as a folder of PNGs.
    Frames,
    /// Every exact tensor as safetensors.
    Exact,
    /// Levels and statistics of each step as CSV.
    Curves,
    /// All samples at the cursor to the clipboard.
    Copy,
}

impl ExportKind {
    /// All of them, in the order of the window.
    pub const ALL: [Self; 9] = [
        Self::Picture,
        Self::Grid,
        Self::Strip,
        Self::Gif,
        Self::Apng,
        Self::Frames,
        Self::Exact,
        Self::Curves,
        Self::Copy,
    ];

    /// Name in the window.
    pub fn label(self) -> &'static str {
        match self {
            Self::Picture => "Picture",
            Self::Grid => "Grid",
            Self::Strip => "Film strip",
            Self::Gif => "GIF",
            Self::Apng => "APNG",
            Self::Frames => "Frames",
            Self::Exact => "Tensors",
            Self::Curves => "Curves",
            Self::Copy => "Copy",
        }
    }

    /// One sentence.
    pub fn help(self) -> &'static str {
        match self {
            Self::Picture => "The selected sample at this step, PNG with its recipe",
            Self::Grid => "All samples at this step, PNG with their recipe",
            Self::Strip => "From noise to sample side by side, PNG",
            Self::Gif => "The whole process as a film",
            Self::Apng => "The same film without loss of colours",
            Self::Frames => "A folder with one PNG for each step",
            Self::Exact => "Every exact number of x and x₀, safetensors",
            Self::Curves => "Noise level and statistics of each step, CSV",
            Self::Copy => "The grid at this step to the clipboard",
        }
    }

    /// Its icon.
    pub fn icon(self) -> MaterialIcon {
        match self {
            Self::Picture => icons::ICON_IMAGE,
            Self::Grid => icons::ICON_GRID_VIEW,
            Self::Strip => icons::ICON_THEATERS,
            Self::Gif => icons::ICON_GIF_BOX,
            Self::Apng => icons::ICON_MOVIE,
            Self::Frames => icons::ICON_FOLDER,
            Self::Exact => icons::ICON_DATA_OBJECT,
            Self::Curves => icons::ICON_SHOW_CHART,
            Self::Copy => icons::ICON_CONTENT_COPY,
        }
    }
}
