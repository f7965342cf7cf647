//! Winograd's minimal filtering F(4x4, 3x3): a 3x3 convolution as 36 products per channel pair for 16 results instead of
//! 144 (Lavin and Gray 2016, arXiv:1509.09308).
//!
//! `Y = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A` for a 6x6 tile `d` of the input and a 4x4 tile `Y` of the result, which sums over
//! input channels turn into 36 matrix products. The way back uses the transposes: `dM = A dY Aᵀ` serves both the filter's
//! gradient `Gᵀ (Σ V dM) G` and the input's `B (dM U) Bᵀ`, which neighbouring tiles add up.
//!
//! Transformed tiles lie in 36 planes `(tile, channel)`, one for each product.

#![expect(
    unsafe_code,
    reason = "registers are loaded through pointers; each function checks its bounds first"
)]

use super::simd::{Isa, Kernel, Simd};

/// Rows and columns of results in a tile.
pub(super) const OUT: usize = 4;

/// Rows and columns of inputs that a tile reads.
pub(super) const IN: usize = 6;

/// Numbers of a transformed tile in each channel.
pub(super) const PRODUCTS: usize = IN * IN;

/// A linear map of lines of a tile. A type rather than a closure: closures are not compiled for the instruction set.
trait Line<const M: usize, const N: usize> {
    fn line<S: Simd>(s: S, x: [S::V; M]) -> [S::V; N];
}

/// `Bᵀ d`.
struct Input;

/// `B t`: the transpose of [`Input`].
struct InputBack;

/// `Aᵀ m`.
struct Output;

/// `A y`: the transpose of [`Output`].
struct OutputBack;

/// `G g`.
struct Filter;

/// `Gᵀ u`: the transpose of [`Filter`].
struct FilterBack;

impl Line<6, 6> for Input {
    #[inline(always)]
    fn line<S: Simd>(s: S, d: [S::V; 6]) -> [S::V; 6] {
        let (two, four, five) = (s.splat(2.0), s.splat(4.0), s.splat(5.0));
        let even = s.sub(d[4], s.mul(four, d[2]));
        let odd = s.sub(d[3], s.mul(four, d[1]));
        let (near, twice) = (s.sub(d[4], d[2]), s.mul(two, s.sub(d[3], d[1])));
        [
            s.add(s.sub(d[4], s.mul(five, d[2])), s.mul(four, d[0])),
            s.add(even, odd),
            s.sub(even, odd),
            s.add(near, twice),
            s.sub(near, twice),
            s.add(s.sub(d[5], s.mul(five, d[3])), s.mul(four, d[1])),
        ]
    }
}

impl Line<6, 6> for InputBack {
    #[inline(always)]
    fn line<S: Simd>(s: S, t: [S::V; 6]) -> [S::V; 6] {
        let (two, four, five) = (s.splat(2.0), s.splat(4.0), s.splat(5.0));
        let (sum12, gap12) = (s.add(t[1], t[2]), s.sub(t[1], t[2]));
        let (sum34, gap34) = (s.add(t[3], t[4]), s.sub(t[3], t[4]));
        let twice34 = s.mul(two, gap34);
        [
            s.mul(four, t[0]),
            s.sub(s.mul(four, s.sub(t[5], gap12)), twice34),
            s.sub(s.sub(s.sub(s.splat(0.0), sum34), s.mul(five, t[0])), s.mul(four, sum12)),
            s.sub(s.add(gap12, twice34), s.mul(five, t[5])),
            s.add(t[0], s.add(sum12, sum34)),
            t[5],
        ]
    }
}

impl Line<6, 4> for Output {
    #[inline(always)]
    fn line<S: Simd>(s: S, m: [S::V; 6]) -> [S::V; 4] {
        let (sum12, gap12) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let (sum34, gap34) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
        [
            s.add(m[0], s.add(sum12, sum34)),
            s.fma(s.splat(2.0), gap34, gap12),
            s.fma(s.splat(4.0), sum34, sum12),
            s.add(s.fma(s.splat(8.0), gap34, gap12), m[5]),
        ]
    }
}

impl Line<4, 6> for OutputBack {
    #[inline(always)]
    fn line<S: Simd>(s: S, y: [S::V; 4]) -> [S::V; 6] {
        let (even, odd) = (s.add(y[0], y[2]), s.add(y[1], y[3]));
        let far_even = s.fma(s.splat(4.0), y[2], y[0]);
        let far_odd = s.mul(s.splat(2.0), s.fma(s.splat(4.0), y[3], y[1]));
        [
            y[0],
            s.add(even, odd),
            s.sub(even, odd),
            s.add(far_even, far_odd),
            s.sub(far_even, far_odd),
            y[3],
        ]
    }
}

impl Line<3, 6> for Filter {
    #[inline(always)]
    fn line<S: Simd>(s: S, g: [S::V; 3]) -> [S::V; 6] {
        let sixth = s.splat(-1.0 / 6.0);
        let (even, odd) = (s.mul(sixth, s.add(g[0], g[2])), s.mul(sixth, g[1]));
        let far_even = s.fma(s.splat(1.0 / 24.0), g[0], s.mul(s.splat(1.0 / 6.0), g[2]));
        let far_odd = s.mul(s.splat(1.0 / 12.0), g[1]);
        [
            s.mul(s.splat(0.25), g[0]),
            s.add(even, odd),
            s.sub(even, odd),
            s.add(far_even, far_odd),
            s.sub(far_even, far_odd),
            g[2],
        ]
    }
}

impl Line<6, 3> for FilterBack {
    #[inline(always)]
    fn line<S: Simd>(s: S, u: [S::V; 6]) -> [S::V; 3] {
        let sixth = s.splat(1.0 / 6.0);
        let sum12 = s.mul(sixth, s.add(u[1], u[2]));
        let gap12 = s.mul(sixth, s.sub(u[2], u[1]));
        let (sum34, gap34) = (s.add(u[3], u[4]), s.sub(u[3], u[4]));
        [
            s.fma(s.splat(0.25), u[0], s.sub(s.mul(s.splat(1.0 / 24.0), sum34), sum12)),
            s.fma(s.splat(1.0 / 12.0), gap34, gap12),
            s.add(s.sub(s.mul(sixth, sum34), sum12), u[5]),
        ]
    }
}

/// `L x Lᵀ` for the line transform `L`: first down the columns of `x`, then along the rows.
#[inline(always)]
fn both_ways<S: Simd, L: Line<M, N>, const M: usize, const N: usize>(s: S, x: [[S::V; M]; M]) -> [[S::V; N]; N] {
    let mut rows = [[s.splat(0.0); M]; N];
    for j in 0..M {
        let mut column = [s.splat(0.0); M];
        for i in 0..M {
            column[i] = x[i][j];
        }
        let column = L::line(s, column);
        for i in 0..N {
            rows[i][j] = column[i];
        }
    }
    let mut y = [[s.splat(0.0); N]; N];
    for i in 0..N {
        y[i] = L::line(s, rows[i]);
    }
    y
}

/// A row of tiles of one sample's pictures.
#[derive(Clone, Copy, Debug)]
pub(super) struct TileRow {
    /// Which row of tiles.
    pub(super) row: usize,
    /// Tiles in it.
    pub(super) tiles: usize,
    /// Size of the picture.
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    /// Numbers from plane to plane of its transformed tiles; see [`plane`].
    pub(super) plane: usize,
}

/// Numbers from plane to plane where each has `len`. Planes as long as a multiple of the cache's ways would compete for
/// the same few lines, so they begin on lines of different sets.
pub(super) fn plane(len: usize) -> usize {
    const LINE: usize = 16;
    len.next_multiple_of(LINE) + LINE
}

impl TileRow {
    /// Numbers from the first to behind the last of its transformed tiles.
    fn transformed(&self) -> usize {
        (PRODUCTS - 1) * self.plane + self.tiles * self.channels
    }

    fn picture(&self) -> usize {
        self.height * self.width * self.channels
    }
}

/// `Bᵀ d B` for a row of tiles, to the planes that `to` begins in. `lines` are the six lines of the picture that they
/// read, `4 tiles + 2` pixels wide.
pub(super) fn read_input(isa: Isa, row: TileRow, lines: &[f32], to: &mut [f32]) {
    let width = OUT * row.tiles + IN - OUT;
    assert!(
        lines.len() == IN * width * row.channels && row.transformed() <= to.len(),
        "a row of tiles"
    );
    isa.run(ReadInput { row, lines, to });
}

struct ReadInput<'a> {
    row: TileRow,
    lines: &'a [f32],
    to: &'a mut [f32],
}

impl Kernel for ReadInput<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let TileRow {
            tiles, channels, plane, ..
        } = self.row;
        let width = OUT * tiles + IN - OUT;
        for tile in 0..tiles {
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                let mut d = [[s.splat(0.0); IN]; IN];
                for (i, d) in d.iter_mut().enumerate() {
                    for (j, d) in d.iter_mut().enumerate() {
                        let at = (i * width + OUT * tile + j) * channels + c;
                        // SAFETY: `read_input` checked that the lines hold 6 x width pixels.
                        *d = unsafe { s.load_n(self.lines.as_ptr().add(at), n) };
                    }
                }
                let v = both_ways::<S, Input, 6, 6>(s, d);
                let to = &mut self.to[tile * channels + c..];
                // SAFETY: each of the 36 planes holds the tile's channels.
                unsafe { store_products(s, v, to.as_mut_ptr(), plane, n) };
            }
        }
    }
}

/// # Safety
/// `to` has room for `min(n, LANES)` numbers at each multiple of `plane` below `36 plane`.
#[inline(always)]
unsafe fn store_products<S: Simd>(s: S, v: [[S::V; IN]; IN], to: *mut f32, plane: usize, n: usize) {
    for (i, &v) in v.as_flattened().iter().enumerate() {
        // SAFETY: as promised by the caller.
        unsafe { s.store_n(to.add(i * plane), v, n) };
    }
}

/// # Safety
/// `from` holds `min(n, LANES)` numbers at each multiple of `plane` below `36 plane`.
#[inline(always)]
unsafe fn load_products<S: Simd>(s: S, from: *const f32, plane: usize, n: usize) -> [[S::V; IN]; IN] {
    let mut v = [[s.splat(0.0); IN]; IN];
    for (i, v) in v.as_flattened_mut().iter_mut().enumerate() {
        // SAFETY: as promised by the caller.
        *v = unsafe { s.load_n(from.add(i * plane), n) };
    }
    v
}

/// `B t Bᵀ` for a row of tiles, added to the picture of gradients. `pad`: top and left.
pub(super) fn add_input_back(isa: Isa, row: TileRow, pad: [usize; 2], from: &[f32], picture: &mut [f32]) {
    assert!(
        row.transformed() <= from.len() && picture.len() == row.picture(),
        "a row of tiles"
    );
    isa.run(AddInputBack {
        row,
        pad,
        from,
        picture,
    });
}

struct AddInputBack<'a> {
    row: TileRow,
    pad: [usize; 2],
    from: &'a [f32],
    picture: &'a mut [f32],
}

impl Kernel for AddInputBack<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let TileRow {
            row,
            tiles,
            height,
            width,
            channels,
            plane,
        } = self.row;
        let [top, left] = self.pad;
        for tile in 0..tiles {
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                let from = &self.from[tile * channels + c..];
                // SAFETY: each of the 36 planes holds the tile's channels.
                let t = unsafe { load_products(s, from.as_ptr(), plane, n) };
                let d = both_ways::<S, InputBack, 6, 6>(s, t);
                for (i, d) in d.into_iter().enumerate() {
                    let y = (OUT * row + i).wrapping_sub(top);
                    if y >= height {
                        continue;
                    }
                    for (j, d) in d.into_iter().enumerate() {
                        let x = (OUT * tile + j).wrapping_sub(left);
                        if x >= width {
                            continue;
                        }
                        // SAFETY: the pixel lies in the picture.
                        unsafe {
                            let at = self.picture.as_mut_ptr().add((y * width + x) * channels + c);
                            s.store_n(at, s.add(s.load_n(at, n), d), n);
                        }
                    }
                }
            }
        }
    }
}

/// `Aᵀ m A` for a row of tiles, plus what is added to a convolution's result, to the picture's lines from `4 row` on.
pub(super) fn write_output(
    isa: Isa,
    row: TileRow,
    from: &[f32],
    [bias, residual]: [Option<&[f32]>; 2],
    lines: &mut [f32],
) {
    let height = OUT.min(row.height - OUT * row.row);
    assert!(
        row.transformed() <= from.len() && lines.len() == height * row.width * row.channels,
        "a row of tiles"
    );
    assert!(bias.is_none_or(|b| b.len() >= row.channels), "a bias for each channel");
    assert!(
        residual.is_none_or(|r| r.len() == lines.len()),
        "as many numbers to add as results"
    );
    isa.run(WriteOutput {
        row,
        from,
        bias,
        residual,
        lines,
    });
}

struct WriteOutput<'a> {
    row: TileRow,
    from: &'a [f32],
    bias: Option<&'a [f32]>,
    residual: Option<&'a [f32]>,
    lines: &'a mut [f32],
}

impl Kernel for WriteOutput<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let TileRow {
            row,
            tiles,
            height,
            width,
            channels,
            plane,
        } = self.row;
        for tile in 0..tiles {
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                let from = &self.from[tile * channels + c..];
                // SAFETY: each of the 36 planes holds the tile's channels, and so does the bias.
                let (m, bias) = unsafe {
                    let bias = match self.bias {
                        Some(bias) => s.load_n(bias.as_ptr().add(c), n),
                        None => s.splat(0.0),
                    };
                    (load_products(s, from.as_ptr(), plane, n), bias)
                };
                let y = both_ways::<S, Output, 6, 4>(s, m);
                for (i, y) in y.into_iter().enumerate().take(height - OUT * row) {
                    for (j, y) in y.into_iter().enumerate().take(width - OUT * tile) {
                        let at = (i * width + OUT * tile + j) * channels + c;
                        let mut y = s.add(y, bias);
                        // SAFETY: the pixel lies in the lines, and `residual` lies as they do.
                        unsafe {
                            if let Some(residual) = self.residual {
                                y = s.add(y, s.load_n(residual.as_ptr().add(at), n));
                            }
                            s.store_n(self.lines.as_mut_ptr().add(at), y, n);
                        }
                    }
                }
            }
        }
    }
}

/// `A y Aᵀ` for a row of tiles of the picture of gradients; beyond its borders they are zero.
pub(super) fn read_output_back(isa: Isa, row: TileRow, picture: &[f32], to: &mut [f32]) {
    assert!(
        picture.len() == row.picture() && row.transformed() <= to.len(),
        "a row of tiles"
    );
    isa.run(ReadOutputBack { row, picture, to });
}

struct ReadOutputBack<'a> {
    row: TileRow,
    picture: &'a [f32],
    to: &'a mut [f32],
}

impl Kernel for ReadOutputBack<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let TileRow {
            row,
            tiles,
            height,
            width,
            channels,
            plane,
        } = self.row;
        for tile in 0..tiles {
            for c in (0..channels).step_by(S::LANES) {
                let n = channels - c;
                let mut y = [[s.splat(0.0); OUT]; OUT];
                for (i, line) in y.iter_mut().enumerate().take(height - OUT * row) {
                    for (j, y) in line.iter_mut().enumerate().take(width - OUT * tile) {
                        let at = ((OUT * row + i) * width + OUT * tile + j) * channels + c;
                        // SAFETY: the pixel lies in the picture.
                        *y = unsafe { s.load_n(self.picture.as_ptr().add(at), n) };
                    }
                }
                let m = both_ways::<S, OutputBack, 4, 6>(s, y);
                let to = &mut self.to[tile * channels + c..];
                // SAFETY: each of the 36 planes holds the tile's channels.
                unsafe { store_products(s, m, to.as_mut_ptr(), plane, n) };
            }
        }
    }
}

/// A filter bank `(9, rows, cols)` read through strides, `tap * t + row * i + col * j`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filters<'a> {
    pub(super) data: &'a [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) tap: usize,
    pub(super) row: usize,
    pub(super) col: usize,
}

impl Filters<'_> {
    /// Numbers of all its panels, `panel` columns wide.
    pub(super) fn packed_len(rows: usize, cols: usize, panel: usize) -> usize {
        cols.div_ceil(panel) * Self::panel_len(rows, panel)
    }

    /// Numbers of one panel.
    pub(super) fn panel_len(rows: usize, panel: usize) -> usize {
        PRODUCTS * plane(rows * panel)
    }

    /// `G g Gᵀ` for the columns of one panel, as 36 planes `(rows, panel)`; columns beyond the last are zero.
    pub(super) fn pack(self, isa: Isa, panel: usize, to: &mut [f32]) {
        let last = 8 * self.tap + (self.rows - 1) * self.row + (self.cols - 1) * self.col;
        assert!(
            last < self.data.len() && to.len() == Self::panel_len(self.rows, isa.panel()),
            "a panel of filters"
        );
        isa.run(PackFilters {
            filters: self,
            panel,
            to,
        });
    }
}

struct PackFilters<'a> {
    filters: Filters<'a>,
    panel: usize,
    to: &'a mut [f32],
}

impl Kernel for PackFilters<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Filters {
            data,
            rows,
            cols,
            tap,
            row,
            col,
        } = self.filters;
        let width = 2 * S::LANES;
        for i in 0..rows {
            for half in [0, S::LANES] {
                let first = self.panel * width + half;
                let n = cols.saturating_sub(first).min(S::LANES);
                let mut g = [[s.splat(0.0); 3]; 3];
                for (t, g) in g.as_flattened_mut().iter_mut().enumerate() {
                    let start = t * tap + i * row + first * col;
                    let mut lanes = [0.0; 16];
                    for (j, lane) in lanes.iter_mut().enumerate().take(n) {
                        *lane = data[start + j * col];
                    }
                    // SAFETY: no register has more lanes than the array.
                    *g = unsafe { s.load(lanes.as_ptr()) };
                }
                let u = both_ways::<S, Filter, 3, 6>(s, g);
                let to = &mut self.to[i * width + half..];
                // SAFETY: each of the 36 planes holds `rows * width` numbers.
                unsafe { store_products(s, u, to.as_mut_ptr(), plane(rows * width), S::LANES) };
            }
        }
    }
}

/// `Gᵀ u G`: from the gradients of transformed filters, 36 planes of `n`, to those of the filters, `(9, n)`.
pub(super) fn filters_back(isa: Isa, from: &[f32], to: &mut [f32]) {
    assert!(
        to.len().is_multiple_of(9) && from.len() == PRODUCTS * plane(to.len() / 9),
        "as many filters as gradients"
    );
    isa.run(FiltersBack { from, to });
}

struct FiltersBack<'a> {
    from: &'a [f32],
    to: &'a mut [f32],
}

impl Kernel for FiltersBack<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.to.len() / 9;
        for i in (0..len).step_by(S::LANES) {
            let n = len - i;
            // SAFETY: `from` holds 36 planes of `len` numbers, `to` nine times `len`.
            unsafe {
                let u = load_products(s, self.from.as_ptr().add(i), plane(len), n);
                let g = both_ways::<S, FilterBack, 6, 3>(s, u);
                for (t, &g) in g.as_flattened().iter().enumerate() {
                    s.store_n(self.to.as_mut_ptr().add(t * len + i), g, n);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::Isa;

    /// Applies a line transform to numbers.
    struct Apply<'a>(&'a str, &'a [f32]);

    impl Kernel for Apply<'_> {
        type Out = Vec<f32>;

        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Vec<f32> {
            let x = |i: usize| s.splat(self.1[i]);
            let six = || [x(0), x(1), x(2), x(3), x(4), x(5)];
            match self.0 {
                "B'" => Input::line(s, six()).map(|v| first(s, v)).to_vec(),
                "B" => InputBack::line(s, six()).map(|v| first(s, v)).to_vec(),
                "A'" => Output::line(s, six()).map(|v| first(s, v)).to_vec(),
                "A" => OutputBack::line(s, [x(0), x(1), x(2), x(3)])
                    .map(|v| first(s, v))
                    .to_vec(),
                "G" => Filter::line(s, [x(0), x(1), x(2)]).map(|v| first(s, v)).to_vec(),
                _ => FilterBack::line(s, six()).map(|v| first(s, v)).to_vec(),
            }
        }
    }

    #[inline(always)]
    fn first<S: Simd>(s: S, v: S::V) -> f32 {
        let mut lanes = [0.0; 16];
        // SAFETY: no register has more lanes than the array.
        unsafe { s.store(lanes.as_mut_ptr(), v) };
        lanes[0]
    }

    /// The matrix of a line transform of `n` numbers, column by column.
    fn matrix(isa: Isa, name: &str, n: usize) -> Vec<Vec<f32>> {
        let unit = |i: usize| (0..n).map(|j| if i == j { 1.0 } else { 0.0 }).collect::<Vec<f32>>();
        (0..n).map(|i| isa.run(Apply(name, &unit(i)))).collect()
    }

    #[test]
    fn the_ways_back_are_the_transposes() {
        for isa in Isa::available() {
            for (there, n, back, m) in [("B'", 6, "B", 6), ("A'", 6, "A", 4), ("G", 3, "G'", 6)] {
                let (there, back) = (matrix(isa, there, n), matrix(isa, back, m));
                for (i, j) in (0..n).flat_map(|i| (0..m).map(move |j| (i, j))) {
                    assert!((there[i][j] - back[j][i]).abs() < 1e-7, "{isa:?} {i} {j}");
                }
            }
        }
    }

    #[test]
    fn one_line_is_a_filter_of_three_taps() {
        let (d, g) = ([1.0, -2.0, 3.0, 0.5, 4.0, -1.0f32], [0.5, -1.5, 2.0f32]);
        for isa in Isa::available() {
            let (v, u) = (isa.run(Apply("B'", &d)), isa.run(Apply("G", &g)));
            let products: Vec<f32> = v.iter().zip(&u).map(|(a, b)| a * b).collect();
            let y = isa.run(Apply("A'", &products));
            for (i, y) in y.iter().enumerate() {
                let expected: f32 = (0..3).map(|k| d[i + k] * g[k]).sum();
                assert!((y - expected).abs() < 1e-5, "{isa:?}: {y} instead of {expected}");
            }
        }
    }
}
