//! Tools of the canvas, the brush in the hand, and edits of the whole mask.

use eframe::egui::{self, ComboBox, Response, Slider, Ui, WidgetInfo, vec2};
use egui_material_icons::{MaterialIcon, icons};

use crate::{
    app::{
        action::{Action, Browse},
        easel::Easel,
        keys::{self, Does},
        theme,
        widgets::{
            button,
            colour::colour_button,
            form,
            hand::{Hand, RADII, Tool},
        },
    },
    draw::{
        mask::{Edit, Preset, Side},
        sketch::Mark,
    },
};

/// How far edits of the whole mask reach.
#[derive(Debug)]
pub(super) struct ToolsDraft {
    /// In pixels of the picture.
    reach: i64,
    /// Of the random mask.
    seed: u64,
}

impl Default for ToolsDraft {
    fn default() -> Self {
        Self { reach: 2, seed: 0 }
    }
}

/// The whole column below the sources. `framed` is the model's size where it is another one than the picture's.
pub(super) fn tools_form(
    ui: &mut Ui,
    easel: &mut Easel,
    hand: &mut Hand,
    draft: &mut ToolsDraft,
    framed: Option<[usize; 2]>,
    out: &mut Vec<Action>,
) {
    form::group(ui, "Tools");
    tool_row(ui, hand, framed.is_some());
    brush_rows(ui, easel, hand);
    if let Some(size) = framed {
        frame_slider(ui, easel, size);
    }
    history_row(ui, easel, hand);
    form::group(ui, "Mask");
    mask_row(ui, easel, hand);
    reach_rows(ui, easel, hand, draft);
    preset_row(ui, easel, hand, draft, out);
}

fn icon_of(tool: Tool) -> MaterialIcon {
    match tool {
        Tool::Brush => icons::ICON_BRUSH,
        Tool::Eraser => icons::ICON_INK_ERASER,
        Tool::Box => icons::ICON_SELECT,
        Tool::Lasso => icons::ICON_LASSO_SELECT,
        Tool::Colour => icons::ICON_PALETTE,
        Tool::Frame => icons::ICON_CROP_FREE,
    }
}

/// A button that is lit while what it names is chosen.
fn toggle(ui: &mut Ui, icon: MaterialIcon, name: &str, help: &str, lit: bool) -> Response {
    let button = egui::Button::selectable(lit, icon.rich_text().size(18.0)).min_size(vec2(34.0, 30.0));
    let response = ui.add(button);
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, lit, name));
    response.on_hover_text(help)
}

fn tool_row(ui: &mut Ui, hand: &mut Hand, framed: bool) {
    if !framed && hand.tool == Tool::Frame {
        hand.tool = Tool::Brush;
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for tool in Tool::ALL.into_iter().filter(|&tool| framed || tool != Tool::Frame) {
            let help = format!("{} ({})", tool.help(), keys::text(ui.ctx(), Does::Tool(tool)));
            if toggle(ui, icon_of(tool), tool.label(), &help, hand.tool == tool).clicked() {
                hand.tool = tool;
            }
        }
        let help = format!(
            "Tools that add take away, and the other way round ({})",
            keys::text(ui.ctx(), Does::Swap)
        );
        if toggle(ui, icons::ICON_SWAP_HORIZ, "Swap", &help, hand.swapped).clicked() {
            hand.swapped = !hand.swapped;
        }
    });
}

fn brush_rows(ui: &mut Ui, easel: &mut Easel, hand: &mut Hand) {
    if !hand.tool.is_brush() {
        ui.label(theme::caption(ui, hand.tool.help()));
        return;
    }
    let pixels = easel.picture().width.max(easel.picture().height) as f32;
    let brush = hand.brush();
    let help = "Diameter in pixels of the picture; [ and ], Ctrl and the wheel, or Alt and a drag change it, too";
    form::row(ui, "Size", help, |ui| {
        let mut size = 2.0 * brush.radius * pixels;
        let range = 2.0 * RADII.start() * pixels..=2.0 * RADII.end() * pixels;
        let response = ui.add(
            Slider::new(&mut size, range)
                .logarithmic(true)
                .custom_formatter(|v, _| short(v)),
        );
        brush.radius = (size / 2.0 / pixels).clamp(*RADII.start(), *RADII.end());
        response
    });
    form::row(ui, "Hardness", "Share of the brush that covers entirely", |ui| {
        ui.add(Slider::new(&mut brush.hardness, 0.0..=1.0).custom_formatter(|v, _| format!("{:.0} %", 100.0 * v)))
    });
    if hand.tool == Tool::Colour {
        form::row(ui, "Colour", "Grey pictures take its brightness", |ui| {
            colour_button(ui, &mut hand.colour)
        });
        let can = if easel.sketch().marks().iter().any(|m| matches!(m, Mark::Colour { .. })) {
            Ok(())
        } else {
            Err("No colour was painted")
        };
        if button::icon_text_if(ui, icons::ICON_LAYERS_CLEAR, "Take all colour away", can).clicked() {
            hand.mark(easel, Mark::Wipe);
        }
    }
}

/// A length without needless digits.
fn short(v: f64) -> String {
    if v < 10.0 { format!("{v:.1}") } else { format!("{v:.0}") }
}

/// Width of the frame that the model sees.
fn frame_slider(ui: &mut Ui, easel: &mut Easel, size: [usize; 2]) {
    let (largest, mut width) = (easel.picture().width, easel.frame().width());
    let help = "Pixels side by side that the model sees; the frame tool moves it";
    let response = form::row(ui, "Frame", help, |ui| {
        ui.add(Slider::new(&mut width, 4.min(largest)..=largest))
    });
    if response.changed() {
        easel.resize_frame(width, size);
    }
}

fn history_row(ui: &mut Ui, easel: &mut Easel, hand: &mut Hand) {
    ui.horizontal(|ui| {
        let can = |yes, reason| if yes { Ok(()) } else { Err(reason) };
        let undo = can(easel.can_undo(), "Nothing was done yet");
        let key = keys::text(ui.ctx(), Does::Undo);
        if button::icon_text_if(ui, icons::ICON_UNDO, "Undo", undo)
            .on_hover_text(key)
            .clicked()
        {
            hand.undo(easel);
        }
        let redo = can(easel.can_redo(), "Nothing was undone");
        let key = keys::text(ui.ctx(), Does::Redo);
        if button::icon_text_if(ui, icons::ICON_REDO, "Redo", redo)
            .on_hover_text(key)
            .clicked()
        {
            hand.redo(easel);
        }
    });
}

fn mask_row(ui: &mut Ui, easel: &mut Easel, hand: &mut Hand) {
    let (invert, clear) = (
        keys::text(ui.ctx(), Does::Invert),
        keys::text(ui.ctx(), Does::ClearMask),
    );
    let edits = [
        ("Fill", String::new(), Edit::Fill),
        ("Invert", invert, Edit::Invert),
        ("Clear", clear, Edit::Clear),
    ];
    ui.horizontal(|ui| {
        for (name, key, edit) in edits {
            let response = ui.button(name);
            let response = if key.is_empty() {
                response
            } else {
                response.on_hover_text(key)
            };
            if response.clicked() {
                hand.edit(easel, edit);
            }
        }
    });
}

fn reach_rows(ui: &mut Ui, easel: &mut Easel, hand: &mut Hand, draft: &mut ToolsDraft) {
    let longest = easel.picture().width.max(easel.picture().height);
    form::row(
        ui,
        "By pixels",
        "How far growing, shrinking and softening reach",
        |ui| form::whole(ui, &mut draft.reach, 1..=(longest as i64 / 4).max(1)),
    );
    let by = draft.reach as f32 / longest as f32;
    let edits = [
        ("Grow", "Larger on all sides; the edge becomes hard", Edit::Grow(by)),
        ("Shrink", "Smaller on all sides; the edge becomes hard", Edit::Grow(-by)),
        (
            "Soften",
            "A soft edge: results fade into the picture there",
            Edit::Feather(by),
        ),
    ];
    ui.horizontal(|ui| {
        for (name, help, edit) in edits {
            if ui.button(name).on_hover_text(help).clicked() {
                hand.edit(easel, edit);
            }
        }
    });
}

/// Usual masks, and masks from elsewhere.
fn preset_row(ui: &mut Ui, easel: &mut Easel, hand: &mut Hand, draft: &mut ToolsDraft, out: &mut Vec<Action>) {
    let (columns, rows) = (easel.picture().width, easel.picture().height);
    let seed = draft.seed;
    let random = Preset::Random {
        columns,
        rows,
        share: 0.5,
        seed,
    };
    let presets = [
        ("Left half", Preset::Half(Side::Left)),
        ("Right half", Preset::Half(Side::Right)),
        ("Upper half", Preset::Half(Side::Top)),
        ("Lower half", Preset::Half(Side::Bottom)),
        ("Every second line", Preset::Lines(rows)),
        ("Random 50 %", random),
        ("Box in the middle", Preset::Box(0.5)),
        ("All around the middle", Preset::Expand(0.5)),
    ];
    form::row(ui, "Take", "A mask in place of the present one", |ui| {
        let combo = ComboBox::from_id_salt("mask presets")
            .width(ui.available_width())
            .selected_text("A usual mask");
        let shown = combo.show_ui(ui, |ui| {
            for (name, preset) in presets {
                if ui.selectable_label(false, name).clicked() {
                    hand.edit(easel, Edit::Preset(preset));
                    draft.seed += u64::from(preset == random);
                }
            }
            if let Some(alpha) = easel.alpha().cloned()
                && ui.selectable_label(false, "What is transparent").clicked()
            {
                hand.edit(easel, Edit::Picture(alpha));
            }
            if ui.selectable_label(false, "A picture file…").clicked() {
                out.push(Action::Browse(Browse::Mask));
            }
        });
        shown.response
    });
}
