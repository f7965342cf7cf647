use eframe::egui::{Key, Label, Pos2, Rect, Role, Vec2, pos2, vec2};
use egui_kittest::{Harness, kittest::Queryable as _};
use proptest::prelude::*;

use super::*;

/// Four panes, two of them as tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Part {
    Left,
    Top,
    Front,
    Back,
}

impl Pane for Part {
    const PLACE: &'static str = "Test";
    const ALL: &'static [Self] = &[Self::Left, Self::Top, Self::Front, Self::Back];

    fn title(self) -> &'static str {
        match self {
            Self::Left => "Left",
            Self::Top => "Top",
            Self::Front => "Front",
            Self::Back => "Back",
        }
    }

    fn symbol(self) -> &'static str {
        if self == Self::Left { "x" } else { "" }
    }

    fn help(self) -> &'static str {
        "A pane."
    }
}

fn first() -> Place<Part> {
    let tabs = Place::Tabs(0, vec![Place::Pane(Part::Front), Place::Pane(Part::Back)]);
    let right = Place::Column(vec![(1.0, Place::Pane(Part::Top)), (1.0, tabs)]);
    Place::Row(vec![(1.0, Place::Pane(Part::Left)), (1.0, right)])
}

/// Paints the name of each pane, and notes where it was.
#[derive(Default)]
struct Names {
    seen: Vec<(Part, Rect)>,
}

impl Contents<Part> for Names {
    fn places(&self, _room: Vec2) -> Place<Part> {
        first()
    }

    fn body(&mut self, ui: &mut Ui, pane: Part) {
        self.seen.push((pane, ui.max_rect()));
        ui.add(Label::new(format!("This is {pane:?}")).selectable(false));
    }

    fn tools(&mut self, ui: &mut Ui, pane: Part) {
        if pane == Part::Top {
            let _ = ui.button("Tool");
        }
    }
}

#[derive(Default)]
struct Bench {
    layout: Layout<Part>,
    names: Names,
    frames: usize,
}

impl Bench {
    fn shown(&self) -> Vec<Part> {
        self.names.seen.iter().map(|(pane, _)| *pane).collect()
    }

    fn area(&self, pane: Part) -> Rect {
        self.names.seen.iter().find(|(seen, _)| *seen == pane).unwrap().1
    }
}

fn window_of(layout: Layout<Part>) -> Harness<'static, Bench> {
    let bench = Bench {
        layout,
        ..Bench::default()
    };
    let mut window = Harness::builder()
        .with_size(vec2(1000.0, 700.0))
        .with_max_steps(60)
        .with_step_dt(1.0 / 60.0)
        .with_context_setup(theme::install)
        .build_ui_state(
            |ui, bench: &mut Bench| {
                bench.names.seen.clear();
                bench.frames += 1;
                bench.layout.show(ui, &mut bench.names);
            },
            bench,
        );
    window.run();
    window
}

fn window() -> Harness<'static, Bench> {
    window_of(Layout::default())
}

fn tab(window: &Harness<'_, Bench>, title: &str) -> Rect {
    window.get_by_role_and_label(Role::Tab, title).rect()
}

fn drag(window: &mut Harness<'_, Bench>, from: Pos2, to: Pos2) {
    window.hover_at(from);
    window.step();
    window.drag_at(from);
    window.step();
    for i in 1..=8 {
        window.hover_at(from.lerp(to, i as f32 / 8.0));
        window.step();
    }
    window.drop_at(to);
    window.run();
}

fn double_click(window: &mut Harness<'_, Bench>, role: Role, name: &str) {
    for _ in 0..2 {
        window.get_by_role_and_label(role, name).click();
        window.step();
    }
    window.run();
}

#[test]
fn panes_are_where_they_belong_and_ask_for_nothing() {
    let mut window = window();
    window.check_accessibility();
    assert_eq!(window.state().shown(), [Part::Left, Part::Top, Part::Front]);
    let (left, top) = (window.state().area(Part::Left), window.state().area(Part::Top));
    assert!(left.right() < top.left() && (left.width() - top.width()).abs() < 1.0);
    assert_eq!(window.state().layout.saved(), None);
    // A tree that is not touched is drawn once and comes to rest.
    let frames = window.state().frames;
    window.run();
    assert_eq!(window.state().frames, frames + 1);
}

#[test]
fn a_tab_is_opened_by_mouse_and_by_keyboard() {
    let mut window = window();
    window.get_by_role_and_label(Role::Tab, "Back").click();
    window.run();
    assert_eq!(window.state().shown(), [Part::Left, Part::Top, Part::Back]);
    window.get_by_role_and_label(Role::Tab, "Front").focus();
    window.run();
    window.key_press(Key::Enter);
    window.run();
    assert_eq!(window.state().shown(), [Part::Left, Part::Top, Part::Front]);
}

#[test]
fn a_pane_is_closed_and_comes_back_where_it_was() {
    let mut window = window();
    let before = window.state().area(Part::Top);
    window.get_by_role_and_label(Role::Button, "Close: Top").click();
    window.run();
    assert_eq!(window.state().shown(), [Part::Left, Part::Front]);
    window.state_mut().layout.change(Change::Toggle(1));
    window.run();
    assert_eq!(window.state().area(Part::Top), before);
    // The one behind comes to the front.
    window.state_mut().layout.change(Change::Toggle(3));
    window.state_mut().layout.change(Change::Toggle(3));
    window.run();
    assert_eq!(window.state().shown(), [Part::Left, Part::Top, Part::Back]);
}

#[test]
fn when_all_are_closed_there_is_a_way_back() {
    let mut window = window();
    (0..4).for_each(|i| window.state_mut().layout.change(Change::Toggle(i)));
    window.run();
    window.check_accessibility();
    window.get_by_label("Show all panes").click();
    window.run();
    assert_eq!(window.state().shown(), [Part::Left, Part::Top, Part::Front]);
}

#[test]
fn a_double_click_on_a_title_shows_a_pane_alone_and_back() {
    let mut window = window();
    double_click(&mut window, Role::Tab, "Top");
    assert_eq!(window.state().shown(), [Part::Top]);
    assert!(window.state().area(Part::Top).width() > 980.0);
    assert_eq!(window.state().layout.saved(), None, "it is not kept");
    window.get_by_label("Show all panes").click();
    window.run();
    assert_eq!(window.state().shown().len(), 3);
    window.get_by_label("Show alone: Left").click();
    window.run();
    assert_eq!(window.state().shown(), [Part::Left]);
    // What cannot be seen is not closed, but brought back.
    window.state_mut().layout.change(Change::Toggle(1));
    window.run();
    assert_eq!(window.state().shown(), [Part::Left, Part::Top, Part::Front]);
}

#[test]
fn a_title_is_dragged_to_another_place_and_becomes_a_tab() {
    let mut window = window();
    // To the far left: before the first column.
    let (from, left) = (tab(&window, "Top").center(), window.state().area(Part::Left));
    drag(&mut window, from, left.left_center() + vec2(4.0, 0.0));
    let state = window.state();
    assert!(state.area(Part::Top).right() < state.area(Part::Left).left());
    assert!(state.layout.own.places.as_ref().unwrap().is_whole());
    // Onto a row of tabs.
    let (from, to) = (tab(&window, "Top").center(), tab(&window, "Back").right_center());
    drag(&mut window, from, to + vec2(4.0, 0.0));
    assert_eq!(window.state().shown(), [Part::Left, Part::Top]);
    assert!(window.state().layout.own.places.as_ref().unwrap().is_whole());
    window.check_accessibility();
}

#[test]
fn changes_are_undone_and_made_again_and_all_is_as_at_first() {
    let mut window = window();
    let places = |window: &Harness<'_, Bench>| (window.state().shown(), window.state().area(Part::Left));
    let at_first = places(&window);
    let (from, left) = (tab(&window, "Top").center(), window.state().area(Part::Left));
    drag(&mut window, from, left.left_center() + vec2(4.0, 0.0));
    let moved = places(&window);
    assert_ne!(moved, at_first);
    for (change, after) in [(Change::Undo, &at_first), (Change::Redo, &moved)] {
        window.state_mut().layout.change(change);
        window.run();
        assert_eq!(&places(&window), after, "{change:?}");
    }
    window.state_mut().layout.change(Change::Toggle(0));
    window.state_mut().layout.change(Change::Reset);
    window.run();
    assert_eq!(places(&window), at_first);
    assert_eq!(window.state().layout.saved(), None);
    // Even that can be undone.
    window.state_mut().layout.change(Change::Undo);
    window.run();
    assert_eq!(window.state().shown()[0], Part::Top);
}

#[test]
fn dividers_are_dragged_and_moved_by_keys_within_limits() {
    let mut window = window();
    let name = "Divider between Left and Top, Front, Back";
    let width = |window: &Harness<'_, Bench>| window.state().area(Part::Left).width();
    let before = width(&window);
    let from = window.get_by_label(name).rect().center();
    drag(&mut window, from, from + vec2(120.0, 0.0));
    assert!((width(&window) - before - 120.0).abs() < 12.0, "{}", width(&window));
    let from = window.get_by_label(name).rect().center();
    drag(&mut window, from, pos2(2000.0, 300.0));
    assert!(window.state().area(Part::Top).width() >= 139.0);
    let far = width(&window);
    window.get_by_label(name).focus();
    window.run();
    window.key_press(Key::ArrowLeft);
    window.run();
    assert!((far - width(&window) - 16.0).abs() < 0.5);
    assert!(window.get_by_label(name).is_focused());
    // One drag is one undo.
    for _ in 0..2 {
        window.state_mut().layout.change(Change::Undo);
    }
    window.run();
    assert!((width(&window) - before - 120.0).abs() < 12.0, "{}", width(&window));
    double_click(&mut window, Role::Splitter, name);
    assert!((width(&window) - before).abs() < 0.5, "both are as wide");
}

#[test]
fn what_is_saved_comes_back() {
    let mut before = window();
    let (from, left) = (tab(&before, "Top").center(), before.state().area(Part::Left));
    drag(&mut before, from, left.left_center() + vec2(4.0, 0.0));
    before.state_mut().layout.change(Change::Toggle(0));
    before.run();
    let saved = before.state().layout.saved().unwrap();
    let mut layout = Layout::<Part>::default();
    layout.restore(&saved);
    let after = window_of(layout);
    assert_eq!(after.state().names.seen, before.state().names.seen);
    assert_eq!(after.state().layout.saved(), Some(saved));
    assert_eq!(after.state().layout.is_open(), (false, false));
}

/// How a saved layout that does not fit is read.
fn restored(saved: &str) -> Layout<Part> {
    let mut layout = Layout::default();
    layout.restore(saved);
    layout
}

fn saved(places: &Place<Part>) -> String {
    let own = Own {
        places: Some(places.clone()),
        ..Own::default()
    };
    serde_json::to_string(&own).unwrap()
}

#[test]
fn a_layout_that_misses_or_repeats_panes_or_is_of_another_version_is_left() {
    let pane = |part| Place::Pane(part);
    let row = |parts: &[Part]| Place::Row(parts.iter().map(|&part| (1.0, pane(part))).collect());
    assert!(restored(&saved(&row(Part::ALL))).own.places.is_some());
    for bad in [
        row(&[Part::Left, Part::Top, Part::Front]),
        row(&[Part::Left, Part::Top, Part::Front, Part::Back, Part::Back]),
        pane(Part::Left),
        Place::Column(Vec::new()),
        Place::Tabs(4, Part::ALL.iter().map(|&part| pane(part)).collect()),
        Place::Row(vec![(1.0, row(Part::ALL))]),
        Place::Row(vec![
            (-1.0, row(&[Part::Left, Part::Top])),
            (1.0, row(&[Part::Front, Part::Back])),
        ]),
        Place::Row(vec![
            (1e-9, row(&[Part::Left, Part::Top])),
            (1.0, row(&[Part::Front, Part::Back])),
        ]),
    ] {
        assert_eq!(restored(&saved(&bad)).own, Own::default(), "{bad:?}");
    }
    let newer = saved(&row(Part::ALL)).replace("\"version\":1", "\"version\":2");
    assert_eq!(restored(&newer).own, Own::default());
    let unknown = saved(&row(Part::ALL)).replace("left", "right");
    assert_eq!(restored(&unknown).own, Own::default());
    let deep = format!("{{\"version\":1,\"places\":{}", "{\"row\":[[1.0,".repeat(100_000));
    assert_eq!(restored(&deep).own, Own::default());
}

/// Any arrangement of the panes.
fn any_place() -> impl Strategy<Value = Place<Part>> {
    let order = Just(Part::ALL.to_vec()).prop_shuffle();
    (
        order,
        prop::array::uniform3(0..3usize),
        prop::array::uniform4(0.1_f32..10.0),
    )
        .prop_map(|(order, kinds, sizes)| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| Place::Pane(order[i]));
            let [w, x, y, z] = sizes;
            let join = |kind: usize, (s, a), (t, b)| match kind {
                0 => Place::Tabs(1, vec![a, b]),
                1 => Place::Row(vec![(s, a), (t, b)]),
                _ => Place::Column(vec![(s, a), (t, b)]),
            };
            let inner = join(kinds[0], (w, a), (x, b));
            let outer = join(kinds[1], (y, inner), (z, c));
            join(kinds[2], (x, outer), (y, d))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_arrangement_is_kept(place in any_place()) {
        prop_assert!(place.is_whole());
        let layout = restored(&saved(&place));
        prop_assert_eq!(layout.own.places.as_ref(), Some(&place));
        prop_assert_eq!(Place::of(&place.tree(Id::unique("test"))), Some(place));
    }

    /// What was damaged is left as a whole, or has each pane once and can be shown.
    #[test]
    fn a_damaged_layout_makes_no_trouble(
        place in any_place(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3usize), 1..6),
    ) {
        let mut bytes = saved(&place).into_bytes();
        for (at, byte, kind) in cuts {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                _ => bytes.extend_from_within(at..),
            }
        }
        let layout = restored(&String::from_utf8_lossy(&bytes));
        if let Some(places) = &layout.own.places {
            prop_assert!(places.is_whole());
        }
        // A window for each takes long, so only those that were taken over and changed are shown.
        if layout.own.places.as_ref().is_some_and(|places| *places != place) {
            window_of(layout);
        }
    }
}
