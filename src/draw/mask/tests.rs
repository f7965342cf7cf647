//! What edits do to each other, at any size.

use proptest::prelude::*;

use super::*;

const SIDE: usize = 64;

fn drawn(side: usize, edits: &[Edit]) -> Plane<1> {
    let mut mask = Plane::new(side, side, [0]);
    for edit in edits {
        edit.draw(&mut mask, &mut Before::default());
    }
    mask
}

fn bytes(mask: &Plane<1>) -> Vec<u8> {
    mask.to_pixels().into_flattened()
}

fn points() -> impl Strategy<Value = Vec<Point>> {
    let point = (0.1_f32..0.9, 0.1_f32..0.9).prop_map(|(x, y)| Point::new(x, y));
    prop::collection::vec(point, 1..6)
}

fn stroke(points: Vec<Point>, radius: f32, hardness: f32, mode: Mode) -> Edit {
    Edit::Stroke {
        brush: Brush { radius, hardness },
        points,
        mode,
    }
}

fn corners() -> impl Strategy<Value = Vec<[f32; 2]>> {
    prop::collection::vec([0.0_f32..1.0, 0.0_f32..1.0], 3..7)
}

fn edit() -> impl Strategy<Value = Edit> {
    let mode = || prop_oneof![Just(Mode::Add), Just(Mode::Subtract)];
    prop_oneof![
        (points(), 0.03_f32..0.2, 0.0_f32..=1.0, mode()).prop_map(|(p, r, h, m)| stroke(p, r, h, m)),
        ([0.0_f32..1.0, 0.0_f32..1.0], [0.0_f32..1.0, 0.0_f32..1.0], mode()).prop_map(|(from, to, mode)| Edit::Box {
            from,
            to,
            mode
        }),
        (corners(), mode()).prop_map(|(points, mode)| Edit::Lasso { points, mode }),
        Just(Edit::Invert),
        (0.02_f32..0.05).prop_map(Edit::Feather),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn inverting_twice_changes_nothing(edits in prop::collection::vec(edit(), 1..4)) {
        let mask = drawn(SIDE, &edits);
        let twice = [&edits[..], &[Edit::Invert, Edit::Invert]].concat();
        prop_assert_eq!(drawn(SIDE, &twice), mask);
    }

    #[test]
    fn the_same_edit_again_changes_nothing(first in edit(), points in points(), hardness in 0.0_f32..=1.0) {
        for mode in [Mode::Add, Mode::Subtract] {
            let again = stroke(points.clone(), 0.1, hardness, mode);
            let once = drawn(SIDE, &[first.clone(), again.clone()]);
            prop_assert_eq!(drawn(SIDE, &[first.clone(), again.clone(), again]), once);
        }
    }

    #[test]
    fn erasing_the_same_stroke_leaves_nothing_that_counts(points in points(), hardness in 0.0_f32..=1.0) {
        let edits = [Mode::Add, Mode::Subtract].map(|mode| stroke(points.clone(), 0.1, hardness, mode));
        // What hard methods take to be inside.
        prop_assert!(bytes(&drawn(SIDE, &edits)).iter().all(|&v| v < 128));
        let wider = stroke(points, 0.2, 1.0, Mode::Subtract);
        prop_assert!(bytes(&drawn(SIDE, &[edits[0].clone(), wider])).iter().all(|&v| v == 0));
    }

    #[test]
    fn adding_to_the_inverse_is_erasing(first in edit(), points in points(), hardness in 0.0_f32..=1.0) {
        let [add, erase] = [Mode::Add, Mode::Subtract].map(|m| stroke(points.clone(), 0.08, hardness, m));
        let erased = drawn(SIDE, &[first.clone(), erase]);
        prop_assert_eq!(drawn(SIDE, &[first, Edit::Invert, add, Edit::Invert]), erased);
    }

    #[test]
    fn a_mask_at_twice_the_size_reduced_is_the_mask(edit in edit()) {
        let small = bytes(&drawn(SIDE, std::slice::from_ref(&edit)));
        let large = Raster { width: 2 * SIDE, height: 2 * SIDE, channels: 1, data: bytes(&drawn(2 * SIDE, &[edit])) };
        let reduced = reduced(&large, SIDE, SIDE).data;
        let differences: Vec<u8> = small.iter().zip(&reduced).map(|(a, b)| a.abs_diff(*b)).collect();
        // Only pixels on an edge differ: the places between the samples of a slanted edge are not the same.
        let mean = differences.iter().map(|&d| f32::from(d)).sum::<f32>() / differences.len() as f32;
        prop_assert!(mean < 1.0, "mean {mean}");
        prop_assert!(differences.iter().all(|&d| d < 128), "{:?}", differences.iter().max());
    }

    #[test]
    fn a_dab_touches_the_tiles_under_it(x in 0.0_f32..1.0, y in 0.0_f32..1.0) {
        let mut mask = Plane::new(256, 256, [0]);
        let mut before = Before::default();
        stroke(vec![Point::new(x, y)], 0.02, 1.0, Mode::Add).draw(&mut mask, &mut before);
        prop_assert!((1..=4).contains(&before.tiles()), "{}", before.tiles());
    }
}

#[test]
fn a_dab_outside_touches_no_tile() {
    let mut mask = Plane::new(256, 128, [0]);
    mask.take_dirty();
    for (x, y) in [(-0.2, 0.2), (1.3, 0.2), (0.5, -0.4), (0.5, 0.8)] {
        let mut before = Before::default();
        stroke(vec![Point::new(x, y)], 0.1, 0.5, Mode::Add).draw(&mut mask, &mut before);
        assert!(before.is_empty() && mask.take_dirty().is_empty(), "{x} {y}");
    }
}

#[test]
fn a_stroke_without_points_is_nothing() {
    assert_eq!(
        drawn(SIDE, &[stroke(Vec::new(), 0.1, 1.0, Mode::Add)]),
        drawn(SIDE, &[])
    );
}

#[test]
fn the_longer_side_is_the_unit() {
    let mut mask = Plane::new(100, 50, [0]);
    let edit = Edit::Box {
        from: [0.5, 0.25],
        to: [1.0, 0.5],
        mode: Mode::Add,
    };
    edit.draw(&mut mask, &mut Before::default());
    let filled: Vec<_> = (0..5000)
        .map(|i| (i % 100, i / 100))
        .filter(|&(x, y)| mask.get(x, y) == [255])
        .collect();
    assert_eq!((filled.len(), filled[0], filled[1249]), (1250, (50, 25), (99, 49)));
}

#[test]
fn masks_come_from_light_and_from_alpha() {
    let picture = Raster {
        width: 2,
        height: 1,
        channels: 3,
        data: vec![255, 255, 255, 0, 30, 60],
    };
    assert_eq!(Coverage::from_light(&picture).data, [255, 30]);
    assert_eq!(Coverage::from_alpha(2, 1, &[1, 2, 3, 255, 4, 5, 6, 55]).data, [0, 200]);
}

#[test]
fn a_picture_is_stretched_over_the_mask() {
    let coverage = Coverage {
        width: 2,
        height: 2,
        data: vec![255, 0, 0, 255],
    };
    let mask = drawn(4, &[Edit::Fill, Edit::Picture(coverage.clone())]);
    assert_eq!(
        bytes(&mask),
        [255, 255, 0, 0, 255, 255, 0, 0, 0, 0, 255, 255, 0, 0, 255, 255]
    );
    assert_eq!(bytes(&drawn(1, &[Edit::Picture(coverage)])), [128]);
}
