//! The first thing that is seen: noise becoming data, and what to do next.

use std::path::PathBuf;

use eframe::egui::{
    self, Align2, Color32, CursorIcon, FontId, Frame, Margin, Pos2, Rect, Response, RichText, ScrollArea, Sense, Shape,
    Stroke, StrokeKind, Ui, Vec2, pos2, vec2,
};
use egui_material_icons::{
    MaterialIcon,
    icons::{ICON_CONTENT_PASTE, ICON_DRAW, ICON_FILE_OPEN, ICON_FOLDER_OPEN, ICON_HISTORY, ICON_UPLOAD_FILE},
};

use crate::{
    app::{
        action::{Action, Browse, Workspace},
        cards::{Card, CardArt, FRAMES},
        catalogue,
        keys::{self, Does},
        panels::draw_points::{DrawDraft, draw_window},
        state::AppState,
        theme,
        widgets::{atlas::Atlas, button, cloud::Sprite, cloud::View, pictures::colours},
        words,
    },
    math::Frame as Picture,
};

/// Seconds of one pass from noise to data.
const PASS_SECS: f64 = 2.6;

/// Passes that a card plays by itself after the start.
const FIRST_PASSES: f64 = 2.0;

/// Size of a card.
const CARD: Vec2 = vec2(196.0, 244.0);

/// Running animations and caches.
#[derive(Debug, Default)]
pub struct StartDraft {
    art: CardArt,
    /// Seconds since the pictures of the cards were there.
    clock: f64,
    /// Card under the pointer and its own clock.
    hovered: Option<(usize, f64)>,
    draw: DrawDraft,
    caches: Vec<Cache>,
}

/// What was uploaded for a card.
#[derive(Default)]
struct Cache {
    atlas: Option<Atlas<(usize, usize)>>,
    sprite: Sprite,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

impl StartDraft {
    /// Lets time pass; answers when the next picture is due, in seconds.
    pub fn tick(&mut self, secs: f64) -> Option<f64> {
        if self.art.is_empty() {
            return None;
        }
        self.clock += secs;
        if let Some((_, clock)) = &mut self.hovered {
            *clock += secs;
        }
        let moves = self.clock < FIRST_PASSES * PASS_SECS || self.hovered.is_some();
        moves.then_some(PASS_SECS / FRAMES as f64)
    }

    /// Frame of a card's animation: the last one rests.
    fn frame(&self, card: usize) -> usize {
        let clock = match self.hovered {
            Some((hovered, clock)) if hovered == card => clock,
            _ if self.clock < FIRST_PASSES * PASS_SECS => self.clock,
            _ => return FRAMES - 1,
        };
        // The result stays for the last third of each pass.
        let share = (clock / PASS_SECS).fract() * 1.5;
        ((share * FRAMES as f64) as usize).min(FRAMES - 1)
    }
}

/// The first thing that is seen.
pub fn start_panel(ui: &mut Ui, state: &AppState, recent: &[PathBuf], draft: &mut StartDraft, out: &mut Vec<Action>) {
    draft.art.begin(ui.ctx());
    let hovered_before = draft.hovered;
    draft.hovered = None;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let width = content_width(ui.available_width());
        let margin = ((ui.available_width() - width) / 2.0).max(12.0);
        ui.horizontal(|ui| {
            ui.add_space(margin);
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.add_space((ui.available_height() * 0.03).clamp(10.0, 36.0));
                ui.label(theme::title("Watch noise become data"));
                ui.label(
                    RichText::new("Choose something to learn. A network starts from pure noise, and you see it get there.")
                        .size(15.0)
                        .color(theme::palette(ui).weak),
                );
                ui.add_space(14.0);
                cards(ui, state, hovered_before, draft, out);
                ui.add_space(14.0);
                own_data(ui, out);
                recent_runs(ui, recent, out);
                ui.add_space(10.0);
                ui.label(theme::caption(
                    ui,
                    "You cannot break anything here: settings can be undone, files are never overwritten, and runs are saved by themselves.",
                ));
                ui.add_space(16.0);
            });
        });
    });
    draw_window(ui.ctx(), &mut draft.draw, out);
}

/// A whole number of cards wide.
fn content_width(available: f32) -> f32 {
    let gap = 14.0;
    let columns = ((available - 24.0 + gap) / (CARD.x + gap)).floor().clamp(1.0, 6.0);
    columns * (CARD.x + gap) - gap
}

fn cards(ui: &mut Ui, state: &AppState, hovered: Option<(usize, f64)>, draft: &mut StartDraft, out: &mut Vec<Action>) {
    ui.spacing_mut().item_spacing = vec2(14.0, 14.0);
    draft.caches.resize_with(Card::ALL.len(), Cache::default);
    ui.horizontal_wrapped(|ui| {
        for (i, card) in Card::ALL.iter().enumerate() {
            let frame = draft.frame(i);
            let clock = hovered.filter(|h| h.0 == i).map_or(0.0, |h| h.1);
            let art = draft.art.get(i, frame);
            let response = learn_card(ui, state, card, art, frame, &mut draft.caches[i]);
            if response.hovered() || response.has_focus() {
                draft.hovered = Some((i, clock));
            }
            if response.clicked() {
                out.push(Action::UseData(card.source.to_owned()));
                out.push(Action::Show(Workspace::Lab));
            }
        }
        let draw = plain_card(
            ui,
            "Draw your own",
            "A cloud of points by hand, learned in seconds",
            "Draw your own points",
        );
        icon_art(ui, art_rect(draw.rect), ICON_DRAW);
        if draw.clicked() {
            draft.draw.open = true;
        }
    });
}

fn art_rect(card: Rect) -> Rect {
    Rect::from_min_size(card.min + vec2(10.0, 10.0), vec2(CARD.x - 20.0, 150.0))
}

fn plain_card(ui: &mut Ui, title: &str, text: &str, name: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(CARD, Sense::click());
    button::name(&response, name);
    let palette = theme::palette(ui);
    let lit = response.hovered() || response.has_focus();
    let edge = if lit { palette.accent } else { palette.line };
    let fill = if response.is_pointer_button_down_on() {
        palette.hover
    } else {
        palette.raised
    };
    ui.painter()
        .rect(rect, 10.0, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
    let left = rect.left() + 14.0;
    let font = FontId::new(15.0, theme::strong());
    ui.painter().text(
        pos2(left, rect.top() + 170.0),
        Align2::LEFT_TOP,
        title,
        font,
        palette.text,
    );
    let galley = ui
        .painter()
        .layout(text.to_owned(), FontId::proportional(12.0), palette.weak, CARD.x - 28.0);
    ui.painter()
        .galley(pos2(left, rect.top() + 192.0), galley, palette.weak);
    response.on_hover_cursor(CursorIcon::PointingHand)
}

fn learn_card(
    ui: &mut Ui,
    state: &AppState,
    card: &Card,
    art: Option<&Picture>,
    frame: usize,
    cache: &mut Cache,
) -> Response {
    let title = catalogue::label(card.source);
    let response = plain_card(ui, &title, card.text, &format!("Learn {title}"));
    let palette = theme::palette(ui);
    let area = art_rect(response.rect);
    ui.painter().rect_filled(area, 6.0, palette.sunken);
    if let Some(art) = art {
        paint(ui, area, art, frame, cache);
    }
    let time = match state.estimates.get(&catalogue::recipe_for(card.source)) {
        Some(Ok(e)) => format!("≈ {} here", words::duration(e.secs_to_samples)),
        Some(Err(_)) => String::new(),
        None => "measuring…".into(),
    };
    let at = response.rect.left_bottom() + vec2(14.0, -12.0);
    ui.painter()
        .text(at, Align2::LEFT_BOTTOM, time, FontId::monospace(12.0), palette.accent);
    response
}

fn paint(ui: &Ui, area: Rect, art: &Picture, frame: usize, cache: &mut Cache) {
    match art {
        Picture::Points { xy } => {
            let view = View::new(area.shrink(4.0), 2.6, Vec2::ZERO);
            let mut mesh = cache.sprite.mesh(ui.ctx());
            for point in xy.as_chunks::<2>().0 {
                let at = view.screen(*point);
                if area.contains(at) {
                    Sprite::dot(&mut mesh, at, 1.5, theme::palette(ui).sample);
                }
            }
            ui.painter().add(Shape::mesh(mesh));
        }
        &Picture::Pixels { height, width, .. } => {
            let columns = 4;
            let rows = 3;
            let side = ((area.height() - 12.0) / rows as f32).min((area.width() - 12.0) / columns as f32);
            let scale = (side / height as f32).floor().max(1.0);
            let tile = vec2(width as f32, height as f32) * scale.min(side / height as f32);
            let gap = 3.0;
            let all = vec2(tile.x * columns as f32 + gap * 3.0, tile.y * rows as f32 + gap * 2.0);
            let corner = area.center() - all / 2.0;
            let atlas = cache
                .atlas
                .get_or_insert_with(|| Atlas::new([width, height], FRAMES * 12, 16 << 20));
            for i in 0..(columns * rows).min(art.count()) {
                let paint = || egui::ColorImage::new([width, height], colours(art, i, [width, height]));
                let Some(cell) = atlas.cell(ui.ctx(), &(frame, i), paint) else {
                    continue;
                };
                let at: Pos2 = corner
                    + vec2(
                        (i % columns) as f32 * (tile.x + gap),
                        (i / columns) as f32 * (tile.y + gap),
                    );
                let rect = Rect::from_min_size(pos2(at.x.round(), at.y.round()), tile);
                ui.painter().image(cell.texture, rect, cell.uv, Color32::WHITE);
            }
        }
    }
}

fn icon_art(ui: &Ui, area: Rect, icon: MaterialIcon) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(area, 6.0, palette.sunken);
    let font = FontId::new(44.0, icon.font_family());
    ui.painter()
        .text(area.center(), Align2::CENTER_CENTER, icon.codepoint, font, palette.weak);
}

fn own_data(ui: &mut Ui, out: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.panel)
        .stroke(Stroke::new(1.0, palette.edge))
        .corner_radius(10)
        .inner_margin(Margin::symmetric(18, 12));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing = vec2(8.0, 6.0);
        ui.horizontal_wrapped(|ui| {
            ui.label(ICON_UPLOAD_FILE.rich_text().size(22.0).color(palette.accent));
            ui.label(theme::heading("Drop pictures, a folder, a CSV or .npy here"));
            ui.label(theme::caption(ui, "or"));
            if button::icon_text(ui, ICON_FOLDER_OPEN, "Open a folder").clicked() {
                out.push(Action::Browse(Browse::Folder));
            }
            let file = button::icon_text(ui, ICON_FILE_OPEN, "Open a file");
            if file.on_hover_text(keys::text(ui.ctx(), Does::Open)).clicked() {
                out.push(Action::Browse(Browse::File));
            }
            let paste = button::icon_text(ui, ICON_CONTENT_PASTE, "Paste a picture");
            if paste.on_hover_text(keys::text(ui.ctx(), Does::Paste)).clicked() {
                out.push(Action::Paste);
            }
        });
    });
}

fn recent_runs(ui: &mut Ui, recent: &[PathBuf], out: &mut Vec<Action>) {
    let there: Vec<_> = recent.iter().filter(|f| f.is_dir()).collect();
    if there.is_empty() {
        return;
    }
    ui.add_space(8.0);
    ui.spacing_mut().item_spacing = vec2(8.0, 6.0);
    ui.horizontal_wrapped(|ui| {
        ui.label(ICON_HISTORY.rich_text().size(18.0).color(theme::palette(ui).weak));
        ui.label(theme::caption(ui, "Recent runs"));
        for folder in there {
            let response = ui.button(words::file_name(folder));
            if response.on_hover_text(folder.display().to_string()).clicked() {
                out.push(Action::Open(vec![folder.clone()]));
            }
        }
    });
}
