//! The trajectories of this session as a tree: what they are called, which one is looked at, which ones stay.

use eframe::egui::{
    self, Align, Key, Layout, Response, Sense, TextEdit, TextStyle, Ui, Vec2, WidgetInfo,
    text::{LayoutJob, TextWrapping},
    vec2,
};
use egui_material_icons::icons;

use crate::{
    app::{
        action::Action,
        keys::{self, Does},
        state::AppState,
        theme,
        trajectories::{
            TrajectoryView,
            family::{self, Member},
        },
        widgets::{button, form},
        words,
    },
    diffusion::sampler,
    engine::{TrajectoryId, event::TrajectoryInfo},
};

/// Height of a row.
const ROW: f32 = 42.0;

/// How far a branch stands in from what it parts from, for so many levels at most.
const INDENT: (f32, usize) = (12.0, 4);

/// What is edited or under the pointer.
#[derive(Debug, Default)]
pub(super) struct ListDraft {
    /// A name that is being typed.
    naming: Option<(TrajectoryId, String)>,
    /// The trajectory under the pointer, here or among the lanes.
    pub(super) lit: Option<TrajectoryId>,
}

/// The list with its keys. The newest family comes first.
pub(super) fn trajectory_list(ui: &mut Ui, state: &AppState, draft: &mut ListDraft, out: &mut Vec<Action>) {
    list_keys(ui, state, draft, out);
    if state.trajectories.iter().len() > 0 {
        form::group(ui, "Trajectories");
    }
    for member in family::tree(&state.trajectories) {
        row(ui, &member, state.current == Some(member.view.info.id), draft, out);
    }
    if let Some(removed) = state.trajectories.removed() {
        put_back(ui, removed, out);
    }
}

fn list_keys(ui: &Ui, state: &AppState, draft: &ListDraft, out: &mut Vec<Action>) {
    if draft.naming.is_some() {
        return;
    }
    if let Some(id) = state.current
        && keys::pressed(ui.ctx(), Does::Remove)
    {
        out.push(Action::Remove(id));
    }
    if state.trajectories.removed().is_some() && keys::pressed(ui.ctx(), Does::Undo) {
        out.push(Action::PutBack);
    }
}

fn row(ui: &mut Ui, member: &Member<'_>, is_current: bool, draft: &mut ListDraft, out: &mut Vec<Action>) {
    let Member { view, depth } = *member;
    let id = view.info.id;
    let name = called(view);
    let size = vec2(ui.available_width(), ROW);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.spacing_mut().button_padding = vec2(3.0, 2.0);
        row_buttons(ui, view, &name, draft, out);
        let (step, deepest) = INDENT;
        let room = vec2((ui.available_width() - step * depth.min(deepest) as f32).max(40.0), ROW);
        if let Some((_, typed)) = draft.naming.as_mut().filter(|(named, _)| *named == id) {
            let done = name_field(ui, room, typed);
            if let (Some(is_kept), Some((_, typed))) = (done, draft.naming.take_if(|_| done.is_some())) {
                out.extend(is_kept.then_some(Action::Rename(id, typed)));
            }
            return;
        }
        let detail = format!("{} · {}", outcome(view), view.info.model);
        let place = parted(view).unwrap_or_default();
        let row = two_lines(ui, room, &name, &detail, is_current, depth > 0);
        if row.hovered() {
            draft.lit = Some(id);
        }
        let told = format!("{}\n{detail}\n{place}", title(&view.info));
        if row.on_hover_text(told.trim_end()).clicked() && !is_current {
            out.push(Action::Select(id));
        }
    });
}

fn row_buttons(ui: &mut Ui, view: &TrajectoryView, name: &str, draft: &mut ListDraft, out: &mut Vec<Action>) {
    let id = view.info.id;
    if button::icon(ui, icons::ICON_DELETE, &format!("Remove: {name}")).clicked() {
        out.push(Action::Remove(id));
    }
    let (icon, does) = if view.pinned {
        (icons::ICON_KEEP_OFF, "Let it go when memory runs short")
    } else {
        (icons::ICON_KEEP, "Keep whatever the memory budget says")
    };
    if button::icon(ui, icon, &format!("{does}: {name}")).clicked() {
        out.push(Action::Pin(id, !view.pinned));
    }
    if button::icon(ui, icons::ICON_EDIT, &format!("Rename: {name}")).clicked() {
        draft.naming = Some((id, view.name.clone().unwrap_or_default()));
    }
}

/// The field for a name. Answers at the end whether it is to be taken.
fn name_field(ui: &mut Ui, room: Vec2, typed: &mut String) -> Option<bool> {
    let field = TextEdit::singleline(typed).hint_text("a name");
    let response = ui.add_sized(vec2(room.x, 28.0), field);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::TextInput, true, "Name of the trajectory"));
    if response.lost_focus() {
        return Some(!ui.input(|input| input.key_pressed(Key::Escape)));
    }
    response.request_focus();
    None
}

fn put_back(ui: &mut Ui, removed: &TrajectoryView, out: &mut Vec<Action>) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let key = keys::text(ui.ctx(), Does::Undo);
            if button::icon_text_small(ui, icons::ICON_UNDO, "Put back")
                .on_hover_text(key)
                .clicked()
            {
                out.push(Action::PutBack);
            }
            let text = theme::caption(ui, format!("Removed: {}", called(removed)));
            ui.add(egui::Label::new(text).truncate());
        });
    });
}

/// A row of a list: a title over a smaller line, both cut where the room ends.
fn two_lines(ui: &mut Ui, size: Vec2, title: &str, detail: &str, is_current: bool, is_branch: bool) -> Response {
    let (area, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, is_current, title));
    let palette = theme::palette(ui);
    if is_current || response.hovered() || response.has_focus() {
        let fill = if is_current { palette.selected } else { palette.hover };
        ui.painter().rect_filled(area, 6.0, fill);
    }
    if is_branch {
        let line = egui::Stroke::new(2.0, palette.edge);
        ui.painter().vline(area.left() + 2.0, area.y_range().shrink(6.0), line);
    }
    let text = area.shrink2(vec2(8.0, 4.0));
    let lines = [
        (title, TextStyle::Body, palette.text, text.top()),
        (detail, TextStyle::Small, palette.weak, text.top() + 18.0),
    ];
    for (line, style, ink, y) in lines {
        let mut job = LayoutJob::simple_singleline(line.into(), style.resolve(ui.style()), ink);
        job.wrap = TextWrapping::truncate_at_width(text.width());
        let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
        ui.painter().galley(egui::pos2(text.left(), y), galley, ink);
    }
    response
}

/// The name that the user gave, or what it is.
pub(in crate::app::panels) fn called(view: &TrajectoryView) -> String {
    view.name.clone().unwrap_or_else(|| title(&view.info))
}

/// `DDIM · 50 steps · seed 1`, or `DDPM · 8 futures from 30 · seed 2`.
pub(super) fn title(info: &TrajectoryInfo) -> String {
    let entry = sampler::ENTRIES.iter().find(|e| e.id == info.sampler.id);
    let sampler = entry.map_or(info.sampler.id.as_str(), |e| e.label);
    let place = match info.branch.as_deref() {
        None => format!("{} steps", info.moves),
        Some(parted) if parted.sample.is_some() => format!("{} futures from {}", info.count, parted.step),
        Some(parted) => format!("from step {}", parted.step),
    };
    format!("{sampler} · {place} · seed {}", info.seed)
}

/// `parts at step 30 of DDIM · 50 steps · seed 1, sample 4 continued`.
pub(super) fn parted(view: &TrajectoryView) -> Option<String> {
    let parted = view.info.branch.as_deref()?;
    let sample = parted
        .sample
        .map_or_else(String::new, |sample| format!(", sample {} continued", sample + 1));
    Some(format!(
        "parts at step {} of {}{sample}",
        parted.step,
        title(&parted.parent)
    ))
}

/// `16 samples, 2 s`.
pub(in crate::app::panels) fn outcome(view: &TrajectoryView) -> String {
    let samples = format!("{} samples", view.info.count);
    match (view.ended, view.complete) {
        (false, _) => format!("{samples}, running"),
        (true, true) => format!("{samples}, {}", words::duration(view.secs)),
        (true, false) => format!("{samples}, cancelled at step {}", view.reached().saturating_sub(1)),
    }
}
