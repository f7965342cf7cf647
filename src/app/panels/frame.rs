//! What surrounds the workspaces: tabs, menu, frame times, dropping of files.

use eframe::egui::{self, Align, Align2, Context, FontId, Frame, Id, Layout, Margin, RichText, Theme, Ui, Window};
use egui_material_icons::icons::{ICON_BLUR_ON, ICON_DARK_MODE, ICON_HELP, ICON_LIGHT_MODE, ICON_MENU};

use crate::app::{
    action::{Action, ThemeChoice, Workspace},
    keys::{self, BINDINGS, Does},
    layout::Arranged,
    panels::view_menu::view_menu,
    state::AppState,
    theme,
    widgets::button,
};

/// Menu, name, tabs, and what is always at hand. `layout` are the panes of the workspace in front.
pub fn top_bar(ui: &mut Ui, state: &AppState, layout: Option<&dyn Arranged>, out: &mut Vec<Action>) {
    let frame = Frame::new()
        .fill(theme::palette(ui).panel)
        .inner_margin(Margin::symmetric(10, 6));
    egui::Panel::top("top").resizable(false).frame(frame).show(ui, |ui| {
        ui.horizontal(|ui| {
            menu(ui, state, out);
            let at_start = state.workspace == Workspace::Start;
            let name = RichText::new("Diffusion Studio").font(FontId::new(15.0, theme::strong()));
            let text = (ICON_BLUR_ON.rich_text().size(17.0), name.color(theme::palette(ui).text));
            let home = button::tab(ui, text, "Start", at_start);
            if home.on_hover_text("Cards, recent runs, your own data").clicked() {
                out.push(Action::Show(Workspace::Start));
            }
            ui.add_space(10.0);
            for tab in Workspace::TABS {
                let key = keys::text(ui.ctx(), Does::Show(tab));
                let selected = state.workspace == tab;
                let palette = theme::palette(ui);
                let text = RichText::new(tab.label()).color(if selected { palette.text } else { palette.weak });
                let response = button::tab(ui, text, tab.label(), selected);
                if response.on_hover_text(key).clicked() {
                    out.push(Action::Show(tab));
                }
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if button::icon(ui, ICON_HELP, "Keys").clicked() {
                    out.push(Action::ToggleHelp);
                }
                let (icon, name) = match ui.ctx().theme() {
                    Theme::Dark => (ICON_LIGHT_MODE, "Light colours"),
                    Theme::Light => (ICON_DARK_MODE, "Dark colours"),
                };
                if button::icon(ui, icon, name).clicked() {
                    out.push(Action::Theme(opposite(ui.ctx())));
                }
                if let Some(layout) = layout {
                    view_menu(ui, state.workspace, layout, out);
                }
            });
        });
    });
}

/// The other one of light and dark.
pub fn opposite(ctx: &Context) -> ThemeChoice {
    match ctx.theme() {
        Theme::Dark => ThemeChoice::Light,
        Theme::Light => ThemeChoice::Dark,
    }
}

/// What the menu holds, in groups. Every key that works everywhere is here.
const MENU: &[&[Does]] = &[
    &[Does::Palette],
    &[Does::Open, Does::SaveDocument, Does::Paste, Does::Save, Does::Stop],
    &[
        Does::Show(Workspace::Start),
        Does::Show(Workspace::Lab),
        Does::Show(Workspace::Data),
        Does::Show(Workspace::Trajectory),
        Does::Show(Workspace::Schedule),
        Does::Show(Workspace::Inpaint),
        Does::Show(Workspace::Samplers),
        Does::Show(Workspace::Runs),
        Does::Show(Workspace::Compare),
    ],
    &[
        Does::Panels,
        Does::Theme,
        Does::Motion,
        Does::Larger,
        Does::Smaller,
        Does::OriginalSize,
        Does::FullScreen,
    ],
    &[Does::Times, Does::Help],
    &[Does::Quit],
];

fn menu(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let label = ICON_MENU.rich_text().size(18.0);
    let response = ui.menu_button(label, |ui| {
        ui.set_min_width(250.0);
        let live = state.run.as_ref().is_some_and(|r| r.state.is_live());
        for (i, group) in MENU.iter().enumerate() {
            if i > 0 {
                ui.separator();
            }
            if matches!(group[0], Does::Show(_)) {
                // All in one column would be higher than a small screen.
                ui.menu_button("Go to", |ui| group.iter().for_each(|&does| item(ui, does, Ok(()), out)));
                continue;
            }
            for &does in *group {
                let needs_run = matches!(does, Does::Save | Does::Stop);
                let can = if needs_run && !live {
                    Err("Nothing is being trained")
                } else {
                    Ok(())
                };
                item(ui, does, can, out);
            }
        }
    });
    button::name(&response.response, "Menu");
}

fn item(ui: &mut Ui, does: Does, can: Result<(), &str>, out: &mut Vec<Action>) {
    let text = BINDINGS.iter().find(|b| b.does == does).map_or("", |b| b.label);
    let button = egui::Button::new(text)
        .shortcut_text(keys::text(ui.ctx(), does))
        .frame_when_inactive(false);
    let mut response = ui.add_enabled(can.is_ok(), button);
    button::name(&response, text);
    if let Err(reason) = can {
        response = response.on_disabled_hover_text(reason);
    }
    if response.clicked() {
        out.push(Action::Do(does));
        ui.close();
    }
}

/// How long frames take, by part.
pub fn times_window(ctx: &Context, open: &mut bool, times: &[String], out: &mut Vec<Action>) {
    Window::new("Frame times")
        .open(open)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::RIGHT_TOP, [-12.0, 52.0])
        .show(ctx, |ui| {
            ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
            for line in times {
                ui.label(theme::number(line));
            }
            let about = "Total is the program's own work; whole adds what the renderer draws and the wait for the screen. \
                         Below: from an input to the frame that answers it.";
            ui.add(egui::Label::new(theme::caption(ui, about)).wrap());
            if ui.button("Measure anew").clicked() {
                out.push(Action::MeasureAnew);
            }
        });
}

/// Files that were dropped on the window are opened; while they hover, the window says so.
pub fn take_dropped(ctx: &Context, out: &mut Vec<Action>) {
    let (hovering, dropped) = ctx.input(|i| {
        let paths: Vec<_> = i.raw.dropped_files.iter().map(|f| f.path().to_path_buf()).collect();
        (!i.raw.hovered_files.is_empty(), paths)
    });
    if !dropped.is_empty() {
        out.push(Action::Open(dropped));
    }
    if hovering {
        let painter = ctx.layer_painter(egui::LayerId::new(egui::Order::Foreground, Id::unique("drop")));
        let screen = ctx.content_rect();
        let palette = if ctx.theme() == Theme::Dark {
            &theme::DARK
        } else {
            &theme::LIGHT
        };
        painter.rect_filled(screen, 0.0, palette.ground.gamma_multiply(0.85));
        painter.text(
            screen.center(),
            Align2::CENTER_CENTER,
            "Drop pictures, a folder, a CSV, .npy, a model, a recipe or a run",
            FontId::new(20.0, theme::strong()),
            palette.text,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_works_everywhere_is_in_the_menu() {
        let listed: Vec<_> = MENU.iter().flat_map(|group| *group).collect();
        for binding in BINDINGS.iter().filter(|b| b.place.is_none()) {
            assert!(listed.contains(&&binding.does), "{}", binding.label);
        }
    }
}
