//! The trajectories beside, over and after one another.

use eframe::egui::{
    self, Align, Align2, CursorIcon, FontId, Label, Layout, PointerButton, Rect, RichText, Sense, Slider, Stroke, Ui,
    UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};

use egui_material_icons::icons;

use super::{CompareDraft, Seen, called, difference};
use crate::{
    app::{
        keys::{self, Does},
        panels::time_bar::decibels,
        quantities::{Reading, level},
        theme,
        trajectories::TrajectoryView,
        widgets::{
            aspect::{Aspect, Steps as _},
            button,
            cloud::{Cloud, Layers, Overlay, cloud_view, overlay_view},
            form, number,
            pictures::{Answer, Spot, View, picture_view},
        },
        words,
    },
    engine::TrajectoryId,
    math::{Domain, Frame},
};

/// Seconds that each of both is seen while they blink: slower than three changes a second, which harm some people.
const BLINK_SECS: f64 = 0.7;

/// Height of the two lines over a picture and the one below it.
const TEXT: f32 = 72.0;

/// What was asked of one of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wish {
    /// A frame of it.
    Seek(TrajectoryId, usize),
    /// The time bar is to go through its steps, from this one on.
    Lead(TrajectoryId, usize),
}

/// How they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Beside one another.
    Side,
    /// One to the left of a line, the other to its right.
    Split,
    /// The other as long as a key is held.
    Flip,
    /// In turn.
    Blink,
    /// Points in one plane.
    Overlay,
    /// One less the other.
    Difference,
}

impl Mode {
    pub(super) const ALL: [Self; 6] = [
        Self::Side,
        Self::Overlay,
        Self::Split,
        Self::Flip,
        Self::Blink,
        Self::Difference,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Side => "Side by side",
            Self::Split => "Split",
            Self::Flip => "Flip",
            Self::Blink => "Blink",
            Self::Overlay => "Overlay",
            Self::Difference => "Difference",
        }
    }

    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Side => "Each in a view of its own",
            Self::Split => "The reference left of a line that can be dragged, the other one right of it",
            Self::Flip => "The reference; the other one as long as F is held",
            Self::Blink => "Both in turn, in one place: what differs jumps",
            Self::Overlay => "All points in one plane, each trajectory in its colour",
            Self::Difference => {
                "The other one less the reference: pictures as signed colours, points as the way between both"
            }
        }
    }

    /// Whether the reference and one other are looked at.
    pub(super) fn is_of_two(self) -> bool {
        !matches!(self, Self::Side | Self::Overlay)
    }

    /// Whether these can be looked at this way, or why not.
    pub(super) fn available(self, seen: &[Seen<'_>]) -> Result<(), &'static str> {
        let (first, others) = (seen.first(), seen.iter().skip(1));
        let is_one_kind = others
            .into_iter()
            .all(|s| first.is_some_and(|f| f.view.info.domain == s.view.info.domain));
        let is_of_points = first.is_some_and(|f| f.view.info.domain == Domain::Points);
        match self {
            Self::Side => Ok(()),
            _ if !is_one_kind => Err("Their samples are of different kinds or sizes; look at them side by side"),
            Self::Overlay if !is_of_points => Err("Pictures would hide one another; split, flip or subtract them"),
            _ => Ok(()),
        }
    }
}

/// Shows them. Answers which frame of which one was asked for.
pub(super) fn show(ui: &mut Ui, draft: &mut CompareDraft, seen: &[Seen<'_>]) -> Option<Wish> {
    let hovered = draft.lens.hover.take();
    let (first, other) = (&seen[0], &seen[draft.other]);
    let wish = match draft.mode {
        Mode::Side => side_by_side(ui, draft, seen, hovered),
        Mode::Split => split(ui, draft, [first, other], hovered),
        Mode::Flip => flip(ui, draft, [first, other], hovered),
        Mode::Blink => blink(ui, draft, [first, other], hovered),
        Mode::Overlay => overlay(ui, draft, seen, hovered),
        Mode::Difference => difference(ui, draft, [first, other], hovered),
    };
    if draft.lens.hover != hovered {
        // The other views mark the same place, those before this one in the next frame.
        ui.ctx().request_repaint();
    }
    wish
}

fn side_by_side(ui: &mut Ui, draft: &mut CompareDraft, seen: &[Seen<'_>], hovered: Option<Spot>) -> Option<Wish> {
    let size = pane_size(ui, seen.len());
    let columns = ((ui.available_width() + 1.0) / size.x).floor().max(1.0) as usize;
    let mut wish = None;
    for row in seen.chunks(columns) {
        ui.horizontal_top(|ui| {
            for one in row {
                ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
                    ui.set_min_size(size);
                    let asked = pane(ui, draft, one, hovered);
                    wish = asked.or(wish);
                });
            }
        });
    }
    wish
}

/// Size of each of several views, in as many columns as leave the largest squares.
fn pane_size(ui: &Ui, count: usize) -> Vec2 {
    let room = ui.available_size();
    let size_of = |columns: usize| {
        let rows = count.div_ceil(columns);
        let gaps = ui.spacing().item_spacing * vec2((columns - 1) as f32, (rows - 1) as f32);
        (room - gaps) / vec2(columns as f32, rows as f32)
    };
    let side = |columns: &usize| size_of(*columns).x.min(size_of(*columns).y - TEXT);
    let columns = (1..=count)
        .rev()
        .max_by(|a, b| side(a).total_cmp(&side(b)))
        .unwrap_or(1);
    size_of(columns).floor()
}

/// One of them with its name, its own step and level, and what is under the pointer.
fn pane(ui: &mut Ui, draft: &mut CompareDraft, seen: &Seen<'_>, hovered: Option<Spot>) -> Option<Wish> {
    let id = seen.view.info.id;
    let mut wish = caption(ui, seen);
    if draft.free.is_some() && !seen.leads {
        wish = slider(ui, seen).or(wish);
    }
    let size = vec2(ui.available_width(), (ui.available_height() - 24.0).max(40.0));
    let asked = picture(ui, size, draft, seen, hovered);
    let value = draft.lens.hover.or(hovered).and_then(|spot| value(draft, seen, spot));
    let text = theme::number(value.unwrap_or_default()).color(theme::palette(ui).weak);
    ui.add(Label::new(text).truncate());
    asked.map(|index| Wish::Seek(id, index)).or(wish)
}

/// The letter, what it is, and where its cursor stands.
fn caption(ui: &mut Ui, seen: &Seen<'_>) -> Option<Wish> {
    let size = vec2(ui.available_width(), 30.0);
    let leads = ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        // As high without a button, so that pictures stand in line.
        ui.set_min_height(size.y);
        let leads = lead_button(ui, seen);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            letter(ui, seen);
            ui.add(Label::new(theme::heading(called(seen.view))).truncate())
                .on_hover_text(&seen.view.info.model);
        });
        leads
    });
    ui.horizontal(|ui| {
        ui.set_min_height(20.0);
        chips(ui, seen);
        place(ui, seen);
    });
    leads.inner.then_some(Wish::Lead(seen.view.info.id, seen.index))
}

/// Says that the time bar goes through its steps, or lets it.
fn lead_button(ui: &mut Ui, seen: &Seen<'_>) -> bool {
    if seen.leads {
        let sign = ui.label(
            icons::ICON_SCHEDULE
                .rich_text()
                .size(18.0)
                .color(theme::palette(ui).accent),
        );
        sign.on_hover_text("The time bar and the arrow keys go through its steps");
        return false;
    }
    let name = format!("Go through the steps of {}", seen.letter);
    button::icon(ui, icons::ICON_SCHEDULE, &name)
        .on_hover_text("The time bar and the arrow keys then go through its steps")
        .clicked()
}

fn chips(ui: &mut Ui, seen: &Seen<'_>) {
    let warn = theme::palette(ui).warn;
    if seen.view.stride > 1 {
        form::chip(ui, &format!("every {}th step kept", seen.view.stride), warn)
            .on_hover_text("The memory budget was reached, so the steps between were let go");
    }
    if seen.is_behind {
        form::chip(ui, "not there yet", warn)
            .on_hover_text("It has not come to this noise level yet; this is its newest step");
    } else if seen.view.ended && !seen.view.complete {
        form::chip(ui, "cancelled", warn);
    }
}

fn letter(ui: &mut Ui, seen: &Seen<'_>) {
    ui.label(
        RichText::new(seen.letter)
            .font(FontId::new(15.0, theme::strong()))
            .color(seen.ink),
    );
}

/// `step 12 of 20 · t 740 · SNR −4.2 dB`.
fn place(ui: &mut Ui, seen: &Seen<'_>) {
    let Some(step) = seen.view.step(seen.index) else { return };
    let (at, moves) = (step.level, seen.view.info.moves);
    let mut readings = vec![level::STEP.reads(format!("step {} of {moves}", step.index), || {
        level::step(step.index, moves)
    })];
    if at.sigma == 0.0 {
        readings.push(level::SIGMA.reads("no noise left", || level::sigma(at)));
    } else {
        readings.push(level::TIME.reads(format!("t {}", words::number(at.t)), || level::time(at)));
        readings.push(level::SNR.reads(format!("SNR {}", decibels(at)), || level::snr(at)));
    }
    ui.spacing_mut().item_spacing.x = 4.0;
    for (i, Reading { of, text, values }) in readings.into_iter().enumerate() {
        if i > 0 {
            ui.label(theme::caption(ui, "·"));
        }
        let subject = format!("{} of {}", of.name, seen.letter);
        number::truncated(ui, theme::caption(ui, text), of, &subject, values);
    }
}

/// The cursor of one that is not linked.
fn slider(ui: &mut Ui, seen: &Seen<'_>) -> Option<Wish> {
    let mut index = seen.index;
    let last = seen.view.reached().saturating_sub(1);
    ui.spacing_mut().slider_width = (ui.available_width() - 12.0).max(40.0);
    let response = ui.add(Slider::new(&mut index, 0..=last).show_value(false));
    let name = format!("Cursor of {}", seen.name());
    response.widget_info(|| WidgetInfo::slider(true, seen.index as f64, &name));
    if response.drag_stopped() || response.clicked() {
        // Otherwise the slider keeps the arrow keys and Space to itself.
        response.surrender_focus();
    }
    response.changed().then_some(Wish::Seek(seen.view.info.id, index))
}

/// Its pictures or its points.
fn picture(ui: &mut Ui, size: Vec2, draft: &mut CompareDraft, seen: &Seen<'_>, hovered: Option<Spot>) -> Option<usize> {
    let found = draft.lens.hover.take();
    draft.lens.hover = hovered;
    let answer = drawn(ui, size, draft, seen);
    if !answer.response.contains_pointer() {
        draft.lens.hover = found;
    }
    answer.seek
}

fn drawn(ui: &mut Ui, size: Vec2, draft: &mut CompareDraft, seen: &Seen<'_>) -> Answer {
    let uploads = draft.panes.entry(seen.view.info.id).or_default();
    let name = seen.name();
    match seen.view.info.domain {
        Domain::Image { .. } => {
            let shown = pictures_of(seen, draft.aspect, &name);
            picture_view(ui, size, &shown, &mut uploads.pictures, &mut draft.lens)
        }
        Domain::Points => {
            let shown = cloud_of(seen, draft.aspect, &name);
            cloud_view(ui, size, &shown, &mut uploads.clouds, &mut draft.lens)
        }
    }
}

fn pictures_of<'a>(seen: &Seen<'a>, aspect: Aspect, name: &'a str) -> View<'a, TrajectoryView> {
    View {
        owner: seen.view.info.id.0,
        steps: seen.view,
        index: seen.index,
        aspect,
        name,
    }
}

fn cloud_of<'a>(seen: &Seen<'a>, aspect: Aspect, name: &'a str) -> Cloud<'a, TrajectoryView> {
    Cloud {
        owner: seen.view.info.id.0,
        steps: seen.view,
        index: seen.index,
        fraction: 0.0,
        aspect,
        data: None,
        field: None,
        layers: Layers {
            data: false,
            trails: true,
            field: false,
            density: false,
        },
        name,
    }
}

/// The value under the pointer in words.
fn value(draft: &CompareDraft, seen: &Seen<'_>, spot: Spot) -> Option<String> {
    match seen.view.info.domain {
        Domain::Image { .. } => {
            let value = pictures_of(seen, draft.aspect, "").value(spot)?;
            Some(format!("#{} ({}, {}) {value}", spot.sample + 1, spot.x, spot.y))
        }
        Domain::Points => Some(format!(
            "#{} {}",
            spot.sample + 1,
            cloud_of(seen, draft.aspect, "").value(spot)?
        )),
    }
}

/// The captions of both, one over each half.
fn captions(ui: &mut Ui, both: [&Seen<'_>; 2]) -> Option<Wish> {
    ui.columns(2, |columns| {
        let [left, right] = [0, 1].map(|i| caption(&mut columns[i], both[i]));
        left.or(right)
    })
}

/// What is under the pointer in both.
fn values(ui: &mut Ui, draft: &CompareDraft, both: [&Seen<'_>; 2], hovered: Option<Spot>) {
    let spot = draft.lens.hover.or(hovered);
    ui.columns(2, |columns| {
        for (ui, seen) in columns.iter_mut().zip(both) {
            let text = spot.and_then(|spot| value(draft, seen, spot)).unwrap_or_default();
            ui.add(Label::new(theme::number(text).color(theme::palette(ui).weak)).truncate());
        }
    });
}

fn split(ui: &mut Ui, draft: &mut CompareDraft, both: [&Seen<'_>; 2], hovered: Option<Spot>) -> Option<Wish> {
    let mut wish = captions(ui, both);
    let size = vec2(ui.available_width(), (ui.available_height() - 24.0).max(40.0));
    let area = ui.allocate_space(size).1;
    let x = area.left() + draft.divider * area.width();
    let halves = [area.with_max_x(x), area.with_min_x(x)];
    for (seen, half) in both.into_iter().zip(halves) {
        // Each is drawn over the whole area, so that a sample has the same place in both, and cut at the line.
        let mut ui = ui.new_child(UiBuilder::new().id_salt(seen.letter).max_rect(area));
        ui.shrink_clip_rect(half);
        let asked = picture(&mut ui, size, draft, seen, hovered);
        wish = asked.map(|index| Wish::Seek(seen.view.info.id, index)).or(wish);
    }
    divider(ui, draft, area);
    for (seen, (at, anchor)) in both.into_iter().zip([
        (area.left_top() + vec2(8.0, 6.0), Align2::LEFT_TOP),
        (area.right_top() + vec2(-8.0, 6.0), Align2::RIGHT_TOP),
    ]) {
        badge(ui, seen, at, anchor);
    }
    values(ui, draft, both, hovered);
    wish
}

/// The letter on the picture itself.
fn badge(ui: &Ui, seen: &Seen<'_>, at: egui::Pos2, anchor: Align2) {
    let font = FontId::new(15.0, theme::strong());
    let galley = ui.painter().layout_no_wrap(seen.letter.into(), font, seen.ink);
    let place = anchor.anchor_size(at, galley.size());
    ui.painter()
        .rect_filled(place.expand2(vec2(6.0, 2.0)), 6.0, theme::palette(ui).panel);
    ui.painter().galley(place.min, galley, seen.ink);
}

/// The line between both, which can be dragged or moved with the keys.
fn divider(ui: &mut Ui, draft: &mut CompareDraft, area: Rect) {
    let x = area.left() + draft.divider * area.width();
    let handle = Rect::from_center_size(pos2(x, area.center().y), vec2(14.0, area.height()));
    let response = ui.interact(handle, ui.scope_id().with("divider"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::slider(true, f64::from(draft.divider), "Divider"));
    if response.dragged_by(PointerButton::Primary)
        && let Some(pointer) = response.interact_pointer_pos()
    {
        draft.divider = ((pointer.x - area.left()) / area.width()).clamp(0.0, 1.0);
    }
    if response.has_focus() {
        let step =
            ui.input(|i| i.num_presses(egui::Key::ArrowRight) as f32 - i.num_presses(egui::Key::ArrowLeft) as f32);
        draft.divider = (draft.divider + 0.05 * step).clamp(0.0, 1.0);
    }
    let palette = theme::palette(ui);
    let is_held = response.hovered() || response.dragged() || response.has_focus();
    let ink = if is_held { palette.accent } else { palette.text };
    // Pictures may be as dark as the line, or as light.
    ui.painter().vline(x, area.y_range(), Stroke::new(4.0, palette.panel));
    ui.painter().vline(x, area.y_range(), Stroke::new(2.0, ink));
    ui.painter()
        .circle(pos2(x, area.center().y), 7.0, palette.panel, Stroke::new(2.0, ink));
    response.on_hover_cursor(CursorIcon::ResizeHorizontal);
}

fn flip(ui: &mut Ui, draft: &mut CompareDraft, both: [&Seen<'_>; 2], hovered: Option<Spot>) -> Option<Wish> {
    let mut is_held = keys::held(ui.ctx(), Does::Flip);
    ui.horizontal(|ui| {
        let text = format!("Hold to see {}", both[1].letter);
        let press = button::icon_text(ui, icons::ICON_FLIP, &text);
        is_held |= press
            .on_hover_text(keys::text(ui.ctx(), Does::Flip))
            .is_pointer_button_down_on();
    });
    in_turn(ui, draft, both, usize::from(is_held), hovered)
}

fn blink(ui: &mut Ui, draft: &mut CompareDraft, both: [&Seen<'_>; 2], hovered: Option<Spot>) -> Option<Wish> {
    let turns = ui.input(|i| i.time) / BLINK_SECS;
    ui.ctx()
        .request_repaint_after_secs(((1.0 - turns.fract()) * BLINK_SECS) as f32);
    in_turn(ui, draft, both, turns as usize % 2, hovered)
}

/// One of both, in the same place.
fn in_turn(
    ui: &mut Ui,
    draft: &mut CompareDraft,
    both: [&Seen<'_>; 2],
    which: usize,
    hovered: Option<Spot>,
) -> Option<Wish> {
    let wish = captions(ui, both);
    let size = vec2(ui.available_width(), (ui.available_height() - 24.0).max(40.0));
    let corner = ui.cursor().left_top();
    let seen = both[which];
    let asked = picture(ui, size, draft, seen, hovered);
    badge(ui, seen, corner + vec2(8.0, 6.0), Align2::LEFT_TOP);
    values(ui, draft, both, hovered);
    asked.map(|index| Wish::Seek(seen.view.info.id, index)).or(wish)
}

/// How many sample units 1 is in a frame: the noise guess of pictures is stored at a third of its size.
pub(super) fn unit(aspect: Aspect, domain: Domain) -> f64 {
    match (aspect, domain) {
        (Aspect::Noise, Domain::Image { .. }) => 3.0,
        _ => 1.0,
    }
}

fn difference(ui: &mut Ui, draft: &mut CompareDraft, both: [&Seen<'_>; 2], hovered: Option<Spot>) -> Option<Wish> {
    let lead = both[usize::from(both[1].leads)];
    if both[0].view.info.domain == Domain::Points {
        let wish = captions(ui, both);
        return plane(ui, draft, &[*both[0], *both[1]], true, lead, hovered).or(wish);
    }
    let wish = captions(ui, both);
    let size = vec2(ui.available_width(), (ui.available_height() - 34.0).max(40.0));
    draft.lens.hover = hovered;
    let answer = difference::pictures(ui, size, draft, both)?;
    if !answer.response.contains_pointer() {
        draft.lens.hover = None;
    }
    answer.seek.map(|index| Wish::Seek(lead.view.info.id, index)).or(wish)
}

fn overlay(ui: &mut Ui, draft: &mut CompareDraft, seen: &[Seen<'_>], hovered: Option<Spot>) -> Option<Wish> {
    let wish = ui.columns(seen.len(), |columns| {
        let asked = columns.iter_mut().zip(seen).map(|(ui, one)| caption(ui, one));
        asked.fold(None, Option::or)
    });
    let lead = seen.iter().find(|one| one.leads).unwrap_or(&seen[0]);
    plane(ui, draft, seen, false, lead, hovered).or(wish)
}

/// Points in one plane, and below them what is under the pointer.
fn plane(
    ui: &mut Ui,
    draft: &mut CompareDraft,
    seen: &[Seen<'_>],
    links: bool,
    lead: &Seen<'_>,
    hovered: Option<Spot>,
) -> Option<Wish> {
    let size = vec2(ui.available_width(), (ui.available_height() - 24.0).max(40.0));
    let frames: Vec<_> = seen
        .iter()
        .filter_map(|one| draft.aspect.frame(one.view, one.index))
        .collect();
    let clouds: Vec<_> = frames
        .iter()
        .zip(seen)
        .map(|(frame, one)| (points(frame), one.ink))
        .collect();
    let letters: Vec<&str> = seen.iter().map(|one| one.letter).collect();
    let name = format!("{} in one plane", letters.join(", "));
    let overlay = Overlay {
        clouds: &clouds,
        links,
        clock: (lead.index, lead.view.frames()),
        name: &name,
    };
    draft.lens.hover = hovered;
    let answer = overlay_view(ui, size, &overlay, &mut draft.sprite, &mut draft.lens);
    if !answer.response.contains_pointer() {
        draft.lens.hover = None;
    }
    let text = draft
        .lens
        .hover
        .map_or_else(String::new, |spot| apart(&clouds, &letters, spot.sample));
    ui.add(Label::new(theme::number(text).color(theme::palette(ui).weak)).truncate());
    answer.seek.map(|index| Wish::Seek(lead.view.info.id, index))
}

fn points(frame: &Frame) -> &[[f32; 2]] {
    match frame {
        Frame::Points { xy } => xy.as_chunks().0,
        Frame::Pixels { .. } => &[],
    }
}

/// `#12 A (+0.100, -0.200) B (+0.300, +0.100), 0.361 apart`; the distance is that of the first two.
fn apart(clouds: &[(&[[f32; 2]], egui::Color32)], letters: &[&str], sample: usize) -> String {
    let places: Vec<_> = clouds.iter().map(|(points, _)| points.get(sample)).collect();
    let told = places.iter().zip(letters).filter_map(|(place, letter)| {
        let [x, y] = (*place)?;
        Some(format!("{letter} ({x:+.3}, {y:+.3})"))
    });
    let told: Vec<String> = told.collect();
    match places[..] {
        [Some([ax, ay]), Some([bx, by])] => {
            let distance = (bx - ax).hypot(by - ay);
            format!("#{} {}, {distance:.3} apart", sample + 1, told.join("  "))
        }
        _ => format!("#{} {}", sample + 1, told.join("  ")),
    }
}
