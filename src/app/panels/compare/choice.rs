//! Which trajectories are compared, what tells them apart, and a pair to begin with.

use eframe::egui::{Checkbox, Label, RichText, Role, Sense, Ui, WidgetInfo, vec2};
use egui_material_icons::icons;

use super::{
    super::{
        sample_form::model_rows,
        trajectory::{called, outcome},
    },
    CompareDraft, LETTERS, MOST, Seen, inks,
};
use crate::{
    app::{
        action::Action,
        state::AppState,
        theme,
        trajectories::TrajectoryView,
        widgets::{button, form},
        words,
    },
    engine::{
        Command, TrajectoryId,
        command::{ClassChoice, SampleRequest},
        event::TrajectoryInfo,
    },
    math::{Domain, Spec},
};

/// All trajectories, newest first, with a check at those that are compared.
pub(super) fn list(ui: &mut Ui, state: &AppState, draft: &mut CompareDraft, views: &[&TrajectoryView]) {
    form::group(ui, "Trajectories");
    if state.trajectories.iter().len() == 0 {
        ui.label(theme::caption(ui, "There are none yet."));
    }
    let chosen: Vec<TrajectoryId> = views.iter().map(|view| view.info.id).collect();
    for view in state.trajectories.iter().rev() {
        if let Some(changed) = row(ui, view, &chosen) {
            draft.chosen = Some(changed);
        }
    }
}

/// One trajectory. Answers what is compared from now on, where that changes.
fn row(ui: &mut Ui, view: &TrajectoryView, chosen: &[TrajectoryId]) -> Option<Vec<TrajectoryId>> {
    let (id, name) = (view.info.id, called(view));
    let place = chosen.iter().position(|other| *other == id);
    let available = if place.is_none() && chosen.len() == MOST {
        Err("Four are compared at most; take one away first")
    } else {
        Ok(())
    };
    let mut changed = None;
    ui.horizontal(|ui| {
        let mut is_chosen = place.is_some();
        let check = ui.add_enabled(available.is_ok(), Checkbox::without_text(&mut is_chosen));
        check.widget_info(|| {
            WidgetInfo::selected(Role::CheckBox, available.is_ok(), is_chosen, format!("Compare: {name}"))
        });
        let check = check.on_disabled_hover_text(available.err().unwrap_or_default());
        let title = ui
            .vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                let title = heading(ui, place, &name);
                let detail = format!("{} · {}", outcome(view), view.info.model);
                ui.add(Label::new(theme::caption(ui, detail)).truncate());
                title
            })
            .inner;
        if check.changed() || (title && available.is_ok()) {
            changed = Some(toggled(chosen, id));
        }
    });
    if place.is_some_and(|place| place > 0) && reference_button(ui, &name) {
        changed = Some(with_reference(chosen, id));
    }
    changed
}

/// The letter of a chosen one and its title. Answers whether it was pressed.
fn heading(ui: &mut Ui, place: Option<usize>, name: &str) -> bool {
    ui.horizontal(|ui| {
        if let Some(place) = place {
            let ink = inks(theme::palette(ui))[place];
            ui.label(RichText::new(LETTERS[place]).family(theme::strong()).color(ink));
        }
        let title = Label::new(name).truncate().selectable(false).sense(Sense::click());
        ui.add(title).clicked()
    })
    .inner
}

fn reference_button(ui: &mut Ui, name: &str) -> bool {
    ui.horizontal(|ui| {
        ui.add_space(ui.spacing().icon_width + ui.spacing().item_spacing.x);
        let text = "Make it the reference";
        let response = button::icon_text_small(ui, icons::ICON_VERTICAL_ALIGN_TOP, text);
        button::name(&response, &format!("{text}: {name}"));
        response
            .on_hover_text("The others are measured by their distance from the reference, A")
            .clicked()
    })
    .inner
}

/// With one more at the end, or without it.
fn toggled(chosen: &[TrajectoryId], id: TrajectoryId) -> Vec<TrajectoryId> {
    let without: Vec<_> = chosen.iter().copied().filter(|other| *other != id).collect();
    if without.len() < chosen.len() {
        without
    } else {
        [chosen, &[id]].concat()
    }
}

fn with_reference(chosen: &[TrajectoryId], id: TrajectoryId) -> Vec<TrajectoryId> {
    let others = chosen.iter().copied().filter(|other| *other != id);
    std::iter::once(id).chain(others).collect()
}

/// A pair that shows something: few steps without fresh noise beside many with it.
pub(super) fn preset(ui: &mut Ui, state: &AppState, draft: &mut CompareDraft, out: &mut Vec<Action>) {
    form::group(ui, "A pair to begin with");
    draft.model.choose_default(state);
    model_rows(ui, state, &mut draft.model);
    ui.add_space(6.0);
    preset_button(ui, state, draft, out);
    progress(ui, state, out);
    ui.add_space(4.0);
    let text = "Any other pair: make both in the Trajectory workspace with the same seed.";
    ui.label(theme::caption(ui, text));
}

/// Makes the pair.
pub(super) fn preset_button(ui: &mut Ui, state: &AppState, draft: &mut CompareDraft, out: &mut Vec<Action>) {
    draft.model.choose_default(state);
    let ready = match draft.model.ready(state) {
        Ok(()) if !state.asked.is_empty() || state.trajectories.iter().any(|view| !view.ended) => {
            Err("Samples are being made")
        }
        ready => ready,
    };
    let press = button::primary(ui, icons::ICON_AUTO_AWESOME, "Sample with DDIM 20 and DDPM 1000", ready);
    let help = "Both from the noise of the same seed: 20 steps that add no noise, and 1000 that do";
    if press.on_hover_text(help).clicked() {
        draft.chosen = None;
        out.extend(pair(draft, state).map(|request| Action::Engine(Command::Sample(Box::new(request)))));
    }
}

fn pair(draft: &CompareDraft, state: &AppState) -> [SampleRequest; 2] {
    let known = draft.model.known(state);
    let is_told_classes = known.classes.is_some_and(|names| !names.is_empty());
    [("ddim", 20), ("ddpm", 1000)].map(|(sampler, steps)| SampleRequest {
        model: draft.model.chosen.clone(),
        sampler: Spec::new(sampler),
        steps,
        seed: draft.seed,
        count: if known.domain == Some(Domain::Points) { 1000 } else { 16 },
        class: if is_told_classes {
            ClassChoice::Each
        } else {
            ClassChoice::None
        },
        ..SampleRequest::default()
    })
}

/// What is being made, and a button to end it.
fn progress(ui: &mut Ui, state: &AppState, out: &mut Vec<Action>) {
    let Some(view) = state.trajectories.iter().find(|view| !view.ended) else {
        return;
    };
    ui.add_space(4.0);
    let share = view.reached() as f32 / view.frames() as f32;
    ui.add(eframe::egui::ProgressBar::new(share).desired_height(6.0));
    ui.horizontal(|ui| {
        let text = format!("step {} of {}", view.reached(), view.frames());
        ui.label(theme::caption(ui, text));
        if button::icon_text(ui, icons::ICON_CLOSE, "Cancel").clicked() {
            out.push(Action::Engine(Command::CancelSample(view.info.id)));
        }
    });
}

/// Whether the noise at the start is the same, and what differs beside it.
pub(super) fn differences(ui: &mut Ui, seen: &[Seen<'_>]) {
    let Some((reference, others)) = seen.split_first() else {
        return;
    };
    ui.horizontal(|ui| {
        ui.set_min_size(vec2(0.0, 22.0));
        let palette = theme::palette(ui);
        let same = others.iter().all(|other| has_same_noise(&reference.view.info, &other.view.info));
        if same {
            form::chip(ui, "same starting noise", palette.good)
                .on_hover_text("Sample by sample they begin in the same noise, so what differs comes from the settings");
        } else {
            form::chip(ui, "different starting noise", palette.warn).on_hover_text(
                "Their seeds differ, so they would end in other samples even with equal settings; only distances between \
                 the sets say something about the settings",
            );
        }
        let lines: Vec<String> = others.iter().map(|other| told(reference, other)).collect();
        let text = lines.join("   ");
        ui.add(Label::new(theme::caption(ui, &text)).truncate()).on_hover_text(lines.join("\n"));
    });
}

/// `B differs from A in sampler (DDIM, DDPM), steps (20, 1000)`.
fn told(reference: &Seen<'_>, other: &Seen<'_>) -> String {
    let found = differing(&reference.view.info, &other.view.info);
    if found.is_empty() {
        return format!("{} has the settings of {}", other.letter, reference.letter);
    }
    let list: Vec<String> = found.iter().map(|(name, a, b)| format!("{name} ({a} → {b})")).collect();
    format!(
        "{} differs from {} in {}",
        other.letter,
        reference.letter,
        list.join(", ")
    )
}

/// Whether both begin in the same noise, sample by sample.
fn has_same_noise(a: &TrajectoryInfo, b: &TrajectoryInfo) -> bool {
    let ((a, one), (b, other)) = (start(a), start(b));
    let is_given = a.noise.is_some() || b.noise.is_some();
    one == other && a.domain == b.domain && a.noise == b.noise && (is_given || a.seed == b.seed)
}

/// Whose noise a trajectory begins with: its oldest ancestor, and the one sample of it that all continue, if they do.
fn start(info: &TrajectoryInfo) -> (&TrajectoryInfo, Option<usize>) {
    info.branch.as_ref().map_or((info, None), |parted| {
        let (oldest, sample) = start(&parted.parent);
        (oldest, sample.or(parted.sample))
    })
}

/// Names of the settings that differ, with both values.
fn differing(a: &TrajectoryInfo, b: &TrajectoryInfo) -> Vec<(&'static str, String, String)> {
    let values = settings(a).into_iter().zip(settings(b));
    let differ = values.filter(|((_, a), (_, b))| a != b);
    differ.map(|((name, a), (_, b))| (name, a, b)).collect()
}

fn settings(info: &TrajectoryInfo) -> [(&'static str, String); 16] {
    let guidance = &info.guidance;
    let (low, high) = guidance.interval;
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".into());
    [
        ("model", info.model.clone()),
        (
            "weights",
            or_none(info.prints.model.as_ref().map(|print| print.chars().take(8).collect())),
        ),
        ("schedule", spec(&info.recipe.schedule)),
        ("sampler", spec(&info.sampler)),
        ("steps", info.moves.to_string()),
        ("spacing", spec(&info.spacing)),
        ("along", or_none(info.schedule.as_ref().map(spec))),
        ("seed", info.seed.to_string()),
        ("noise", or_none(info.noise.clone())),
        (
            "parting",
            or_none(info.branch.as_ref().map(|parted| format!("step {}", parted.step))),
        ),
        ("samples", info.count.to_string()),
        ("class", class(info)),
        ("guidance", words::number(guidance.scale)),
        (
            "guided levels",
            format!(
                "{} to {}, rescale {}",
                words::number(low),
                words::number(high),
                words::number(guidance.rescale)
            ),
        ),
        ("led by", led_by(info)),
        (
            "restoring",
            or_none(info.restore.as_ref().map(|restored| spec(&restored.task))),
        ),
    ]
}

fn led_by(info: &TrajectoryInfo) -> String {
    let weaker = info.weaker.as_ref().map(|model| format!("away from {model}"));
    let classifier = info
        .classifier
        .map(|scale| format!("classifier {}", words::number(scale)));
    let all: Vec<String> = weaker.into_iter().chain(classifier).collect();
    if all.is_empty() {
        "nothing".into()
    } else {
        all.join(", ")
    }
}

fn class(info: &TrajectoryInfo) -> String {
    match info.class {
        ClassChoice::None => "any".into(),
        ClassChoice::Each => "each in turn".into(),
        ClassChoice::One(class) => {
            let name = info.class_names.get(class as usize).cloned();
            name.unwrap_or_else(|| class.to_string())
        }
    }
}

/// `ddim`, `ddim eta 0.5`.
fn spec(spec: &Spec) -> String {
    let values = spec.values.iter().map(|(key, value)| format!(" {key} {value}"));
    std::iter::once(spec.id.clone()).chain(values).collect()
}
