//! The panes of the workspace in front: which are closed, one alone, and as they were.

use eframe::egui::{
    Align, Button, Layout, PopupCloseBehavior, Ui,
    containers::menu::{MenuButton, MenuConfig},
};
use egui_material_icons::icons;

use crate::app::{
    action::{Action, Workspace},
    keys::{self, Does},
    layout::{Arranged, Change, Line},
    widgets::button,
};

/// Width of the menu.
const WIDTH: f32 = 250.0;

/// The button with its menu, which stays open while panes are chosen.
pub fn view_menu(ui: &mut Ui, workspace: Workspace, layout: &dyn Arranged, out: &mut Vec<Action>) {
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let label = icons::ICON_DASHBOARD_CUSTOMIZE.rich_text().size(18.0);
    let menu = MenuButton::from_button(Button::new(label).frame_when_inactive(false)).config(config);
    let (response, _) = menu.ui(ui, |ui| {
        ui.set_width(WIDTH);
        let mut ask = |change| out.push(Action::Arrange(workspace, change));
        for (i, line) in layout.lines().iter().enumerate() {
            ui.horizontal(|ui| pane_line(ui, i, line, &mut ask));
        }
        ui.separator();
        let (undo, redo) = layout.is_open();
        for (text, change, is_open) in [
            ("Undo the last change", Change::Undo, undo),
            ("Redo it", Change::Redo, redo),
        ] {
            let item = ui.add_enabled(is_open, Button::new(text).frame_when_inactive(false));
            if item.clicked() {
                ask(change);
            }
        }
        let reset = Button::new("Reset view").frame_when_inactive(false);
        let reset = ui.add(reset.shortcut_text(keys::text(ui.ctx(), Does::ResetView)));
        button::name(&reset, "Reset view");
        if reset.clicked() {
            ask(Change::Reset);
            ui.close();
        }
    });
    button::name(&response, "View");
    response.on_hover_text("The panes of this workspace: bring back closed ones, or all as they were");
}

fn pane_line(ui: &mut Ui, index: usize, line: &Line, ask: &mut impl FnMut(Change)) {
    let mut is_shown = line.is_shown;
    if ui.checkbox(&mut is_shown, line.title).changed() {
        ask(Change::Toggle(index));
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let (icon, name) = if line.is_alone {
            (icons::ICON_CLOSE_FULLSCREEN, "Show all panes".to_owned())
        } else {
            (icons::ICON_OPEN_IN_FULL, format!("Show alone: {}", line.title))
        };
        if button::icon(ui, icon, &name).clicked() {
            ask(Change::Alone(index));
        }
    });
}
