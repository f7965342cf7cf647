//! How far the others are from the reference over the whole process, in numbers with errors.

use std::collections::BTreeMap;

use eframe::egui::{Ui, vec2};
use egui_plot::{GridMark, Line, VLine};

use super::{
    super::plots::{even, hovered, plot},
    CompareDraft, Seen,
    show::{Wish, unit},
};
use crate::{
    app::{
        measurer::{Measurer, Pair, Question},
        quantities::{Quantity, distance, picture},
        theme,
        trajectories::TrajectoryView,
        widgets::number,
        words,
    },
    draw::strip::even_indices,
    engine::{
        TrajectoryId,
        likeness::{Likeness, Measure},
    },
    math::{Domain, linked::Track},
};

/// Places of the process that are measured, beside the one under the cursor.
const PLACES: usize = 65;

/// What was measured, and where.
#[derive(Debug, Default)]
pub(super) struct FiguresDraft {
    measurer: Measurer,
    plans: BTreeMap<(TrajectoryId, TrajectoryId), Plan>,
}

/// Which steps of two trajectories are compared.
#[derive(Debug, Default)]
struct Plan {
    /// How many steps were kept of each, and whether more will come.
    of: [(usize, usize, bool); 2],
    places: Vec<Place>,
}

/// A step of each at the same noise level.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    a: usize,
    b: usize,
    cleanness: f64,
}

/// A number that is shown over the process.
struct Shown {
    of: &'static Quantity,
    measure: fn(&Likeness) -> Option<Measure>,
}

const RMS: Shown = Shown {
    of: &distance::RMS,
    measure: |likeness| Some(likeness.rms),
};

const SSIM: Shown = Shown {
    of: &picture::SSIM,
    measure: |likeness| likeness.ssim,
};

const WASSERSTEIN: Shown = Shown {
    of: &distance::WASSERSTEIN,
    measure: |likeness| likeness.wasserstein,
};

/// Two plots beside one another. Answers the frame that was pressed.
pub(super) fn figures(ui: &mut Ui, draft: &mut CompareDraft, seen: &[Seen<'_>]) -> Option<Wish> {
    draft.figures.measurer.take_in();
    let domain = seen[0].view.info.domain;
    if seen.iter().any(|one| one.view.info.domain != domain) {
        ui.label(theme::caption(
            ui,
            "Samples of different kinds or sizes cannot be measured against each other.",
        ));
        return None;
    }
    let (measured, planned) = measure(ui, draft, seen);
    let second = if domain == Domain::Points { WASSERSTEIN } else { SSIM };
    let lead = seen.iter().find(|one| one.leads)?;
    let track = &draft.tracks.get(&lead.view.info.id)?.track;
    let now = track.at(lead.index)?;
    let pressed = ui.columns(2, |columns| {
        let [left, right] = [(0, RMS), (1, second)].map(|(i, quantity)| {
            let ui = &mut columns[i];
            head(ui, draft, seen, &quantity);
            curves(ui, draft, seen, &quantity, now.cleanness())
        });
        left.or(right)
    });
    if measured < planned {
        let text = format!("measured {measured} of {planned}");
        let corner = ui.max_rect().right_top() + vec2(-4.0, 2.0);
        let font = eframe::egui::TextStyle::Small.resolve(ui.style());
        let ink = theme::palette(ui).weak;
        ui.painter()
            .text(corner, eframe::egui::Align2::RIGHT_TOP, text, font, ink);
    }
    let target = nearest(track, pressed?)?;
    Some(Wish::Seek(lead.view.info.id, target))
}

/// The step whose noise level is nearest on the axis of the plots.
fn nearest(track: &Track, cleanness: f64) -> Option<usize> {
    let distance = |mark: &crate::math::linked::Mark| (mark.cleanness() - cleanness).abs();
    let found = track
        .marks()
        .iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    Some(found.index)
}

/// Asks for what is not known yet: the cursor first, then the whole process in ever finer parts. Answers how much is known of
/// how much.
fn measure(ui: &Ui, draft: &mut CompareDraft, seen: &[Seen<'_>]) -> (usize, usize) {
    let (reference, others) = (&seen[0], &seen[1..]);
    draft.figures.plans.retain(|(a, b), _| {
        let is_shown = |id| seen.iter().any(|one| one.view.info.id == id);
        is_shown(*a) && is_shown(*b)
    });
    let mut wishes: Vec<(usize, Pair)> = Vec::new();
    for other in others {
        wishes.push((0, pair(draft, [reference, other], reference.index, other.index)));
        let plan = plan(draft, reference.view, other.view);
        let places = plan.iter().enumerate();
        wishes.extend(places.map(|(i, place)| (coarseness(i), pair(draft, [reference, other], place.a, place.b))));
    }
    wishes.sort_by_key(|(order, _)| *order);
    let unit = unit(draft.aspect, reference.view.info.domain);
    for (_, pair) in &wishes {
        let frame = |(id, index): (TrajectoryId, usize)| {
            let one = seen.iter().find(|one| one.view.info.id == id)?;
            pair.aspect.frame(one.view, index)
        };
        let question = || {
            Some(Question {
                a: frame(pair.a)?,
                b: frame(pair.b)?,
                unit,
            })
        };
        let ctx = ui.ctx().clone();
        draft
            .figures
            .measurer
            .ask(*pair, question, move || ctx.request_repaint());
    }
    let known = wishes
        .iter()
        .filter(|(_, pair)| draft.figures.measurer.knows(*pair))
        .count();
    (known, wishes.len())
}

/// Where in the order a place is measured: the ends, the middle, the quarters, …
fn coarseness(i: usize) -> usize {
    1 + (PLACES - 1).trailing_zeros().saturating_sub(i.trailing_zeros()) as usize
}

fn pair(draft: &CompareDraft, both: [&Seen<'_>; 2], a: usize, b: usize) -> Pair {
    Pair {
        a: (both[0].view.info.id, a),
        b: (both[1].view.info.id, b),
        aspect: draft.aspect,
    }
}

/// Even steps of the one that has fewer, each with the step of the other one that is as noisy. Made again when steps came or
/// were let go.
fn plan(draft: &mut CompareDraft, a: &TrajectoryView, b: &TrajectoryView) -> Vec<Place> {
    let of = [a, b].map(|view| (view.steps.len(), view.stride, view.ended));
    let tracks = [a, b].map(|view| draft.tracks.get(&view.info.id).map(|known| &known.track));
    let plan = draft.figures.plans.entry((a.info.id, b.info.id)).or_default();
    if plan.of != of
        && let [Some(first), Some(second)] = tracks
    {
        let places = if a.info.moves <= b.info.moves {
            places(first, second, b.ended)
        } else {
            let turned = |place: Place| Place {
                a: place.b,
                b: place.a,
                ..place
            };
            places(second, first, a.ended).into_iter().map(turned).collect()
        };
        *plan = Plan { of, places };
    }
    plan.places.clone()
}

/// Even steps of `coarse` as `a` and the steps of `fine` that are as noisy as `b`, as far as it has come.
fn places(coarse: &Track, fine: &Track, is_ended: bool) -> Vec<Place> {
    let marks = coarse.marks();
    let even = even_indices(marks.len(), PLACES).into_iter().map(|i| marks[i]);
    let known = even.filter(|mark| is_ended || fine.reaches(*mark));
    let place = |mark: crate::math::linked::Mark| {
        Some(Place {
            a: mark.index,
            b: fine.nearest(mark)?.index,
            cleanness: mark.cleanness(),
        })
    };
    known.filter_map(place).collect()
}

/// What it is, and its numbers at the cursor.
fn head(ui: &mut Ui, draft: &CompareDraft, seen: &[Seen<'_>], quantity: &Shown) {
    ui.horizontal(|ui| {
        ui.set_min_height(20.0);
        ui.label(theme::heading(quantity.of.name))
            .on_hover_text(quantity.of.said);
        for other in &seen[1..] {
            let found = draft
                .figures
                .measurer
                .get(pair(draft, [&seen[0], other], seen[0].index, other.index));
            let measured = found.and_then(|likeness| Some(((quantity.measure)(likeness)?, likeness.samples)));
            let text = measured.map_or_else(|| "…".into(), |(measure, _)| told(measure));
            let text = theme::number(format!("{} {text}", other.letter)).color(other.ink);
            let pair = format!("{} against {} at the cursor", other.letter, seen[0].letter);
            let subject = format!("{}, {pair}", quantity.of.name);
            number::truncated(ui, text, quantity.of, &subject, || {
                let found = measured.map(|(measure, samples)| distance::measured(measure, samples, &pair));
                found.unwrap_or_else(|| "being measured".into())
            });
        }
    });
}

/// `0.123 ± 0.004`.
fn told(measure: Measure) -> String {
    let value = words::reading(measure.value);
    match measure.error {
        Some(error) => format!("{value} ± {}", in_two_digits(error)),
        None => value,
    }
}

/// Two significant digits, in the notation of the value before it as long as that is short.
fn in_two_digits(error: f64) -> String {
    if !(1e-4..1e4).contains(&error) {
        return words::number(error);
    }
    let decimals = 1 - error.log10().floor() as i32;
    format!("{error:.*}", decimals.max(0) as usize)
}

/// The curves with their errors. Answers where on the axis the pointer was pressed.
fn curves(ui: &mut Ui, draft: &CompareDraft, seen: &[Seen<'_>], quantity: &Shown, now: f64) -> Option<f64> {
    let palette = theme::palette(ui);
    let reference = &seen[0];
    let found = |other: &Seen<'_>| {
        let plan = draft.figures.plans.get(&(reference.view.info.id, other.view.info.id));
        let places = plan.map_or(&[][..], |plan| &plan.places);
        let measured = places.iter().filter_map(|place| {
            let likeness = draft
                .figures
                .measurer
                .get(pair(draft, [reference, other], place.a, place.b))?;
            Some((place.cleanness, (quantity.measure)(likeness)?))
        });
        measured.collect::<Vec<_>>()
    };
    let help = quantity.of.name;
    let shown = plot(ui, quantity.of.name, ui.available_height().max(40.0))
        .allow_zoom(false)
        .allow_drag(false)
        .include_x(-0.02)
        .include_x(1.02)
        .include_y(0.0)
        .include_y(0.01)
        .y_grid_spacer(|input| even(&input))
        .y_axis_formatter(|mark, _| words::number(mark.value))
        .x_grid_spacer(|_| {
            [0.0, 0.25, 0.5, 0.75, 1.0]
                .map(|value| GridMark { value, step_size: 0.25 })
                .to_vec()
        })
        .x_axis_formatter(|mark, _| noise_left(mark.value))
        .label_formatter(move |at| {
            let p = hovered(at);
            Some(format!("{}\n{help} {}", noise_left(p.x), words::number(p.y)))
        })
        .show(ui, |plot| {
            plot.vline(VLine::new("", now).color(palette.accent).width(1.5).allow_hover(false));
            for other in &seen[1..] {
                let curve = found(other);
                for (x, measure) in &curve {
                    let error = measure.error.unwrap_or(0.0);
                    let ends = vec![[*x, measure.value - error], [*x, measure.value + error]];
                    plot.line(
                        Line::new("", ends)
                            .color(other.ink.gamma_multiply(0.6))
                            .width(1.0)
                            .allow_hover(false),
                    );
                }
                let points: Vec<_> = curve.iter().map(|(x, measure)| [*x, measure.value]).collect();
                plot.line(Line::new(other.letter, points).color(other.ink).width(2.0));
            }
        });
    let pointer = shown.response.interact_pointer_pos()?;
    Some(shown.transform.value_from_position(pointer).x)
}

/// The axis: how much noise is left.
fn noise_left(cleanness: f64) -> String {
    match cleanness {
        v if v.abs() < 1e-9 => "noise".into(),
        v if (v - 1.0).abs() < 1e-9 => "clean".into(),
        v => format!("{:.0} % noise", 100.0 * (1.0 - v)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Level;

    fn track(moves: usize) -> Track {
        let level = |i: usize| Level::from_alpha_bar(0.0, i as f64 / moves as f64);
        Track::new((0..=moves).map(|i| (i, level(i))), moves)
    }

    #[test]
    fn the_coarser_one_says_where_is_measured() {
        let found: Vec<_> = places(&track(20), &track(1000), true)
            .iter()
            .map(|p| (p.a, p.b))
            .collect();
        assert_eq!(found, (0..=20).map(|i| (i, 50 * i)).collect::<Vec<_>>());
        assert_eq!(places(&track(1000), &track(1000), true).len(), PLACES);
    }

    #[test]
    fn what_is_not_made_yet_is_not_measured() {
        let level = |i: usize| Level::from_alpha_bar(0.0, i as f64 / 1000.0);
        let half = Track::new((0..=500).map(|i| (i, level(i))), 1000);
        let found = places(&track(20), &half, false);
        assert_eq!(found.last().map(|p| (p.a, p.b)), Some((10, 500)));
    }

    #[test]
    fn ends_and_middle_come_first() {
        let mut order: Vec<usize> = (0..PLACES).collect();
        order.sort_by_key(|i| coarseness(*i));
        assert_eq!(order[..5], [0, 64, 32, 16, 48]);
    }

    #[test]
    fn errors_have_two_digits() {
        let told = |value, error| told(Measure { value, error });
        assert_eq!(told(0.123_45, Some(0.004_56)), "0.123 ± 0.0046");
        assert_eq!(told(1.2, Some(0.02)), "1.20 ± 0.020");
        assert_eq!(told(0.5, Some(3e-5)), "0.500 ± 3e-5");
        assert_eq!(told(0.5, None), "0.500");
        assert_eq!(told(0.0, Some(0.0)), "0 ± 0");
    }
}
