//! Random small networks over all operations, with odd sizes and channels.

use diffusion_studio::{
    math::Domain,
    nn::{
        Graph, Shape,
        builder::Builder,
        graph::{Activation, NodeId},
    },
};

/// The `SplitMix64` generator: enough to vary graphs and numbers.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both possible.
    pub(crate) fn roll(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() % (high - low + 1) as u64) as usize
    }

    /// From -1 to 1.
    pub(crate) fn real(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    pub(crate) fn reals(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.real() as f32).collect()
    }
}

const FUNCTIONS: [Activation; 4] = [Activation::Silu, Activation::Relu, Activation::Gelu, Activation::Mish];

/// A network of `length` random operations.
pub(crate) fn random(dice: &mut Dice, length: usize) -> Graph {
    let domain = match dice.roll(0, 5) {
        0 => Domain::Points,
        _ => Domain::Image {
            channels: dice.roll(1, 3),
            height: dice.roll(1, 9),
            width: dice.roll(1, 9),
        },
    };
    let classes = (dice.roll(0, 1) == 1).then_some(3);
    let mut b = Builder::new(domain, classes);
    let time = match dice.roll(0, 2) {
        0 => b.fourier_features("fourier", 3, 0.3),
        flip => b.time_features(6, flip == 1, 0.0),
    };
    let mut time = b.linear("time", time, 5);
    if classes.is_some() {
        let class = b.class_embedding("class", 5);
        time = b.add(time, class);
    }
    let time = if dice.roll(0, 1) == 1 {
        b.act(time, Activation::Silu)
    } else {
        time
    };
    let mut nodes = vec![b.input()];
    for i in 0..length {
        let from = nodes[nodes.len() - 1 - dice.roll(0, 2).min(nodes.len() - 1)];
        let made = operation(dice, &mut b, &nodes, from, time, i);
        nodes.push(made);
    }
    let last = nodes[nodes.len() - 1];
    b.finish(last).expect("the operations fit their inputs")
}

fn operation(dice: &mut Dice, b: &mut Builder, nodes: &[NodeId], x: NodeId, time: NodeId, i: usize) -> NodeId {
    let is_map = matches!(b.shape(x), Shape::Map(..));
    let name = format!("n{i:02}");
    match dice.roll(0, 15) {
        0..=4 if is_map => conv(dice, b, &name, x),
        5 if is_map => {
            let (q, k) = (b.linear(&format!("{name}q"), x, 6), b.linear(&format!("{name}k"), x, 6));
            let v = if dice.roll(0, 1) == 1 {
                k
            } else {
                b.linear(&format!("{name}v"), x, 6)
            };
            b.attention(q, k, v, [1, 2, 3, 6][dice.roll(0, 3)])
        }
        6 if is_map && b.shape(x).pixels() <= 30 => b.upsample(x),
        7 => match b.shape(x) {
            Shape::Map(_, h, w) if h % 2 == 0 && w % 2 == 0 => match dice.roll(0, 1) {
                0 => b.avg_pool(x),
                _ => b.unshuffle(x),
            },
            Shape::Map(c, ..) if c % 4 == 0 => b.shuffle(x),
            _ => b.shift(x, 0.3),
        },
        8 if is_map => {
            let vector = b.linear(&format!("{name}t"), time, b.channels(x));
            b.add_channels(x, vector)
        }
        9 if is_map => {
            let vector = b.linear(&format!("{name}t"), time, 2 * b.channels(x));
            b.scale_shift(x, vector)
        }
        10 => b.act(x, FUNCTIONS[dice.roll(0, 3)]),
        11 => match b.channels(x) * b.shape(x).pixels() {
            0..2 => b.scale(x, 0.5),
            _ => norm(dice, b, &name, x),
        },
        12 => match nodes.iter().rev().find(|&&n| b.shape(n) == b.shape(x) && n != x) {
            Some(&other) if dice.roll(0, 1) == 1 => b.add(other, x),
            Some(&other) => b.add(x, other),
            None => b.scale(x, -0.7),
        },
        13 => match nodes.iter().rev().find(|&&n| joins(b.shape(n), b.shape(x)) && n != x) {
            Some(&other) => b.concat(x, other),
            None => b.divide_by_time(x),
        },
        14 if b.channels(x) * b.shape(x).pixels() > 1 => {
            let h = norm(dice, b, &name, x);
            let h = b.act(h, Activation::Silu);
            let h = b.linear(&format!("{name}a"), h, b.channels(x));
            b.add(h, x)
        }
        _ => b.linear(&name, x, dice.roll(1, 11)),
    }
}

fn joins(a: Shape, b: Shape) -> bool {
    match (a, b) {
        (Shape::Map(m, h, w), Shape::Map(n, y, x)) => (h, w) == (y, x) && m + n < 24,
        (Shape::Vec(m), Shape::Vec(n)) => m + n < 24,
        _ => false,
    }
}

/// A norm whose groups have more than one number, so that its gradient is not zero.
fn norm(dice: &mut Dice, b: &mut Builder, name: &str, x: NodeId) -> NodeId {
    let (c, pixels) = (b.channels(x), b.shape(x).pixels());
    let fits = |g: &usize| c % g == 0 && c / g * pixels > 1;
    let groups: Vec<usize> = (1..=c).filter(fits).collect();
    b.group_norm(&format!("{name}n"), x, groups[dice.roll(0, groups.len() - 1)], 1e-2)
}

fn conv(dice: &mut Dice, b: &mut Builder, name: &str, x: NodeId) -> NodeId {
    let Shape::Map(_, h, w) = b.shape(x) else { return x };
    let (c, k, stride) = (dice.roll(1, 18), [1, 2, 3, 3, 3, 5][dice.roll(0, 5)], dice.roll(1, 2));
    let pad = if dice.roll(0, 1) == 1 {
        [k / 2; 4]
    } else {
        [0; 4].map(|_| dice.roll(0, k))
    };
    let fits = h + pad[0] + pad[2] >= k && w + pad[1] + pad[3] >= k;
    if fits {
        b.conv(name, x, c, k, stride, pad)
    } else {
        b.conv(name, x, c, 1, 1, [0; 4])
    }
}

/// A 3x3 convolution of stride 1 between 8 to 40 channels, with everything that a layer takes over.
pub(crate) fn wide_conv(dice: &mut Dice) -> Graph {
    let domain = Domain::Image {
        channels: dice.roll(1, 3),
        height: dice.roll(4, 14),
        width: dice.roll(4, 14),
    };
    let mut b = Builder::new(domain, None);
    let (inner, outer, pad) = (4 * dice.roll(2, 8), dice.roll(8, 40), dice.roll(0, 2));
    let x = b.linear("in", b.input(), inner);
    let h = b.group_norm("norm", x, 4, 1e-3);
    let h = b.act(h, Activation::Silu);
    let h = b.conv("conv", h, outer, 3, 1, [pad; 4]);
    let time = b.time_features(4, true, 0.0);
    let time = b.linear("time", time, outer);
    let h = b.add_channels(h, time);
    let short = b.conv("short", x, outer, 3, 1, [pad; 4]);
    let out = b.add(short, h);
    b.finish(out).expect("the operations fit their inputs")
}
