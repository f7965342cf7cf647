//! Paint a hole in a picture: the canvas, its tools, and where the picture comes from.

mod source;
mod tools;

use eframe::egui::{
    self, Align, CentralPanel, CursorIcon, Frame as Pane, Label, Layout, Margin, Panel, RichText, ScrollArea, Sense,
    Stroke, StrokeKind, Ui, WidgetInfo, vec2,
};
use egui_material_icons::icons;

use crate::{
    app::{
        action::Action,
        easel::Easel,
        export::{Content, Saving},
        keys::{self, Does},
        state::AppState,
        theme,
        widgets::{
            button,
            canvas::{self, Canvas, Face, Placed, Shown},
            form,
            hand::{Hand, hand_is_down},
        },
    },
    data::{Dataset, Picture},
    draw::{
        Raster,
        mask::{Coverage, Edit},
    },
};

/// The picture that is worked on, the tools, and what is uploaded.
#[derive(Debug, Default)]
pub struct InpaintDraft {
    /// The picture with its drawing; `None` before one was chosen.
    pub easel: Option<Easel>,
    /// The tools.
    pub hand: Hand,
    /// What is uploaded.
    pub canvas: Canvas,
    source: source::SourceDraft,
    tools: tools::ToolsDraft,
}

impl InpaintDraft {
    /// Works on another picture from now on.
    pub fn take(&mut self, easel: Easel) {
        self.easel = Some(easel);
        self.canvas.forget();
    }

    /// Takes pictures from these data; the next one.
    pub fn take_data(&mut self, data: Dataset) -> Option<Action> {
        let easel = self.source.take(data)?;
        Some(Action::Work(Box::new(easel)))
    }

    /// Puts a picture in place of the mask.
    pub fn take_mask(&mut self, picture: &Picture) -> Result<(), String> {
        let Some(easel) = &mut self.easel else {
            return Err("Choose a picture first; the mask is then put over it.".into());
        };
        let mask = Coverage::from_light(&crate::app::easel::on_white(picture));
        self.hand.edit(easel, Edit::Picture(mask));
        Ok(())
    }
}

/// Paint a hole in a picture.
pub fn inpaint_panel(ui: &mut Ui, state: &AppState, draft: &mut InpaintDraft, out: &mut Vec<Action>) {
    let form = Pane::new()
        .inner_margin(Margin::same(12))
        .fill(theme::palette(ui).panel);
    if let Some(easel) = &mut draft.easel {
        Panel::left("inpaint tools")
            .frame(form)
            .default_size(272.0)
            .size_range(256.0..=360.0)
            .show(ui, |ui| {
                ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                    source::source_form(ui, state, &mut draft.source, out);
                    tools::tools_form(ui, easel, &mut draft.hand, &mut draft.tools, out);
                });
            });
    }
    let pane = Pane::new()
        .inner_margin(Margin::same(12))
        .fill(theme::palette(ui).panel);
    CentralPanel::default().frame(pane).show(ui, |ui| {
        let InpaintDraft {
            easel, hand, canvas, ..
        } = draft;
        match easel {
            Some(easel) => {
                hand.keys(ui, easel);
                header(ui, easel, canvas, out);
                ui.add_space(4.0);
                sheet(ui, easel, hand, canvas);
            }
            None => empty(ui, state, &mut draft.source, out),
        }
    });
}

fn empty(ui: &mut Ui, state: &AppState, draft: &mut source::SourceDraft, out: &mut Vec<Action>) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.28).max(20.0));
        ui.set_max_width(460.0);
        ui.label(theme::title("Paint what is to be filled"));
        ui.add_space(6.0);
        let text = "Choose a picture, or drop one here. Then paint over the part that is to be made anew.";
        ui.label(RichText::new(text).color(theme::palette(ui).weak));
        ui.add_space(12.0);
        source::source_buttons(ui, state, draft, out);
    });
}

/// What is worked on, how large it is shown, and what can be written of it.
fn header(ui: &mut Ui, easel: &Easel, canvas: &mut Canvas, out: &mut Vec<Action>) {
    let size = vec2(ui.available_width(), 30.0);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        save_menu(ui, easel, out);
        let fits = if canvas.camera.fits() {
            Err("All of it is shown")
        } else {
            Ok(())
        };
        if button::icon_if(ui, icons::ICON_FIT_SCREEN, "Fit the picture", fits).clicked() {
            canvas.camera.fit();
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(theme::heading(&easel.name)).truncate());
            let picture = easel.picture();
            let colour = if picture.channels == 1 { "grey" } else { "colour" };
            let facts = format!("{}×{}, {colour}", picture.width, picture.height);
            ui.add(Label::new(theme::caption(ui, facts)).truncate());
            if !easel.layers().is_empty() {
                let layers = format!("{} filled in", easel.layers().len());
                form::chip(ui, &layers, theme::palette(ui).good);
            }
        });
    });
}

fn save_menu(ui: &mut Ui, easel: &Easel, out: &mut Vec<Action>) {
    let stem = std::path::Path::new(&easel.name).file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy().to_lowercase().replace(' ', "-");
    let mask = easel.sketch().mask();
    let choices = [
        (
            "Picture…",
            "The picture with everything that was accepted and painted",
            "picture",
        ),
        ("Mask…", "White is filled, black stays", "mask"),
    ];
    let label = (icons::ICON_DOWNLOAD.rich_text(), "Save");
    let menu = ui.menu_button(label, |ui| {
        for (text, help, kind) in choices {
            if ui.button(text).on_hover_text(help).clicked() {
                let raster = match kind {
                    "mask" => Raster {
                        width: mask.width(),
                        height: mask.height(),
                        channels: 1,
                        data: mask.to_pixels().into_flattened(),
                    },
                    _ => easel.sketch().over(easel.picture()),
                };
                out.push(Action::Save(Box::new(Saving {
                    title: format!("Save the {kind}"),
                    name: format!("{stem}-{kind}.png"),
                    content: Content::Picture(raster),
                })));
                ui.close();
            }
        }
    });
    button::name(&menu.response, "Save");
}

/// The canvas and one line of facts below it.
fn sheet(ui: &mut Ui, easel: &mut Easel, hand: &mut Hand, canvas: &mut Canvas) {
    let size = vec2(ui.available_width(), (ui.available_height() - 24.0).max(80.0));
    let (area, response) = ui.allocate_exact_size(size, Sense::drag());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Canvas, true, "Canvas"));
    let palette = theme::palette(ui);
    ui.painter().rect_filled(area, 4.0, palette.ground);
    let picture = [easel.picture().width, easel.picture().height];
    let ppp = ui.ctx().pixels_per_point();
    let placed = canvas.camera.place(area.shrink(6.0), picture, ppp);
    canvas_keys(ui, &placed, canvas);
    let moves = canvas::steer(ui, &response, &placed, &mut canvas.camera, hand_is_down(ui));
    if !moves {
        hand.work(ui, &response, &placed, easel);
    }
    let placed = canvas.camera.place(area.shrink(6.0), picture, ppp);
    let peeks = keys::held(ui.ctx(), Does::Original);
    let shown = Shown {
        face: if peeks { Face::Original } else { Face::Present },
        mask: !peeks && !keys::held(ui.ctx(), Does::Beneath),
    };
    canvas.paint(ui, &placed, easel, &shown);
    let painter = ui.painter_at(area);
    painter.rect_stroke(placed.whole(), 0.0, Stroke::new(1.0, palette.edge), StrokeKind::Outside);
    let pointer = response.hover_pos().filter(|_| !moves);
    let cursor = hand.paint(&painter, &placed, pointer);
    let cursor = if moves { CursorIcon::Grab } else { cursor };
    let response = response.on_hover_cursor(cursor);
    ui.add(
        Label::new(theme::number(facts(easel, canvas, &placed, response.hover_pos())).color(palette.weak)).truncate(),
    );
}

fn canvas_keys(ui: &Ui, placed: &Placed, canvas: &mut Canvas) {
    let ctx = ui.ctx();
    let middle = placed.area.center();
    if keys::pressed(ctx, Does::Fit) {
        canvas.camera.fit();
    }
    for times in [1, 2, 4] {
        if keys::pressed(ctx, Does::Magnify(times)) {
            let scale = f32::from(times) / ctx.pixels_per_point();
            canvas.camera.set(placed, middle, scale);
        }
    }
    for (does, factor) in [(Does::ZoomIn, 1.25), (Does::ZoomOut, 0.8)] {
        if keys::pressed(ctx, does) {
            canvas.camera.zoom(placed, middle, factor);
        }
    }
}

/// `400 %  12.5 % is filled  pixel 3,14  200 10 30`.
fn facts(easel: &Easel, canvas: &Canvas, placed: &Placed, pointer: Option<egui::Pos2>) -> String {
    let mut parts = vec![format!("{:.0} %", 100.0 * placed.scale)];
    parts.push(match canvas.share() {
        share if share <= 0.0 => "nothing is to be filled yet".into(),
        share => format!("{:.1} % to be filled", 100.0 * share),
    });
    if let Some(at) = pointer.map(|at| placed.pixel(at)) {
        let inside = (0..2).all(|i| at[i] >= 0.0 && at[i] < placed.size[i] as f32);
        if inside {
            let (x, y) = (at[0] as usize, at[1] as usize);
            let bytes: Vec<String> = canvas::value(easel.picture(), x, y).iter().map(u8::to_string).collect();
            parts.push(format!("pixel {x},{y}  {}", bytes.join(" ")));
        }
    }
    parts.join("   ")
}
