//! The list of keys: searched, and changed to one's own.

use eframe::egui::{self, Align2, Button, Context, Grid, Id, Role, ScrollArea, TextEdit, Ui, Window};
use egui_material_icons::icons;

use crate::app::{
    action::{Action, Workspace},
    keys::{BINDINGS, Binding, Does, OwnKeys, own},
    theme,
    widgets::button,
};

/// What is searched for, and why the last key was not taken.
#[derive(Debug, Default)]
pub struct KeyListDraft {
    wanted: String,
    refused: Option<String>,
}

/// The list of keys.
pub fn key_list_window(ctx: &Context, open: &mut bool, draft: &mut KeyListDraft, out: &mut Vec<Action>) {
    if *open {
        take_new_key(ctx, draft, out);
    }
    Window::new("Keys")
        .open(open)
        .pivot(Align2::CENTER_CENTER)
        .default_pos(ctx.content_rect().center())
        .collapsible(false)
        .default_width(480.0)
        .default_height(500.0)
        .show(ctx, |ui| {
            let field = TextEdit::singleline(&mut draft.wanted).hint_text("search");
            let search = ui.add(field.desired_width(f32::INFINITY));
            button::name_as(&search, Role::TextInput, "Search the keys");
            told(ui, draft, out);
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                for place in [None].into_iter().chain(Workspace::TABS.map(Some)) {
                    group(ui, place, draft, out);
                }
            });
        });
    if !*open {
        own::wait_for(ctx, None);
        draft.refused = None;
    }
}

/// The key that is pressed while one is awaited.
fn take_new_key(ctx: &Context, draft: &mut KeyListDraft, out: &mut Vec<Action>) {
    let Some(does) = own::awaiting(ctx) else { return };
    let Some(key) = own::any_key(ctx) else { return };
    let written = ctx.format_shortcut(&key);
    if key.logical_key == egui::Key::Escape {
        own::wait_for(ctx, None);
        draft.refused = None;
    } else if !own::is_allowed(key.logical_key) {
        draft.refused = Some(format!("{written} moves from control to control: choose another key."));
    } else if let Some(rival) = OwnKeys::of(ctx).rival(does, Some(key)) {
        draft.refused = Some(taken(&written, rival));
    } else {
        out.push(Action::OwnKey(does, Some(key)));
        own::wait_for(ctx, None);
        draft.refused = None;
    }
}

fn taken(key: &str, by: &Binding) -> String {
    let place = by.place.map_or("everywhere", Workspace::label);
    format!(
        "{key} is “{}” already ({place}): choose another key, or give that one another first.",
        by.label
    )
}

/// What is waited for, or how it is done.
fn told(ui: &mut Ui, draft: &KeyListDraft, out: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    ui.horizontal_wrapped(|ui| {
        ui.set_min_height(22.0);
        match (&draft.refused, own::awaiting(ui.ctx())) {
            (Some(refused), _) => drop(ui.colored_label(palette.warn, refused)),
            (None, Some(does)) => drop(ui.label(format!(
                "Press the new key for {}. Esc keeps the old one.",
                labels(does)
            ))),
            (None, None) => drop(ui.label(theme::caption(ui, "Press a key in the list to choose another one."))),
        }
        if !OwnKeys::of(ui.ctx()).is_empty() && ui.link("All as they were").clicked() {
            out.push(Action::TableKeys);
        }
    });
}

/// Everything that one command is called, in its places.
fn labels(does: Does) -> String {
    let mut labels: Vec<String> = BINDINGS
        .iter()
        .filter(|line| line.does == does)
        .map(|line| format!("“{}”", line.label))
        .collect();
    labels.dedup();
    labels.join(", ")
}

fn group(ui: &mut Ui, place: Option<Workspace>, draft: &mut KeyListDraft, out: &mut Vec<Action>) {
    let wanted = draft.wanted.to_lowercase();
    let lines = BINDINGS.iter().filter(|line| line.place == place);
    let lines: Vec<_> = lines
        .filter(|line| line.label.to_lowercase().contains(&wanted))
        .collect();
    if lines.is_empty() {
        return;
    }
    ui.add_space(6.0);
    let title = place.map_or("Everywhere", Workspace::label);
    ui.label(theme::heading(title));
    Grid::new(("keys", title))
        .num_columns(3)
        .spacing([20.0, 4.0])
        .striped(true)
        .show(ui, |ui| {
            for line in lines {
                key_line(ui, line, draft, out);
                ui.end_row();
            }
        });
}

fn key_line(ui: &mut Ui, line: &Binding, draft: &mut KeyListDraft, out: &mut Vec<Action>) {
    let (ctx, own) = (ui.ctx().clone(), OwnKeys::of(ui.ctx()));
    let keys: Vec<_> = own.keys(line).iter().map(|key| ctx.format_shortcut(key)).collect();
    let is_awaited = own::awaiting(&ctx) == Some(line.does);
    let shown = if is_awaited {
        "press a key".to_owned()
    } else {
        keys.join("  or  ")
    };
    let change = ui.push_id(Id::unique((line.label, line.place.map(Workspace::label))), |ui| {
        ui.add(Button::selectable(is_awaited, theme::number(shown)))
    });
    let change = change.inner;
    button::name(&change, &format!("Key for {}", line.label));
    if change.clicked() {
        draft.refused = None;
        own::wait_for(&ctx, (!is_awaited).then_some(line.does));
        ctx.memory_mut(egui::Memory::stop_text_input);
    }
    ui.label(line.label);
    if own.has(line.does) {
        reset(ui, line, &own, draft, out);
    } else {
        ui.label("");
    }
}

/// Back to the key of the table, if nothing else has it now.
fn reset(ui: &mut Ui, line: &Binding, own: &OwnKeys, draft: &mut KeyListDraft, out: &mut Vec<Action>) {
    let name = format!("Key for {} as it was", line.label);
    if !button::icon(ui, icons::ICON_UNDO, &name).clicked() {
        return;
    }
    match own.rival(line.does, None) {
        Some(rival) => draft.refused = Some(taken(&ui.ctx().format_shortcut(&line.keys[0]), rival)),
        None => out.push(Action::OwnKey(line.does, None)),
    }
}
