//! The difference of two of them: pictures as signed colours with a scale that is told, points as the way between them.

use eframe::egui::{self, Color32, Label, Mesh, Rect, Sense, Shape, Ui, Vec2, WidgetInfo, vec2};

use super::{CompareDraft, Seen, show::unit};
use crate::{
    app::{
        theme,
        widgets::{
            aspect::{Aspect, Steps, change_scale},
            button, form,
            pictures::{Answer, Pictures, Spot, View, picture_view},
        },
        words,
    },
    draw::signed,
    engine::event::StepFrame,
    math::{Frame, domain::unit_from_byte},
};

/// Difference that has the strongest colour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Full {
    /// The greatest one of the frame, rounded up to 1, 2 or 5.
    #[default]
    Greatest,
    /// The same for all frames.
    Fixed(f32),
}

const FULL: [(Full, &str); 5] = [
    (Full::Greatest, "scale: each step its own"),
    (Full::Fixed(0.1), "scale: ±0.1"),
    (Full::Fixed(0.5), "scale: ±0.5"),
    (Full::Fixed(1.0), "scale: ±1"),
    (Full::Fixed(2.0), "scale: ±2"),
];

/// The scale, and what was uploaded.
#[derive(Debug, Default)]
pub(super) struct DifferenceDraft {
    full: Full,
    pictures: Pictures,
    /// What the uploaded pictures belong to.
    owner: Option<Owner>,
    /// Counts owners, to tell their pictures apart.
    owners: u64,
    /// The last difference that was computed.
    latest: Option<StepFrame>,
}

/// Both trajectories, what is compared and the scale.
type Owner = ([u64; 2], Aspect, Full);

/// A difference in place of the steps of a trajectory.
#[derive(Debug)]
struct Difference<'a> {
    step: &'a StepFrame,
    frames: usize,
    both: [Frame; 2],
    unit: f32,
}

impl Steps for Difference<'_> {
    fn step(&self, _index: usize) -> Option<&StepFrame> {
        Some(self.step)
    }
    fn before(&self, _index: usize) -> Option<&StepFrame> {
        None
    }
    fn reached(&self) -> usize {
        self.frames
    }
    fn frames(&self) -> usize {
        self.frames
    }
    fn reading(&self, spot: Spot) -> Option<Vec<f32>> {
        let [a, b] = self.both.each_ref().map(|frame| spot.bytes(frame));
        let minus = |(a, b): (&u8, &u8)| self.unit * (unit_from_byte(*b) - unit_from_byte(*a));
        Some(a.iter().zip(&b).map(minus).collect())
    }
}

/// `other - reference` of all pictures.
pub(super) fn pictures(ui: &mut Ui, size: Vec2, draft: &mut CompareDraft, both: [&Seen<'_>; 2]) -> Option<Answer> {
    let aspect = draft.aspect;
    let [a, b] = both.map(|seen| aspect.frame(seen.view, seen.index));
    let both_frames = [a?, b?];
    let unit = unit(aspect, both[0].view.info.domain) as f32;
    let own = &mut draft.difference;
    let owner = (both.map(|seen| seen.view.info.id.0), aspect, own.full);
    if own.owner != Some(owner) {
        (own.owner, own.latest) = (Some(owner), None);
        own.owners += 1;
    }
    let full = full(own.full, &both_frames, unit);
    let key = both[0].index << 24 | both[1].index;
    if own.latest.as_ref().is_none_or(|step| step.index != key) {
        let frame = signed::difference(&both_frames[0], &both_frames[1], full / unit)?;
        own.latest = Some(StepFrame {
            index: key,
            x: frame,
            ..both[0].view.step(both[0].index)?.clone()
        });
    }
    let lead = both[usize::from(both[1].leads)];
    let difference = Difference {
        step: own.latest.as_ref()?,
        frames: lead.view.frames(),
        both: both_frames,
        unit,
    };
    let name = format!("{} − {}: difference", both[1].letter, both[0].letter);
    let shown = View {
        owner: own.owners,
        steps: &difference,
        index: lead.index,
        aspect: Aspect::State,
        name: &name,
    };
    let answer = picture_view(ui, size, &shown, &mut own.pictures, &mut draft.lens);
    let value = draft.lens.hover.and_then(|spot| shown.value(spot));
    legend(ui, draft, both, full, value);
    Some(answer)
}

/// The difference with the strongest colour, in sample units.
fn full(choice: Full, both: &[Frame; 2], unit: f32) -> f32 {
    match choice {
        Full::Greatest => unit * change_scale(&both[0], &both[1]),
        Full::Fixed(full) => full,
    }
}

/// The colours with their ends, what is under the pointer, and the choice of the scale.
fn legend(ui: &mut Ui, draft: &mut CompareDraft, both: [&Seen<'_>; 2], full: f32, value: Option<String>) {
    ui.horizontal(|ui| {
        ui.set_min_height(26.0);
        ui.allocate_ui(vec2(170.0, 26.0), |ui| {
            let response = form::choice(ui, "difference scale", &mut draft.difference.full, &FULL);
            button::name_as(&response, egui::Role::ComboBox, "Scale of the difference");
        });
        let (less, more) = (both[0].letter, both[1].letter);
        if full == 0.0 {
            ui.label(theme::caption(ui, "equal: no pixel differs"));
            return;
        }
        let end = words::number(f64::from(full));
        ui.label(theme::number(format!("−{end}")));
        bar(ui, &format!("Colours from −{end} to +{end}"));
        ui.label(theme::number(format!("+{end}")));
        let text = value.unwrap_or_else(|| {
            format!("red: {more} above {less}, blue: below; black to white is 2; the channel that differs most")
        });
        ui.add(Label::new(theme::caption(ui, text)).truncate());
    });
}

/// The colour scale.
fn bar(ui: &mut Ui, name: &str) {
    let (area, response) = ui.allocate_exact_size(vec2(140.0, 12.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, name));
    let mut mesh = Mesh::default();
    const PARTS: usize = 32;
    for i in 0..PARTS {
        let [r, g, b] = signed::colour(2.0 * i as f32 / (PARTS - 1) as f32 - 1.0);
        let x = |i: usize| area.left() + area.width() * i as f32 / PARTS as f32;
        let part = Rect::from_x_y_ranges(x(i)..=x(i + 1), area.y_range());
        mesh.add_colored_rect(part, Color32::from_rgb(r, g, b));
    }
    ui.painter().add(Shape::mesh(mesh));
}
