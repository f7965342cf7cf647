//! Many pictures on one sheet.

use super::{Raster, raster::is_grey};
use crate::math::Frame;

/// How a sheet is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Pictures in a row; `None` makes the sheet nearly square.
    pub columns: Option<usize>,
    /// Each pixel becomes `scale * scale` pixels.
    pub scale: usize,
    /// Pixels between pictures and around the sheet.
    pub gap: usize,
    /// Colour of the gaps.
    pub background: [u8; 3],
}

impl Default for Sheet {
    fn default() -> Self {
        Self {
            columns: None,
            scale: 1,
            gap: 2,
            background: [255; 3],
        }
    }
}

impl Sheet {
    /// All pictures of a batch, row by row. Grey pictures on a grey background make a grey sheet. Points give an empty
    /// sheet; see [`super::Scatter`].
    pub fn draw(&self, frame: &Frame) -> Raster {
        let pictures: Vec<Raster> = (0..frame.count()).filter_map(|i| Raster::picture(frame, i)).collect();
        self.arrange(&pictures)
    }

    /// Pictures of equal size, row by row. An empty sheet has no pixels.
    pub fn arrange(&self, pictures: &[Raster]) -> Raster {
        let Some(first) = pictures.first() else {
            return Raster::filled(0, 0, 1, self.background);
        };
        let (columns, rows) = self.cells(pictures.len());
        let [left, top] = self.place(columns * rows - 1, columns, first);
        let is_all_grey = is_grey(self.background) && pictures.iter().all(|p| p.channels == 1);
        let mut sheet = Raster::filled(
            left + first.width * self.scale + self.gap,
            top + first.height * self.scale + self.gap,
            if is_all_grey { 1 } else { 3 },
            self.background,
        );
        for (i, picture) in pictures.iter().enumerate() {
            let [x, y] = self.place(i, columns, first);
            let picture = picture.enlarged(self.scale);
            let fitting = if is_all_grey { picture } else { picture.to_rgb() };
            sheet.paste(&fitting, x, y);
        }
        sheet
    }

    /// Columns and rows for a number of pictures.
    pub fn cells(&self, count: usize) -> (usize, usize) {
        let square = (count as f64).sqrt().ceil() as usize;
        let columns = self.columns.unwrap_or(square).clamp(1, count.max(1));
        (columns, count.div_ceil(columns))
    }

    /// Left and top of picture `i`.
    fn place(&self, i: usize, columns: usize, size: &Raster) -> [usize; 2] {
        let at = |n: usize, side: usize| self.gap + n * (side * self.scale + self.gap);
        [at(i % columns, size.width), at(i / columns, size.height)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(channels: usize, data: &[u8]) -> Frame {
        Frame::Pixels {
            channels,
            height: 1,
            width: 2,
            data: data.into(),
        }
    }

    #[test]
    fn pictures_stand_in_rows_with_gaps_around() {
        let sheet = Sheet {
            columns: Some(2),
            gap: 1,
            background: [9; 3],
            ..Sheet::default()
        };
        let drawn = sheet.draw(&frame(1, &[1, 2, 3, 4, 5, 6]));
        assert_eq!((drawn.width, drawn.height, drawn.channels), (7, 5, 1));
        #[rustfmt::skip]
        assert_eq!(drawn.data, [
            9, 9, 9, 9, 9, 9, 9,
            9, 1, 2, 9, 3, 4, 9,
            9, 9, 9, 9, 9, 9, 9,
            9, 5, 6, 9, 9, 9, 9,
            9, 9, 9, 9, 9, 9, 9,
        ]);
    }

    #[test]
    fn a_coloured_background_makes_a_coloured_sheet() {
        let sheet = Sheet {
            gap: 1,
            background: [1, 2, 3],
            ..Sheet::default()
        };
        let drawn = sheet.draw(&frame(1, &[7, 8]));
        assert_eq!(drawn.data[..3], [1, 2, 3]);
        assert_eq!(drawn.data[5 * 3..][..6], [7, 7, 7, 8, 8, 8]);
    }

    #[test]
    fn without_gap_and_scale_a_single_picture_is_itself() {
        let sheet = Sheet {
            gap: 0,
            ..Sheet::default()
        };
        assert_eq!(sheet.draw(&frame(3, &[1, 2, 3, 4, 5, 6])).data, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn sheets_are_nearly_square() {
        let cells = |n| Sheet::default().cells(n);
        assert_eq!(
            [cells(1), cells(4), cells(5), cells(64)],
            [(1, 1), (2, 2), (3, 2), (8, 8)]
        );
        assert!(Sheet::default().draw(&frame(1, &[])).data.is_empty());
    }
}
