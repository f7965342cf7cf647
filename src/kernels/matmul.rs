//! The matrix product behind linear layers, convolutions, attention and their gradients.
//!
//! `C[l, r, :] = Σ_s Σ_k A[l, r, s, k] B[s, k, :]`, where A is read one number at a time through strides, so that pixels
//! of a picture, rows of a filter or the transpose of either need no copy, and B lies in panels as wide as two registers.
//! The sum over `s` and `k` runs in order in one accumulator per result: a result depends neither on its place in the
//! product nor on how the work is divided.

#![expect(
    unsafe_code,
    reason = "the inner loop reads and writes through pointers; `MatMul::check` holds the bounds"
)]

use super::simd::{Isa, Kernel, Simd};

/// A matrix read through strides: `data[line * l + row * r + segment * s + depth * k]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lhs<'a> {
    pub(super) data: &'a [f32],
    pub(super) line: usize,
    pub(super) row: usize,
    pub(super) segment: usize,
    pub(super) depth: usize,
}

/// A matrix in panels: `data[panel * (col / width) + row * k + col % width]` where `k` runs over segments and depth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhs<'a> {
    pub(super) data: &'a [f32],
    pub(super) panel: usize,
    pub(super) row: usize,
}

impl<'a> Rhs<'a> {
    /// What [`pack`](super::pack) makes of a matrix with `rows` rows.
    pub(super) fn packed(data: &'a [f32], rows: usize, isa: Isa) -> Self {
        let width = isa.panel();
        Self {
            data,
            panel: rows * width,
            row: width,
        }
    }

    /// A matrix as it lies in memory, `stride` numbers from row to row.
    pub(super) fn rows(data: &'a [f32], stride: usize, isa: Isa) -> Self {
        Self {
            data,
            panel: isa.panel(),
            row: stride,
        }
    }
}

/// What is added to the product.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plus<'a> {
    /// One number per column.
    pub(super) bias: Option<&'a [f32]>,
    /// A matrix that lies as the result does.
    pub(super) matrix: Option<&'a [f32]>,
    /// The former contents of the result.
    pub(super) former: bool,
}

/// Sizes of a product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) lines: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) segments: usize,
    pub(super) depth: usize,
}

impl Size {
    /// A plain product of an `m x k` and a `k x n` matrix.
    pub(super) fn plain(m: usize, n: usize, k: usize) -> Self {
        Self {
            lines: 1,
            rows: m,
            cols: n,
            segments: 1,
            depth: k,
        }
    }
}

/// One product; the result has `c_line` numbers from line to line and `c_row` from row to row.
#[derive(Clone, Copy, Debug)]
pub(super) struct MatMul<'a> {
    pub(super) size: Size,
    pub(super) a: Lhs<'a>,
    pub(super) b: Rhs<'a>,
    pub(super) plus: Plus<'a>,
    pub(super) c_line: usize,
    pub(super) c_row: usize,
}

impl MatMul<'_> {
    /// Computes it into `c`.
    pub(super) fn run(self, isa: Isa, c: &mut [f32]) {
        let Size { lines, rows, cols, .. } = self.size;
        if lines * rows * cols == 0 {
            return;
        }
        self.check(isa, c.len());
        isa.run(Product {
            mul: self,
            c: c.as_mut_ptr(),
        });
    }

    /// Every index that the inner loop forms is within its slice.
    fn check(&self, isa: Isa, c_len: usize) {
        let Size {
            lines,
            rows,
            cols,
            segments,
            depth,
        } = self.size;
        let (width, k) = (isa.panel(), segments * depth);
        let c_end = (lines - 1) * self.c_line + (rows - 1) * self.c_row + cols;
        assert!(c_end <= c_len, "the product does not fit its result");
        if let Some(bias) = self.plus.bias {
            assert!(cols <= bias.len(), "there is a bias for every column");
        }
        if let Some(matrix) = self.plus.matrix {
            assert!(c_end <= matrix.len(), "what is added is as large as the result");
        }
        if k == 0 {
            return;
        }
        let a = &self.a;
        let a_end = (lines - 1) * a.line + (rows - 1) * a.row + (segments - 1) * a.segment + (depth - 1) * a.depth;
        assert!(a_end < a.data.len(), "the left side is inside its slice");
        let (panels, last) = ((cols - 1) / width, (cols - 1) % width + 1);
        let b_end = |panel: usize, cols: usize| panel * self.b.panel + (k - 1) * self.b.row + cols;
        let whole = if panels == 0 { 0 } else { b_end(panels - 1, width) };
        assert!(
            whole.max(b_end(panels, last)) <= self.b.data.len(),
            "the right side is inside its slice"
        );
    }
}

struct Product<'a> {
    mul: MatMul<'a>,
    c: *mut f32,
}

impl Kernel for Product<'_> {
    type Out = ();

    /// Panels outside, so that a panel stays in the first cache while the rows pass by; where the left side is read down
    /// its columns, rows outside, because it is they that are scattered over memory.
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { mul, c } = self;
        let Size { lines, rows, cols, .. } = mul.size;
        let (panels, tiles) = (cols.div_ceil(2 * S::LANES), rows.div_ceil(S::ROWS));
        // Nearly equal tiles: a last tile of one row would be as slow as one of four.
        let (least, longer) = (rows / tiles, rows % tiles);
        let down = mul.a.row < mul.a.depth;
        let (outer, inner) = if down { (tiles, panels) } else { (panels, tiles) };
        for i in 0..outer {
            for line in 0..lines {
                for j in 0..inner {
                    let (tile, panel) = if down { (i, j) } else { (j, i) };
                    let (row, count) = (tile * least + tile.min(longer), least + usize::from(tile < longer));
                    // SAFETY: `check` found the whole product inside its slices; this is a part of it.
                    unsafe { strip(s, &mul, c, [line, row, panel * 2 * S::LANES], count) };
                }
            }
        }
    }
}

/// Where a tile reads and writes.
#[derive(Clone, Copy)]
struct Tile<'a> {
    mul: &'a MatMul<'a>,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    matrix: Option<*const f32>,
    bias: Option<*const f32>,
    cols: usize,
}

/// `rows` rows of one panel.
///
/// # Safety
/// `MatMul::check` holds, and the part lies inside the product.
#[inline(always)]
unsafe fn strip<S: Simd>(s: S, mul: &MatMul<'_>, c: *mut f32, [line, row, col]: [usize; 3], rows: usize) {
    let at = line * mul.c_line + row * mul.c_row + col;
    // SAFETY: all these are offsets of the product's own entries.
    let tile = unsafe {
        Tile {
            mul,
            a: mul.a.data.as_ptr().add(line * mul.a.line + row * mul.a.row),
            b: mul.b.data.as_ptr().add(col / (2 * S::LANES) * mul.b.panel),
            c: c.add(at),
            matrix: mul.plus.matrix.map(|m| m.as_ptr().add(at)),
            bias: mul.plus.bias.map(|b| b.as_ptr().add(col)),
            cols: (mul.size.cols - col).min(2 * S::LANES),
        }
    };
    // SAFETY: as above.
    unsafe {
        if tile.cols == 2 * S::LANES {
            rows_of::<S, 2, false>(s, &tile, rows);
        } else if tile.cols > S::LANES {
            rows_of::<S, 2, true>(s, &tile, rows);
        } else if tile.cols == S::LANES {
            rows_of::<S, 1, false>(s, &tile, rows);
        } else {
            rows_of::<S, 1, true>(s, &tile, rows);
        }
    }
}

/// Chooses the code for the number of rows.
///
/// # Safety
/// As for [`strip`].
#[inline(always)]
unsafe fn rows_of<S: Simd, const V: usize, const PART: bool>(s: S, tile: &Tile<'_>, rows: usize) {
    macro_rules! choose {
        ($($n:literal)+) => {
            // SAFETY: as promised by the caller.
            unsafe {
                match rows {
                    $($n if $n <= S::ROWS => multiply::<S, $n, V, PART>(s, tile),)+
                    _ => unreachable!("tiles have at most {} rows", S::ROWS),
                }
            }
        };
    }
    choose!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// A tile of `R` rows and `V` registers.
///
/// # Safety
/// As for [`strip`].
#[inline(always)]
unsafe fn multiply<S: Simd, const R: usize, const V: usize, const PART: bool>(s: S, tile: &Tile<'_>) {
    // SAFETY: as promised by the caller.
    let sums = unsafe { sums::<S, R, V, PART>(s, tile) };
    // The sums stay in registers only where every index into them is a constant: the loops are unrolled by hand.
    macro_rules! each_row {
        ($finish:ident: $($r:literal)+) => {$(
            if $r < R {
                for v in 0..V {
                    // SAFETY: the results are inside their slice, and so are what is added to them.
                    unsafe { $finish::<S, V, PART>(s, tile, $r, v, sums[$r % R][v]) };
                }
            }
        )+};
    }
    let Plus { bias, matrix, former } = tile.mul.plus;
    if bias.is_none() && matrix.is_none() && !former {
        each_row!(store: 0 1 2 3 4 5 6 7 8 9 10 11 12 13);
    } else {
        each_row!(finish: 0 1 2 3 4 5 6 7 8 9 10 11 12 13);
    }
}

/// The products of a tile, summed in order.
///
/// # Safety
/// As for [`strip`].
#[inline(always)]
unsafe fn sums<S: Simd, const R: usize, const V: usize, const PART: bool>(s: S, tile: &Tile<'_>) -> [[S::V; V]; R] {
    let Size { segments, depth, .. } = tile.mul.size;
    let (a_row, a_depth, b_row) = (tile.mul.a.row, tile.mul.a.depth, tile.mul.b.row);
    let mut sums = [[s.splat(0.0); V]; R];
    let (mut a_segment, mut b) = (tile.a, tile.b);
    for _ in 0..segments {
        let mut a = a_segment;
        for _ in 0..depth {
            // SAFETY: `check` bounds every product of index and stride.
            unsafe {
                let mut col = [s.splat(0.0); V];
                for (v, col) in col.iter_mut().enumerate() {
                    *col = load::<S, V, PART>(s, b, v, tile.cols);
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = s.splat(*a.add(r * a_row));
                    for (sum, &col) in sums.iter_mut().zip(&col) {
                        *sum = s.fma(x, col, *sum);
                    }
                }
            }
            a = a.wrapping_add(a_depth);
            b = b.wrapping_add(b_row);
        }
        a_segment = a_segment.wrapping_add(tile.mul.a.segment);
    }
    sums
}

/// Register `v` of the row at `p`; only the last of a partial tile is cut off.
///
/// # Safety
/// `cols` numbers from `p` can be read.
#[inline(always)]
unsafe fn load<S: Simd, const V: usize, const PART: bool>(s: S, p: *const f32, v: usize, cols: usize) -> S::V {
    // SAFETY: as promised by the caller.
    unsafe {
        let p = p.add(v * S::LANES);
        if PART && v + 1 == V {
            s.load_part(p, cols - v * S::LANES)
        } else {
            s.load(p)
        }
    }
}

/// Adds what there is to add and stores the result.
///
/// # Safety
/// As for [`strip`].
#[inline(always)]
unsafe fn finish<S: Simd, const V: usize, const PART: bool>(s: S, tile: &Tile<'_>, r: usize, v: usize, sum: S::V) {
    let at = r * tile.mul.c_row;
    let mut sum = sum;
    // SAFETY: as promised by the caller.
    unsafe {
        if let Some(bias) = tile.bias {
            sum = s.add(sum, load::<S, V, PART>(s, bias, v, tile.cols));
        }
        if let Some(matrix) = tile.matrix {
            sum = s.add(sum, load::<S, V, PART>(s, matrix.add(at), v, tile.cols));
        }
        if tile.mul.plus.former {
            sum = s.add(sum, load::<S, V, PART>(s, tile.c.add(at), v, tile.cols));
        }
        store::<S, V, PART>(s, tile, r, v, sum);
    }
}

/// Stores register `v` of row `r`.
///
/// # Safety
/// As for [`strip`].
#[inline(always)]
unsafe fn store<S: Simd, const V: usize, const PART: bool>(s: S, tile: &Tile<'_>, r: usize, v: usize, sum: S::V) {
    // SAFETY: as promised by the caller.
    unsafe {
        let p = tile.c.add(r * tile.mul.c_row + v * S::LANES);
        if PART && v + 1 == V {
            s.store_part(p, sum, tile.cols - v * S::LANES);
        } else {
            s.store(p, sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::pack::{Source, pack_panels, packed_len};

    /// Small integers: every sum is exact, so that results can be compared with `==`.
    fn digits(len: usize, seed: usize) -> Vec<f32> {
        (0..len)
            .map(|i| ((i * 7919 + seed * 104_729) % 17) as f32 - 8.0)
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// All strides, all remainders, everything that can be added, against three plain loops.
        #[test]
        fn products_equal_plain_loops(
            lines in 1usize..4, rows in 1usize..18, cols in 1usize..40, segments in 1usize..4, depth in 1usize..9,
            gap in 0usize..3, transposed: bool, packed: bool, add in 0usize..4,
        ) {
            let k = segments * depth;
            let (row, step) = if transposed { (1, rows + gap) } else { (depth + gap, 1) };
            let plane = (rows.max(depth) + gap) * (depth.max(rows) + gap);
            let a = digits(lines * segments * plane, 1);
            let b = digits(k * cols, 2);
            let (c_row, c_line) = (cols + gap, rows * (cols + gap));
            let former = digits(lines * c_line, 3);
            let (bias, matrix) = (digits(cols, 4), digits(lines * c_line, 5));
            for isa in Isa::available() {
                let mut panels = vec![f32::NAN; packed_len(k, cols, isa)];
                let from = Source { data: &b, start: |i| i * cols, step: 1 };
                pack_panels(isa, &mut panels, k, cols, &from);
                let mut c = former.clone();
                MatMul {
                    size: Size { lines, rows, cols, segments, depth },
                    a: Lhs { data: &a, line: segments * plane, row, segment: plane, depth: step },
                    b: if packed { Rhs::packed(&panels, k, isa) } else { Rhs::rows(&b, cols, isa) },
                    plus: Plus {
                        bias: (add == 1).then_some(&bias),
                        matrix: (add == 2).then_some(&matrix),
                        former: add == 3,
                    },
                    c_line,
                    c_row,
                }
                .run(isa, &mut c);
                for (l, r) in (0..lines).flat_map(|l| (0..rows).map(move |r| (l, r))) {
                    for j in 0..c_row {
                        let at = l * c_line + r * c_row + j;
                        let product: f32 = (0..if j < cols { k } else { 0 })
                            .map(|i| a[(l * segments + i / depth) * plane + r * row + i % depth * step] * b[i * cols + j])
                            .sum();
                        let expected = match (j < cols, add) {
                            (false, _) => former[at],
                            (_, 1) => product + bias[j],
                            (_, 2) => product + matrix[at],
                            (_, 3) => product + former[at],
                            _ => product,
                        };
                        prop_assert_eq!(c[at], expected, "{:?} line {} row {} column {}", isa, l, r, j);
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "inside its slice")]
    fn a_short_left_side_is_refused() {
        let (a, b, isa) = ([0.0; 5], [0.0; 64], Isa::best());
        let a = Lhs {
            data: &a,
            line: 0,
            row: 3,
            segment: 0,
            depth: 1,
        };
        let b = Rhs::rows(&b, 1, isa);
        let mul = MatMul {
            size: Size::plain(2, 1, 3),
            a,
            b,
            plus: Plus::default(),
            c_line: 0,
            c_row: 1,
        };
        mul.run(isa, &mut [0.0; 2]);
    }
}
