//! Words written with a stroke font.

use super::{COUNT, Cloud, Draw, noise};
use crate::{
    data::Maker,
    math::{Entry, Param},
};

/// Points uniform along the strokes of a word; each letter is a class.
pub const ENTRY: Entry<dyn Maker> = Entry {
    id: "letters",
    label: "Letters",
    help: "A word in points; each letter is a class",
    source: "",
    params: &[
        COUNT,
        noise(0.02),
        Param::choice(
            "text",
            &[
                "DIFFUSE", "HELLO", "NOISE", "STUDIO", "DATA", "OK", "A", "B", "C", "D", "E", "F", "G", "H", "I", "J",
                "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z",
            ],
            "What is written",
        ),
    ],
    build: |p| {
        let word = Word::new(p.text("text"));
        let names = word.names();
        Ok(Cloud::boxed(p, names, move |draw| word.point(draw)))
    },
};

/// Strokes of A to Z on a grid 4 wide and 6 high: polylines of digit pairs `xy`, y upwards.
const FONT: [&str; 26] = [
    "00 26 40; 13 33",
    "00 06 36 45 44 33 03; 33 42 41 30 00",
    "45 36 16 05 01 10 30 41",
    "00 06 26 44 42 20 00",
    "46 06 00 40; 03 33",
    "46 06 00; 03 33",
    "45 36 16 05 01 10 30 41 43 23",
    "00 06; 40 46; 03 43",
    "16 36; 26 20; 10 30",
    "46 41 30 10 01",
    "00 06; 46 03 40",
    "06 00 40",
    "00 06 23 46 40",
    "00 06 40 46",
    "10 01 05 16 36 45 41 30 10",
    "00 06 36 45 44 33 03",
    "10 01 05 16 36 45 41 30 10; 22 40",
    "00 06 36 45 44 33 03; 23 40",
    "45 36 16 05 04 13 33 42 41 30 10 01",
    "06 46; 26 20",
    "06 01 10 30 41 46",
    "06 20 46",
    "06 10 24 30 46",
    "00 46; 06 40",
    "06 23 46; 23 20",
    "06 46 00 40",
];

/// Width of a letter and the gap after it.
const ADVANCE: f64 = 5.5;

/// Straight pieces of each letter, laid out in a row of height 2 (a single letter) or width 2 and more.
struct Word {
    letters: Vec<(char, Vec<[[f64; 2]; 2]>)>,
}

impl Word {
    fn new(text: &str) -> Self {
        let letters = text.bytes().filter(u8::is_ascii_uppercase).enumerate();
        Self {
            letters: letters
                .map(|(i, letter)| (char::from(letter), strokes(letter, i as f64 * ADVANCE)))
                .collect(),
        }
    }

    /// `D`, `I`, `F`, `F 2`, …: a letter that comes again is numbered.
    fn names(&self) -> Vec<String> {
        let letters: Vec<char> = self.letters.iter().map(|l| l.0).collect();
        let name = |(i, letter): (usize, &char)| match letters[..i].iter().filter(|l| *l == letter).count() {
            0 => letter.to_string(),
            before => format!("{letter} {}", before + 1),
        };
        letters.iter().enumerate().map(name).collect()
    }

    /// The point a share `u[0]` along the strokes of a letter.
    fn point(&self, Draw { class, u, .. }: Draw) -> [f64; 2] {
        let pieces = &self.letters[class].1;
        let length = |[a, b]: &[[f64; 2]; 2]| libm::hypot(b[0] - a[0], b[1] - a[1]);
        let mut left = u[0] * pieces.iter().map(length).sum::<f64>();
        for piece @ [a, b] in pieces {
            let share = left / length(piece);
            if share <= 1.0 {
                return [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])].map(|v| v / 3.0);
            }
            left -= length(piece);
        }
        // Rounding can leave the last point a hair beyond the end.
        pieces.last().map_or([0.0; 2], |[_, b]| b.map(|v| v / 3.0))
    }
}

fn strokes(letter: u8, shift: f64) -> Vec<[[f64; 2]; 2]> {
    let digit = |d: u8| f64::from(d - b'0');
    let node = |xy: &str| [digit(xy.as_bytes()[0]) + shift, digit(xy.as_bytes()[1])];
    FONT[usize::from(letter - b'A')]
        .split("; ")
        .flat_map(|line| {
            let nodes: Vec<_> = line.split(' ').map(node).collect();
            nodes.windows(2).map(|w| [w[0], w[1]]).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_l_is_a_corner() {
        let word = Word::new("L");
        let at = |u| {
            word.point(Draw {
                class: 0,
                u: [u, 0.0],
                n: [0.0; 2],
            })
            .map(|v| v * 3.0)
        };
        // Down the 6 of the stem, then along the 4 of the foot.
        assert_eq!([at(0.0), at(0.6), at(1.0)], [[0.0, 6.0], [0.0, 0.0], [4.0, 0.0]]);
        assert!((at(0.3)[1] - 3.0).abs() < 1e-12 && (at(0.8)[0] - 2.0).abs() < 1e-12);
    }

    #[test]
    fn every_letter_has_strokes_on_the_grid() {
        for letter in b'A'..=b'Z' {
            let pieces = strokes(letter, 0.0);
            assert!(pieces.len() >= 2, "{}", char::from(letter));
            assert!(pieces.iter().flatten().all(|[x, y]| *x <= 4.0 && *y <= 6.0));
            assert!(pieces.iter().all(|[a, b]| a != b));
        }
    }

    #[test]
    fn letters_stand_in_a_row_and_repeated_ones_are_numbered() {
        let word = Word::new("DIFF");
        assert_eq!(word.names(), ["D", "I", "F", "F 2"]);
        let x = |class| {
            word.point(Draw {
                class,
                u: [0.5, 0.0],
                n: [0.0; 2],
            })[0]
                * 3.0
        };
        assert!((x(3) - x(2) - ADVANCE).abs() < 1e-12);
    }
}
