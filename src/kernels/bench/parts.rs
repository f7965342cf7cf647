//! The kernels one by one, on sizes that the standard cases call them with.

use std::fmt;

use crate::{
    kernels::{
        columns::{self, Affine, NormBack, Transform, Unwind},
        matmul::{Lhs, MatMul, Plus, Rhs, Size},
        pack::{Source, pack_panels, packed_len},
        simd::Isa,
        tiles::{self, Filters, IN, OUT, PRODUCTS, TileRow},
    },
    nn::graph::Activation,
};

/// A kernel with data to run on.
pub struct Part {
    /// Name.
    pub id: String,
    /// Numbers that one run works through: floating-point operations of a product, else numbers read.
    pub work: u64,
    run: Box<dyn FnMut()>,
}

impl Part {
    fn new(id: impl Into<String>, work: usize, run: impl FnMut() + 'static) -> Self {
        Self {
            id: id.into(),
            work: work as u64,
            run: Box::new(run),
        }
    }

    /// Runs it once.
    pub fn run(&mut self) {
        (self.run)();
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("id", &self.id).finish_non_exhaustive()
    }
}

/// All of them, with the fastest instruction set of this processor.
pub fn parts() -> Vec<Part> {
    let isa = Isa::best();
    let products = [[48, 32, 32], [48, 64, 64], [48, 128, 128], [96, 128, 64]].map(|sizes| product(isa, sizes));
    let sums = [[32, 32, 96], [64, 64, 96], [128, 128, 96]].map(|sizes| product_of_transposed(isa, sizes));
    let passes = [
        column_sums(isa),
        norm_and_silu(isa),
        norm_and_silu_back(isa),
        norm_back(isa),
    ];
    let transforms = [
        read_input(isa),
        write_output(isa),
        read_output_back(isa),
        add_input_back(isa),
    ];
    let filters = [pack_filters(isa), filters_back(isa), pack(isa)];
    products
        .into_iter()
        .chain(sums)
        .chain(passes)
        .chain(transforms)
        .chain(filters)
        .collect()
}

/// Numbers around zero.
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 % 2003) as f32 / 1001.5 - 1.0).collect()
}

/// Pixels and channels of the passes: a row of tiles of a small picture fits the second cache.
const PIXELS: usize = 28 * 28;
const CHANNELS: usize = 32;

fn product(isa: Isa, [m, n, k]: [usize; 3]) -> Part {
    let (a, b, mut c) = (numbers(m * k), numbers(packed_len(k, n, isa)), numbers(m * n));
    Part::new(format!("product {m}x{n}x{k}"), 2 * m * n * k, move || {
        MatMul {
            size: Size::plain(m, n, k),
            a: Lhs {
                data: &a,
                line: 0,
                row: k,
                segment: 0,
                depth: 1,
            },
            b: Rhs::packed(&b, k, isa),
            plus: Plus::default(),
            c_line: 0,
            c_row: n,
        }
        .run(isa, &mut c);
    })
}

fn product_of_transposed(isa: Isa, [m, n, k]: [usize; 3]) -> Part {
    let (a, b, mut c) = (numbers(k * m), numbers(k * n), numbers(m * n));
    Part::new(format!("weight gradient {m}x{n}x{k}"), 2 * m * n * k, move || {
        c.fill(0.0);
        MatMul {
            size: Size::plain(m, n, k),
            a: Lhs {
                data: &a,
                line: 0,
                row: 1,
                segment: 0,
                depth: m,
            },
            b: Rhs::rows(&b, n, isa),
            plus: Plus {
                former: true,
                ..Plus::default()
            },
            c_line: 0,
            c_row: n,
        }
        .run(isa, &mut c);
    })
}

fn column_sums(isa: Isa) -> Part {
    let (x, centre, mut sums) = (numbers(PIXELS * CHANNELS), numbers(CHANNELS), numbers(CHANNELS));
    Part::new("sums of columns", x.len(), move || {
        sums.fill(0.0);
        columns::add_sums(isa, &x, CHANNELS, Some(&centre), &mut sums);
    })
}

fn norm_and_silu(isa: Isa) -> Part {
    let (x, coefficients) = (numbers(PIXELS * CHANNELS), numbers(3 * CHANNELS));
    let mut to = x.clone();
    Part::new("norm and SiLU", x.len(), move || {
        Transform {
            x: &x,
            channels: CHANNELS,
            affine: Some(Affine::of(&coefficients, CHANNELS, 0, CHANNELS)),
            act: Some(Activation::Silu),
            stride: CHANNELS,
        }
        .run(isa, &mut to);
    })
}

fn norm_and_silu_back(isa: Isa) -> Part {
    let (x, coefficients) = (numbers(PIXELS * CHANNELS), numbers(3 * CHANNELS));
    let (dy, mut d, mut sums) = (x.clone(), x.clone(), numbers(2 * CHANNELS));
    Part::new("norm and SiLU, way back", x.len(), move || {
        d.copy_from_slice(&dy);
        let (plain, centred) = sums.split_at_mut(CHANNELS);
        Unwind {
            x: &x,
            channels: CHANNELS,
            affine: Some(Affine::of(&coefficients, CHANNELS, 0, CHANNELS)),
            act: Some(Activation::Silu),
            stride: CHANNELS,
        }
        .run(isa, &mut d, Some([plain, centred]));
    })
}

fn norm_back(isa: Isa) -> Part {
    let (x, vectors) = (numbers(PIXELS * CHANNELS), numbers(4 * CHANNELS));
    let (d, mut dx) = (x.clone(), x.clone());
    Part::new("norm, second half of the way back", x.len(), move || {
        let of = |i: usize| &vectors[i * CHANNELS..][..CHANNELS];
        NormBack {
            x: &x,
            channels: CHANNELS,
            d: &d,
            stride: CHANNELS,
            centre: of(0),
            factor: of(1),
            lean: of(2),
            drift: of(3),
        }
        .run(isa, &mut dx, false);
    })
}

/// A row of tiles of a 28x28 picture.
fn tile_row() -> TileRow {
    TileRow {
        row: 1,
        tiles: 7,
        height: 28,
        width: 28,
        channels: CHANNELS,
        plane: tiles::plane(7 * CHANNELS),
    }
}

fn transformed() -> Vec<f32> {
    numbers(PRODUCTS * tile_row().plane)
}

fn read_input(isa: Isa) -> Part {
    let lines = numbers(IN * (OUT * 7 + IN - OUT) * CHANNELS);
    let mut to = transformed();
    Part::new("tiles of the input", lines.len(), move || {
        tiles::read_input(isa, tile_row(), &lines, &mut to);
    })
}

fn write_output(isa: Isa) -> Part {
    let (from, bias) = (transformed(), numbers(CHANNELS));
    let mut lines = numbers(OUT * 28 * CHANNELS);
    Part::new("tiles of the result", from.len(), move || {
        tiles::write_output(isa, tile_row(), &from, [Some(&bias), None], &mut lines);
    })
}

fn read_output_back(isa: Isa) -> Part {
    let (picture, mut to) = (numbers(PIXELS * CHANNELS), transformed());
    Part::new("tiles of the result's gradient", OUT * 28 * CHANNELS, move || {
        tiles::read_output_back(isa, tile_row(), &picture, &mut to);
    })
}

fn add_input_back(isa: Isa) -> Part {
    let (from, mut picture) = (transformed(), numbers(PIXELS * CHANNELS));
    Part::new("tiles of the input's gradient", from.len(), move || {
        picture.fill(0.0);
        tiles::add_input_back(isa, tile_row(), [1, 1], &from, &mut picture);
    })
}

fn pack_filters(isa: Isa) -> Part {
    let data = numbers(9 * 64 * 64);
    let mut to = numbers(Filters::panel_len(64, isa.panel()));
    Part::new("filters", 9 * 64 * isa.panel(), move || {
        let filters = Filters {
            data: &data,
            rows: 64,
            cols: 64,
            tap: 64 * 64,
            row: 64,
            col: 1,
        };
        filters.pack(isa, 0, &mut to);
    })
}

fn filters_back(isa: Isa) -> Part {
    let from = numbers(PRODUCTS * tiles::plane(64 * 64));
    let mut to = numbers(9 * 64 * 64);
    Part::new("filters' gradients", from.len(), move || {
        tiles::filters_back(isa, &from, &mut to);
    })
}

fn pack(isa: Isa) -> Part {
    let x = numbers(128 * 128);
    let mut to = numbers(packed_len(128, 128, isa));
    Part::new("packing a transposed 128x128", x.len(), move || {
        let from = Source {
            data: &x,
            start: |i| i,
            step: 128,
        };
        pack_panels(isa, &mut to, 128, 128, &from);
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_part_runs() {
        for mut part in super::parts() {
            part.run();
            assert!(part.work > 0, "{part:?}");
        }
    }
}
