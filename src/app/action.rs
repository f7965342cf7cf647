//! What panels ask for. No panel changes state: it pushes actions, which the shell applies at the end of the frame.

use std::path::PathBuf;

use eframe::egui::KeyboardShortcut;
use serde::{Deserialize, Serialize};

use super::{
    easel::Easel,
    export::{ExportRequest, Saving},
    keys::Does,
    layout::Change,
    learning::LearningCommand,
    lessons::LessonCommand,
    loader::Wanted,
    own::Own,
    playback::PlaybackCommand,
    shelf::Errand,
    state::Notice,
};
use crate::{
    engine::{Command, TrajectoryId},
    files::Recipe,
    math::Spec,
};

/// The parts of the program, one tab each; `Start` is behind the program's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Workspace {
    /// Cards, drop zone and recent runs.
    #[default]
    Start,
    /// Train and watch.
    Lab,
    /// What is learned from.
    Data,
    /// The reverse process under one cursor.
    Trajectory,
    /// Noise schedules and what they do to a picture.
    Schedule,
    /// Samplers compared.
    Samplers,
    /// Paint what a model is to fill.
    Inpaint,
    /// All runs on disk.
    Runs,
    /// Several trajectories at the same noise level.
    Compare,
}

impl Workspace {
    /// The tabs, in order.
    pub const TABS: [Self; 8] = [
        Self::Lab,
        Self::Data,
        Self::Trajectory,
        Self::Schedule,
        Self::Inpaint,
        Self::Samplers,
        Self::Runs,
        Self::Compare,
    ];

    /// Name on the tab.
    pub fn label(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Lab => "Lab",
            Self::Data => "Data",
            Self::Trajectory => "Trajectory",
            Self::Schedule => "Schedule",
            Self::Samplers => "Samplers",
            Self::Inpaint => "Inpaint",
            Self::Runs => "Runs",
            Self::Compare => "Compare",
        }
    }
}

/// Which colours the window uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThemeChoice {
    /// As the operating system says.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// Everything a panel can ask for.
#[derive(Clone, Debug)]
pub enum Action {
    /// Passed on to the engine.
    Engine(Command),
    /// Passed on to the clock of the present trajectory.
    Playback(PlaybackCommand),
    /// Passed on to the training clock of the present trajectory.
    Learning(LearningCommand),
    /// Brings a workspace to the front.
    Show(Workspace),
    /// Looks at the runs on disk, or changes one.
    Shelf(Errand),
    /// Looks at the runs on disk where they usually are.
    LookAtRuns,
    /// Goes on with a run; with a number of steps, trains it until there.
    Continue(PathBuf, Option<u64>),
    /// Makes a trajectory the present one.
    Select(TrajectoryId),
    /// Keeps a trajectory whatever the memory budget says, or no longer.
    Pin(TrajectoryId, bool),
    /// Drops a trajectory.
    Forget(TrajectoryId),
    /// Removes a trajectory; the last one that was can be put back.
    Remove(TrajectoryId),
    /// Puts the trajectory back that was removed last.
    PutBack,
    /// Gives a trajectory a name; an empty one takes it away.
    Rename(TrajectoryId, String),
    /// Writes a picture, a film or a file.
    Export(ExportRequest),
    /// Puts a recipe into the Lab's form.
    Edit(Box<Recipe>),
    /// Learns from a data source with a recipe that suits it.
    UseData(String),
    /// Learns from drawn points or pasted pictures.
    UseOwn(Box<Own>),
    /// Gives up the data that are being read.
    CancelReading,
    /// Gives up the question how likely a picture is.
    CancelLikelihood,
    /// Gives up the comparison of samplers.
    CancelComparison,
    /// Reads the data of the data view once more.
    ReadAgain,
    /// Takes the picture in the clipboard: onto the easel of the Inpaint workspace, as data elsewhere.
    Paste,
    /// Shows a noise schedule in the Schedule workspace, with a second one beside it where there are two.
    Look(Vec<Spec>),
    /// What the lesson that is open is to do, or which one is to be opened.
    Lesson(LessonCommand),
    /// Puts a noise schedule into the Lab's form.
    UseSchedule(Spec),
    /// Lets the samples of the Trajectory workspace stop along a noise schedule that is not the model's.
    SampleAlong(Spec),
    /// Opens a recipe, a run folder, pictures or a picture that carries a recipe.
    Open(Vec<PathBuf>),
    /// Lets the user choose a file or folder to open, off this thread.
    Browse(Browse),
    /// Changes the colours.
    Theme(ThemeChoice),
    /// Puts a picture on the easel of the Inpaint workspace and shows it.
    Work(Box<Easel>),
    /// Reads pictures for the Inpaint workspace, off this thread.
    Load(Wanted),
    /// Writes something that was made in the window, after a dialog.
    Save(Box<Saving>),
    /// Hides or shows the side panels.
    TogglePanels,
    /// Arranges the panes of a workspace.
    Arrange(Workspace, Change),
    /// Opens or closes the list of keys.
    ToggleHelp,
    /// Opens or closes the story of one step of the workspace.
    Slowly,
    /// This is done by a key of one's own, or by that of the table again.
    OwnKey(Does, Option<KeyboardShortcut>),
    /// All keys as the table says.
    TableKeys,
    /// Opens or closes the frame-time overlay.
    ToggleTimes,
    /// Forgets the frame times so far.
    MeasureAnew,
    /// Opens or closes the list of notices.
    ToggleNotices,
    /// Tells the user something.
    Notice(Notice),
    /// Takes the divergence card away without changing anything.
    DismissDivergence,
    /// What a key does; menus ask for the same.
    Do(Does),
    /// Presses a key in the next frame, for what belongs to one workspace.
    Press(KeyboardShortcut),
}

/// What a dialog is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browse {
    /// A folder of pictures.
    Folder,
    /// A file of any kind that can be opened.
    File,
    /// A folder with runs, or a run.
    Runs,
    /// A CSV with labels.
    Labels,
    /// A picture to work on.
    Picture,
    /// A picture whose light parts are to be filled.
    Mask,
}
