//! How titles and panes look, and what is done with them.

use eframe::egui::{
    Color32, CornerRadius, CursorIcon, FontId, Frame, Galley, Id, Rect, Response, Role, Sense, Stroke, Style,
    TextStyle, Ui, UiBuilder, Visuals, WidgetInfo, WidgetText, pos2,
    text::{LayoutJob, TextFormat, TextWrapping},
    vec2,
};
use egui_material_icons::icons;
use egui_tiles::{
    Behavior, EditAction, ResizeState, SimplificationOptions, TabState, Tabs, Tile, TileId, Tiles, UiResponse,
};

use super::{Change, Contents, Pane};
use crate::app::{theme, widgets::button};

/// Height of a title, and the room under it.
const TITLE: f32 = 26.0;
const UNDER: f32 = 4.0;

/// Room between panes; a divider is taken hold of there.
const GAP: f32 = 9.0;

/// Paints a tree and notes what was done to it.
pub(super) struct Painter<'a, P> {
    contents: &'a mut dyn Contents<P>,
    alone: Option<P>,
    /// Tiles know nothing of what clips them from outside.
    clip: Rect,
    /// Tabs in the bar that is painted.
    tabs: usize,
    /// Panes were moved, or another tab was opened.
    pub(super) edited: bool,
    /// What a title was asked for.
    pub(super) wanted: Option<Change>,
}

impl<'a, P: Pane> Painter<'a, P> {
    pub(super) fn new(contents: &'a mut dyn Contents<P>, alone: Option<P>, clip: Rect) -> Self {
        Self {
            contents,
            alone,
            clip,
            tabs: 0,
            edited: false,
            wanted: None,
        }
    }

    /// What a double click on a title, a menu and keys offer.
    fn menu(&mut self, response: &Response, pane: P) {
        let index = index(pane);
        if response.double_clicked() {
            self.wanted = Some(Change::Alone(index));
        }
        let is_alone = self.alone == Some(pane);
        response.context_menu(|ui| {
            let text = if is_alone { "Show all panes" } else { "Show alone" };
            if ui.button(text).clicked() {
                self.wanted = Some(Change::Alone(index));
            }
            if !is_alone && ui.button("Close").clicked() {
                self.wanted = Some(Change::Toggle(index));
            }
        });
    }

    /// The buttons that every title has.
    fn buttons(&mut self, ui: &mut Ui, pane: P) {
        let index = index(pane);
        let title = pane.title();
        if self.alone == Some(pane) {
            if small(ui, icons::ICON_CLOSE_FULLSCREEN, "Show all panes").clicked() {
                self.wanted = Some(Change::Alone(index));
            }
            return;
        }
        if small(ui, icons::ICON_CLOSE, &format!("Close: {title}")).clicked() {
            self.wanted = Some(Change::Toggle(index));
        }
        if small(ui, icons::ICON_OPEN_IN_FULL, &format!("Show alone: {title}")).clicked() {
            self.wanted = Some(Change::Alone(index));
        }
    }
}

/// Its number in [`Change`].
fn index<P: Pane>(pane: P) -> usize {
    P::ALL.iter().position(|&other| other == pane).unwrap_or_default()
}

/// A button that does not draw the eye away from the pane.
fn small(ui: &mut Ui, icon: egui_material_icons::MaterialIcon, name: &str) -> Response {
    let text = icon.rich_text().size(14.0).color(theme::palette(ui).weak);
    let button = eframe::egui::Button::new(text)
        .frame_when_inactive(false)
        .min_size(vec2(20.0, 20.0));
    let response = ui.add(button).on_hover_text(name);
    button::name(&response, name);
    response
}

/// What a tile is called: several panes by all their titles.
pub(super) fn title<P: Pane>(tiles: &Tiles<P>, id: TileId) -> String {
    match tiles.get(id) {
        Some(Tile::Pane(pane)) => pane.title().to_owned(),
        Some(Tile::Container(container)) => {
            let titles: Vec<String> = container.children().map(|&child| title(tiles, child)).collect();
            titles.join(", ")
        }
        None => String::new(),
    }
}

/// A title as it is written: its symbol small and faint.
fn written<P: Pane>(ui: &Ui, tiles: &Tiles<P>, id: TileId, ink: Color32, width: f32) -> std::sync::Arc<Galley> {
    let style = |font: FontId, color: Color32| TextFormat {
        font_id: font,
        color,
        valign: eframe::egui::Align::Center,
        ..TextFormat::default()
    };
    let mut job = LayoutJob {
        wrap: TextWrapping::truncate_at_width(width.max(0.0)),
        ..LayoutJob::default()
    };
    job.append(&title(tiles, id), 0.0, style(FontId::new(14.0, theme::strong()), ink));
    if let Some(Tile::Pane(pane)) = tiles.get(id)
        && !pane.symbol().is_empty()
    {
        let small = TextStyle::Small.resolve(ui.style());
        job.append(pane.symbol(), 8.0, style(small, theme::palette(ui).weak));
    }
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

impl<P: Pane> Behavior<P> for Painter<'_, P> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, pane: &mut P) -> UiResponse {
        ui.shrink_clip_rect(self.clip);
        let mut area = ui.max_rect();
        area.min.y += UNDER;
        // What a pane remembers stays with it wherever it goes.
        let id = Id::unique(("pane", P::PLACE, pane.title()));
        ui.scope_builder(UiBuilder::new().scope_id(id).max_rect(area), |ui| {
            self.contents.body(ui, *pane);
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &P) -> WidgetText {
        pane.title().into()
    }

    fn tab_title_for_tile(&mut self, tiles: &Tiles<P>, id: TileId) -> WidgetText {
        title(tiles, id).into()
    }

    fn tab_ui(&mut self, tiles: &mut Tiles<P>, ui: &mut Ui, id: Id, tile: TileId, state: &TabState) -> Response {
        let palette = theme::palette(ui);
        let is_only = self.tabs < 2;
        let ink = if state.active { palette.text } else { palette.weak };
        let room = (ui.clip_rect().right() - ui.cursor().left() - 8.0).max(0.0);
        let galley = written(ui, tiles, tile, ink, if is_only { room - 8.0 } else { 260.0 });
        // A single title is taken hold of anywhere beside the buttons.
        let width = if is_only { room } else { galley.size().x + 20.0 };
        let (_, area) = ui.allocate_space(vec2(width, ui.available_height()));
        let mut response = ui
            .interact(area, id, Sense::click_and_drag())
            .on_hover_cursor(CursorIcon::Grab);
        let name = title(tiles, tile);
        response.widget_info(|| WidgetInfo::selected(Role::Tab, true, state.active, name.as_str()));
        if ui.is_rect_visible(area) && !state.is_being_dragged {
            let indent = if is_only { 4.0 } else { 10.0 };
            let at = pos2(area.left() + indent, area.center().y - 0.5 * galley.size().y);
            paint_title(ui, &response, is_only, state.active);
            ui.painter().galley(at, galley, ink);
        }
        if let Some(&Tile::Pane(pane)) = tiles.get(tile) {
            self.menu(&response, pane);
            let help = pane.help();
            response = response.on_hover_text(format!(
                "{help}\nDrag it to another place; double click shows it alone."
            ));
        }
        response
    }

    fn drag_ui(&mut self, tiles: &Tiles<P>, ui: &mut Ui, tile: TileId) {
        Frame::popup(ui.style()).show(ui, |ui| ui.label(theme::heading(title(tiles, tile))));
    }

    fn top_bar_right_ui(&mut self, tiles: &Tiles<P>, ui: &mut Ui, _tile: TileId, tabs: &Tabs, _offset: &mut f32) {
        // The bar begins here.
        ui.shrink_clip_rect(self.clip);
        self.tabs = tabs.children.iter().filter(|&&tab| tiles.is_visible(tab)).count();
        let open = tabs.active.and_then(|open| tiles.get_pane(&open));
        let Some(&pane) = open else { return };
        ui.scope(|ui| {
            ui.spacing_mut().button_padding = vec2(2.0, 2.0);
            ui.spacing_mut().item_spacing.x = 2.0;
            self.buttons(ui, pane);
        });
        self.contents.tools(ui, pane);
    }

    fn tab_bar_height(&self, _style: &Style) -> f32 {
        TITLE
    }

    fn tab_bar_color(&self, _visuals: &Visuals) -> Color32 {
        Color32::TRANSPARENT
    }

    fn gap_width(&self, _style: &Style) -> f32 {
        GAP
    }

    fn resize_stroke(&self, _style: &Style, _state: ResizeState) -> Stroke {
        Stroke::NONE
    }

    fn drag_preview_stroke(&self, visuals: &Visuals) -> Stroke {
        Stroke::new(2.0, visuals.hyperlink_color)
    }

    fn drag_preview_color(&self, visuals: &Visuals) -> Color32 {
        visuals.hyperlink_color.gamma_multiply(0.2)
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions {
            all_panes_must_have_tabs: true,
            flatten_tabs_in_tabs: true,
            ..SimplificationOptions::default()
        }
    }

    fn is_tile_draggable(&self, tiles: &Tiles<P>, tile: TileId) -> bool {
        tiles.get_pane(&tile).is_some()
    }

    /// Dividers of our own have names, and are moved by keys too.
    fn is_container_resizable(&self, _tiles: &Tiles<P>, _tile: TileId) -> bool {
        false
    }

    fn on_edit(&mut self, edit: EditAction) {
        self.edited |= edit != EditAction::TileDragged;
    }
}

fn paint_title(ui: &Ui, response: &Response, is_only: bool, is_open: bool) {
    let palette = theme::palette(ui);
    let area = response.rect.shrink2(vec2(1.0, 2.0));
    if response.has_focus() || response.hovered() {
        ui.painter().rect_filled(area, CornerRadius::same(5), palette.hover);
    }
    if response.has_focus() {
        let stroke = Stroke::new(1.0, palette.accent);
        ui.painter()
            .rect_stroke(area, CornerRadius::same(5), stroke, eframe::egui::StrokeKind::Inside);
    }
    if is_open && !is_only {
        let line = Rect::from_x_y_ranges(area.shrink(8.0).x_range(), area.bottom() - 1.0..=area.bottom() + 1.0);
        ui.painter().rect_filled(line, CornerRadius::same(1), palette.accent);
    }
}
