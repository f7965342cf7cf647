//! The right side of a matrix product in panels: all rows of the first columns, then all rows of the next.

use rayon::prelude::*;

use super::simd::Isa;

/// Numbers that a packed `rows x cols` matrix takes: the last panel is filled up with zeros.
pub(super) fn packed_len(rows: usize, cols: usize, isa: Isa) -> usize {
    cols.next_multiple_of(isa.panel()) * rows
}

/// Packs the matrix whose entry in row `i` and column `j` is `at(i, j)`; panels are made in parallel.
pub(super) fn pack_panels(
    isa: Isa,
    packed: &mut [f32],
    rows: usize,
    cols: usize,
    at: impl Fn(usize, usize) -> f32 + Sync,
) {
    let width = isa.panel();
    let fill = |(panel, out): (usize, &mut [f32])| {
        for (i, row) in out.chunks_exact_mut(width).enumerate() {
            for (j, x) in row.iter_mut().enumerate() {
                let col = panel * width + j;
                *x = if col < cols { at(i, col) } else { 0.0 };
            }
        }
    };
    let panels = packed.par_chunks_exact_mut(rows * width).enumerate();
    // Small matrices are packed by the thread that needs them.
    panels
        .with_min_len((1 << 15) / (rows * width).max(1) + 1)
        .for_each(fill);
}
