//! Exports: what can be written, and where to.
//!
//! The dialog answers from its own thread, the bytes are made on another one, and nothing that exists is written over. The
//! bytes are those of [`crate::engine::export`], which the command line uses too.

use std::{
    path::{Path, PathBuf},
    thread,
};

use crossbeam_channel::{Receiver, TryRecvError, bounded};
use eframe::egui::{ColorImage, Context};
use egui_material_icons::{MaterialIcon, icons};

use super::{
    action::Action,
    dialogs::{Answer, Asking, Kind as PathKind, Question},
    state::{Notice, Severity},
    trajectories::TrajectoryView,
};
use crate::{
    draw::Raster,
    engine::{
        Command, Error as EngineError, TrajectoryId,
        export::{Beside, Kind, Shown},
    },
    files::{Document, Error as FileError, Overwrite, document, picture::write_png},
};

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
    /// The clean guess at the cursor over all training steps that are made, as GIF.
    Learned,
    /// Both clocks together, as GIF.
    Diagonal,
    /// All samples at the cursor to the clipboard.
    Copy,
}

impl ExportKind {
    /// All of them, in the order of the window.
    pub const ALL: [Self; 11] = [
        Self::Picture,
        Self::Grid,
        Self::Strip,
        Self::Gif,
        Self::Apng,
        Self::Frames,
        Self::Exact,
        Self::Curves,
        Self::Learned,
        Self::Diagonal,
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
            Self::Learned => "Learning",
            Self::Diagonal => "Diagonal",
            Self::Copy => "Copy",
        }
    }

    /// Ending of its file; empty for folders and the clipboard.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Picture | Self::Grid | Self::Strip => "png",
            Self::Gif | Self::Learned | Self::Diagonal => "gif",
            Self::Apng => "apng",
            Self::Exact => "safetensors",
            Self::Curves => "csv",
            Self::Frames | Self::Copy => "",
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
            Self::Learned => "How the clean guess at this step was learned, GIF",
            Self::Diagonal => "Denoising and learning together, GIF",
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
            Self::Learned => icons::ICON_SCHOOL,
            Self::Diagonal => icons::ICON_TRENDING_UP,
            Self::Copy => icons::ICON_CONTENT_COPY,
        }
    }

    /// For films over training steps: whether the diffusion clock goes along.
    pub fn diagonal(self) -> Option<bool> {
        match self {
            Self::Learned => Some(false),
            Self::Diagonal => Some(true),
            _ => None,
        }
    }
}

/// Something that was made in the window, to be written after a dialog.
#[derive(Clone, Debug)]
pub struct Saving {
    /// Title of the dialog.
    pub title: String,
    /// Suggested name.
    pub name: String,
    /// What.
    pub content: Content,
}

/// What is written.
#[derive(Clone, Debug)]
pub enum Content {
    /// A picture as PNG.
    Picture(Raster),
    /// Text, as it is.
    Text(String),
    /// What is worked on.
    Document(Box<Document>),
    /// Several processes in one film.
    Film(Box<Beside>),
}

impl Content {
    /// Endings of its files, the usual one first.
    fn extensions(&self) -> &'static [&'static str] {
        match self {
            Self::Picture(_) => &["png"],
            Self::Text(_) => &["csv"],
            Self::Document(_) => &[document::ENDING],
            Self::Film(_) => &["gif", "apng"],
        }
    }

    /// The ending that a name without one gets.
    fn extension(&self) -> &'static str {
        self.extensions().first().copied().unwrap_or_default()
    }
}

impl Saving {
    fn question(&self, folder: Option<PathBuf>) -> Question {
        Question {
            kind: PathKind::SaveFile,
            title: self.title.clone(),
            name: self.name.clone(),
            extensions: self.content.extensions(),
            folder,
        }
    }

    fn write(&self, path: &Path) -> Result<PathBuf, EngineError> {
        Ok(match &self.content {
            Content::Picture(raster) => write_png(path, raster, None, Overwrite::Numbered)?,
            Content::Text(text) => Overwrite::Numbered.write(path, text.as_bytes())?,
            Content::Document(document) => document.write(path, Overwrite::Numbered)?,
            Content::Film(film) => film.write(path, Overwrite::Numbered)?,
        })
    }
}

/// Exports that wait for a name or are being written.
#[derive(Debug, Default)]
pub struct Exports {
    asking: Option<(Job, Asking)>,
    saving: Option<(Saving, Asking)>,
    writing: Vec<(PathBuf, Receiver<Result<PathBuf, String>>)>,
    folder: Option<PathBuf>,
}

/// What will be written once there is a name.
#[derive(Debug)]
struct Job {
    request: ExportRequest,
    shown: Shown,
}

impl Exports {
    /// Writes what was asked for: at once to the given place, after a dialog, or to the clipboard.
    pub fn begin(&mut self, ctx: &Context, view: &TrajectoryView, request: ExportRequest, out: &mut Vec<Action>) {
        let shown = Shown {
            info: view.info.clone(),
            steps: view.steps.clone(),
        };
        // Where memory ran short, the nearest kept step stands for the cursor.
        let index = view.at(request.index).map_or(request.index, |step| step.index);
        let job = Job {
            request: ExportRequest { index, ..request },
            shown,
        };
        if job.request.what == ExportKind::Copy {
            out.push(Action::Notice(copy(ctx, &job)));
        } else if let Some(path) = job.request.path.clone() {
            self.write(ctx, job, path, out);
        } else {
            let question = job.question(self.folder.clone());
            self.asking = Some((job, Asking::new(ctx, question)));
        }
    }

    /// Shows an open question and tells what was written. Call once a frame.
    pub fn show(&mut self, ctx: &Context, out: &mut Vec<Action>) {
        if let Some((_, asking)) = &mut self.asking
            && let Some(answer) = asking.show(ctx)
            && let Some((job, _)) = self.asking.take()
            && let Answer::Path(path) = answer
        {
            self.folder = path.parent().map(Path::to_owned);
            self.write(ctx, job, path, out);
        }
        if let Some((_, asking)) = &mut self.saving
            && let Some(answer) = asking.show(ctx)
            && let Some((saving, _)) = self.saving.take()
            && let Answer::Path(path) = answer
        {
            self.folder = path.parent().map(Path::to_owned);
            let path = with_extension(path, saving.content.extension());
            self.spawn(ctx, path.clone(), out, move || saving.write(&path));
        }
        self.writing.retain(|(wanted, answer)| match answer.try_recv() {
            Ok(outcome) => {
                out.push(Action::Notice(told(wanted, outcome)));
                false
            }
            Err(TryRecvError::Empty) => true,
            Err(TryRecvError::Disconnected) => {
                let text = format!("{}: writing broke off; see the log", wanted.display());
                out.push(Action::Notice(Notice::new(Severity::Error, text)));
                false
            }
        });
    }

    /// Asks where to and writes.
    pub fn save(&mut self, ctx: &Context, saving: Saving) {
        let question = saving.question(self.folder.clone());
        self.saving = Some((saving, Asking::new(ctx, question)));
    }

    /// Whether something is still being written.
    pub fn is_busy(&self) -> bool {
        !self.writing.is_empty()
    }

    fn write(&mut self, ctx: &Context, job: Job, path: PathBuf, out: &mut Vec<Action>) {
        let path = with_extension(path, job.request.what.extension());
        let Some(kind) = job.request.kind() else {
            let id = job.request.id;
            return out.push(Action::Engine(Command::WriteTrajectory { id, path: free(&path) }));
        };
        self.spawn(ctx, path.clone(), out, move || {
            job.shown.write(kind, &path, Overwrite::Numbered)
        });
    }

    /// Writes on a thread of its own; `wanted` is the name that was chosen.
    fn spawn<E: ToString>(
        &mut self,
        ctx: &Context,
        wanted: PathBuf,
        out: &mut Vec<Action>,
        write: impl FnOnce() -> Result<PathBuf, E> + Send + 'static,
    ) {
        let (sender, answer) = bounded(1);
        let ctx = ctx.clone();
        let work = move || {
            let outcome = write().map_err(|e| e.to_string());
            // The window may have been closed meanwhile; the file is written all the same.
            drop(sender.send(outcome));
            ctx.request_repaint();
        };
        match thread::Builder::new().name("export".into()).spawn(work) {
            Ok(_) => self.writing.push((wanted, answer)),
            Err(fault) => out.push(Action::Notice(Notice::new(Severity::Error, fault.to_string()))),
        }
    }
}

impl Job {
    fn question(&self, folder: Option<PathBuf>) -> Question {
        let what = self.request.what;
        Question {
            kind: if what.extension().is_empty() {
                PathKind::SaveFolder
            } else {
                PathKind::SaveFile
            },
            title: format!("Export: {}", what.label()),
            name: self.name(),
            extensions: match what.extension() {
                "png" => &["png"],
                "gif" => &["gif"],
                "apng" => &["apng", "png"],
                "safetensors" => &["safetensors"],
                "csv" => &["csv"],
                _ => &[],
            },
            folder,
        }
    }

    /// `moons-ddim50-seed1-grid-step12.png`; of a branch, `moons-ddim50-from35-seed7.gif`.
    fn name(&self) -> String {
        let info = &self.shown.info;
        let what = self.request.what;
        let source = Path::new(&info.recipe.data.source).file_stem().unwrap_or_default();
        let place = match what {
            ExportKind::Picture => format!("-{}-step{}", self.request.sample + 1, self.request.index),
            ExportKind::Grid => format!("-step{}", self.request.index),
            _ => String::new(),
        };
        let parted = info.branch.as_ref().map(|parted| format!("-from{}", parted.step));
        // A film's ending says what it is.
        let kind = match what {
            ExportKind::Gif | ExportKind::Apng => String::new(),
            _ => format!("-{}", what.label().to_lowercase().replace(' ', "-")),
        };
        let name = format!(
            "{}-{}{}{}-seed{}{kind}{place}",
            source.to_string_lossy(),
            info.sampler.id,
            info.moves,
            parted.unwrap_or_default(),
            info.seed
        );
        with_extension(name.into(), what.extension()).display().to_string()
    }
}

impl ExportRequest {
    /// What the engine's writer calls it; `None` for what the engine itself or the clipboard takes.
    fn kind(&self) -> Option<Kind> {
        let (index, sample) = (self.index, self.sample);
        Some(match self.what {
            ExportKind::Picture => Kind::Picture { index, sample },
            ExportKind::Grid => Kind::Grid { index },
            ExportKind::Strip => Kind::Strip,
            ExportKind::Gif | ExportKind::Learned | ExportKind::Diagonal => Kind::Gif,
            ExportKind::Apng => Kind::Apng,
            ExportKind::Frames => Kind::Frames,
            ExportKind::Curves => Kind::Curves,
            ExportKind::Exact | ExportKind::Copy => return None,
        })
    }
}

fn copy(ctx: &Context, job: &Job) -> Notice {
    match job.shown.raster(Kind::Grid {
        index: job.request.index,
    }) {
        Ok(raster) => {
            let size = [raster.width, raster.height];
            ctx.copy_image(ColorImage::from_rgba_unmultiplied(size, &raster.to_rgba()));
            Notice::new(Severity::Good, "Copied to the clipboard")
        }
        Err(fault) => Notice::new(Severity::Error, fault.to_string()),
    }
}

fn told(wanted: &Path, outcome: Result<PathBuf, String>) -> Notice {
    match outcome {
        Ok(path) if path == wanted => Notice::new(Severity::Good, format!("Written: {}", path.display())),
        Ok(path) => {
            let taken = wanted.file_name().unwrap_or_default().to_string_lossy();
            Notice::new(
                Severity::Good,
                format!("{taken} exists already. Written: {}", path.display()),
            )
        }
        Err(message) => Notice::new(Severity::Error, message),
    }
}

/// The path with `extension` where it has none; other endings stay as they were typed.
fn with_extension(path: PathBuf, extension: &str) -> PathBuf {
    if extension.is_empty() || path.extension().is_some() {
        return path;
    }
    path.with_extension(extension)
}

/// The path, or the first one after it that is not taken: `name-2.png`.
fn free(path: &Path) -> PathBuf {
    let untaken = |path: &Path| {
        if path.exists() {
            return Err(FileError::Exists { path: path.to_owned() });
        }
        Ok(())
    };
    let found = Overwrite::Numbered.place(path, untaken);
    found.unwrap_or_else(|_never| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_added_but_not_changed() {
        let with = |path: &str, e| with_extension(path.into(), e).display().to_string();
        assert_eq!(with("a/grid", "png"), "a/grid.png");
        assert_eq!(with("a/film.png", "apng"), "a/film.png");
        assert_eq!(with("a/frames", ""), "a/frames");
        let document = Content::Document(Box::default());
        assert_eq!(with("a/work", document.extension()), "a/work.dstudio");
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        assert_eq!(free(&path), path);
        std::fs::write(&path, "").unwrap();
        std::fs::write(folder.path().join("x-2.safetensors"), "").unwrap();
        assert_eq!(free(&path), folder.path().join("x-3.safetensors"));
    }

    #[test]
    fn another_name_than_the_wanted_one_is_told() {
        let wanted = Path::new("a/grid.png");
        assert_eq!(told(wanted, Ok("a/grid.png".into())).text, "Written: a/grid.png");
        assert_eq!(
            told(wanted, Ok("a/grid-2.png".into())).text,
            "grid.png exists already. Written: a/grid-2.png"
        );
        assert_eq!(told(wanted, Err("full".into())), Notice::new(Severity::Error, "full"));
    }
}
