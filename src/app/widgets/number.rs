//! A number that can be asked "why?": it looks like a label, and a click, Enter or Space opens what it means.

use eframe::egui::{
    CursorIcon, Frame, Key, Label, Popup, PopupCloseBehavior, Response, RichText, Role, Sense, Shape, Ui, WidgetInfo,
    epaint::TextShape,
};

use crate::app::{quantities::Quantity, theme};

/// Width of an explanation.
const WIDTH: f32 = 430.0;

/// A number. `subject` tells it apart from others of its kind beside it; `values` puts what is on screen into the formula.
pub fn number(ui: &mut Ui, text: RichText, of: &Quantity, subject: &str, values: impl FnOnce() -> String) -> Response {
    shown(ui, Label::new(text), Sense::click(), of, subject, values)
}

/// A number in a table, beside one of its kind that has the keyboard's stop: another stop in each cell would be too many.
pub fn cell(ui: &mut Ui, text: RichText, of: &Quantity, subject: &str, values: impl FnOnce() -> String) -> Response {
    shown(ui, Label::new(text), Sense::CLICK, of, subject, values)
}

/// The same as [`number`], shortened where there is no room for all of it.
pub fn truncated(
    ui: &mut Ui,
    text: RichText,
    of: &Quantity,
    subject: &str,
    values: impl FnOnce() -> String,
) -> Response {
    shown(ui, Label::new(text).truncate(), Sense::click(), of, subject, values)
}

fn shown(
    ui: &mut Ui,
    label: Label,
    sense: Sense,
    of: &Quantity,
    subject: &str,
    values: impl FnOnce() -> String,
) -> Response {
    let (place, galley, response) = label.selectable(false).sense(sense).layout_in_ui(ui);
    let text = galley.text().to_owned();
    response.widget_info(|| WidgetInfo {
        current_text_value: Some(text.clone()),
        ..WidgetInfo::labeled(Role::Button, ui.is_enabled(), format!("Why? {subject}"))
    });
    if ui.is_rect_visible(response.rect) {
        let ink = theme::palette(ui).text;
        ui.painter().add(TextShape::new(place, galley, ink));
        underline(ui, &response);
    }
    let was_open = Popup::is_id_open(ui.ctx(), Popup::default_response_id(&response));
    Popup::from_toggle_button_response(&response)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .accessible_name(of.name)
        .frame(Frame::popup(ui.style()).inner_margin(14))
        .show(|ui| explanation(ui, of, &values()));
    // Escape closes what is open before it gives up the focus.
    if was_open && response.lost_focus() && ui.input(|i| i.key_pressed(Key::Escape)) {
        response.request_focus();
    }
    let response = response.on_hover_cursor(CursorIcon::Help);
    if was_open {
        response
    } else {
        response.on_hover_text(of.said)
    }
}

/// Dots under what can be asked, once it is pointed at.
fn underline(ui: &Ui, response: &Response) {
    let palette = theme::palette(ui);
    let ink = if response.has_focus() {
        palette.accent
    } else if response.hovered() {
        palette.weak
    } else {
        return;
    };
    let line = response.rect;
    ui.painter().extend(Shape::dotted_line(
        &[line.left_bottom(), line.right_bottom()],
        ink,
        3.0,
        0.8,
    ));
}

fn explanation(ui: &mut Ui, of: &Quantity, values: &str) {
    ui.set_width(WIDTH);
    ui.spacing_mut().item_spacing.y = 6.0;
    ui.label(theme::heading(of.name));
    ui.label(of.said);
    let palette = theme::palette(ui);
    let sunken = Frame::new().fill(palette.sunken).corner_radius(6).inner_margin(10);
    sunken.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(theme::number(of.formula).color(palette.weak));
        ui.label(theme::number(values));
    });
    if !of.source.is_empty() {
        ui.label(theme::caption(ui, of.source));
    }
}
