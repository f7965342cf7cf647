//! The film strip: samples below each other, steps beside each other.

use super::{Look, Raster, Scatter, Sheet};
use crate::math::Frame;

/// `n` of the indices `0..count`, evenly spread, with the first and the last.
pub fn even_indices(count: usize, n: usize) -> Vec<usize> {
    let n = n.min(count);
    match n {
        0 => Vec::new(),
        1 => vec![count - 1],
        _ => (0..n).map(|i| (i * (count - 1) * 2 + n - 1) / (2 * (n - 1))).collect(),
    }
}

/// One row per sample and one column per frame; points have one row, the whole cloud. Samples that a frame does not have
/// are left out.
pub fn film_strip(frames: &[Frame], samples: &[usize], look: &Look) -> Raster {
    let rows: Vec<Vec<Raster>> = if frames.iter().any(|f| matches!(f, Frame::Points { .. })) {
        vec![frames.iter().map(|f| cloud(f, &look.scatter)).collect()]
    } else {
        let row = |&i: &usize| frames.iter().filter_map(|f| Raster::picture(f, i)).collect();
        samples
            .iter()
            .map(row)
            .filter(|row: &Vec<_>| row.len() == frames.len())
            .collect()
    };
    let sheet = Sheet {
        columns: Some(frames.len()),
        ..look.sheet
    };
    sheet.arrange(&rows.concat())
}

fn cloud(frame: &Frame, scatter: &Scatter) -> Raster {
    match frame {
        Frame::Points { xy } => scatter.draw(xy),
        Frame::Pixels { .. } => scatter.draw(&[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_steps_are_even_and_hold_both_ends() {
        assert_eq!(even_indices(11, 6), [0, 2, 4, 6, 8, 10]);
        assert_eq!(even_indices(5, 9), [0, 1, 2, 3, 4]);
        assert_eq!(
            (even_indices(5, 1), even_indices(0, 3), even_indices(3, 0)),
            (vec![4], vec![], vec![])
        );
        for (count, n) in [(1000, 7), (51, 10), (8, 7)] {
            let chosen = even_indices(count, n);
            assert_eq!((chosen.len(), chosen[0], chosen[n - 1]), (n, 0, count - 1));
            let gaps: Vec<usize> = chosen.windows(2).map(|w| w[1] - w[0]).collect();
            assert!(gaps.iter().max().unwrap() - gaps.iter().min().unwrap() <= 1, "{gaps:?}");
        }
    }

    #[test]
    fn rows_are_samples_and_columns_are_steps() {
        let frame = |data: [u8; 2]| Frame::Pixels {
            channels: 1,
            height: 1,
            width: 1,
            data: data.into(),
        };
        let mut look = Look::default();
        look.sheet.gap = 0;
        let strip = film_strip(&[frame([1, 2]), frame([3, 4]), frame([5, 6])], &[1, 0, 9], &look);
        assert_eq!((strip.width, strip.height), (3, 2));
        assert_eq!(strip.data, [2, 4, 6, 1, 3, 5]);
    }

    #[test]
    fn points_have_one_row() {
        let mut look = Look::default();
        look.scatter.size = 10;
        look.sheet.gap = 0;
        let points = Frame::Points { xy: [0.0, 0.0].into() };
        let strip = film_strip(&[points.clone(), points], &[], &look);
        assert_eq!((strip.width, strip.height), (20, 10));
    }
}
