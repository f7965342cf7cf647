//! Asking for a path: the system's dialog off the window's thread, and a field to type into when none appears.
//!
//! A dialog may never come (no portal, a portal that hangs), so after two seconds, or when the system says no at once,
//! the question is asked in the window itself.

use std::{
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    task::{Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use eframe::egui::{
    self, Align2, Context, Key, RichText, TextEdit, Window,
    text::{CCursor, CCursorRange},
    text_edit::TextEditState,
    vec2,
};
use egui_material_icons::icons;

use super::{
    theme,
    widgets::{button, form},
};

/// How long the system's dialog may take to answer or appear before the window asks itself.
const PATIENCE_SECS: f64 = 2.0;

/// A dialog that answers "nothing" faster than a person can has not been shown.
const AT_ONCE_SECS: f64 = 0.4;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file that exists.
    OpenFile,
    /// A folder that exists.
    OpenFolder,
    /// A file to be made.
    SaveFile,
    /// A folder to be made.
    SaveFolder,
}

/// A question for a path.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is asked for.
    pub kind: Kind,
    /// In words, e.g. `Save the grid`.
    pub title: String,
    /// Suggested name of what is to be made.
    pub name: String,
    /// Extensions that fit, without the dot; empty for any.
    pub extensions: &'static [&'static str],
    /// Where to begin.
    pub folder: Option<PathBuf>,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This one.
    Path(PathBuf),
    /// None.
    Cancelled,
}

/// A question on its way to an answer.
#[derive(Debug)]
pub struct Asking {
    question: Question,
    dialog: Receiver<Option<PathBuf>>,
    since: Option<f64>,
    typed: String,
    inline: bool,
    /// The suggested name was selected when the field opened.
    selected: bool,
}

impl Asking {
    /// Asks with the system's dialog on a thread of its own.
    pub fn new(ctx: &Context, question: Question) -> Self {
        let ctx = ctx.clone();
        Self::with(question, move |question, answer| {
            let ask = move || {
                // The window may have been closed meanwhile; then nobody waits for the answer.
                drop(answer.send(system_dialog(&question)));
                ctx.request_repaint();
            };
            // Without a thread the channel closes, and the window asks itself.
            drop(thread::Builder::new().name("dialog".into()).spawn(ask));
        })
    }

    /// Asks by other means: `ask` answers through the channel, or drops it when it cannot.
    pub fn with(question: Question, ask: impl FnOnce(Question, Sender<Option<PathBuf>>)) -> Self {
        let (sender, dialog) = bounded(1);
        let typed = match &question.folder {
            Some(folder) => folder.join(&question.name).display().to_string(),
            None => question.name.clone(),
        };
        ask(question.clone(), sender);
        Self {
            question,
            dialog,
            since: None,
            typed,
            inline: false,
            selected: false,
        }
    }

    /// Looks for an answer and shows the field where it is needed. Call once a frame until it answers.
    pub fn show(&mut self, ctx: &Context) -> Option<Answer> {
        let now = ctx.input(|i| i.time);
        let waited = now - *self.since.get_or_insert(now);
        match self.dialog.try_recv() {
            Ok(Some(path)) => return Some(Answer::Path(path)),
            Ok(None) if !self.inline && waited > AT_ONCE_SECS => return Some(Answer::Cancelled),
            Ok(None) | Err(TryRecvError::Disconnected) => self.inline = true,
            Err(TryRecvError::Empty) if waited > PATIENCE_SECS => self.inline = true,
            Err(TryRecvError::Empty) if !self.inline => {
                ctx.request_repaint_after(Duration::from_secs_f64((PATIENCE_SECS - waited).max(0.0) + 0.01));
            }
            Err(TryRecvError::Empty) => {}
        }
        if self.inline { self.show_field(ctx) } else { None }
    }

    fn show_field(&mut self, ctx: &Context) -> Option<Answer> {
        let mut answer = None;
        Window::new(self.question.title.as_str())
            .id(egui::Id::unique("path field"))
            .collapsible(false)
            .resizable(false)
            .anchor(Align2::CENTER_CENTER, vec2(0.0, -40.0))
            .show(ctx, |ui| {
                ui.set_width(460.0);
                ui.label(theme::caption(
                    ui,
                    "Type or paste a path; a name alone goes into your home folder.",
                ));
                let field = form::row(ui, "Path", "", |ui| {
                    ui.add(TextEdit::singleline(&mut self.typed).desired_width(f32::INFINITY))
                });
                if !std::mem::replace(&mut self.selected, true) {
                    select(ctx, field.id, self.suggestion());
                }
                let entered = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
                if ui.memory(|m| m.focused().is_none()) {
                    field.request_focus();
                }
                let fault = self.fault();
                let said = fault.clone().unwrap_or_default();
                ui.label(RichText::new(said).color(theme::palette(ui).warn));
                ui.horizontal(|ui| {
                    let verb = if self.question.kind.is_open() { "Open" } else { "Save" };
                    let available = fault.as_deref().map_or(Ok(()), Err);
                    let pressed = button::primary(ui, icons::ICON_CHECK, verb, available).clicked();
                    if fault.is_none() && (pressed || entered) {
                        answer = Some(Answer::Path(full(&self.typed)));
                    }
                    let escaped = ui.input(|i| i.key_pressed(Key::Escape));
                    if button::icon_text(ui, icons::ICON_CLOSE, "Cancel").clicked() || escaped {
                        answer = Some(Answer::Cancelled);
                    }
                });
            });
        answer
    }

    /// Where the suggested name stands in what is typed, without folder and ending, in characters; the end where there is
    /// none.
    fn suggestion(&self) -> std::ops::Range<usize> {
        let name = &self.question.name;
        let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
        let start = self.typed.chars().count() - name.chars().count();
        start..start + stem.chars().count()
    }

    /// Why the typed path will not do.
    fn fault(&self) -> Option<String> {
        if self.typed.trim().is_empty() {
            return Some("A path is needed.".into());
        }
        let path = full(&self.typed);
        match self.question.kind {
            Kind::OpenFile if !path.is_file() => Some("There is no such file.".into()),
            Kind::OpenFolder if !path.is_dir() => Some("There is no such folder.".into()),
            Kind::SaveFile | Kind::SaveFolder if path.exists() => {
                Some("This name is taken; choose another one.".into())
            }
            Kind::SaveFile | Kind::SaveFolder if !path.parent().is_some_and(Path::is_dir) => {
                Some("The folder around it does not exist.".into())
            }
            _ => None,
        }
    }
}

/// What is typed next into a text field takes the place of these characters.
fn select(ctx: &Context, field: egui::Id, part: std::ops::Range<usize>) {
    let mut state = TextEditState::load(ctx, field).unwrap_or_default();
    let ends = CCursorRange::two(CCursor::new(part.start), CCursor::new(part.end));
    state.cursor.set_char_range(Some(ends));
    state.store(ctx, field);
}

impl Kind {
    fn is_open(self) -> bool {
        matches!(self, Self::OpenFile | Self::OpenFolder)
    }
}

/// A typed path: `~` is the home folder, and so is the start of a path without a root.
fn full(typed: &str) -> PathBuf {
    let typed = typed.trim().trim_matches('"');
    let home = || {
        directories::UserDirs::new()
            .map(|d| d.home_dir().to_owned())
            .unwrap_or_default()
    };
    match typed.strip_prefix("~/") {
        Some(rest) => home().join(rest),
        None => home().join(typed),
    }
}

/// The system's own dialog; waits for it.
fn system_dialog(question: &Question) -> Option<PathBuf> {
    let mut dialog = rfd::AsyncFileDialog::new().set_title(&question.title);
    if let Some(folder) = &question.folder {
        dialog = dialog.set_directory(folder);
    }
    if !question.name.is_empty() {
        dialog = dialog.set_file_name(&question.name);
    }
    if !question.extensions.is_empty() {
        dialog = dialog.add_filter(question.extensions.join(", "), question.extensions);
    }
    let chosen = match question.kind {
        Kind::OpenFile => wait(dialog.pick_file()),
        Kind::OpenFolder => wait(dialog.pick_folder()),
        Kind::SaveFile | Kind::SaveFolder => wait(dialog.save_file()),
    };
    chosen.map(|file| file.path().to_owned())
}

/// Runs a future to its end on this thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(kind: Kind) -> Question {
        Question {
            kind,
            title: "Save the grid".into(),
            name: "grid.png".into(),
            extensions: &["png"],
            folder: None,
        }
    }

    /// Runs `asking` at the given times and answers what it said last.
    fn at(asking: &mut Asking, times: &[f64]) -> Option<Answer> {
        let ctx = Context::default();
        theme::install(&ctx);
        let mut answer = None;
        for &time in times {
            let input = egui::RawInput {
                time: Some(time),
                ..egui::RawInput::default()
            };
            let mut output = ctx.run_ui(input, |ui| answer = asking.show(ui.ctx()));
            output.textures_delta.clear();
        }
        answer
    }

    #[test]
    fn an_answer_of_the_dialog_is_taken() {
        let mut asking = Asking::with(question(Kind::SaveFile), |_, answer| {
            answer.send(Some("/a/b.png".into())).unwrap();
        });
        assert_eq!(at(&mut asking, &[0.0]), Some(Answer::Path("/a/b.png".into())));
    }

    #[test]
    fn a_late_no_is_a_no_and_an_early_one_is_a_missing_dialog() {
        let (mut late, mut early) = (None, None);
        for (slot, times) in [(&mut late, [0.0, 1.0]), (&mut early, [0.0, 0.1])] {
            let (keep, mut sender) = (slot, None);
            let mut asking = Asking::with(question(Kind::SaveFile), |_, answer| sender = Some(answer));
            assert_eq!(at(&mut asking, &times[..1]), None);
            sender.unwrap().send(None).unwrap();
            *keep = Some((at(&mut asking, &times[1..]), asking.inline));
        }
        assert_eq!(late, Some((Some(Answer::Cancelled), false)));
        assert_eq!(early, Some((None, true)));
    }

    #[test]
    fn a_dialog_that_hangs_is_replaced_after_two_seconds() {
        let mut held = None;
        let mut asking = Asking::with(question(Kind::SaveFile), |_, answer| held = Some(answer));
        assert_eq!(at(&mut asking, &[0.0, 1.9]), None);
        assert!(!asking.inline);
        assert_eq!(at(&mut asking, &[2.1]), None);
        assert!(asking.inline);
    }

    #[test]
    fn typed_paths_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken.png");
        std::fs::write(&taken, "x").unwrap();
        let fault = |kind, typed: String| {
            let mut asking = Asking::with(question(kind), |_, _| {});
            asking.typed = typed;
            asking.fault()
        };
        let path = |name: &str| folder.path().join(name).display().to_string();
        assert_eq!(fault(Kind::SaveFile, path("new.png")), None);
        assert!(fault(Kind::SaveFile, path("taken.png")).is_some());
        assert!(fault(Kind::SaveFile, path("none/new.png")).is_some());
        assert_eq!(fault(Kind::OpenFile, path("taken.png")), None);
        assert!(fault(Kind::OpenFile, path("new.png")).is_some());
        assert_eq!(fault(Kind::OpenFolder, folder.path().display().to_string()), None);
        assert!(fault(Kind::OpenFile, "  ".into()).is_some());
    }

    #[test]
    fn futures_are_run_to_their_end() {
        let mut polled = 0;
        let twice = std::future::poll_fn(|context| {
            polled += 1;
            context.waker().wake_by_ref();
            if polled == 3 { Poll::Ready(7) } else { Poll::Pending }
        });
        assert_eq!(wait(twice), 7);
    }
}
