//! The dark squares of a checkerboard.

use super::{COUNT, Cloud, Draw, noise};
use crate::{
    data::Maker,
    math::{Entry, Param},
};

/// A board of side 2 about the origin, uniform on the squares whose row and column add up to an even number.
pub const ENTRY: Entry<dyn Maker> = Entry {
    id: "checkerboard",
    label: "Checkerboard",
    help: "The dark squares of a checkerboard: sharp edges and many separate parts",
    source: "",
    params: &[
        COUNT,
        noise(0.0),
        Param::int("squares", 2, 10, 4, "Squares along one side"),
    ],
    build: |p| {
        let squares = p.count("squares");
        Ok(Cloud::boxed(p, vec!["board".into()], move |draw| shape(squares, draw)))
    },
};

fn shape(squares: usize, Draw { u, .. }: Draw) -> [f64; 2] {
    let dark = (squares * squares).div_ceil(2);
    let place = u[0] * dark as f64;
    let (k, along) = (place.floor(), place.fract());
    // Walking along the rows every second square is dark; in a board of even width each row starts one further.
    let index = 2 * k as usize;
    let (row, column) = (index / squares, index % squares);
    let column = if squares.is_multiple_of(2) {
        column + row % 2
    } else {
        column
    };
    let side = 2.0 / squares as f64;
    [(column as f64 + along) * side - 1.0, (row as f64 + u[1]) * side - 1.0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_fill_all_dark_squares_and_no_light_one() {
        for squares in [2_usize, 3, 4, 5, 8] {
            let dark = (squares * squares).div_ceil(2);
            let mut hits = std::collections::BTreeMap::new();
            for i in 0..dark * 10 {
                let u = [(i as f64 + 0.5) / (dark * 10) as f64, 0.5];
                let cell = shape(
                    squares,
                    Draw {
                        class: 0,
                        u,
                        n: [0.0; 2],
                    },
                )
                .map(|v| ((v + 1.0) * squares as f64 / 2.0).floor() as usize);
                assert!((cell[0] + cell[1]).is_multiple_of(2), "{squares}: {cell:?}");
                *hits.entry(cell).or_insert(0) += 1;
            }
            assert_eq!(hits.len(), dark);
            assert!(hits.values().all(|&n| n == 10));
        }
    }
}
