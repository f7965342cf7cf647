//! A colour to choose: usual ones, and its three parts.

use eframe::egui::{
    Button, Color32, PopupCloseBehavior, Response, Slider, Stroke, Ui,
    containers::menu::{MenuButton, MenuConfig},
    vec2,
};

use super::{button, form};
use crate::app::theme;

/// The usual ones, with names for those who do not see them.
const USUAL: [(&str, [u8; 3]); 14] = [
    ("Black", [0, 0, 0]),
    ("Dark grey", [85, 85, 85]),
    ("Light grey", [170, 170, 170]),
    ("White", [255, 255, 255]),
    ("Brown", [122, 74, 40]),
    ("Skin", [232, 190, 150]),
    ("Red", [215, 45, 45]),
    ("Orange", [240, 140, 40]),
    ("Yellow", [245, 215, 65]),
    ("Green", [60, 160, 70]),
    ("Turquoise", [60, 180, 180]),
    ("Blue", [50, 100, 215]),
    ("Purple", [130, 70, 190]),
    ("Pink", [235, 130, 180]),
];

/// Swatches in a row.
const PER_ROW: usize = 7;

/// A button in a colour, which opens a choice of others. The response has changed when the colour has.
pub fn colour_button(ui: &mut Ui, colour: &mut [u8; 3]) -> Response {
    let before = *colour;
    let open = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let face = swatch(ui, *colour, false).min_size(vec2(44.0, 22.0));
    let (mut response, _) = MenuButton::from_button(face).config(open).ui(ui, |ui| {
        ui.set_width(248.0);
        usual(ui, colour);
        ui.add_space(4.0);
        for (part, name) in colour.iter_mut().zip(["Red", "Green", "Blue"]) {
            form::row(ui, name, "0 to 255", |ui| ui.add(Slider::new(part, 0..=255)));
        }
    });
    if *colour != before {
        response.mark_changed();
    }
    response
}

fn usual(ui: &mut Ui, colour: &mut [u8; 3]) {
    ui.spacing_mut().item_spacing = vec2(5.0, 5.0);
    for row in USUAL.chunks(PER_ROW) {
        ui.horizontal(|ui| {
            for (name, usual) in row {
                let face = swatch(ui, *usual, usual == colour).min_size(vec2(30.0, 26.0));
                let response = ui.add(face).on_hover_text(*name);
                button::name(&response, name);
                if response.clicked() {
                    *colour = *usual;
                }
            }
        });
    }
}

/// A field of one colour; an edge keeps it apart from a ground of the same colour.
fn swatch(ui: &Ui, [r, g, b]: [u8; 3], chosen: bool) -> Button<'static> {
    let palette = theme::palette(ui);
    let edge = if chosen {
        Stroke::new(2.5, palette.accent)
    } else {
        Stroke::new(1.0, palette.edge)
    };
    Button::new("").fill(Color32::from_rgb(r, g, b)).stroke(edge)
}

#[cfg(test)]
mod tests {
    use eframe::egui::Role;
    use egui_kittest::{Harness, kittest::Queryable as _};

    use super::*;

    #[test]
    fn a_usual_colour_and_one_by_its_parts_are_chosen() {
        let show = |ui: &mut Ui, colour: &mut [u8; 3]| {
            let response = colour_button(ui, colour);
            button::name(&response, "Colour");
        };
        let mut window = Harness::builder()
            .with_size(vec2(400.0, 300.0))
            .with_context_setup(theme::install)
            .build_ui_state(show, [1, 2, 3]);
        let press = |window: &mut Harness<'_, [u8; 3]>, name: &str| {
            window.get_by_role_and_label(Role::Button, name).click();
            window.run();
        };
        press(&mut window, "Colour");
        press(&mut window, "Orange");
        assert_eq!(*window.state(), [240, 140, 40]);
        // It stays open for the next choice.
        press(&mut window, "Black");
        assert_eq!(*window.state(), [0, 0, 0]);
    }
}
