//! The panes of the workspace: four views of a step, and the film of all steps.

use eframe::egui::{Label, ScrollArea, Ui, Vec2, vec2};
use serde::{Deserialize, Serialize};

use super::{
    TrajectoryDraft, fresh_field,
    list::{called, outcome, parted},
    training_points,
};
use crate::{
    app::{
        action::Action,
        layout::{Contents, Pane, Place},
        playback::PlaybackCommand,
        quantities::{Reading, sample},
        state::AppState,
        theme,
        trajectories::{
            TrajectoryView,
            family::{self, Member},
        },
        widgets::{
            aspect::{Aspect, Steps as _, change_scale},
            cloud::{Cloud, cloud_view},
            lanes::{self, Lane, Lanes},
            mark::Mark,
            number,
            pictures::{Spot, View, picture_view},
            strip::{Film, film_strip},
        },
    },
    engine::{TrajectoryId, event::StepFrame},
    math::{Domain, Frame, domain::unit_from_byte},
};

/// Height of a title and of the numbers of a view.
const VIEW_TEXT: f32 = 54.0;

/// Height of the film strip at first, with its title.
const FILM: f32 = 92.0;

/// Least height of the film strip.
const STRIP: f32 = 36.0;

/// A pane of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrajectoryPane {
    /// The noisy state.
    State,
    /// The clean sample as the network guesses it.
    Clean,
    /// The noise as the network guesses it.
    Noise,
    /// What the last step changed.
    Change,
    /// All steps.
    Film,
}

impl TrajectoryPane {
    /// The four views, in order.
    const VIEWS: [Self; 4] = [Self::State, Self::Clean, Self::Noise, Self::Change];

    fn aspect(self) -> Option<Aspect> {
        match self {
            Self::State => Some(Aspect::State),
            Self::Clean => Some(Aspect::Clean),
            Self::Noise => Some(Aspect::Noise),
            Self::Change => Some(Aspect::Change),
            Self::Film => None,
        }
    }
}

impl Pane for TrajectoryPane {
    const PLACE: &'static str = "Trajectory";
    const ALL: &'static [Self] = &[Self::State, Self::Clean, Self::Noise, Self::Change, Self::Film];

    fn title(self) -> &'static str {
        self.aspect().map_or("Film", Aspect::label)
    }

    fn symbol(self) -> &'static str {
        self.aspect().map_or("", Aspect::symbol)
    }

    fn help(self) -> &'static str {
        self.aspect()
            .map_or("All steps at a glance, and where branches part.", Aspect::help)
    }
}

/// Shows the panes. Answers the frame that was asked for.
pub(super) fn panes(
    ui: &mut Ui,
    state: &AppState,
    view: &TrajectoryView,
    own: &TrajectoryView,
    marks: &[Mark],
    draft: &mut TrajectoryDraft,
    out: &mut Vec<Action>,
) -> Option<usize> {
    let hovered = draft.lens.hover.take();
    let mut layout = std::mem::take(&mut draft.layout);
    let mut shown = Shown {
        state,
        view,
        own,
        family: family::of(&state.trajectories, own.info.id),
        marks,
        draft,
        out,
        hovered,
        seek: None,
    };
    layout.show(ui, &mut shown);
    let seek = shown.seek;
    draft.layout = layout;
    if draft.lens.hover != hovered {
        // The other views mark the same place, those before this one in the next frame.
        ui.ctx().request_repaint();
    }
    seek
}

/// What the panes show.
struct Shown<'a> {
    state: &'a AppState,
    /// What is looked at: a trajectory, or the one of an earlier training step.
    view: &'a TrajectoryView,
    own: &'a TrajectoryView,
    family: Vec<Member<'a>>,
    marks: &'a [Mark],
    draft: &'a mut TrajectoryDraft,
    out: &'a mut Vec<Action>,
    /// What was under the pointer in the last frame.
    hovered: Option<Spot>,
    /// A frame that was asked for.
    seek: Option<usize>,
}

impl Contents<TrajectoryPane> for Shown<'_> {
    /// Four views in a row, or two by two where that leaves larger squares.
    fn places(&self, room: Vec2) -> Place<TrajectoryPane> {
        let film = (FILM + self.lanes_height()).min(0.5 * room.y);
        let views = room.y - film;
        let row = |views: &[TrajectoryPane]| Place::Row(views.iter().map(|&view| (1.0, Place::Pane(view))).collect());
        let side = |columns: f32, rows: f32| (room.x / columns).min(views / rows - VIEW_TEXT);
        let mut rows = if side(4.0, 1.0) >= side(2.0, 2.0) {
            vec![(views, row(&TrajectoryPane::VIEWS))]
        } else {
            let [above, below] = [&TrajectoryPane::VIEWS[..2], &TrajectoryPane::VIEWS[2..]];
            vec![(0.5 * views, row(above)), (0.5 * views, row(below))]
        };
        rows.push((film, Place::Pane(TrajectoryPane::Film)));
        Place::Column(rows)
    }

    fn body(&mut self, ui: &mut Ui, pane: TrajectoryPane) {
        let asked = match pane.aspect() {
            Some(aspect) => self.step(ui, aspect),
            None => self.film(ui),
        };
        self.seek = asked.or(self.seek);
    }
}

impl Shown<'_> {
    fn lanes_height(&self) -> f32 {
        match self.family.len() {
            0 | 1 => 0.0,
            several => lanes::height(several) + 6.0,
        }
    }

    fn film(&mut self, ui: &mut Ui) -> Option<usize> {
        let height = (ui.available_height() - self.lanes_height() - 4.0).max(STRIP);
        let film = Film {
            name: "Film strip",
            owner: self.view.info.id.0,
            steps: self.view,
            domain: self.view.info.domain,
            index: self.state.playback.index(),
            sample: self.draft.lens.selected.unwrap_or(0),
            aspect: Aspect::State,
        };
        let strip = |ui: &mut Ui| {
            let seek = film_strip(ui, height, &film, self.marks, &mut self.draft.strip);
            if self.family.len() > 1 {
                ui.add_space(2.0);
                family_lanes(ui, self.state, self.own, &self.family, self.draft, self.out);
            }
            seek
        };
        ScrollArea::vertical().auto_shrink(false).show(ui, strip).inner
    }

    fn step(&mut self, ui: &mut Ui, aspect: Aspect) -> Option<usize> {
        let (view, index) = (self.view, self.state.playback.index());
        let size = vec2(ui.available_width(), (ui.available_height() - 24.0).max(40.0));
        let mut lens = std::mem::take(&mut self.draft.lens);
        let found = std::mem::replace(&mut lens.hover, self.hovered);
        let (answer, value) = match view.info.domain {
            Domain::Image { .. } => {
                let shown = View {
                    owner: view.info.id.0,
                    steps: view,
                    index,
                    aspect,
                    name: aspect.label(),
                };
                let answer = picture_view(ui, size, &shown, &mut self.draft.pictures, &mut lens);
                let value = lens.hover.and_then(|spot| Some(reading(ui, spot, &shown.value(spot)?)));
                (answer, value)
            }
            Domain::Points => {
                let shown = Cloud {
                    owner: view.info.id.0,
                    steps: view,
                    index,
                    fraction: self.state.playback.fraction(),
                    aspect,
                    data: training_points(self.state, view),
                    field: fresh_field(self.state, view, index),
                    layers: self.draft.layers,
                    name: aspect.label(),
                };
                let answer = cloud_view(ui, size, &shown, &mut self.draft.clouds, &mut lens);
                let value = lens
                    .hover
                    .and_then(|s| Some(format!("#{} {}", s.sample + 1, shown.value(s)?)));
                (answer, value)
            }
        };
        if !answer.response.contains_pointer() {
            lens.hover = found;
        }
        self.draft.lens = lens;
        let ink = theme::palette(ui).weak;
        match (value, statistics(view, index, aspect, self.draft)) {
            (None, Some(Reading { of, text, values })) => {
                number::truncated(ui, theme::number(text).color(ink), of, of.name, values);
            }
            (value, _) => {
                let text = theme::number(value.unwrap_or_default()).color(ink);
                ui.add(Label::new(text).truncate());
            }
        }
        answer.seek
    }
}

/// The family as lanes: what is chosen is looked at from the same step.
fn family_lanes(
    ui: &mut Ui,
    state: &AppState,
    view: &TrajectoryView,
    family: &[Member<'_>],
    draft: &mut TrajectoryDraft,
    out: &mut Vec<Action>,
) {
    let place = |id: TrajectoryId| family.iter().position(|member| member.view.info.id == id);
    let lanes: Vec<Lane> = family
        .iter()
        .map(|Member { view, .. }| Lane {
            id: view.info.id,
            name: called(view),
            parts: view
                .parent
                .and_then(place)
                .zip(view.info.branch.as_ref().map(|parted| parted.step)),
            reached: view.reached(),
            ended: view.ended,
            detail: [Some(outcome(view)), parted(view)]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("\n"),
        })
        .collect();
    let index = state.playback.index();
    let shown = Lanes {
        lanes: &lanes,
        current: Some(view.info.id),
        lit: draft.list.lit,
        index,
        moves: family.iter().map(|member| member.view.info.moves).max().unwrap_or(1),
    };
    let (hovered, chosen) = lanes::lanes(ui, &shown);
    draft.list.lit = hovered.or(draft.list.lit);
    if let Some(id) = chosen.filter(|id| *id != view.info.id) {
        out.push(Action::Select(id));
        out.push(Action::Playback(PlaybackCommand::Seek(index)));
    }
}

/// A value with its place, where there is room for both; the place is marked in the picture anyway.
fn reading(ui: &Ui, spot: Spot, value: &str) -> String {
    let whole = format!("#{} pixel {},{}  {value}", spot.sample + 1, spot.x, spot.y);
    let room = ui.available_width() / theme::number_width(ui);
    if whole.chars().count() as f32 <= room {
        whole
    } else {
        value.to_owned()
    }
}

/// Mean and deviation of what a view shows.
fn statistics<'a>(
    view: &'a TrajectoryView,
    index: usize,
    aspect: Aspect,
    draft: &mut TrajectoryDraft,
) -> Option<Reading<'a>> {
    let step = view.step(index)?;
    let (of, stats) = match aspect {
        Aspect::State => (&sample::STATE, step.x_stats),
        Aspect::Clean => (&sample::CLEAN, step.x0_stats),
        Aspect::Noise => (&sample::NOISE, noise_stats(view, step.index, &step.eps, draft)),
        Aspect::Change => return Some(change(view, step)),
    };
    let text = format!("mean {:+.2}  std {:.2}", stats.0, stats.1);
    Some(of.reads(text, move || sample::statistics(step, stats)))
}

fn change<'a>(view: &'a TrajectoryView, step: &'a StepFrame) -> Reading<'a> {
    let Some(before) = view.before(step.index) else {
        return sample::CHANGE.reads("start, no change yet", || "no step was made".into());
    };
    let scale = change_scale(&before.x, &step.x);
    let text = match view.info.domain {
        Domain::Image { .. } => format!("mean {:.3}  yellow {scale}", before.change),
        Domain::Points => format!("mean {:.3}", before.change),
    };
    sample::CHANGE.reads(text, || sample::change(before, step))
}

fn noise_stats(view: &TrajectoryView, index: usize, eps: &Frame, draft: &mut TrajectoryDraft) -> (f32, f32) {
    match draft.noise_stats {
        Some((id, at, stats)) if (id, at) == (view.info.id, index) => stats,
        _ => {
            let stats = mean_std(eps);
            draft.noise_stats = Some((view.info.id, index, stats));
            stats
        }
    }
}

/// Mean and standard deviation of a noise guess, which is stored at a third of its size.
fn mean_std(eps: &Frame) -> (f32, f32) {
    let values: Vec<f32> = match eps {
        Frame::Pixels { data, .. } => data.iter().map(|&b| 3.0 * unit_from_byte(b)).collect(),
        Frame::Points { xy } => xy.to_vec(),
    };
    let n = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / n;
    let var = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n;
    (mean, var.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_measured_at_its_own_size() {
        let frame = Domain::Points.frame(&[1.0, 3.0]);
        assert_eq!(mean_std(&frame), (2.0, 1.0));
        let image = Domain::Image {
            channels: 1,
            height: 1,
            width: 2,
        };
        assert_eq!(mean_std(&image.frame(&[-1.0, 1.0])), (0.0, 3.0));
    }
}
