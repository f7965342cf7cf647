//! Numbers that can be asked why: the name says so, and the text is the value.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file is a crate of its own and uses its own part of this"
)]

use eframe::egui::accesskit::Role;
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};

/// Name and text of each.
pub fn numbers<S>(window: &Harness<'_, S>) -> Vec<(String, String)> {
    let buttons = window.query_all_by_role(Role::Button);
    let asked = buttons.filter_map(|node| {
        let node = node.accesskit_node();
        let name = node.label()?.strip_prefix("Why? ")?.to_owned();
        Some((name, node.value().unwrap_or_default()))
    });
    asked.collect()
}

/// Whether a text is on the screen, as such or as a number.
pub fn shows<S>(window: &Harness<'_, S>, text: &str) -> bool {
    let is_text = window.query_all_by_label_contains(text).next().is_some();
    is_text || numbers(window).iter().any(|(_, shown)| shown.contains(text))
}
