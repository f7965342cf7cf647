//! The first thing that is seen: noise becoming data, and what to do next.

use std::{collections::BTreeSet, path::PathBuf};

use eframe::egui::{
    Align2, Color32, ColorImage, CursorIcon, FontId, Frame, Margin, Rect, Response, RichText, ScrollArea, Sense, Shape,
    Stroke, StrokeKind, Ui, Vec2, pos2, vec2,
};
use egui_material_icons::{
    MaterialIcon,
    icons::{
        ICON_CONTENT_PASTE, ICON_DRAW, ICON_FILE_OPEN, ICON_FOLDER_OPEN, ICON_HISTORY, ICON_RESTORE, ICON_UPLOAD_FILE,
    },
};

use crate::{
    app::{
        action::{Action, Browse, Workspace},
        cards::{Card, CardArt, FRAMES, RECIPES},
        catalogue,
        keys::{self, Does},
        panels::{
            draw_points::{DrawDraft, draw_window},
            hero::{self, HeroDraft},
            lesson::lesson_row,
        },
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

/// Width of a card.
const NARROWEST: f32 = 190.0;
const WIDEST: f32 = 300.0;

/// Room for the words of a card.
const BELOW_ART: f32 = 96.0;

/// Between two cards.
const GAP: f32 = 14.0;

/// Beside the page.
const MARGIN: f32 = 16.0;

/// Running animations and caches.
#[derive(Debug, Default)]
pub struct StartDraft {
    art: CardArt,
    /// Nothing moves by itself.
    still: bool,
    /// Seconds since the pictures of the cards were there.
    clock: f64,
    /// Card under the pointer and its own clock.
    hovered: Option<(usize, f64)>,
    /// Height of the page when it was last drawn.
    height: f32,
    draw: DrawDraft,
    hero: HeroDraft,
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
    ///
    /// When `still`, cards rest and the film waits to be played.
    pub fn tick(&mut self, secs: f64, still: bool) -> Option<f64> {
        self.still = still;
        let film = self.hero.tick(secs, still);
        if self.art.is_empty() || still {
            return film;
        }
        self.clock += secs;
        if let Some((_, clock)) = &mut self.hovered {
            *clock += secs;
        }
        let moves = self.clock < FIRST_PASSES * PASS_SECS || self.hovered.is_some();
        let cards = moves.then_some(PASS_SECS / FRAMES as f64);
        film.into_iter().chain(cards).reduce(f64::min)
    }

    /// Frame of a card's animation: the last one rests.
    fn frame(&self, card: usize) -> usize {
        let clock = match self.hovered {
            _ if self.still => return FRAMES - 1,
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
pub fn start_panel(
    ui: &mut Ui,
    state: &AppState,
    recent: &[PathBuf],
    lessons: &BTreeSet<String>,
    draft: &mut StartDraft,
    out: &mut Vec<Action>,
) {
    draft.art.begin(ui.ctx());
    hero::ask(&mut draft.hero, out);
    let hovered_before = draft.hovered;
    draft.hovered = None;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let screen = ui.available_height();
        let (columns, card) = card_size(ui.available_width() - 2.0 * MARGIN);
        let width = columns as f32 * (card.x + GAP) - GAP;
        let margin = ((ui.available_width() - width) / 2.0).max(MARGIN);
        ui.horizontal(|ui| {
            ui.add_space(margin);
            let page = ui.vertical(|ui| {
                ui.set_width(width);
                // On a tall screen the page stands a little above the middle.
                let above = ((screen - draft.height) * 0.4).max(8.0);
                ui.add_space(above);
                greeting(ui, state, lessons, draft, out);
                ui.add_space(12.0);
                cards(ui, state, card, hovered_before, draft, out);
                ui.add_space(12.0);
                own_data(ui, out);
                recent_runs(ui, recent, out);
                ui.add_space(8.0);
                let calm = "You cannot break anything here: settings can be undone, files are never overwritten, and \
                            runs are saved by themselves.";
                ui.label(theme::caption(ui, calm));
                ui.add_space(8.0);
                above
            });
            let height = page.response.rect.height() - page.inner;
            if (height - std::mem::replace(&mut draft.height, height)).abs() > 0.5 {
                ui.ctx().request_discard("the page found its height");
            }
        });
    });
    draw_window(ui.ctx(), &mut draft.draw, out);
}

/// Words and the lessons, and beside them the film of a bundled model once there is one.
fn greeting(ui: &mut Ui, state: &AppState, lessons: &BTreeSet<String>, draft: &mut StartDraft, out: &mut Vec<Action>) {
    let weak = theme::palette(ui).weak;
    let words = |ui: &mut Ui, out: &mut Vec<Action>| {
        ui.label(theme::title("Watch noise become data"));
        let text = "Choose something to learn. A network starts from pure noise, and you see it get there.";
        ui.label(RichText::new(text).size(15.0).color(weak));
        ui.add_space(10.0);
        lesson_row(ui, lessons, out);
        earlier_row(ui, state, out);
    };
    let film = hero::film(state);
    let is_due = film.is_some() || hero::is_awaited(state, &draft.hero);
    if !is_due || ui.available_width() <= 700.0 {
        return words(ui, out);
    }
    let width = (ui.available_width() * 0.54).round();
    ui.horizontal_top(|ui| {
        ui.vertical(|ui| {
            ui.set_width((ui.available_width() - width - GAP).max(40.0));
            ui.add_space(12.0);
            words(ui, out);
        });
        ui.vertical(|ui| {
            ui.set_width(width);
            hero::hero(ui, film, &mut draft.hero, out);
        });
    });
}

/// How many cards fit side by side, and how large they are then.
fn card_size(available: f32) -> (usize, Vec2) {
    let all = Card::ALL.len() + 1;
    let columns = (((available + GAP) / (NARROWEST + GAP)) as usize).clamp(1, all);
    let width = (available + GAP) / columns as f32 - GAP;
    let width = width.clamp(NARROWEST, WIDEST).floor();
    (columns, vec2(width, art_height(width) + BELOW_ART))
}

fn art_height(card_width: f32) -> f32 {
    ((card_width - 20.0) * 0.85).floor()
}

fn cards(
    ui: &mut Ui,
    state: &AppState,
    size: Vec2,
    hovered: Option<(usize, f64)>,
    draft: &mut StartDraft,
    out: &mut Vec<Action>,
) {
    ui.spacing_mut().item_spacing = vec2(GAP, GAP);
    draft.caches.resize_with(Card::ALL.len(), Cache::default);
    ui.horizontal_wrapped(|ui| {
        for (i, card) in Card::ALL.iter().enumerate() {
            let clock = hovered.filter(|h| h.0 == i).map_or(0.0, |h| h.1);
            let response = learn_card(ui, state, i, size, draft);
            if response.hovered() || response.has_focus() {
                draft.hovered = Some((i, clock));
            }
            if response.clicked() {
                out.push(Action::UseData(card.source.to_owned()));
                out.push(Action::Show(Workspace::Lab));
            }
        }
        let text = "A cloud of points by hand, learned in seconds";
        let draw = plain_card(ui, size, "Draw your own", text, "Draw your own points");
        icon_art(ui, art_rect(draw.rect), ICON_DRAW);
        if draw.clicked() {
            draft.draw.open = true;
        }
    });
}

fn art_rect(card: Rect) -> Rect {
    let size = vec2(card.width() - 20.0, art_height(card.width()));
    Rect::from_min_size(card.min + vec2(10.0, 10.0), size)
}

/// A card without a picture: title and text below the room for one.
fn plain_card(ui: &mut Ui, size: Vec2, title: &str, text: &str, name: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    button::name(&response, name);
    let palette = theme::palette(ui);
    let lit = response.hovered() || response.has_focus();
    let edge = if lit { palette.accent } else { palette.line };
    let pressed = response.is_pointer_button_down_on();
    let fill = if pressed { palette.hover } else { palette.raised };
    let stroke = Stroke::new(1.0, edge);
    ui.painter().rect(rect, 10.0, fill, stroke, StrokeKind::Inside);
    let at = pos2(rect.left() + 14.0, art_rect(rect).bottom() + 8.0);
    let font = FontId::new(15.0, theme::strong());
    ui.painter().text(at, Align2::LEFT_TOP, title, font, palette.text);
    let font = FontId::proportional(12.0);
    let galley = ui.painter().layout(text.to_owned(), font, palette.weak, size.x - 28.0);
    ui.painter().galley(at + vec2(0.0, 22.0), galley, palette.weak);
    response.on_hover_cursor(CursorIcon::PointingHand)
}

/// A card with its film and how long it takes here.
fn learn_card(ui: &mut Ui, state: &AppState, i: usize, size: Vec2, draft: &mut StartDraft) -> Response {
    let card = &Card::ALL[i];
    let title = catalogue::label(card.source);
    let response = plain_card(ui, size, &title, card.text, &format!("Learn {title}"));
    let palette = theme::palette(ui);
    let area = art_rect(response.rect);
    ui.painter().rect_filled(area, 6.0, palette.sunken);
    let frame = draft.frame(i);
    match draft.art.get(i, frame) {
        Some(Picture::Points { xy }) => paint_points(ui, area, xy, &mut draft.caches[i].sprite),
        Some(art) => paint_pictures(ui, area, art, frame, &mut draft.caches[i].atlas),
        None => {}
    }
    let time = match state.estimates.get(&RECIPES[i]) {
        Some(Ok(e)) => format!("≈ {} here", words::duration(e.secs_to_samples)),
        Some(Err(_)) => String::new(),
        None => "measuring…".into(),
    };
    let at = response.rect.left_bottom() + vec2(14.0, -12.0);
    let font = FontId::monospace(12.0);
    ui.painter().text(at, Align2::LEFT_BOTTOM, time, font, palette.accent);
    response
}

fn paint_points(ui: &Ui, area: Rect, xy: &[f32], sprite: &mut Sprite) {
    let view = View::new(area.shrink(4.0), 2.6, Vec2::ZERO);
    let mut mesh = sprite.mesh(ui.ctx());
    for point in xy.as_chunks::<2>().0 {
        let at = view.screen(*point);
        if area.contains(at) {
            Sprite::dot(&mut mesh, at, 1.5, theme::palette(ui).sample);
        }
    }
    ui.painter().add(Shape::mesh(mesh));
}

/// Four pictures in each of three rows.
fn paint_pictures(ui: &Ui, area: Rect, art: &Picture, frame: usize, atlas: &mut Option<Atlas<(usize, usize)>>) {
    const COLUMNS: usize = 4;
    const ROWS: usize = 3;
    const BETWEEN: f32 = 3.0;
    let &Picture::Pixels { height, width, .. } = art else {
        return;
    };
    let room = (area.height() - 12.0) / ROWS as f32 - BETWEEN;
    let side = room.min((area.width() - 12.0) / COLUMNS as f32 - BETWEEN);
    let whole = (side / height as f32).floor().max(1.0);
    let tile = vec2(width as f32, height as f32) * whole.min(side / height as f32);
    let all = vec2(tile.x * COLUMNS as f32, tile.y * ROWS as f32) + vec2(3.0, 2.0) * BETWEEN;
    let corner = area.center() - all / 2.0;
    let atlas = atlas.get_or_insert_with(|| Atlas::new([width, height], FRAMES * COLUMNS * ROWS, 16 << 20));
    for i in 0..(COLUMNS * ROWS).min(art.count()) {
        let paint = || ColorImage::new([width, height], colours(art, i, [width, height]));
        let Some(cell) = atlas.cell(ui.ctx(), &(frame, i), paint) else {
            continue;
        };
        let step = tile + Vec2::splat(BETWEEN);
        let at = corner + vec2((i % COLUMNS) as f32 * step.x, (i / COLUMNS) as f32 * step.y);
        let rect = Rect::from_min_size(pos2(at.x.round(), at.y.round()), tile);
        ui.painter().image(cell.texture, rect, cell.uv, Color32::WHITE);
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
            ui.label(theme::heading("Drop pictures, a folder, a CSV, .npy or a model here"));
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

/// What the program kept of the work that was under way when it ended last.
fn earlier_row(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let Some(earlier) = &state.earlier else { return };
    ui.add_space(10.0);
    ui.horizontal(|ui| {
        let press = button::icon_text(ui, ICON_RESTORE, "Go on where you were");
        let help = "Brings back the recipe, the picture you drew on, and your trajectories, which are made again";
        if press.on_hover_text(help).clicked() {
            out.push(Action::Open(vec![earlier.path.clone()]));
        }
        let secs = earlier.when.elapsed().unwrap_or_default().as_secs_f64();
        ui.label(theme::caption(ui, words::ago(secs)));
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
