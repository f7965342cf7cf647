//! The command palette: everything that the program can do, found by a few letters.

use std::path::PathBuf;

use eframe::egui::{
    Align2, Button, Context, Event, Id, Key, KeyboardShortcut, Memory, Modifiers, Role, ScrollArea, TextEdit, Window,
    vec2,
};

use crate::app::{
    action::{Action, Workspace},
    catalogue,
    keys::{BINDINGS, Binding, Does, OwnKeys},
    layout::{Change, Pane},
    lessons::{LESSONS, LessonCommand},
    panels::{lab::LabPane, schedule::SchedulePane, trajectory::TrajectoryPane},
    theme,
    widgets::button,
    words,
};

/// Width of the palette.
const WIDTH: f32 = 520.0;

/// What is typed, and which line is chosen.
#[derive(Debug, Default)]
pub struct PaletteDraft {
    open: bool,
    text: String,
    chosen: usize,
}

impl PaletteDraft {
    /// Opens it with nothing typed, or closes it.
    pub fn toggle(&mut self) {
        *self = Self {
            open: !self.open,
            ..Self::default()
        };
    }
}

/// A line.
#[derive(Clone, Debug)]
struct Entry {
    label: String,
    keys: String,
    actions: Vec<Action>,
}

/// The palette, while it is open. `recent` are the newest run folders.
pub fn palette_window(ctx: &Context, recent: &[PathBuf], draft: &mut PaletteDraft, out: &mut Vec<Action>) {
    if !draft.open {
        return;
    }
    let found = found(&all(ctx, recent), &draft.text);
    steer(ctx, draft, found.len());
    let mut done = ctx
        .input_mut(|i| i.consume_key(Modifiers::NONE, Key::Enter))
        .then_some(draft.chosen);
    Window::new("Commands")
        .anchor(Align2::CENTER_TOP, [0.0, 84.0])
        .title_bar(false)
        .resizable(false)
        .fixed_size([WIDTH, 400.0])
        .show(ctx, |ui| {
            let id = Id::unique("palette text");
            let field = TextEdit::singleline(&mut draft.text)
                .id(id)
                .hint_text("Type what you want to do")
                .desired_width(f32::INFINITY);
            let field = ui.add(field);
            button::name_as(&field, Role::TextInput, "Search the commands");
            field.request_focus();
            if field.changed() {
                draft.chosen = 0;
            }
            if found.is_empty() {
                ui.label(theme::caption(ui, "Nothing is called like this."));
            }
            ScrollArea::vertical().auto_shrink([false, true]).show(ui, |ui| {
                for (i, entry) in found.iter().enumerate() {
                    let line = Button::selectable(i == draft.chosen, entry.label.as_str())
                        .shortcut_text(entry.keys.as_str())
                        .min_size(vec2(ui.available_width(), 26.0));
                    let line = ui.add(line);
                    button::name(&line, &entry.label);
                    if i == draft.chosen
                        && ui.input(|input| input.key_pressed(Key::ArrowDown) || input.key_pressed(Key::ArrowUp))
                    {
                        line.scroll_to_me(None);
                    }
                    if line.clicked() {
                        done = Some(i);
                    }
                }
            });
        });
    let outside = ctx.input(|i| i.key_pressed(Key::Escape));
    if let Some(entry) = done.and_then(|i| found.get(i)) {
        out.extend(entry.actions.iter().cloned());
        draft.open = false;
    }
    draft.open &= !outside;
    if !draft.open {
        ctx.memory_mut(Memory::stop_text_input);
    }
}

/// Arrow keys choose a line.
fn steer(ctx: &Context, draft: &mut PaletteDraft, count: usize) {
    let moved = |key| ctx.input(|i| i.num_presses(key));
    let last = count.saturating_sub(1);
    draft.chosen = (draft.chosen + moved(Key::ArrowDown)).min(last);
    draft.chosen = draft.chosen.saturating_sub(moved(Key::ArrowUp));
}

/// Everything, in the order of the key table; then lessons, data and runs.
fn all(ctx: &Context, recent: &[PathBuf]) -> Vec<Entry> {
    let is_offered = |b: &&Binding| b.does != Does::Palette && !b.label.starts_with("Hold");
    let keys = BINDINGS.iter().filter(is_offered).map(|binding| of_key(ctx, binding));
    let lessons = LESSONS.iter().map(|lesson| Entry {
        label: format!("Lesson · {}", lesson.title),
        keys: String::new(),
        actions: vec![Action::Lesson(LessonCommand::Begin(Box::new(lesson.clone())))],
    });
    let data = catalogue::GROUPS.iter().flat_map(|group| group.entries());
    let data = data.map(|entry| Entry {
        label: format!("Learn · {}", entry.label),
        keys: String::new(),
        actions: vec![Action::UseData(entry.id.to_owned()), Action::Show(Workspace::Lab)],
    });
    let runs = recent.iter().map(|folder| Entry {
        label: format!("Open the run · {}", words::file_name(folder)),
        keys: String::new(),
        actions: vec![Action::Open(vec![folder.clone()])],
    });
    keys.chain(panes()).chain(lessons).chain(data).chain(runs).collect()
}

/// Every pane that can be closed and brought back.
fn panes() -> impl Iterator<Item = Entry> {
    fn of<P: Pane>(place: Workspace) -> impl Iterator<Item = Entry> {
        P::ALL.iter().enumerate().map(move |(i, pane)| Entry {
            label: format!("{} · Close or bring back · {}", place.label(), pane.title()),
            keys: String::new(),
            actions: vec![Action::Show(place), Action::Arrange(place, Change::Toggle(i))],
        })
    }
    let lab = of::<LabPane>(Workspace::Lab);
    lab.chain(of::<TrajectoryPane>(Workspace::Trajectory))
        .chain(of::<SchedulePane>(Workspace::Schedule))
}

/// What belongs to one workspace is done there, by its key.
fn of_key(ctx: &Context, binding: &Binding) -> Entry {
    let key = OwnKeys::of(ctx).keys(binding)[0];
    let keys = ctx.format_shortcut(&key);
    let (label, actions) = match binding.place {
        None => (binding.label.to_owned(), vec![Action::Do(binding.does)]),
        Some(place) => (
            format!("{} · {}", place.label(), binding.label),
            vec![Action::Show(place), Action::Press(key)],
        ),
    };
    let label = match binding.does {
        Does::Show(_) => format!("Go to {label}"),
        _ => label,
    };
    Entry { label, keys, actions }
}

/// The entries that hold every word, the best first: those that begin with what was typed, then those with a word that does.
fn found(all: &[Entry], text: &str) -> Vec<Entry> {
    let wanted = text.to_lowercase();
    let mut ranked: Vec<(usize, &Entry)> = all
        .iter()
        .filter_map(|entry| Some((rank(&entry.label.to_lowercase(), &wanted)?, entry)))
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, entry)| entry.clone()).collect()
}

/// Less is better; `None` where a word is missing.
fn rank(label: &str, wanted: &str) -> Option<usize> {
    let mut words = wanted.split_whitespace();
    if !words.all(|word| label.contains(word)) {
        return None;
    }
    let begins = |part: &str| part.starts_with(wanted.trim());
    Some(match label {
        // The name of a workspace before the command is not what was looked for.
        _ if begins(label.rsplit(" · ").next().unwrap_or(label)) => 0,
        _ if label.split([' ', '·']).any(begins) => 1,
        _ => 2,
    })
}

/// The event of a key, for [`Action::Press`].
pub fn press(keys: KeyboardShortcut) -> Event {
    Event::Key {
        key: keys.logical_key,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: keys.modifiers,
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::Ui;
    use egui_kittest::{Harness, kittest::Queryable as _};

    use super::*;

    #[test]
    fn every_word_must_be_there_and_beginnings_come_first() {
        assert_eq!(rank("export", "exp"), Some(0));
        assert_eq!(rank("trajectory · export", "exp"), Some(0));
        assert_eq!(rank("trajectory · export", "traj"), Some(1));
        assert_eq!(rank("lesson · noise in one step", "one noise"), Some(2));
        assert_eq!(rank("lesson · noise in one step", "two noise"), None);
        assert_eq!(rank("anything", ""), Some(0));
    }

    #[derive(Default)]
    struct Bench {
        draft: PaletteDraft,
        out: Vec<Action>,
    }

    fn window() -> Harness<'static, Bench> {
        let show = |ui: &mut Ui, bench: &mut Bench| {
            let recent = [PathBuf::from("/runs/moons-0007")];
            palette_window(ui.ctx(), &recent, &mut bench.draft, &mut bench.out);
        };
        let mut bench = Bench::default();
        bench.draft.toggle();
        let mut window = Harness::builder()
            .with_size(vec2(900.0, 600.0))
            .with_context_setup(theme::install)
            .build_ui_state(show, bench);
        window.run_ok();
        window
    }

    fn type_text(window: &mut Harness<'_, Bench>, text: &str) {
        window
            .get_by_role_and_label(Role::TextInput, "Search the commands")
            .type_text(text);
        window.run_ok();
    }

    #[test]
    fn a_few_letters_and_enter_do_it() {
        let mut window = window();
        type_text(&mut window, "moons-0007");
        window.key_press(Key::Enter);
        window.run_ok();
        assert!(matches!(&window.state().out[..], [Action::Open(paths)] if paths[0].ends_with("moons-0007")));
        assert!(window.query_by_label("Search the commands").is_none(), "it closes");
    }

    #[test]
    fn arrows_choose_and_escape_leaves() {
        let mut window = window();
        type_text(&mut window, "noise in");
        window.key_press(Key::ArrowDown);
        window.key_press(Key::ArrowUp);
        window.run_ok();
        window
            .get_by_role_and_label(Role::Button, "Lesson · Noise in one step")
            .click();
        window.run_ok();
        assert!(matches!(&window.state().out[..], [Action::Lesson(_)]));
        window.state_mut().draft.toggle();
        window.run_ok();
        type_text(&mut window, "there is no such thing");
        assert!(window.query_by_label("Nothing is called like this.").is_some());
        window.key_press(Key::Escape);
        window.run_ok();
        assert!(window.query_by_label("Search the commands").is_none());
        assert_eq!(window.state().out.len(), 1);
    }
}
