//! The right side of a matrix product in panels: all rows of the first columns, then all rows of the next.

use rayon::prelude::*;

use super::simd::Isa;

/// Numbers that a packed `rows x cols` matrix takes: the last panel is filled up with zeros.
pub(super) fn packed_len(rows: usize, cols: usize, isa: Isa) -> usize {
    cols.next_multiple_of(isa.panel()) * rows
}

/// A matrix in memory: row `i` begins at `start(i)`, and `step` numbers lie from column to column.
pub(super) struct Source<'a, F> {
    pub(super) data: &'a [f32],
    pub(super) start: F,
    pub(super) step: usize,
}

/// Packs a matrix of `rows` rows and `cols` columns; panels are made in parallel.
pub(super) fn pack_panels<F: Fn(usize) -> usize + Sync>(
    isa: Isa,
    packed: &mut [f32],
    rows: usize,
    cols: usize,
    from: &Source<'_, F>,
) {
    let width = isa.panel();
    let fill = |(panel, out): (usize, &mut [f32])| {
        let count = (cols - panel * width).min(width);
        for (i, row) in out.chunks_exact_mut(width).enumerate() {
            let data = &from.data[(from.start)(i) + panel * width * from.step..];
            if from.step == 1 {
                row[..count].copy_from_slice(&data[..count]);
            } else {
                for (x, &value) in row[..count].iter_mut().zip(data.iter().step_by(from.step)) {
                    *x = value;
                }
            }
            row[count..].fill(0.0);
        }
    };
    let panels = packed.par_chunks_exact_mut(rows * width).enumerate();
    // Small matrices are packed by the thread that needs them.
    panels
        .with_min_len((1 << 15) / (rows * width).max(1) + 1)
        .for_each(fill);
}
