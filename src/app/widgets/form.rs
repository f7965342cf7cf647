//! Rows of a form: a name, a control, and one sentence on hover.

use std::{collections::BTreeMap, ops::RangeInclusive};

use eframe::egui::{self, Align, ComboBox, DragValue, Layout, Response, RichText, TextEdit, Ui, vec2};

use crate::{
    app::{theme, words},
    math::{
        Param, Value,
        spec::{Entry, Kind},
    },
};

/// Width of the names.
const NAMES: f32 = 104.0;

/// A name on the left and a control that takes the rest; the control is named for screen readers.
pub fn row(ui: &mut Ui, name: &str, help: &str, control: impl FnOnce(&mut Ui) -> Response) -> Response {
    ui.horizontal(|ui| {
        ui.set_min_height(26.0);
        let size = vec2(NAMES, 26.0);
        let label = ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(NAMES);
            ui.label(RichText::new(name).color(theme::palette(ui).weak))
        });
        let response = control(ui).labelled_by(label.inner.id);
        if !help.is_empty() {
            label.inner.on_hover_text(help);
        }
        response
    })
    .inner
}

/// A real number in a range; dragging is multiplicative where the range spans decades.
pub fn real(ui: &mut Ui, value: &mut f64, range: RangeInclusive<f64>) -> Response {
    real_or(ui, value, range, None)
}

/// A real number, or these words in place of 0.
fn real_or(ui: &mut Ui, value: &mut f64, range: RangeInclusive<f64>, unset: Option<&str>) -> Response {
    let (min, max) = (*range.start(), *range.end());
    let wide = min >= 0.0 && max > 100.0 * min.max(1e-3) && *value < max / 20.0;
    let speed = if wide {
        (value.abs() * 0.02).max(1e-7)
    } else {
        (max - min) / 300.0
    };
    let before = *value;
    let drag = DragValue::new(&mut *value)
        .range(range)
        .speed(speed)
        .custom_formatter(|v, _| words_for(unset, v).unwrap_or_else(|| words::number(v)))
        .max_decimals(12);
    let response = wide_drag(ui, drag);
    // What was only passed with Tab keeps the digits that are not shown.
    if response.lost_focus() && words::number(*value) == words::number(before) {
        *value = before;
    }
    response
}

/// A whole number in a range.
pub fn whole(ui: &mut Ui, value: &mut i64, range: RangeInclusive<i64>) -> Response {
    whole_or(ui, value, range, None)
}

/// A whole number, or these words in place of 0.
fn whole_or(ui: &mut Ui, value: &mut i64, range: RangeInclusive<i64>, unset: Option<&str>) -> Response {
    let speed = (value.unsigned_abs() as f64 * 0.01).max(0.1);
    let drag = DragValue::new(value)
        .range(range)
        .speed(speed)
        .custom_formatter(|v, _| words_for(unset, v).unwrap_or_else(|| v.to_string()));
    wide_drag(ui, drag)
}

fn words_for(unset: Option<&str>, value: f64) -> Option<String> {
    unset.filter(|_| value == 0.0).map(str::to_owned)
}

fn wide_drag(ui: &mut Ui, drag: DragValue<'_>) -> Response {
    let size = vec2(ui.available_width().min(150.0), ui.spacing().interact_size.y);
    // What a recipe says is not changed by being shown; only what is typed or dragged keeps to the range.
    ui.add_sized(size, drag.clamp_existing_to_range(false))
}

/// One of a few words. Answers whether another one was chosen.
pub fn choice<T: PartialEq + Copy>(ui: &mut Ui, salt: &str, value: &mut T, options: &[(T, &str)]) -> Response {
    let shown = options.iter().find(|(v, _)| v == value).map_or("", |(_, name)| name);
    let mut changed = false;
    let mut response = ComboBox::from_id_salt(salt)
        .width(ui.available_width())
        .selected_text(shown)
        .show_ui(ui, |ui| {
            for &(option, name) in options {
                changed |= ui.selectable_value(value, option, name).changed();
            }
        })
        .response;
    if changed {
        response.mark_changed();
    }
    response
}

/// One entry of a registry, with its explanation beside each name. Answers the id that was chosen.
pub fn entry<T: ?Sized>(
    ui: &mut Ui,
    salt: &str,
    id: &str,
    entries: &[&'static Entry<T>],
) -> (Response, Option<&'static str>) {
    let label = entries.iter().find(|e| e.id == id).map_or(id, |e| e.label);
    let mut chosen = None;
    let mut response = ComboBox::from_id_salt(salt)
        .width(ui.available_width())
        .selected_text(label)
        .show_ui(ui, |ui| {
            for entry in entries {
                let line = ui.selectable_label(entry.id == id, entry.label);
                if line.on_hover_text(entry.help).clicked() && entry.id != id {
                    chosen = Some(entry.id);
                }
            }
        })
        .response;
    if chosen.is_some() {
        response.mark_changed();
    }
    (response, chosen)
}

/// A form for described parameters. Values that equal their default are left out of `values`, as recipes do. Answers
/// whether something changed.
pub fn params(ui: &mut Ui, params: &[Param], values: &mut BTreeMap<String, Value>) -> bool {
    let mut changed = false;
    for param in params {
        let mut value = values.get(param.id).cloned().unwrap_or_else(|| param.default());
        let response = row(ui, &readable(param.id), param.help, |ui| control(ui, param, &mut value));
        if response.changed() {
            changed = true;
            if value == param.default() {
                values.remove(param.id);
            } else {
                values.insert(param.id.to_owned(), value);
            }
        }
    }
    changed
}

fn control(ui: &mut Ui, param: &Param, value: &mut Value) -> Response {
    match (param.kind, value) {
        (Kind::Real { min, max, .. }, value) => {
            let mut v = as_real(value);
            let response = real_or(ui, &mut v, min..=max, param.unset);
            *value = Value::Real(v);
            response
        }
        (Kind::Int { min, max, .. }, value) => {
            let mut v = if let Value::Int(v) = value { *v } else { min };
            let response = whole_or(ui, &mut v, min..=max, param.unset);
            *value = Value::Int(v);
            response
        }
        (Kind::Choice(options), Value::Text(v)) => {
            let mut index = options.iter().position(|o| o == v).unwrap_or(0);
            let named: Vec<_> = options.iter().copied().enumerate().collect();
            let response = choice(ui, param.id, &mut index, &named);
            options[index].clone_into(v);
            response
        }
        (Kind::Flag(_), Value::Flag(v)) => ui.checkbox(v, ""),
        (_, Value::Text(v)) => {
            let hint = param.unset.unwrap_or_default();
            ui.add(TextEdit::singleline(v).hint_text(hint).desired_width(f32::INFINITY))
        }
        (_, value) => {
            *value = param.default();
            ui.label("")
        }
    }
}

/// `beta-start` as `Beta start`.
fn readable(id: &str) -> String {
    let mut text = id.replace('-', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn as_real(value: &Value) -> f64 {
    match *value {
        Value::Real(v) => v,
        Value::Int(v) => v as f64,
        Value::Flag(_) | Value::Text(_) => 0.0,
    }
}

/// A title over a group of rows.
pub fn group(ui: &mut Ui, title: &str) {
    ui.add_space(8.0);
    ui.label(theme::heading(title));
    ui.add_space(2.0);
}

/// A small rounded label.
pub fn chip(ui: &mut Ui, text: &str, ink: egui::Color32) -> Response {
    let frame = egui::Frame::new()
        .fill(ink.gamma_multiply(theme::CHIP))
        .corner_radius(10)
        .inner_margin(egui::Margin::symmetric(8, 1));
    frame
        .show(ui, |ui| ui.label(RichText::new(text).small().color(ink)))
        .inner
}
