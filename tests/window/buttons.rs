//! Each button that can be seen is pressed once: it changes something, or it is disabled and says why.

use std::time::{Duration, Instant};

use eframe::egui::{Key, Modifiers};

use super::{
    studio::{Studio, Widget, listed},
    with_recipe,
};

/// Presses everything in a workspace but `not_here`, which other tests press in their order, and names what does nothing.
fn dead_buttons(studio: &mut Studio, workspace: Key, not_here: &[&str]) -> Vec<String> {
    let show = |studio: &mut Studio| {
        studio.key(Modifiers::NONE, Key::Escape);
        studio.key(Modifiers::ALT, workspace);
        studio.hold();
        studio.still()
    };
    let all = show(studio);
    let wanted = |w: &&Widget| w.is_clickable() && !not_here.contains(&w.name.as_str());
    let mut dead = Vec::new();
    for wanted in all.iter().filter(wanted) {
        let before = show(studio);
        let Some(widget) = before.iter().find(|w| w.id == wanted.id) else {
            continue; // went away with what another button did
        };
        let acts = if widget.disabled {
            says_why_not(studio, widget, &before)
        } else {
            widget.is_on() || acts(studio, widget, &before)
        };
        if !acts {
            dead.push(listed(std::slice::from_ref(widget)));
        }
    }
    dead
}

/// Whether something else is there after the widget was pressed: widgets, or only pictures.
fn acts(studio: &mut Studio, widget: &Widget, before: &[Widget]) -> bool {
    let seen = studio.picture();
    studio.click(widget.rect.center());
    // The system's dialog is given two seconds before the window asks for a path itself.
    let patience = Instant::now() + Duration::from_secs(4);
    while Instant::now() < patience {
        if studio.above() != before {
            return true;
        }
    }
    studio.picture() != seen
}

/// Whether words appear when the pointer rests on a disabled widget.
fn says_why_not(studio: &mut Studio, widget: &Widget, before: &[Widget]) -> bool {
    let words = |widgets: &[Widget]| widgets.iter().map(|w| w.value.len()).sum::<usize>();
    studio.hover(widget.rect.center());
    let said = (0..40).any(|_| words(&studio.widgets()) > words(before) + 8);
    studio.leave();
    said
}

#[test]
#[ignore = "takes minutes: cargo test --release --features inspection --test window -- --ignored"]
fn each_button_acts_or_says_why_not() {
    // High enough that no form is scrolled.
    let mut studio = with_recipe([1280, 1200], 60);
    // A run and a trajectory, so that there is something to act on.
    studio.press("Train");
    studio.wait_for_text("finished");
    studio.key(Modifiers::ALT, Key::Num3);
    studio.press("Sample");
    studio.wait_for_text("step 50/50");
    let mut dead = Vec::new();
    for (workspace, not_here) in [
        (Key::Num1, &["Train", "Train again", "Step", "Start training"][..]),
        (Key::Num2, &[]),
        (Key::Num3, &["Sample", "Export"]),
        (Key::Num4, &[]),
        (Key::Num0, &[]),
    ] {
        dead.extend(dead_buttons(&mut studio, workspace, not_here));
    }
    assert!(dead.is_empty(), "nothing happens on\n{}", dead.concat());
}

#[test]
fn the_verbs_of_training_act_in_their_order() {
    let mut studio = with_recipe([1280, 720], 1_000_000);
    studio.press("Step");
    studio.wait_for_text("paused");
    studio.press("Resume");
    studio.wait_for_text("training");
    studio.press("Pause");
    studio.wait_for_text("paused");
    studio.press("Stop");
    studio.wait_for_text("stopped");
}
