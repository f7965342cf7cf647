//! The page of the lesson that is open, beside the workspace that it is about.

use std::collections::BTreeSet;

use eframe::egui::{Align, Frame, Layout, Margin, Panel, ScrollArea, Sense, Stroke, Ui, vec2};
use egui_commonmark::{CommonMarkCache, CommonMarkViewer};
use egui_material_icons::icons;

use crate::{
    app::{
        action::Action,
        lessons::{Course, LESSONS, Lesson, LessonCommand},
        state::AppState,
        theme,
        widgets::button,
    },
    files::Recipe,
};

/// What was laid out of the text.
#[derive(Default)]
pub struct LessonDraft {
    cache: CommonMarkCache,
}

impl std::fmt::Debug for LessonDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LessonDraft").finish_non_exhaustive()
    }
}

/// The step that is open, what it asks for, and the way on.
pub fn lesson_panel(
    ui: &mut Ui,
    state: &AppState,
    recipe: &Recipe,
    course: &Course,
    draft: &mut LessonDraft,
    out: &mut Vec<Action>,
) {
    let pane = Frame::new().fill(theme::palette(ui).panel);
    Panel::right("lesson")
        .frame(pane)
        .default_size(320.0)
        .size_range(280.0..=460.0)
        .show(ui, |ui| {
            let inner = Frame::new().inner_margin(Margin::symmetric(14, 10));
            Panel::top("lesson head")
                .resizable(false)
                .frame(inner)
                .show(ui, |ui| head(ui, course, out));
            Panel::bottom("lesson foot")
                .resizable(false)
                .frame(inner)
                .show(ui, |ui| foot(ui, state, recipe, course, out));
            ScrollArea::vertical()
                .id_salt(("lesson text", course.at()))
                .auto_shrink(false)
                .show(ui, |ui| {
                    inner.show(ui, |ui| {
                        ui.label(theme::heading(&course.step().title));
                        ui.add_space(6.0);
                        CommonMarkViewer::new().show(ui, &mut draft.cache, &course.step().text);
                    });
                });
        });
}

fn head(ui: &mut Ui, course: &Course, out: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.label(theme::caption(ui, format!("Lesson · {}", course.lesson().title)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if button::icon(ui, icons::ICON_CLOSE, "Close the lesson").clicked() {
                out.push(Action::Lesson(LessonCommand::Leave));
            }
        });
    });
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for step in 0..course.lesson().steps.len() {
            dot(ui, course, step, out);
        }
    });
}

/// A step as a dot: full once it is done, with a ring where the reader is.
fn dot(ui: &mut Ui, course: &Course, step: usize, out: &mut Vec<Action>) {
    let (rect, response) = ui.allocate_exact_size(vec2(18.0, 18.0), Sense::click());
    let palette = theme::palette(ui);
    let (done, here) = (course.is_done(step), step == course.at());
    let ink = if done { palette.accent } else { palette.edge };
    let painter = ui.painter();
    if done {
        painter.circle_filled(rect.center(), 4.0, ink);
    } else {
        painter.circle_stroke(rect.center(), 4.0, Stroke::new(1.5, ink));
    }
    if here || response.has_focus() {
        painter.circle_stroke(rect.center(), 7.0, Stroke::new(1.5, palette.accent));
    }
    let title = &course.lesson().steps[step].title;
    let word = if done { ", done" } else { "" };
    button::name(&response, &format!("Step {}: {title}{word}", step + 1));
    if response.on_hover_text(title).clicked() {
        out.push(Action::Lesson(LessonCommand::Go(step)));
    }
}

fn foot(ui: &mut Ui, state: &AppState, recipe: &Recipe, course: &Course, out: &mut Vec<Action>) {
    let done = course.is_done(course.at());
    tasks(ui, state, recipe, course, done);
    elsewhere(ui, state, course, out);
    if !course.step().doing.is_empty() {
        let label = if done { "Show me again" } else { "Show me" };
        let press = button::icon_text(ui, icons::ICON_AUTO_FIX_HIGH, label);
        if press.on_hover_text("Does what this page asks for").clicked() {
            out.push(Action::Lesson(LessonCommand::ShowMe));
        }
    }
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        let first = if course.at() == 0 {
            Err("This is the first page")
        } else {
            Ok(())
        };
        if button::icon_text_if(ui, icons::ICON_ARROW_BACK, "Back", first).clicked() {
            out.push(Action::Lesson(LessonCommand::Go(course.at() - 1)));
        }
        onward(ui, course, done, out);
    });
}

/// What is still to be done, and what was.
fn tasks(ui: &mut Ui, state: &AppState, recipe: &Recipe, course: &Course, done: bool) {
    for until in &course.step().until {
        let met = done || until.holds(state, recipe);
        let palette = theme::palette(ui);
        let (icon, ink) = if met {
            (icons::ICON_CHECK_CIRCLE, palette.good)
        } else {
            (icons::ICON_RADIO_BUTTON_UNCHECKED, palette.weak)
        };
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(icon.rich_text().size(16.0).color(ink));
            let mut text = until.says(state);
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            ui.label(text);
        });
    }
}

/// The way back to what the page is about.
fn elsewhere(ui: &mut Ui, state: &AppState, course: &Course, out: &mut Vec<Action>) {
    let Some(show) = course.step().show.filter(|_| course.is_elsewhere(state.workspace)) else {
        return;
    };
    let text = format!("Back to {}", show.label());
    if button::icon_text(ui, icons::ICON_TAB, &text).clicked() {
        out.push(Action::Show(show));
    }
}

fn onward(ui: &mut Ui, course: &Course, done: bool, out: &mut Vec<Action>) {
    let last = course.at() + 1 == course.lesson().steps.len();
    if !last {
        let pressed = if done {
            button::primary(ui, icons::ICON_ARROW_FORWARD, "Next", Ok(())).clicked()
        } else {
            button::icon_text(ui, icons::ICON_ARROW_FORWARD, "Skip").clicked()
        };
        if pressed {
            out.push(Action::Lesson(LessonCommand::Go(course.at() + 1)));
        }
        return;
    }
    let next = LESSONS.iter().skip_while(|l| l.title != course.lesson().title).nth(1);
    let (label, command) = match next {
        Some(lesson) => ("Next lesson", LessonCommand::Begin(Box::new(lesson.clone()))),
        None => ("All done", LessonCommand::Leave),
    };
    let press = button::primary(ui, icons::ICON_SCHOOL, label, Ok(()));
    let press = match next {
        Some(lesson) => press.on_hover_text(&lesson.title),
        None => press,
    };
    if press.clicked() {
        out.push(Action::Lesson(command));
    }
}

/// The lessons that there are, for the start page; those in `finished` are ticked.
pub fn lesson_row(ui: &mut Ui, finished: &BTreeSet<String>, out: &mut Vec<Action>) {
    ui.spacing_mut().item_spacing = vec2(8.0, 6.0);
    ui.horizontal_wrapped(|ui| {
        ui.label(icons::ICON_SCHOOL.rich_text().size(18.0).color(theme::palette(ui).weak));
        ui.label(theme::caption(ui, "Lessons"));
        for (i, lesson) in LESSONS.iter().enumerate() {
            if lesson_button(ui, i + 1, lesson, finished.contains(&lesson.title)) {
                out.push(Action::Lesson(LessonCommand::Begin(Box::new(lesson.clone()))));
            }
        }
    });
}

fn lesson_button(ui: &mut Ui, number: usize, lesson: &Lesson, finished: bool) -> bool {
    let name = format!("{number}  {}", lesson.title);
    let text = format!("{} · {} min", lesson.about, lesson.minutes);
    let response = if finished {
        button::icon_text_small(ui, icons::ICON_CHECK, &name)
    } else {
        ui.button(&name)
    };
    response.on_hover_text(text).clicked()
}
