//! Stops of one schedule on the time axis of another.

use super::*;
use crate::math::{
    Spec, Value,
    grid::{ENTRIES, build},
    schedule,
};

const IDS: [&str; 8] = ["linear", "cosine", "sigmoid", "flow", "edm", "ve", "vp", "laplace"];

fn schedule(id: &str) -> Box<dyn NoiseSchedule> {
    schedule::build(&Spec::new(id)).unwrap()
}

fn trailing() -> Spacing {
    build(&Spec::new("trailing")).unwrap()
}

fn is_close(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < 1e-6
}

#[test]
fn along_its_own_schedule_nothing_changes() {
    for id in IDS {
        let own = schedule(id);
        for entry in ENTRIES {
            let spacing = build(&Spec::new(entry.id)).unwrap();
            let (plain, moves) = (time_grid(&*own, spacing, 13), along(&*own, &*own, spacing, 13));
            assert_eq!(plain.len(), moves.len(), "{id} {}", entry.id);
            for (a, b) in plain.iter().zip(&moves) {
                assert!(
                    is_close(a.from.sigma, b.from.sigma) && is_close(a.from.alpha + 1.0, b.from.alpha + 1.0),
                    "{id}: {a:?} is not {b:?}"
                );
            }
        }
    }
}

/// The noise is the path's, the mixture the network's: its own level at the time that it is told.
#[test]
fn stops_have_the_noise_of_the_path_and_the_units_of_the_network() {
    let path = schedule::build(&Spec::new("custom").with("log-snr-8", Value::Real(-7.0))).unwrap();
    for id in IDS {
        let own = schedule(id);
        let (least, most) = own.sigma_range();
        let (moves, plain) = (along(&*own, &*path, trailing(), 20), time_grid(&*path, trailing(), 20));
        assert_eq!(moves.len(), 20, "{id}");
        for (mv, stop) in moves.iter().zip(&plain) {
            let wanted = stop.from.sigma_ve().clamp(least, most);
            assert!(is_close(mv.from.sigma_ve(), wanted), "{id}: {mv:?} is not {stop:?}");
            let told = own.level(mv.from.t);
            // Between the entries of a table the time is interpolated otherwise than the noise.
            assert!(
                (told.lambda() - mv.from.lambda()).abs() < 2e-3 + own.steps().map_or(0.0, |_| 0.05),
                "{id}: {mv:?} is not {told:?}"
            );
        }
        assert!(
            moves.windows(2).all(|w| w[0].to == w[1].from && !w[0].is_upward()),
            "{id}"
        );
        assert_eq!(moves[19].to, Level::clean(0.0), "{id}");
    }
}

#[test]
fn what_the_network_does_not_know_is_left_out() {
    let (own, path) = (schedule("linear"), schedule("cosine"));
    let (least, most) = own.sigma_range();
    let plain = time_grid(&*path, trailing(), 1000);
    let count = |is_cut: &dyn Fn(f64) -> bool| plain.iter().filter(|mv| is_cut(mv.from.sigma_ve())).count();
    let (above, below) = (count(&|sigma| sigma > most), count(&|sigma| sigma < least));
    assert!(above > 1 && below > 1, "{above} and {below}");
    let moves = along(&*own, &*path, trailing(), 1000);
    assert_eq!(
        (moves[0].from, moves.len()),
        (own.level(999.0), 1000 - (above - 1) - (below - 1))
    );
}

#[test]
fn the_rest_leads_down_from_every_level_of_every_schedule() {
    for id in IDS {
        let own = schedule(id);
        let whole = time_grid(&*own, trailing(), 12);
        for (path_id, entry) in IDS.iter().flat_map(|id| ENTRIES.iter().map(move |entry| (id, entry))) {
            let (path, spacing) = (schedule(path_id), build(&Spec::new(entry.id)).unwrap());
            for at in &whole[..11] {
                let moves = rest_along(&*own, &*path, spacing, at.from, 9);
                let place = format!("{id} along {path_id}, {} from {:?}", entry.id, at.from);
                assert!((1..=9).contains(&moves.len()), "{place}: {} moves", moves.len());
                assert_eq!(
                    (moves[0].from, moves[moves.len() - 1].to.sigma),
                    (at.from, 0.0),
                    "{place}"
                );
                assert!(
                    moves.windows(2).all(|w| w[0].to == w[1].from && !w[0].is_upward()),
                    "{place}: {moves:?}"
                );
            }
        }
    }
}
