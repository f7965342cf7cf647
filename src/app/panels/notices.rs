//! What the program told: for some seconds in the corner, and later in a list.

use eframe::egui::{
    Align, Align2, Area, Color32, Context, Frame, Id, Label, Layout, Order, ScrollArea, Ui, Window, vec2,
};
use egui_material_icons::{
    MaterialIcon,
    icons::{ICON_CHECK_CIRCLE, ICON_CLOSE, ICON_ERROR, ICON_INFO, ICON_WARNING},
};

use crate::app::{
    state::{AppState, Notice, Severity},
    theme::{self, Palette},
    widgets::button,
};

/// Notices in the corner at most.
const SHOWN: usize = 4;

/// Which notices are in the corner, and until when.
#[derive(Debug, Default)]
pub struct NoticeDraft {
    seen: usize,
    /// Number of the notice and the time at which it goes; errors stay until they are closed.
    shown: Vec<(usize, f64)>,
}

/// The newest notices in the corner.
pub fn toasts(ctx: &Context, state: &AppState, draft: &mut NoticeDraft) {
    let now = ctx.input(|i| i.time);
    let first = state.notices_made - state.notices.len();
    for number in draft.seen.max(first)..state.notices_made {
        let notice = &state.notices[number - first];
        let is_newer = |&(old, _): &(usize, f64)| {
            let old = old.checked_sub(first).and_then(|i| state.notices.get(i));
            notice.subject.is_some() && old.is_some_and(|old| old.subject == notice.subject)
        };
        draft.shown.retain(|shown| !is_newer(shown));
        draft.shown.push((number, now + lifetime(notice.severity)));
    }
    draft.seen = state.notices_made;
    draft.shown.retain(|&(number, until)| number >= first && until > now);
    let surplus = draft.shown.len().saturating_sub(SHOWN);
    draft.shown.drain(..surplus);
    let next = draft.shown.iter().map(|s| s.1).fold(f64::INFINITY, f64::min);
    if next.is_finite() {
        ctx.request_repaint_after_secs((next - now) as f32);
    }
    let mut closed = None;
    Area::new(Id::unique("toasts"))
        .order(Order::Foreground)
        .anchor(Align2::RIGHT_BOTTOM, [-14.0, -40.0])
        .show(ctx, |ui| {
            for &(number, _) in &draft.shown {
                if toast(ui, &state.notices[number - first]) {
                    closed = Some(number);
                }
            }
        });
    draft.shown.retain(|s| Some(s.0) != closed);
}

fn lifetime(severity: Severity) -> f64 {
    match severity {
        Severity::Info | Severity::Good => 5.0,
        Severity::Warning => 10.0,
        Severity::Error => f64::INFINITY,
    }
}

/// Shows one notice; answers whether it was closed.
fn toast(ui: &mut Ui, notice: &Notice) -> bool {
    let palette = theme::palette(ui);
    let (icon, ink) = look(notice.severity, palette);
    let frame = Frame::popup(ui.style())
        .fill(palette.raised)
        .inner_margin(12)
        .corner_radius(8);
    frame
        .show(ui, |ui| {
            ui.set_width(360.0);
            ui.horizontal_top(|ui| {
                ui.label(icon.rich_text().size(18.0).color(ink));
                let text = vec2((ui.available_width() - 34.0).max(40.0), 0.0);
                ui.allocate_ui_with_layout(text, Layout::top_down(Align::LEFT), |ui| {
                    ui.set_width(text.x);
                    ui.add(Label::new(&notice.text).wrap());
                });
                ui.with_layout(Layout::right_to_left(Align::TOP), |ui| {
                    button::icon(ui, ICON_CLOSE, "Close this note").clicked()
                })
                .inner
            })
            .inner
        })
        .inner
}

fn look(severity: Severity, p: &Palette) -> (MaterialIcon, Color32) {
    match severity {
        Severity::Info => (ICON_INFO, p.accent),
        Severity::Good => (ICON_CHECK_CIRCLE, p.good),
        Severity::Warning => (ICON_WARNING, p.warn),
        Severity::Error => (ICON_ERROR, p.bad),
    }
}

/// All notices, newest first.
pub fn notice_window(ctx: &Context, state: &AppState, open: &mut bool) {
    Window::new("Notes")
        .open(open)
        .collapsible(false)
        .default_width(420.0)
        .anchor(Align2::RIGHT_BOTTOM, [-14.0, -40.0])
        .show(ctx, |ui| {
            if state.notices.is_empty() {
                ui.label("Nothing has happened yet that you would have to know.");
            }
            ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
                for notice in state.notices.iter().rev() {
                    let (icon, ink) = look(notice.severity, theme::palette(ui));
                    ui.horizontal_top(|ui| {
                        ui.label(icon.rich_text().color(ink));
                        ui.label(&notice.text);
                    });
                }
            });
        });
}
