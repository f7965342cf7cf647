//! Buttons with an icon, a name for screen readers, and a reason when they are not available.

use eframe::egui::{self, Button, Response, RichText, Role, Ui, WidgetInfo};
use egui_material_icons::MaterialIcon;

use crate::app::theme;

/// An icon with words. The accessible name is the words.
pub fn icon_text(ui: &mut Ui, icon: MaterialIcon, text: &str) -> Response {
    named(ui, Button::new(format!("{}  {text}", icon.codepoint)), text, Ok(()))
}

/// An icon alone; `name` is its tooltip and its accessible name.
pub fn icon(ui: &mut Ui, icon: MaterialIcon, name: &str) -> Response {
    named(
        ui,
        Button::new(RichText::new(icon.codepoint).size(18.0)).frame_when_inactive(false),
        name,
        Ok(()),
    )
    .on_hover_text(name)
}

/// An icon with words that says why it cannot be pressed.
pub fn icon_text_if(ui: &mut Ui, icon: MaterialIcon, text: &str, available: Result<(), &str>) -> Response {
    named(ui, Button::new(format!("{}  {text}", icon.codepoint)), text, available)
}

/// The one button of a panel that matters most.
pub fn primary(ui: &mut Ui, icon: MaterialIcon, text: &str, available: Result<(), &str>) -> Response {
    let palette = theme::palette(ui);
    let label = RichText::new(format!("{}  {text}", icon.codepoint)).strong();
    let button = match available {
        Ok(()) => Button::new(label.color(palette.on_accent)).fill(palette.accent),
        Err(_) => Button::new(label),
    };
    named(ui, button.min_size(egui::vec2(0.0, 32.0)), text, available)
}

fn named(ui: &mut Ui, button: Button<'_>, name: &str, available: Result<(), &str>) -> Response {
    let response = ui.add_enabled(available.is_ok(), button);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, available.is_ok(), name));
    match available {
        Ok(()) => response,
        Err(reason) => response.on_disabled_hover_text(reason),
    }
}
