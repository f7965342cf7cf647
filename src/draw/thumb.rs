//! Smaller pictures by averaging areas, since textures have no mip levels and would shimmer.

use super::Raster;

/// The picture at `width * height`, neither larger than it is: each new pixel is the mean of the area it covers, parts
/// of pixels counted as parts. Averages the stored values, as other programs do.
pub fn reduced(picture: &Raster, width: usize, height: usize) -> Raster {
    let (width, height) = (width.min(picture.width), height.min(picture.height));
    let (columns, rows) = (overlaps(picture.width, width), overlaps(picture.height, height));
    let mut data = Vec::with_capacity(width * height * picture.channels);
    for row in &rows {
        for column in &columns {
            for channel in 0..picture.channels {
                data.push(mean(picture, row, column, channel));
            }
        }
    }
    Raster {
        width,
        height,
        channels: picture.channels,
        data,
    }
}

/// The largest size of these proportions within `side * side`, at least one pixel each way.
pub fn size_within(width: usize, height: usize, side: usize) -> (usize, usize) {
    let longest = width.max(height).max(1);
    let fit = |n: usize| (n * side.min(longest) / longest).max(1);
    (fit(width), fit(height))
}

/// Pixels and their integer weights under each of `to` equal parts of `from` pixels. The weights of a part sum to `from`.
fn overlaps(from: usize, to: usize) -> Vec<Vec<(usize, u64)>> {
    let part = |i: usize| {
        let (start, end) = (i * from, (i + 1) * from);
        let cover = |p: usize| (p, (end.min((p + 1) * to) - start.max(p * to)) as u64);
        (start / to..end.div_ceil(to)).map(cover).collect()
    };
    (0..to).map(part).collect()
}

fn mean(picture: &Raster, rows: &[(usize, u64)], columns: &[(usize, u64)], channel: usize) -> u8 {
    let value = |y: usize, x: usize| u64::from(picture.data[(y * picture.width + x) * picture.channels + channel]);
    let row_sum = |y| columns.iter().map(|&(x, w)| w * value(y, x)).sum::<u64>();
    let sum: u64 = rows.iter().map(|&(y, w)| w * row_sum(y)).sum();
    let area = (picture.width * picture.height) as u64;
    ((sum + area / 2) / area) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: usize, data: &[u8]) -> Raster {
        Raster {
            width,
            height: data.len() / width,
            channels: 1,
            data: data.to_vec(),
        }
    }

    #[test]
    fn whole_blocks_become_their_mean() {
        let picture = grey(4, &[0, 10, 100, 100, 20, 30, 101, 102]);
        assert_eq!(reduced(&picture, 2, 1).data, [15, 101]);
    }

    #[test]
    fn parts_of_pixels_count_as_parts() {
        // Three pixels onto two: (2 * 30 + 60) / 3 and (60 + 2 * 90) / 3.
        assert_eq!(reduced(&grey(3, &[30, 60, 90]), 2, 1).data, [40, 80]);
    }

    #[test]
    fn one_colour_stays_one_colour_at_any_size() {
        let picture = Raster::filled(17, 13, 3, [201, 3, 77]);
        for (w, h) in [(1, 1), (5, 7), (16, 12), (17, 13), (99, 99)] {
            let small = reduced(&picture, w, h);
            assert_eq!((small.width, small.height), (w.min(17), h.min(13)));
            assert!(small.data.chunks_exact(3).all(|p| p == [201, 3, 77]));
        }
    }

    #[test]
    fn proportions_are_kept() {
        assert_eq!(
            [size_within(200, 100, 64), size_within(10, 20, 64)],
            [(64, 32), (10, 20)]
        );
        assert_eq!([size_within(1000, 1, 64), size_within(0, 0, 64)], [(64, 1), (1, 1)]);
    }
}
