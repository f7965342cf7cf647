//! What the chosen run is, and what can be done with it.

use std::path::PathBuf;

use eframe::egui::{self, DragValue, Grid, Key, Layout, RichText, Role, Sense, TextEdit, Ui, vec2};
use egui_material_icons::icons;

use super::{super::quality, RunsDraft, change, is_training, obstacle, picture, remark, shot, texture};
use crate::{
    app::{
        action::{Action, Workspace},
        catalogue,
        keys::{self, Does},
        own::Own,
        quantities::{self, Reading, run, training},
        runs::Entry,
        shelf::Change,
        state::AppState,
        theme,
        widgets::{button, form, number},
        words,
    },
    files::{Holder, Remarks, RunFolder, Summary},
};

/// What is being typed about the chosen run.
#[derive(Debug, Default)]
pub(super) struct DetailsDraft {
    folder: PathBuf,
    tags: String,
    note: String,
    name: Option<String>,
    /// What is on its way to the disk.
    sent: Option<Remarks>,
    /// Steps until which a finished run goes on.
    until: u64,
}

impl DetailsDraft {
    /// What is typed belongs to one run.
    fn turn_to(&mut self, entry: &Entry, summary: &Summary) {
        if self.folder != entry.folder {
            *self = Self {
                folder: entry.folder.clone(),
                tags: summary.remarks.tags.join(", "),
                note: summary.remarks.note.clone(),
                name: None,
                sent: None,
                until: 2 * summary.recipe.train.steps,
            };
        }
    }
}

/// Whether training can go on, or why not.
pub(super) fn can_continue(state: &AppState, entry: &Entry) -> Result<(), &'static str> {
    match &entry.found {
        Err(_) => Err("Its recipe cannot be read"),
        Ok(_) if is_training(state, &entry.folder) => Err("It is being trained"),
        Ok(_) => obstacle(state, entry),
    }
}

/// Whether there are weights to sample with, or why not.
pub(super) fn can_sample(entry: &Entry) -> Result<(), &'static str> {
    match entry.summary() {
        None => Err("Its recipe cannot be read"),
        Some(summary) if summary.checkpoints.is_empty() => Err("It was ended before its first checkpoint"),
        Some(_) => Ok(()),
    }
}

pub(super) fn details(ui: &mut Ui, state: &AppState, draft: &mut RunsDraft, out: &mut Vec<Action>) {
    let Some(entry) = draft.chosen(&state.runs).cloned() else {
        ui.label(theme::caption(ui, "Choose a run on the left."));
        return;
    };
    title(ui, state, &entry, draft, out);
    chips(ui, state, &entry);
    match &entry.found {
        Ok(summary) => {
            draft.details.turn_to(&entry, summary);
            if let Some(large) = shot(&entry, true) {
                let side = ui.available_width().min(240.0);
                let (area, _) = ui.allocate_exact_size(vec2(ui.available_width(), side), Sense::hover());
                picture(ui, area, texture(ui, &state.runs, &mut draft.textures, &large, out));
            }
            ui.add_space(6.0);
            main_buttons(ui, state, &entry, summary, draft, out);
            ui.add_space(6.0);
            other_buttons(ui, state, &entry, Some(summary), out);
            remarks(ui, &entry, summary, draft, out);
            facts(ui, state, &entry, summary);
            differences(ui, state, &entry, summary, draft);
            for message in &summary.messages {
                ui.add_space(4.0);
                ui.label(RichText::new(message).small().color(theme::palette(ui).warn));
            }
        }
        Err(reason) => {
            ui.add_space(4.0);
            ui.label(RichText::new(reason).color(theme::palette(ui).bad));
            let advice =
                "What is in the folder is left as it is. Put the missing file back, or move the folder to the trash.";
            ui.label(theme::caption(ui, advice));
            ui.add_space(8.0);
            other_buttons(ui, state, &entry, None, out);
        }
    }
}

fn title(ui: &mut Ui, state: &AppState, entry: &Entry, draft: &mut RunsDraft, out: &mut Vec<Action>) {
    if draft.details.folder == entry.folder
        && let Some(name) = &mut draft.details.name
    {
        let field = ui.add(TextEdit::singleline(name).desired_width(f32::INFINITY));
        button::name_as(&field, Role::TextInput, "Name of the run");
        if !field.has_focus() && !field.lost_focus() {
            field.request_focus();
        }
        if field.lost_focus() {
            let is_wanted = ui.input(|i| i.key_pressed(Key::Enter)) && *name != entry.name();
            if is_wanted {
                out.push(change(entry, Change::Rename(name.clone())));
            }
            draft.details.name = None;
        }
        return;
    }
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
            if entry.found.is_ok() && button::icon_if(ui, icons::ICON_EDIT, "Rename", obstacle(state, entry)).clicked()
            {
                draft.details.name = Some(entry.name());
            }
            ui.with_layout(Layout::left_to_right(egui::Align::Center), |ui| {
                ui.add(egui::Label::new(theme::heading(entry.name())).truncate());
            });
        });
    });
}

fn chips(ui: &mut Ui, state: &AppState, entry: &Entry) {
    let palette = theme::palette(ui);
    let is_ours = state.run.as_ref().is_some_and(|run| run.info.folder == entry.folder);
    ui.horizontal_wrapped(|ui| {
        if is_training(state, &entry.folder) {
            form::chip(ui, "training now", palette.good);
        } else if is_ours {
            form::chip(ui, "open in the Lab", palette.accent);
        } else if entry.holder == Holder::Program {
            form::chip(ui, "in use by another program", palette.warn);
        } else if entry.is_interrupted() {
            form::chip(ui, "interrupted", palette.warn)
                .on_hover_text("The program was ended in the middle of training");
        }
        match entry.summary() {
            None => drop(form::chip(ui, "damaged", palette.bad)),
            Some(summary) => {
                if summary.is_finished() {
                    form::chip(ui, "finished", palette.good);
                }
                if summary.remarks.archived {
                    form::chip(ui, "archived", palette.weak);
                }
            }
        }
    });
}

fn main_buttons(
    ui: &mut Ui,
    state: &AppState,
    entry: &Entry,
    summary: &Summary,
    draft: &mut RunsDraft,
    out: &mut Vec<Action>,
) {
    let can = can_continue(state, entry);
    let (text, until) = if summary.is_finished() {
        ("Train longer", Some(draft.details.until))
    } else {
        ("Continue", None)
    };
    let go_on = button::primary_wide(ui, icons::ICON_PLAY_ARROW, text, can);
    if go_on.on_hover_text(continue_text(ui, state)).clicked() {
        out.push(Action::Continue(entry.folder.clone(), until));
    }
    if until.is_some() {
        let least = summary.step + 1;
        form::row(ui, "Until step", "How far the finished run goes on", |ui| {
            ui.add(
                DragValue::new(&mut draft.details.until)
                    .range(least..=u64::MAX)
                    .speed(summary.step.max(100) as f64 / 100.0),
            )
        });
    }
    let sample = button::icon_text_wide(
        ui,
        icons::ICON_AUTO_AWESOME,
        "Sample from it",
        can_sample(entry),
        ui.available_width(),
    );
    if sample.on_hover_text(keys::text(ui.ctx(), Does::Go)).clicked() {
        out.push(Action::Open(vec![entry.folder.clone()]));
    }
}

fn continue_text(ui: &Ui, state: &AppState) -> String {
    let key = keys::text(ui.ctx(), Does::Enter);
    match &state.run {
        Some(run) if run.state.is_live() => {
            let name = words::file_name(&run.info.folder);
            format!("{key}\n{name} is saved and stopped first; only one run trains at a time")
        }
        _ => key,
    }
}

fn other_buttons(ui: &mut Ui, state: &AppState, entry: &Entry, summary: Option<&Summary>, out: &mut Vec<Action>) {
    let free = obstacle(state, entry);
    ui.horizontal_wrapped(|ui| {
        if let Some(summary) = summary {
            let again = button::icon_text(ui, icons::ICON_TUNE, "Use its recipe");
            if again
                .on_hover_text("Puts the recipe into the Lab, for a new run")
                .clicked()
            {
                out.push(Action::Edit(Box::new(summary.recipe.clone())));
                let run = RunFolder::open(&entry.folder).ok();
                let own = run.and_then(|run| Own::kept(&run, &summary.recipe.data));
                out.extend(own.map(|own| Action::UseOwn(Box::new(own))));
                out.push(Action::Show(Workspace::Lab));
            }
            let (icon, text, help) = if summary.remarks.archived {
                (icons::ICON_UNARCHIVE, "Bring back", "Shows it among the others again")
            } else {
                (icons::ICON_ARCHIVE, "Archive", "Keeps it, but out of the list")
            };
            if button::icon_text(ui, icon, text).on_hover_text(help).clicked() {
                out.extend(remark(entry, |remarks| remarks.archived = !remarks.archived));
            }
            let copy = button::icon_text_if(ui, icons::ICON_CONTENT_COPY, "Copy", free);
            if copy.on_hover_text("A second folder that can be trained on").clicked() {
                out.push(change(entry, Change::Copy));
            }
        }
        if button::icon_text(ui, icons::ICON_FOLDER_OPEN, "Show folder").clicked() {
            out.push(change(entry, Change::Reveal));
        }
        let delete = button::icon_text_if(ui, icons::ICON_DELETE, "Delete", free);
        let help = format!(
            "Moves {} to the trash ({})",
            words::bytes(entry.bytes),
            keys::text(ui.ctx(), Does::Remove)
        );
        if delete.on_hover_text(help).clicked() {
            out.push(change(entry, Change::Remove));
        }
    });
}

fn remarks(ui: &mut Ui, entry: &Entry, summary: &Summary, draft: &mut RunsDraft, out: &mut Vec<Action>) {
    form::group(ui, "Remarks");
    let details = &mut draft.details;
    let tags = form::row(ui, "Tags", "Words to find it by, with commas between them", |ui| {
        ui.add(
            TextEdit::singleline(&mut details.tags)
                .hint_text("paper, baseline")
                .desired_width(f32::INFINITY),
        )
    });
    ui.add_space(4.0);
    let note = TextEdit::multiline(&mut details.note)
        .hint_text("Note")
        .desired_rows(3)
        .desired_width(f32::INFINITY);
    let note = ui.add(note);
    button::name_as(&note, Role::MultilineTextInput, "Note");
    if tags.lost_focus() || note.lost_focus() {
        let mut wanted = summary.remarks.clone();
        wanted.set_tags(&details.tags);
        details.note.clone_into(&mut wanted.note);
        if wanted != summary.remarks && details.sent.as_ref() != Some(&wanted) {
            details.sent = Some(wanted.clone());
            out.push(change(entry, Change::Remarks(wanted)));
        }
    }
}

fn facts(ui: &mut Ui, state: &AppState, entry: &Entry, summary: &Summary) {
    form::group(ui, "Facts");
    let recipe = &summary.recipe;
    let [step, steps] = [summary.step, recipe.train.steps].map(words::count);
    let noise = format!("{}, {}", recipe.schedule.id, recipe.target.id);
    let said = [
        ("Data", catalogue::label(&recipe.data.source)),
        ("Network", recipe.net.id.clone()),
        ("Noise", noise),
    ];
    let steps = format!("{step} of {steps}");
    let time = run::TIME.reads(words::duration(summary.secs), || run::time(summary));
    let size = || run::size(entry.bytes, summary.checkpoints.len());
    let mut numbers = vec![
        (
            "Steps",
            training::STEPS.reads(steps, || training::steps(summary.step, recipe)),
        ),
        ("Time", time),
        ("Size", run::SIZE.reads(words::bytes(entry.bytes), size)),
    ];
    numbers.extend(summary.validation.map(|v| {
        let values = move || run::validation(summary, v);
        ("Validation", run::VALIDATION.reads(words::number(v), values))
    }));
    numbers.extend(summary.figure.as_ref().and_then(|f| {
        let of = quality::quantity(&f.figure)?;
        let text = format!("{} at step {}", words::number(f.value), words::count(f.step));
        Some((of.name, of.reads(text, || quantities::quality::figure(f))))
    }));
    let saved = state.runs.age(entry).map(|age| ("Saved", words::ago(age)));
    let row = |ui: &mut Ui, (name, value): (&str, String)| {
        ui.label(theme::caption(ui, name));
        ui.add(egui::Label::new(RichText::new(value).small()).truncate());
        ui.end_row();
    };
    Grid::new("facts of a run")
        .num_columns(2)
        .spacing([12.0, 3.0])
        .show(ui, |ui| {
            for fact in said {
                row(ui, fact);
            }
            for (name, Reading { of, text, values }) in numbers {
                ui.label(theme::caption(ui, name));
                number::truncated(ui, RichText::new(text).small(), of, of.name, values);
                ui.end_row();
            }
            if let Some(fact) = saved {
                row(ui, fact);
            }
        });
}

/// How the second chosen run differs.
fn differences(ui: &mut Ui, state: &AppState, entry: &Entry, summary: &Summary, draft: &RunsDraft) {
    let second = draft.selected.get(1).and_then(|folder| state.runs.entries.get(folder));
    let Some((second, other)) = second.and_then(|e| Some((e, e.summary()?))) else {
        return;
    };
    form::group(ui, &format!("Beside {}", second.name()));
    let all = summary.recipe.differences(&other.recipe);
    if all.is_empty() {
        ui.label(theme::caption(ui, "Both have the same recipe."));
    }
    let palette = theme::palette(ui);
    Grid::new(("differences", &entry.folder))
        .num_columns(3)
        .spacing([10.0, 3.0])
        .striped(true)
        .show(ui, |ui| {
            for difference in all {
                ui.label(theme::caption(ui, difference.key));
                for (value, ink) in [(difference.ours, palette.text), (difference.theirs, palette.weak)] {
                    let value = value.unwrap_or_else(|| "as usual".into());
                    ui.add(egui::Label::new(RichText::new(value).small().color(ink)).truncate());
                }
                ui.end_row();
            }
        });
}
