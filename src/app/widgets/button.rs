//! Buttons with an icon, a name for screen readers, and a reason when they are not available.

use eframe::egui::{self, Button, Response, RichText, Role, Ui, WidgetInfo};
use egui_material_icons::MaterialIcon;

use crate::app::theme;

/// An icon with words. The accessible name is the words.
pub fn icon_text(ui: &mut Ui, icon: MaterialIcon, text: &str) -> Response {
    named(ui, Button::new((icon.rich_text(), text)), text, Ok(()))
}

/// An icon alone; `name` is its tooltip and its accessible name.
pub fn icon(ui: &mut Ui, icon: MaterialIcon, name: &str) -> Response {
    icon_if(ui, icon, name, Ok(()))
}

/// An icon alone that says why it cannot be pressed.
pub fn icon_if(ui: &mut Ui, icon: MaterialIcon, name: &str, available: Result<(), &str>) -> Response {
    let button = Button::new(icon.rich_text().size(18.0)).frame_when_inactive(false);
    named(ui, button, name, available).on_hover_text(name)
}

/// An icon with words that says why it cannot be pressed.
pub fn icon_text_if(ui: &mut Ui, icon: MaterialIcon, text: &str, available: Result<(), &str>) -> Response {
    named(ui, Button::new((icon.rich_text(), text)), text, available)
}

/// The same without a frame, for bars.
pub fn icon_text_small(ui: &mut Ui, icon: MaterialIcon, text: &str) -> Response {
    let label = (icon.rich_text().size(14.0), RichText::new(text).small());
    named(ui, Button::new(label).frame_when_inactive(false), text, Ok(()))
}

/// The same with a given width.
pub fn icon_text_wide(
    ui: &mut Ui,
    icon: MaterialIcon,
    text: &str,
    available: Result<(), &str>,
    width: f32,
) -> Response {
    let button = Button::new((icon.rich_text(), text)).min_size(egui::vec2(width, 0.0));
    ui.vertical_centered_justified(|ui| named(ui, button, text, available))
        .inner
}

/// The one button of a panel that matters most.
pub fn primary(ui: &mut Ui, icon: MaterialIcon, text: &str, available: Result<(), &str>) -> Response {
    let button = accented(ui, icon, text, available.is_ok()).min_size(egui::vec2(0.0, 34.0));
    named(ui, button, text, available)
}

/// The same over the whole width.
pub fn primary_wide(ui: &mut Ui, icon: MaterialIcon, text: &str, available: Result<(), &str>) -> Response {
    let button = accented(ui, icon, text, available.is_ok()).min_size(egui::vec2(ui.available_width(), 36.0));
    ui.vertical_centered_justified(|ui| named(ui, button, text, available))
        .inner
}

fn accented(ui: &Ui, icon: MaterialIcon, text: &str, lit: bool) -> Button<'static> {
    let palette = theme::palette(ui);
    let ink = if lit { palette.on_accent } else { palette.text };
    let words = RichText::new(text).family(theme::strong()).color(ink);
    let button = Button::new((icon.rich_text().size(17.0).color(ink), words));
    if lit { button.fill(palette.accent) } else { button }
}

/// One of a row of tabs.
pub fn tab<'a>(ui: &mut Ui, text: impl egui::IntoAtoms<'a>, tab: &str, selected: bool) -> Response {
    let response = ui.add(Button::selectable(selected, text).min_size(egui::vec2(0.0, 28.0)));
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, selected, tab));
    response
}

/// Gives a button its name for screen readers.
pub fn name(response: &Response, name: &str) {
    name_as(response, Role::Button, name);
}

/// Gives a control its name for screen readers.
pub fn name_as(response: &Response, role: Role, name: &str) {
    response.widget_info(|| WidgetInfo::labeled(role, response.enabled(), name));
}

fn named(ui: &mut Ui, button: Button<'_>, name: &str, available: Result<(), &str>) -> Response {
    let response = ui.add_enabled(available.is_ok(), button);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, available.is_ok(), name));
    match available {
        Ok(()) => response,
        Err(reason) => response.on_disabled_hover_text(reason),
    }
}
