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

/// Fewest channels on either side for which the transforms pay.
const LEAST_CHANNELS: usize = 8;

impl Geometry {
    /// Rows and columns of tiles.
    fn tiles(&self) -> [usize; 2] {
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

    /// Rows of tiles that are transformed together.
    fn block(&self) -> usize {
        (TILES / self.tiles()[1]).max(1)
    }

    /// Samples whose tiles are transformed together, where one has few.
    fn group(&self) -> usize {
        (self.block() / self.tiles()[0]).max(1)
    }

    fn tile_row(&self, row: usize, channels: usize) -> TileRow {
        let [_, tiles] = self.tiles();
        TileRow {
            row,
            tiles,
            height: self.out_height,
            width: self.out_width,
            channels,
        }
    }

    /// Numbers of a row of transformed tiles.
    fn row_len(&self, channels: usize) -> usize {
        self.tiles()[1] * PRODUCTS * channels
    }

    /// Numbers of the lines that a row of tiles reads.
    fn lines_len(&self) -> usize {
        IN * (OUT * self.tiles()[1] + IN - OUT) * self.c_in
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
    rest: &'a mut [f32],
}

impl Layer {
    pub(super) fn winograd_scratch(&self) -> usize {
        let g = &self.geometry;
        let blocks = g.block() * g.row_len(g.c_in + g.c_out);
        let d = g.group() * g.in_pixels() * g.c_in;
        g.lines_len() + blocks + d + PRODUCTS * g.c_in * g.c_out + 2 * g.c_in + g.c_out
    }

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
        let rows = run.batch * g.tiles()[0];
        (0..rows.div_ceil(g.block())).into_par_iter().for_each(|i| {
            let block = i * g.block()..rows.min((i + 1) * g.block());
            run.scratch
                .lend(self.winograd_scratch(), |room| self.winograd_block(run, block, room));
        });
    }

    /// Rows of tiles, counted through all samples.
    fn winograd_block(&self, run: &Run<'_>, rows: Range<usize>, room: &mut [f32]) {
        let g = &self.geometry;
        let (lines, room) = room.split_at_mut(g.lines_len());
        let (inputs, room) = room.split_at_mut(rows.len() * g.row_len(g.c_in));
        let (outputs, room) = room.split_at_mut(rows.len() * g.row_len(g.c_out));
        self.transform_inputs(run, rows.clone(), lines, inputs);
        let packed = run.read(self.packed);
        let count = rows.len() * g.tiles()[1];
        for i in 0..PRODUCTS {
            product(run.isa, count, [inputs, packed], [g.c_in, g.c_out], i).run(run.isa, &mut outputs[i * g.c_out..]);
        }
        for (row, outputs) in rows.zip(outputs.chunks_exact(g.row_len(g.c_out))) {
            self.write_row(run, row, outputs, room);
        }
    }

    fn transform_inputs(&self, run: &Run<'_>, rows: Range<usize>, lines: &mut [f32], inputs: &mut [f32]) {
        let g = &self.geometry;
        let [each, tiles] = g.tiles();
        let cols = OUT * tiles + IN - OUT;
        let first = rows.start;
        for (row, inputs) in rows.zip(inputs.chunks_exact_mut(g.row_len(g.c_in))) {
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
            tiles::read_input(run.isa, g.tile_row(row % each, g.c_in), lines, inputs);
        }
    }

    fn write_row(&self, run: &Run<'_>, row: usize, outputs: &[f32], room: &mut [f32]) {
        let g = &self.geometry;
        let (sample, row) = (row / g.tiles()[0], row % g.tiles()[0]);
        let line = g.out_width * g.c_out;
        let first = sample * g.out_height + row * OUT;
        let range = first * line..(first + OUT.min(g.out_height - row * OUT)) * line;
        let added = [self.added(run, sample, room), self.residual(run, range.clone())];
        // SAFETY: each task has its own rows of tiles.
        let out = unsafe { run.write(self.out.1).part(range) };
        tiles::write_output(run.isa, g.tile_row(row, g.c_out), outputs, added, out);
    }

    pub(super) fn winograd_backward(&self, run: &Run<'_>, back: &Back) {
        let partial = run.write(back.partial);
        (0..self.shares(run.batch)).into_par_iter().for_each(|share| {
            let len = self.partial_len();
            // SAFETY: each share has its own sums.
            let sums = unsafe { partial.part(share * len..(share + 1) * len) };
            run.scratch.lend(self.winograd_scratch(), |room| {
                self.winograd_share(run, back, share, sums, room);
            });
        });
    }

    fn winograd_share(&self, run: &Run<'_>, back: &Back, share: usize, sums: &mut [f32], room: &mut [f32]) {
        let g = &self.geometry;
        let (weights, bias) = sums.split_at_mut(g.weights());
        let (filters, room) = room.split_at_mut(PRODUCTS * g.c_in * g.c_out);
        filters.fill(0.0);
        bias.fill(0.0);
        let (lines, room) = room.split_at_mut(g.lines_len());
        let (inputs, room) = room.split_at_mut(g.block() * g.row_len(g.c_in));
        let (outputs, room) = room.split_at_mut(g.block() * g.row_len(g.c_out));
        let (d, rest) = room.split_at_mut(g.group() * g.in_pixels() * g.c_in);
        let mut room = Room {
            lines,
            inputs,
            outputs,
            d,
            rest,
        };
        let samples = self.share(run.batch, share);
        for first in samples.clone().step_by(g.group()) {
            let group = first..samples.end.min(first + g.group());
            self.winograd_group(run, back, group, [filters, bias], &mut room);
        }
        tiles::filters_back(run.isa, filters, weights);
    }

    fn winograd_group(
        &self,
        run: &Run<'_>,
        back: &Back,
        samples: Range<usize>,
        [filters, bias]: [&mut [f32]; 2],
        room: &mut Room<'_>,
    ) {
        let g = &self.geometry;
        let [each, _] = g.tiles();
        let (len, wants) = (g.out_pixels() * g.c_out, self.view.wants(run));
        // SAFETY: each task has its own samples; the slice is not used once gradients are written, which may be into
        // the same buffer (see `BackwardPlan::pass_on`).
        let dy = unsafe { run.write(back.d_out).part(samples.start * len..samples.end * len) };
        if run.grads.is_some() {
            columns::add_sums(run.isa, dy, g.c_out, None, bias);
        }
        room.d.fill(0.0);
        let rows = samples.start * each..samples.end * each;
        for first in rows.clone().step_by(g.block()) {
            let block = first..rows.end.min(first + g.block());
            let pictures = [samples.start, len];
            if run.grads.is_some() {
                self.transform_inputs(run, block.clone(), room.lines, room.inputs);
            }
            self.transform_outputs(run, block.clone(), dy, pictures, room.outputs);
            if run.grads.is_some() {
                self.add_filters(run, block.len(), filters, room);
            }
            if wants {
                self.add_inputs(run, back, block, samples.start, room);
            }
        }
        self.pass_dy_on(run, back, samples.clone(), dy, room.rest);
        if wants {
            for (sample, d) in samples.zip(room.d.chunks_exact_mut(g.in_pixels() * g.c_in)) {
                self.view.unwind(run, sample, d, room.rest);
            }
        }
    }

    fn transform_outputs(
        &self,
        run: &Run<'_>,
        rows: Range<usize>,
        dy: &[f32],
        [first, len]: [usize; 2],
        outputs: &mut [f32],
    ) {
        let g = &self.geometry;
        let [each, _] = g.tiles();
        for (row, outputs) in rows.zip(outputs.chunks_exact_mut(g.row_len(g.c_out))) {
            let picture = &dy[(row / each - first) * len..][..len];
            tiles::read_output_back(run.isa, g.tile_row(row % each, g.c_out), picture, outputs);
        }
    }

    /// `dU += Vᵀ dM` for each of the 36 products.
    fn add_filters(&self, run: &Run<'_>, rows: usize, filters: &mut [f32], room: &Room<'_>) {
        let Geometry { c_in, c_out, .. } = self.geometry;
        let tiles = rows * self.geometry.tiles()[1];
        for (product, filters) in filters.chunks_exact_mut(c_in * c_out).enumerate() {
            MatMul {
                size: Size::plain(c_in, c_out, tiles),
                a: Lhs {
                    data: &room.inputs[product * c_in..],
                    line: 0,
                    row: 1,
                    segment: 0,
                    depth: PRODUCTS * c_in,
                },
                b: Rhs::rows(&room.outputs[product * c_out..], PRODUCTS * c_out, run.isa),
                plus: Plus {
                    former: true,
                    ..Plus::default()
                },
                c_line: 0,
                c_row: c_out,
            }
            .run(run.isa, filters);
        }
    }

    /// `dV = dM Uᵀ`, then back to pixels.
    fn add_inputs(&self, run: &Run<'_>, back: &Back, rows: Range<usize>, first: usize, room: &mut Room<'_>) {
        let g = &self.geometry;
        let packed = run.read(back.packed);
        let count = rows.len() * g.tiles()[1];
        for i in 0..PRODUCTS {
            let mul = product(run.isa, count, [room.outputs, packed], [g.c_out, g.c_in], i);
            mul.run(run.isa, &mut room.inputs[i * g.c_in..]);
        }
        let (each, len) = (g.tiles()[0], g.in_pixels() * g.c_in);
        for (row, inputs) in rows.zip(room.inputs.chunks_exact(g.row_len(g.c_in))) {
            let picture = &mut room.d[(row / each - first) * len..][..len];
            let tile_row = TileRow {
                height: g.height,
                width: g.width,
                ..g.tile_row(row % each, g.c_in)
            };
            tiles::add_input_back(run.isa, tile_row, [g.pad[0], g.pad[1]], inputs, picture);
        }
    }
}

/// One of the 36 products of transformed tiles, of `from` channels, with transformed filters to `to` channels.
fn product(isa: Isa, count: usize, [tiles, packed]: [&[f32]; 2], [from, to]: [usize; 2], index: usize) -> MatMul<'_> {
    let width = isa.panel();
    MatMul {
        size: Size::plain(count, to, from),
        a: Lhs {
            data: &tiles[index * from..],
            line: 0,
            row: PRODUCTS * from,
            segment: 0,
            depth: 1,
        },
        b: Rhs {
            data: &packed[index * from * width..],
            panel: PRODUCTS * from * width,
            row: width,
        },
        plus: Plus::default(),
        c_line: 0,
        c_row: PRODUCTS * to,
    }
}

/// Transforms filters, panel by panel in parallel.
fn pack(run: &Run<'_>, filters: Filters<'_>, to: &mut [f32]) {
    let panel = PRODUCTS * filters.rows * run.isa.panel();
    to.par_chunks_exact_mut(panel)
        .enumerate()
        .for_each(|(i, to)| filters.pack(run.isa, i, to));
}
