//! 3x3 convolutions of stride 1 by Winograd's minimal filtering; see [`tiles`].

#![expect(unsafe_code, reason = "tasks write the results of their own rows and samples")]

use std::ops::Range;

use rayon::prelude::*;

use super::{Back, Geometry, Layer};
use crate::kernels::{
    columns,
    matmul::{Lhs, MatMul, Plus, Rhs, Size},
    simd::Isa,
    step::Run,
    tiles::{self, Filters, IN, OUT, PRODUCTS, TileRow},
    view::Window,
};

/// Tiles that are transformed together: enough for the products to be efficient, few enough for the second cache.
const TILES: usize = 48;

/// The same on the way back, where each product with the filters' gradients reads and writes all of those.
const BACK_TILES: usize = 96;

/// Fewest channels on either side for which the transforms pay.
const LEAST_CHANNELS: usize = 8;

impl Geometry {
    /// Rows and columns of tiles.
    pub(super) fn tiles(&self) -> [usize; 2] {
        [self.out_height.div_ceil(OUT), self.out_width.div_ceil(OUT)]
    }

    /// Whether Winograd's way is possible and saves work: 36 products for a tile instead of 9 for a pixel.
    pub(super) fn suits_winograd(&self) -> bool {
        let [rows, cols] = self.tiles();
        let possible = self.k == 3 && self.stride == 1;
        possible
            && self.c_in.min(self.c_out) >= LEAST_CHANNELS
            && rows * cols * PRODUCTS * 3 < self.out_pixels() * 9 * 5
    }

    /// Rows of tiles that are transformed together, about `tiles` tiles: part of a sample, or whole ones.
    fn block(&self, tiles: usize) -> usize {
        let [rows, cols] = self.tiles();
        let block = (tiles / cols).max(1);
        if block < rows { block } else { block / rows * rows }
    }

    /// Numbers of a row of transformed tiles in each plane.
    fn row_len(&self, channels: usize) -> usize {
        self.tiles()[1] * channels
    }

    /// Numbers from plane to plane of a block.
    fn plane(&self, block: usize, channels: usize) -> usize {
        tiles::plane(block * self.row_len(channels))
    }

    /// Numbers of the lines that a row of tiles reads.
    fn lines_len(&self) -> usize {
        IN * (OUT * self.tiles()[1] + IN - OUT) * self.c_in
    }

    /// Numbers from plane to plane of the filters' gradients.
    fn filter_plane(&self) -> usize {
        tiles::plane(self.c_in * self.c_out)
    }

    /// A row of tiles of the result, whose transform lies in the 36 planes of `transformed`.
    fn tile_row(&self, row: usize, channels: usize, transformed: &[f32]) -> TileRow {
        TileRow {
            row,
            tiles: self.tiles()[1],
            height: self.out_height,
            width: self.out_width,
            channels,
            plane: transformed.len() / PRODUCTS,
        }
    }
}

/// Working memory of the way back, in parts.
struct Room<'a> {
    lines: &'a mut [f32],
    /// Transformed inputs, later their gradients.
    inputs: &'a mut [f32],
    /// Transformed gradients of the result.
    outputs: &'a mut [f32],
    /// The gradients of the group's inputs.
    d: &'a mut [f32],
}

/// Samples whose gradients are computed together, and how.
struct Group<'a> {
    samples: Range<usize>,
    dy: &'a [f32],
    /// Whether this group's work is to be divided among threads: no other group is at work.
    alone: bool,
}

impl Layer {
    /// Filters transformed for the forward pass: panels `(36, in, panel)` of output channels.
    pub(super) fn winograd_pack(&self, run: &Run<'_>) {
        let Geometry { c_in, c_out, .. } = self.geometry;
        let data = &run.params[self.weight..self.weight + self.geometry.weights()];
        let filters = Filters {
            data,
            rows: c_in,
            cols: c_out,
            tap: c_in * c_out,
            row: c_out,
            col: 1,
        };
        pack(run, filters, run.whole(self.packed));
    }

    /// Filters transformed for the way back: panels `(36, out, panel)` of input channels.
    pub(super) fn winograd_pack_back(&self, run: &Run<'_>, back: &Back) {
        let Geometry { c_in, c_out, .. } = self.geometry;
        let data = &run.params[self.weight..self.weight + self.geometry.weights()];
        let filters = Filters {
            data,
            rows: c_out,
            cols: c_in,
            tap: c_in * c_out,
            row: 1,
            col: c_out,
        };
        pack(run, filters, run.whole(back.packed));
    }

    pub(super) fn winograd_forward(&self, run: &Run<'_>) {
        let g = &self.geometry;
        let (rows, each) = (run.batch * g.tiles()[0], g.block(TILES));
        let planes = PRODUCTS * (g.plane(each, g.c_in) + g.plane(each, g.c_out));
        let scratch = g.lines_len() + planes + g.c_out;
        let blocks = rows.div_ceil(each);
        (0..blocks).into_par_iter().for_each(|i| {
            let block = i * each..rows.min((i + 1) * each);
            run.scratch
                .lend(scratch, |room| self.winograd_block(run, block, blocks == 1, room));
        });
    }

    /// Rows of tiles, counted through all samples.
    fn winograd_block(&self, run: &Run<'_>, rows: Range<usize>, alone: bool, room: &mut [f32]) {
        let g = &self.geometry;
        let each = g.block(TILES);
        let (lines, room) = room.split_at_mut(g.lines_len());
        let (inputs, room) = room.split_at_mut(PRODUCTS * g.plane(each, g.c_in));
        let (outputs, room) = room.split_at_mut(PRODUCTS * g.plane(each, g.c_out));
        self.transform_inputs(run, rows.clone(), lines, inputs);
        let products = Products {
            tiles: rows.len() * g.tiles()[1],
            from: g.c_in,
            to: g.c_out,
            transformed: inputs,
            filters: run.read(self.packed),
        };
        products.run(run.isa, alone, outputs);
        for (i, row) in rows.enumerate() {
            self.write_row(run, row, g.row_len(g.c_out) * i, outputs, room);
        }
    }

    fn transform_inputs(&self, run: &Run<'_>, rows: Range<usize>, lines: &mut [f32], inputs: &mut [f32]) {
        let g = &self.geometry;
        let [each, tiles] = g.tiles();
        let cols = OUT * tiles + IN - OUT;
        let first = rows.start;
        for (i, row) in rows.enumerate() {
            // The last lines of one row of tiles are the first of the next.
            let known = if row > first && row % each > 0 { IN - OUT } else { 0 };
            lines.copy_within((IN - known) * cols * g.c_in.., 0);
            let window = Window {
                top: (row % each * OUT + known) as isize - g.pad[0] as isize,
                left: -(g.pad[1] as isize),
                rows: IN - known,
                cols,
            };
            self.view
                .read_window(run, row / each, window, &mut lines[known * cols * g.c_in..]);
            let tile_row = g.tile_row(row % each, g.c_in, inputs);
            tiles::read_input(run.isa, tile_row, lines, &mut inputs[i * g.row_len(g.c_in)..]);
        }
    }

    /// Writes the results of a row of tiles, whose products begin at `start` in each plane.
    fn write_row(&self, run: &Run<'_>, row: usize, start: usize, outputs: &[f32], room: &mut [f32]) {
        let g = &self.geometry;
        let (sample, row) = (row / g.tiles()[0], row % g.tiles()[0]);
        let line = g.out_width * g.c_out;
        let first = sample * g.out_height + row * OUT;
        let range = first * line..(first + OUT.min(g.out_height - row * OUT)) * line;
        let added = [self.added(run, sample, room), self.residual(run, range.clone())];
        // SAFETY: each task has its own rows of tiles.
        let out = unsafe { run.write(self.out.1).part(range) };
        let tile_row = g.tile_row(row, g.c_out, outputs);
        tiles::write_output(run.isa, tile_row, &outputs[start..], added, out);
    }

    pub(super) fn winograd_backward(&self, run: &Run<'_>, back: &Back) {
        let (partial, shares) = (run.write(back.partial), self.shares(run.batch));
        (0..shares).into_par_iter().for_each(|share| {
            let len = self.partial_len();
            // SAFETY: each share has its own sums.
            let sums = unsafe { partial.part(share * len..(share + 1) * len) };
            self.winograd_share(run, back, self.share(run.batch, share), shares == 1, sums);
        });
    }

    fn winograd_share(&self, run: &Run<'_>, back: &Back, samples: Range<usize>, alone: bool, sums: &mut [f32]) {
        let g = &self.geometry;
        let block = g.block(BACK_TILES);
        let group = (block / g.tiles()[0]).max(1);
        let sizes = [
            PRODUCTS * g.filter_plane(),
            g.lines_len(),
            PRODUCTS * g.plane(block, g.c_in),
            PRODUCTS * g.plane(block, g.c_out),
            group * g.in_pixels() * g.c_in,
        ];
        let (weights, bias) = sums.split_at_mut(g.weights());
        bias.fill(0.0);
        run.scratch.lend(sizes.iter().sum(), |room| {
            let (filters, room) = room.split_at_mut(sizes[0]);
            let (lines, room) = room.split_at_mut(sizes[1]);
            let (inputs, room) = room.split_at_mut(sizes[2]);
            let (outputs, d) = room.split_at_mut(sizes[3]);
            let mut room = Room {
                lines,
                inputs,
                outputs,
                d,
            };
            filters.fill(0.0);
            let len = g.out_pixels() * g.c_out;
            for first in samples.clone().step_by(group) {
                let samples = first..samples.end.min(first + group);
                let range = samples.start * len..samples.end * len;
                // SAFETY: each task has its own samples; the slice is not used once gradients are written, which may be
                // into the same buffer (see `BackwardPlan::pass_on`).
                let dy = unsafe { run.write(back.d_out).part(range) };
                let group = Group { samples, dy, alone };
                self.winograd_group(run, back, &group, [filters, bias], &mut room);
            }
            if run.grads.is_some() {
                tiles::filters_back(run.isa, filters, weights);
            }
        });
    }

    fn winograd_group(
        &self,
        run: &Run<'_>,
        back: &Back,
        group: &Group<'_>,
        [filters, bias]: [&mut [f32]; 2],
        room: &mut Room<'_>,
    ) {
        let g = &self.geometry;
        let (each, wants, len) = (g.tiles()[0], self.view.wants(run), g.in_pixels() * g.c_in);
        // The last group may be smaller.
        let d_len = group.samples.len() * len;
        room.d[..d_len].fill(0.0);
        let rows = group.samples.start * each..group.samples.end * each;
        for first in rows.clone().step_by(g.block(BACK_TILES)) {
            let block = first..rows.end.min(first + g.block(BACK_TILES));
            self.transform_outputs(run, block.clone(), group, room.outputs);
            if run.grads.is_some() {
                self.transform_inputs(run, block.clone(), room.lines, room.inputs);
                self.add_filters(run, block.len(), group.alone, filters, room);
            }
            if wants {
                self.add_inputs(run, back, block, group, room);
            }
        }
        if run.grads.is_some() {
            columns::add_sums(run.isa, group.dy, g.c_out, None, bias);
        }
        run.scratch.lend(2 * g.c_in + g.c_out, |room| {
            self.pass_dy_on(run, back, group.samples.clone(), group.dy, room);
        });
        if wants {
            each_chunk(group.alone, &mut room.d[..d_len], len, |i, d| {
                run.scratch.lend(2 * g.c_in, |room| {
                    let sample = group.samples.start + i;
                    self.view.unwind(run, sample..sample + 1, d, room);
                });
            });
        }
    }

    fn transform_outputs(&self, run: &Run<'_>, rows: Range<usize>, group: &Group<'_>, outputs: &mut [f32]) {
        let g = &self.geometry;
        let (each, len) = (g.tiles()[0], g.out_pixels() * g.c_out);
        for (i, row) in rows.enumerate() {
            let picture = &group.dy[(row / each - group.samples.start) * len..][..len];
            let tile_row = g.tile_row(row % each, g.c_out, outputs);
            tiles::read_output_back(run.isa, tile_row, picture, &mut outputs[i * g.row_len(g.c_out)..]);
        }
    }

    /// `dU += Vᵀ dM` for each of the 36 products.
    fn add_filters(&self, run: &Run<'_>, rows: usize, alone: bool, filters: &mut [f32], room: &Room<'_>) {
        let g = &self.geometry;
        let (inputs, outputs) = (room.inputs.len() / PRODUCTS, room.outputs.len() / PRODUCTS);
        each_chunk(alone, filters, g.filter_plane(), |i, filters| {
            MatMul {
                size: Size::plain(g.c_in, g.c_out, rows * g.tiles()[1]),
                a: Lhs {
                    data: &room.inputs[i * inputs..],
                    line: 0,
                    row: 1,
                    segment: 0,
                    depth: g.c_in,
                },
                b: Rhs::rows(&room.outputs[i * outputs..], g.c_out, run.isa),
                plus: Plus {
                    former: true,
                    ..Plus::default()
                },
                c_line: 0,
                c_row: g.c_out,
            }
            .run(run.isa, filters);
        });
    }

    /// `dV = dM Uᵀ`, then back to pixels.
    fn add_inputs(&self, run: &Run<'_>, back: &Back, rows: Range<usize>, group: &Group<'_>, room: &mut Room<'_>) {
        let g = &self.geometry;
        let products = Products {
            tiles: rows.len() * g.tiles()[1],
            from: g.c_out,
            to: g.c_in,
            transformed: room.outputs,
            filters: run.read(back.packed),
        };
        products.run(run.isa, group.alone, room.inputs);
        let (each, len, inputs) = (g.tiles()[0], g.in_pixels() * g.c_in, &*room.inputs);
        let d = &mut room.d[..group.samples.len() * len];
        each_chunk(group.alone, d, len, |i, picture| {
            let first = (group.samples.start + i) * each;
            for row in rows.start.max(first)..rows.end.min(first + each) {
                let tile_row = TileRow {
                    height: g.height,
                    width: g.width,
                    ..g.tile_row(row - first, g.c_in, inputs)
                };
                let from = &inputs[(row - rows.start) * g.row_len(g.c_in)..];
                tiles::add_input_back(run.isa, tile_row, [g.pad[0], g.pad[1]], from, picture);
            }
        });
    }
}

/// The 36 products of transformed tiles with transformed filters.
struct Products<'a> {
    tiles: usize,
    /// Channels of the tiles and of the products.
    from: usize,
    to: usize,
    transformed: &'a [f32],
    filters: &'a [f32],
}

impl Products<'_> {
    fn run(self, isa: Isa, alone: bool, products: &mut [f32]) {
        let Self { tiles, from, to, .. } = self;
        let (plane, panel) = (self.transformed.len() / PRODUCTS, Filters::panel_len(from, isa.panel()));
        let len = products.len() / PRODUCTS;
        each_chunk(alone, products, len, |i, product| {
            MatMul {
                size: Size::plain(tiles, to, from),
                a: Lhs {
                    data: &self.transformed[i * plane..],
                    line: 0,
                    row: from,
                    segment: 0,
                    depth: 1,
                },
                b: Rhs {
                    data: &self.filters[i * panel / PRODUCTS..],
                    panel,
                    row: isa.panel(),
                },
                plus: Plus::default(),
                c_line: 0,
                c_row: to,
            }
            .run(isa, product);
        });
    }
}

/// Calls `f` with the index and the numbers of each chunk, in parallel where no other task keeps the threads busy.
fn each_chunk(alone: bool, x: &mut [f32], len: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
    if alone {
        x.par_chunks_exact_mut(len).enumerate().for_each(|(i, x)| f(i, x));
    } else {
        x.chunks_exact_mut(len).enumerate().for_each(|(i, x)| f(i, x));
    }
}

/// Transforms filters, panel by panel in parallel.
fn pack(run: &Run<'_>, filters: Filters<'_>, to: &mut [f32]) {
    let panel = Filters::panel_len(filters.rows, run.isa.panel());
    to.par_chunks_exact_mut(panel)
        .enumerate()
        .for_each(|(i, to)| filters.pack(run.isa, i, to));
}
