//! One table of keys: menus, tooltips, the list of keys and the tests read it. Keys of one's own take their place.

use eframe::egui::{Context, Event, Key, KeyboardShortcut, Modifiers};

use super::{action::Workspace, widgets::hand::Tool};

pub mod own;

pub use own::OwnKeys;

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Shows a workspace.
    Show(Workspace),
    /// Lets the user choose a file to open.
    Open,
    /// Takes a picture from the clipboard as data.
    Paste,
    /// Saves a checkpoint.
    Save,
    /// Saves what is open as a document.
    SaveDocument,
    /// Opens the command palette.
    Palette,
    /// Opens the export choices.
    Export,
    /// Hides or shows the side panels.
    Panels,
    /// Light, dark, light, …
    Theme,
    /// Whether anything moves by itself.
    Motion,
    /// Interface larger.
    Larger,
    /// Interface smaller.
    Smaller,
    /// Interface in its original size.
    OriginalSize,
    /// Whole screen.
    FullScreen,
    /// The list of keys.
    Help,
    /// Frame times.
    Times,
    /// Ends the program.
    Quit,
    /// Starts training, or making samples.
    Go,
    /// Pauses or goes on with the training; plays or pauses the trajectory.
    Toggle,
    /// One training step.
    Step,
    /// One step, slowly.
    Slow,
    /// Ends the job at once.
    Stop,
    /// Takes back the last change of the form.
    Undo,
    /// Makes the change again.
    Redo,
    /// Another seed.
    Seed,
    /// Shows or hides a layer of the cloud, `0..5`.
    Layer(usize),
    /// One frame back.
    Back,
    /// One frame on.
    On,
    /// Ten frames back.
    Back10,
    /// Ten frames on.
    On10,
    /// First frame.
    First,
    /// Last frame, and follows new ones.
    Last,
    /// Takes a tool of the canvas.
    Tool(Tool),
    /// Tools that add take away, and the other way round.
    Swap,
    /// Smaller brush.
    SmallerBrush,
    /// Larger brush.
    LargerBrush,
    /// What was to stay is filled.
    Invert,
    /// Nothing is to be filled.
    ClearMask,
    /// The whole picture.
    Fit,
    /// Each pixel of the picture this many points large.
    Magnify(u8),
    /// Larger on the canvas.
    ZoomIn,
    /// Smaller on the canvas.
    ZoomOut,
    /// The line above.
    Above,
    /// The line below.
    Below,
    /// What is chosen is opened.
    Enter,
    /// What is chosen is removed.
    Remove,
    /// Panes of the workspace as they were at first.
    ResetView,
    /// Continues a trajectory differently.
    Branch,
    /// As long as it is held: what lies under the mask.
    Beneath,
    /// As long as it is held: the picture as it came.
    Original,
    /// As long as it is held: the other trajectory.
    Flip,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What it does.
    pub does: Does,
    /// Keys that do it; the first one is shown.
    pub keys: &'static [KeyboardShortcut],
    /// In words.
    pub label: &'static str,
    /// Where it works; `None` everywhere.
    pub place: Option<Workspace>,
}

impl Binding {
    /// Whether both work in one place.
    fn meets(&self, other: &Self) -> bool {
        self.place.is_none() || other.place.is_none() || self.place == other.place
    }
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

const fn shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::SHIFT, key)
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

const fn alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::ALT, key)
}

const fn bind(does: Does, keys: &'static [KeyboardShortcut], label: &'static str, place: Option<Workspace>) -> Binding {
    Binding {
        does,
        keys,
        label,
        place,
    }
}

const LAB: Option<Workspace> = Some(Workspace::Lab);
const TRAJECTORY: Option<Workspace> = Some(Workspace::Trajectory);
const SCHEDULE: Option<Workspace> = Some(Workspace::Schedule);
const INPAINT: Option<Workspace> = Some(Workspace::Inpaint);
const RUNS: Option<Workspace> = Some(Workspace::Runs);
const COMPARE: Option<Workspace> = Some(Workspace::Compare);

/// All keys.
pub const BINDINGS: &[Binding] = &[
    bind(Does::Show(Workspace::Start), &[alt(Key::Num0)], "Start", None),
    bind(Does::Show(Workspace::Lab), &[alt(Key::Num1)], "Lab", None),
    bind(Does::Show(Workspace::Data), &[alt(Key::Num2)], "Data", None),
    bind(Does::Show(Workspace::Trajectory), &[alt(Key::Num3)], "Trajectory", None),
    bind(Does::Show(Workspace::Schedule), &[alt(Key::Num4)], "Schedule", None),
    bind(Does::Show(Workspace::Inpaint), &[alt(Key::Num5)], "Inpaint", None),
    bind(Does::Show(Workspace::Samplers), &[alt(Key::Num6)], "Samplers", None),
    bind(Does::Show(Workspace::Runs), &[alt(Key::Num7)], "Runs", None),
    bind(Does::Show(Workspace::Compare), &[alt(Key::Num8)], "Compare", None),
    bind(Does::Palette, &[ctrl(Key::K)], "All commands", None),
    bind(Does::Open, &[ctrl(Key::O)], "Open a file", None),
    bind(Does::Paste, &[ctrl(Key::V)], "Paste a picture as data", None),
    bind(Does::Save, &[ctrl(Key::S)], "Save a checkpoint", None),
    bind(Does::SaveDocument, &[ctrl_shift(Key::S)], "Save what is open", None),
    bind(Does::Export, &[ctrl(Key::E)], "Export", TRAJECTORY),
    bind(Does::Stop, &[shift(Key::X)], "Stop the job at once", None),
    bind(Does::Panels, &[ctrl(Key::B)], "Hide or show the side panels", None),
    bind(Does::Theme, &[ctrl_shift(Key::L)], "Light or dark", None),
    bind(Does::Motion, &[ctrl_shift(Key::M)], "Reduced motion on or off", None),
    bind(
        Does::Larger,
        &[ctrl_shift(Key::Plus), ctrl_shift(Key::Equals)],
        "Larger interface",
        None,
    ),
    bind(Does::Smaller, &[ctrl_shift(Key::Minus)], "Smaller interface", None),
    bind(
        Does::OriginalSize,
        &[ctrl_shift(Key::Num0)],
        "Original interface size",
        None,
    ),
    bind(Does::FullScreen, &[plain(Key::F11)], "Full screen", None),
    bind(Does::Times, &[plain(Key::F12)], "Frame times", None),
    bind(Does::Help, &[plain(Key::Questionmark), plain(Key::F1)], "Keys", None),
    bind(Does::Quit, &[ctrl(Key::Q)], "Quit", None),
    bind(Does::Go, &[ctrl(Key::Enter)], "Train", LAB),
    bind(Does::Toggle, &[plain(Key::Space)], "Pause or go on", LAB),
    bind(Does::Step, &[plain(Key::Period)], "One training step", LAB),
    bind(Does::Slow, &[plain(Key::S)], "One training step, slowly", LAB),
    bind(Does::Seed, &[plain(Key::R)], "Another seed", LAB),
    bind(Does::Undo, &[ctrl(Key::Z)], "Undo a change of the recipe", LAB),
    bind(Does::Redo, &[ctrl_shift(Key::Z), ctrl(Key::Y)], "Redo", LAB),
    bind(Does::Layer(0), &[plain(Key::Num1)], "Layer: data", LAB),
    bind(Does::Layer(1), &[plain(Key::Num2)], "Layer: samples", LAB),
    bind(Does::Layer(2), &[plain(Key::Num3)], "Layer: paths", LAB),
    bind(Does::Layer(3), &[plain(Key::Num4)], "Layer: score field", LAB),
    bind(Does::Layer(4), &[plain(Key::Num5)], "Layer: clean guesses", LAB),
    bind(Does::ResetView, &[ctrl_shift(Key::R)], "Reset view", LAB),
    bind(Does::Go, &[ctrl(Key::Enter)], "Make samples", TRAJECTORY),
    bind(Does::Toggle, &[plain(Key::Space)], "Play or pause", TRAJECTORY),
    bind(Does::Slow, &[plain(Key::S)], "One step back, slowly", TRAJECTORY),
    bind(Does::Seed, &[plain(Key::R)], "Another seed", TRAJECTORY),
    bind(Does::Back, &[plain(Key::ArrowLeft)], "One frame back", TRAJECTORY),
    bind(Does::On, &[plain(Key::ArrowRight)], "One frame on", TRAJECTORY),
    bind(Does::Back10, &[shift(Key::ArrowLeft)], "Ten frames back", TRAJECTORY),
    bind(Does::On10, &[shift(Key::ArrowRight)], "Ten frames on", TRAJECTORY),
    bind(Does::First, &[plain(Key::Home)], "First frame", TRAJECTORY),
    bind(
        Does::Last,
        &[plain(Key::End)],
        "Last frame, follow new ones",
        TRAJECTORY,
    ),
    bind(Does::Branch, &[plain(Key::B)], "Branch at this step", TRAJECTORY),
    bind(Does::Remove, &[plain(Key::Delete)], "Remove the trajectory", TRAJECTORY),
    bind(
        Does::Undo,
        &[ctrl(Key::Z)],
        "Put the removed trajectory back",
        TRAJECTORY,
    ),
    bind(Does::ResetView, &[ctrl_shift(Key::R)], "Reset view", TRAJECTORY),
    bind(Does::Undo, &[ctrl(Key::Z)], "Undo a change of the schedule", SCHEDULE),
    bind(Does::Redo, &[ctrl_shift(Key::Z), ctrl(Key::Y)], "Redo", SCHEDULE),
    bind(Does::ResetView, &[ctrl_shift(Key::R)], "Reset view", SCHEDULE),
    bind(Does::Go, &[ctrl(Key::Enter)], "Fill in", INPAINT),
    bind(Does::Seed, &[plain(Key::R)], "Another seed", INPAINT),
    bind(Does::Back, &[plain(Key::ArrowLeft)], "One frame back", INPAINT),
    bind(Does::On, &[plain(Key::ArrowRight)], "One frame on", INPAINT),
    bind(Does::First, &[plain(Key::Home)], "First frame", INPAINT),
    bind(Does::Last, &[plain(Key::End)], "Last frame, follow new ones", INPAINT),
    bind(Does::Tool(Tool::Brush), &[plain(Key::B)], "Brush", INPAINT),
    bind(Does::Tool(Tool::Eraser), &[plain(Key::E)], "Eraser", INPAINT),
    bind(Does::Tool(Tool::Box), &[plain(Key::C)], "Box", INPAINT),
    bind(Does::Tool(Tool::Lasso), &[plain(Key::L)], "Lasso", INPAINT),
    bind(Does::Tool(Tool::Colour), &[plain(Key::P)], "Paint colours", INPAINT),
    bind(Does::Tool(Tool::Frame), &[plain(Key::V)], "Move the frame", INPAINT),
    bind(Does::Swap, &[plain(Key::X)], "Swap adding and taking away", INPAINT),
    bind(Does::SmallerBrush, &[plain(Key::OpenBracket)], "Smaller brush", INPAINT),
    bind(Does::LargerBrush, &[plain(Key::CloseBracket)], "Larger brush", INPAINT),
    bind(Does::Invert, &[shift(Key::V)], "Invert the mask", INPAINT),
    bind(Does::ClearMask, &[shift(Key::C)], "Clear the mask", INPAINT),
    bind(Does::Undo, &[ctrl(Key::Z)], "Undo", INPAINT),
    bind(Does::Redo, &[ctrl_shift(Key::Z), ctrl(Key::Y)], "Redo", INPAINT),
    bind(Does::Fit, &[plain(Key::F), ctrl(Key::Num0)], "Fit the picture", INPAINT),
    bind(Does::Magnify(1), &[ctrl(Key::Num1)], "Canvas at 100 %", INPAINT),
    bind(Does::Magnify(2), &[ctrl(Key::Num2)], "Canvas at 200 %", INPAINT),
    bind(Does::Magnify(4), &[ctrl(Key::Num4)], "Canvas at 400 %", INPAINT),
    bind(
        Does::ZoomIn,
        &[plain(Key::Plus), plain(Key::Equals), shift(Key::Plus)],
        "Magnify",
        INPAINT,
    ),
    bind(Does::ZoomOut, &[plain(Key::Minus)], "Make smaller", INPAINT),
    bind(
        Does::Beneath,
        &[plain(Key::Backslash)],
        "Hold: see under the mask",
        INPAINT,
    ),
    bind(
        Does::Original,
        &[plain(Key::O)],
        "Hold: the picture as it came",
        INPAINT,
    ),
    bind(Does::Above, &[plain(Key::ArrowUp)], "The run above", RUNS),
    bind(Does::Below, &[plain(Key::ArrowDown)], "The run below", RUNS),
    bind(Does::Enter, &[plain(Key::Enter)], "Go on with the run", RUNS),
    bind(Does::Go, &[ctrl(Key::Enter)], "Sample from the run", RUNS),
    bind(Does::Remove, &[plain(Key::Delete)], "Move the run to the trash", RUNS),
    bind(Does::Toggle, &[plain(Key::Space)], "Play or pause", COMPARE),
    bind(Does::Back, &[plain(Key::ArrowLeft)], "One frame back", COMPARE),
    bind(Does::On, &[plain(Key::ArrowRight)], "One frame on", COMPARE),
    bind(Does::Back10, &[shift(Key::ArrowLeft)], "Ten frames back", COMPARE),
    bind(Does::On10, &[shift(Key::ArrowRight)], "Ten frames on", COMPARE),
    bind(Does::First, &[plain(Key::Home)], "First frame", COMPARE),
    bind(Does::Last, &[plain(Key::End)], "Last frame, follow new ones", COMPARE),
    bind(Does::Flip, &[plain(Key::F)], "Hold: flip to the other one", COMPARE),
];

/// Whether one of the keys for `does` was pressed in this frame; takes the press away from the widgets. Keys without
/// Ctrl or Alt are left to whatever has the focus, and all of them to the choice of a new key.
pub fn pressed(ctx: &Context, does: Does) -> bool {
    !own::is_awaiting(ctx) && all(ctx, does).any(|key| is_free(ctx, key) && take(ctx, key))
}

/// Whether one of the keys for `does` is held, and nothing is typed into.
pub fn held(ctx: &Context, does: Does) -> bool {
    !ctx.text_edit_focused() && all(ctx, does).any(|key| ctx.input(|i| i.key_down(key.logical_key)))
}

/// The key of one's own for `does`, or those of the table.
fn all(ctx: &Context, does: Does) -> impl Iterator<Item = KeyboardShortcut> {
    let own = OwnKeys::of(ctx);
    let lines = BINDINGS.iter().filter(move |b| b.does == does);
    lines.flat_map(move |line| own.keys(line).into_iter())
}

fn is_free(ctx: &Context, key: KeyboardShortcut) -> bool {
    let steers_focus = matches!(
        key.logical_key,
        Key::Space
            | Key::Enter
            | Key::ArrowLeft
            | Key::ArrowRight
            | Key::ArrowUp
            | Key::ArrowDown
            | Key::Home
            | Key::End
    );
    let bare = !key.modifiers.command && !key.modifiers.alt;
    match (bare, steers_focus) {
        (true, true) => !ctx.egui_wants_keyboard_input(),
        (true, false) => !ctx.text_edit_focused() || is_function_key(key.logical_key),
        (false, _) => !(key.logical_key == Key::V && ctx.text_edit_focused()),
    }
}

fn is_function_key(key: Key) -> bool {
    matches!(key, Key::F1 | Key::F11 | Key::F12)
}

fn take(ctx: &Context, wanted: KeyboardShortcut) -> bool {
    // A question mark is typed with or without Shift, depending on the keyboard.
    let fits = |modifiers: Modifiers| match wanted.logical_key {
        Key::Questionmark => modifiers.matches_logically(wanted.modifiers),
        _ => modifiers.matches_exact(wanted.modifiers),
    };
    // Ctrl+V with a picture in the clipboard arrives as a release only: the press is taken for pasting text.
    let edge = wanted.logical_key != Key::V;
    ctx.input_mut(|input| {
        let before = input.events.len();
        input.events.retain(|event| match *event {
            Event::Key {
                key,
                pressed,
                modifiers,
                ..
            } => key != wanted.logical_key || pressed != edge || !fits(modifiers),
            _ => true,
        });
        input.events.len() < before
    })
}

/// The first key for `does`, as the platform writes it; empty when there is none.
pub fn text(ctx: &Context, does: Does) -> String {
    all(ctx, does)
        .next()
        .map_or_else(String::new, |key| ctx.format_shortcut(&key))
}

/// Whether Escape asks to close what is in front; a field that is typed into keeps the key.
pub fn closes(ctx: &Context) -> bool {
    !own::is_awaiting(ctx) && !ctx.egui_wants_keyboard_input() && ctx.input(|i| i.key_pressed(Key::Escape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_does_two_things_in_one_place() {
        for (i, a) in BINDINGS.iter().enumerate() {
            assert!(!a.keys.is_empty() && !a.label.is_empty(), "{a:?}");
            for b in &BINDINGS[i + 1..] {
                let shared = a.keys.iter().any(|k| b.keys.contains(k));
                assert!(!(a.meets(b) && shared), "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn tab_and_escape_belong_to_the_toolkit() {
        let taken = BINDINGS.iter().flat_map(|b| b.keys).map(|k| k.logical_key);
        assert_eq!(taken.filter(|k| matches!(k, Key::Tab | Key::Escape)).count(), 0);
    }
}
