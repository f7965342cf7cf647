//! The compiled plan against plain loops in double precision, finite differences, and candle.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "kernels/graphs.rs"]
mod graphs;
#[path = "kernels/reference.rs"]
mod reference;

use candle_core::{Device, Tensor};
use diffusion_studio::{
    kernels::{
        Isa, Options, PlanExecutor,
        bench::{Axis, CASES},
    },
    math::{Cond, Domain, Spec},
    nn::{
        self, CandleExecutor, Executor, Graph, Mode, Weights,
        optim::{self, AdamW, Hyper},
        unet,
    },
};
use graphs::Dice;

/// Rounding error of one entry of a gradient, as a share of the length of the whole network's: two units in the last place.
/// The worst of all that are compared here is 0.2 units.
const ROUNDING: f64 = 2.0 * f32::EPSILON as f64;

/// A network with numbers to run it on.
struct Case {
    graph: Graph,
    weights: Weights,
    x: Vec<f32>,
    times: Vec<f64>,
    classes: Vec<u32>,
    /// The gradient of the output.
    d_out: Vec<f32>,
}

/// What an executor makes of a case.
#[derive(PartialEq, Debug)]
struct Outcome {
    out: Vec<f32>,
    grads: Weights,
    d_x: Vec<f32>,
}

impl Case {
    fn new(graph: Graph, batch: usize, dice: &mut Dice) -> Self {
        let mut draw = |p: &nn::graph::ParamInfo| {
            let fan_in: usize = p.shape[1..].iter().product();
            let scale = if p.shape.len() > 1 {
                (1.5 / fan_in as f64).sqrt()
            } else {
                0.7
            };
            let values = (0..p.numel()).map(|_| (scale * dice.real()) as f32).collect();
            (p.name.clone(), values)
        };
        let weights = graph.params.iter().map(&mut draw).collect();
        let (inputs, outputs) = (graph.nodes[0].shape.numel(), graph.nodes[graph.output.0].shape.numel());
        Self {
            x: dice.reals(batch * inputs),
            times: (0..batch).map(|_| 1.0 + 3.0 * dice.real().abs()).collect(),
            classes: (0..batch)
                .map(|_| dice.roll(0, graph.classes.unwrap_or(1) - 1) as u32)
                .collect(),
            d_out: dice.reals(batch * outputs),
            graph,
            weights,
        }
    }

    fn batch(&self) -> usize {
        self.times.len()
    }

    fn cond(&self) -> Cond {
        self.graph
            .classes
            .map_or(Cond::None, |_| Cond::Class(self.classes.clone()))
    }

    fn x(&self) -> Tensor {
        Tensor::from_slice(&self.x, self.graph.domain.shape(self.batch()), &Device::Cpu).unwrap()
    }

    fn run(&self, executor: &mut dyn Executor) -> Outcome {
        let flat = executor.pack(&self.weights).unwrap();
        executor.params_mut().copy_from_slice(&flat);
        assert_eq!(executor.unpack(&flat), self.weights, "unpack inverts pack");
        let out = executor
            .forward(&self.x(), &self.times, &self.cond(), Mode::Train)
            .unwrap();
        let d_out = Tensor::from_slice(&self.d_out, out.shape(), &Device::Cpu).unwrap();
        let mut grads = vec![0.0; flat.len()];
        let d_x = executor
            .backward(&d_out, Some(&mut grads), true)
            .unwrap()
            .expect("the gradient was asked for");
        Outcome {
            out: numbers(&out),
            grads: executor.unpack(&grads),
            d_x: numbers(&d_x),
        }
    }

    /// The loss whose gradient is `d_out`, in double precision.
    fn loss(&self, params: &reference::Params, x: &[f64]) -> f64 {
        let (len, d_len) = (x.len() / self.batch(), self.d_out.len() / self.batch());
        let sample = |i: usize| {
            let class = self.classes[i] as usize;
            let y = reference::forward(&self.graph, params, &x[i * len..(i + 1) * len], self.times[i], class);
            let d = &self.d_out[i * d_len..(i + 1) * d_len];
            y.iter().zip(d).map(|(y, &d)| y * f64::from(d)).sum::<f64>()
        };
        (0..self.batch()).map(sample).sum()
    }

    fn expected_out(&self) -> Vec<f64> {
        let params = reference::params(&self.weights);
        let x = doubles(&self.x);
        let len = x.len() / self.batch();
        let sample = |i: usize| {
            let x = &x[i * len..(i + 1) * len];
            reference::forward(&self.graph, &params, x, self.times[i], self.classes[i] as usize)
        };
        (0..self.batch()).flat_map(sample).collect()
    }
}

fn doubles(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&v| f64::from(v)).collect()
}

fn numbers(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn length(x: impl Iterator<Item = f64>) -> f64 {
    x.map(|v| v * v).sum::<f64>().sqrt()
}

/// Largest difference as a share of the largest value.
fn distance(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|v| v.is_finite()), "a result is not finite");
    let scale = expected.iter().fold(1e-3, |top: f64, v| top.max(v.abs()));
    found
        .iter()
        .zip(expected)
        .map(|(&a, b)| (f64::from(a) - b).abs())
        .fold(0.0, f64::max)
        / scale
}

/// Compares the slope of the loss along a random direction, for each parameter and the input, with finite differences.
///
/// A gradient is a sum over pixels and paths, and its terms may cancel: a bias in front of a norm has none at all, and what
/// is found is the rounding of the terms. They are of the size of the whole network's gradient, so that is what such errors
/// are measured by.
fn check_slopes(case: &Case, outcome: &Outcome, dice: &mut Dice) {
    const H: f64 = 1e-5;
    let params = reference::params(&case.weights);
    let x = doubles(&case.x);
    let slope = |from: &dyn Fn(f64) -> f64| (from(H) - from(-H)) / (2.0 * H);
    let whole = length(
        outcome
            .grads
            .values()
            .flatten()
            .chain(&outcome.d_x)
            .map(|&g| f64::from(g)),
    );
    let mut check = |name: &str, grad: &[f32], along: &dyn Fn(&[f64], f64) -> f64| {
        let direction: Vec<f64> = (0..grad.len()).map(|_| dice.real()).collect();
        let terms = || grad.iter().zip(&direction).map(|(&g, d)| f64::from(g) * d);
        let (found, size): (f64, f64) = (terms().sum(), terms().map(f64::abs).sum());
        let expected = slope(&|h| along(&direction, h));
        let rounding = ROUNDING * whole * length(direction.iter().copied());
        assert!(
            (found - expected).abs() < 1e-5 * size + rounding,
            "{name}: {found}, but finite differences give {expected}\n{:#?}",
            case.graph
        );
    };
    for info in case.graph.params.iter().filter(|p| p.trained) {
        check(&info.name, &outcome.grads[&info.name], &|direction, h| {
            let mut moved = params.clone();
            let values = moved.get_mut(&info.name).unwrap();
            values.iter_mut().zip(direction).for_each(|(v, d)| *v += h * d);
            case.loss(&moved, &x)
        });
    }
    check("input", &outcome.d_x, &|direction, h| {
        let moved: Vec<f64> = x.iter().zip(direction).map(|(x, d)| x + h * d).collect();
        case.loss(&params, &moved)
    });
}

fn one_thread(isa: Isa) -> Options {
    Options {
        threads: Some(1),
        isa,
        winograd: true,
    }
}

/// Output and, where asked for, slopes on every instruction set.
fn check_case(name: &str, case: &Case, slopes: bool, dice: &mut Dice) {
    let expected = case.expected_out();
    for isa in Isa::available() {
        let mut plan = PlanExecutor::with_options(case.graph.clone(), one_thread(isa)).unwrap();
        let outcome = case.run(&mut plan);
        let off = distance(&outcome.out, &expected);
        assert!(
            off < 2e-5,
            "{name} on {isa:?}: the output is off by {off}\n{:#?}",
            case.graph
        );
        let gradients = outcome.grads.values().flatten().chain(&outcome.d_x);
        assert!(
            gradients.into_iter().all(|g| g.is_finite()),
            "{name}: a gradient is not finite"
        );
        if slopes {
            check_slopes(case, &outcome, dice);
        }
        let inferred = plan.forward(&case.x(), &case.times, &case.cond(), Mode::Infer).unwrap();
        assert_eq!(
            numbers(&inferred),
            outcome.out,
            "{name}: inference gives other bits than training"
        );
    }
}

fn check_random_network(seed: u64, slopes: bool) {
    let mut dice = Dice(seed);
    let length = dice.roll(1, 12);
    let graph = graphs::random(&mut dice, length);
    let batch = dice.roll(1, 3);
    let case = Case::new(graph, batch, &mut dice);
    check_case(&format!("seed {seed}"), &case, slopes, &mut dice);
}

fn check_wide_convolution(seed: u64, slopes: bool) {
    let mut dice = Dice(seed);
    let graph = graphs::wide_conv(&mut dice);
    let batch = dice.roll(1, 9);
    let case = Case::new(graph, batch, &mut dice);
    check_case(&format!("seed {seed}"), &case, slopes, &mut dice);
}

#[test]
fn random_networks_equal_plain_loops_and_finite_differences() {
    (0..120).for_each(|seed| check_random_network(seed, true));
}

#[test]
fn wide_convolutions_equal_plain_loops_and_finite_differences() {
    (300..312).for_each(|seed| check_wide_convolution(seed, true));
}

/// Outputs of all, and slopes, which take a hundred passes each, of every fiftieth.
#[test]
#[ignore = "minutes; run it with --release after a change of the kernels"]
fn ten_thousand_random_shapes_equal_plain_loops_and_finite_differences() {
    (1_000..10_500).for_each(|seed| check_random_network(seed, seed % 50 == 0));
    (20_000..20_600).for_each(|seed| check_wide_convolution(seed, seed % 50 == 0));
}

/// Weights stay packed from one inference to the next, but not longer than they stay the same.
#[test]
fn inference_follows_every_change_of_the_weights() {
    let mut dice = Dice(7);
    let cases = [3, 2].map(|batch| Case::new(graphs::wide_conv(&mut Dice(5)), batch, &mut dice));
    let graph = cases[0].graph.clone();
    let options = one_thread(Isa::best());
    let mut plan = PlanExecutor::with_options(graph.clone(), options).unwrap();
    let infer = |plan: &mut PlanExecutor, case: &Case| {
        let out = plan.forward(&case.x(), &case.times, &case.cond(), Mode::Infer);
        numbers(&out.unwrap())
    };
    let check = |plan: &mut PlanExecutor, case: &Case, after: &str| {
        let mut fresh = PlanExecutor::with_options(graph.clone(), options).unwrap();
        fresh.params_mut().copy_from_slice(plan.params());
        assert_eq!(infer(plan, case), infer(&mut fresh, case), "after {after}");
    };
    let [first, second] = &cases;
    first.run(&mut plan);
    check(&mut plan, first, "training");
    check(&mut plan, first, "inference");
    check(&mut plan, second, "another batch size");
    check(&mut plan, first, "the former batch size");
    plan.params_mut().iter_mut().for_each(|p| *p *= -0.5);
    check(&mut plan, first, "a change");
    first.run(&mut plan);
    check(&mut plan, first, "training again");
}

/// A small U-Net of 16 and 32 channels on 8x8 pixels; `more` are keys of diffusers' configuration.
fn unet(more: &str) -> Graph {
    let config = format!(
        r#"{{ "sample_size": 8, "layers_per_block": 1, "block_out_channels": [16, 32], "norm_num_groups": 4,
        "down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"]{more} }}"#
    );
    let config = unet::Config::from_json(&config).unwrap();
    unet::graph(&config, config.domain().unwrap()).unwrap()
}

#[test]
fn every_gradient_equals_candles() {
    let variants = [
        "",
        r#", "resnet_time_scale_shift": "scale_shift", "num_class_embeds": 4, "attention_head_dim": null"#,
        r#", "downsample_type": "resnet", "upsample_type": "resnet", "act_fn": "mish", "mid_block_scale_factor": 1.5"#,
        r#", "time_embedding_type": "fourier", "center_input_sample": true, "downsample_padding": 0"#,
    ];
    let mlp = nn::graph(&Spec::new("mlp"), Domain::Points, Some(3)).unwrap();
    for (i, graph) in variants.map(unet).into_iter().chain([mlp]).enumerate() {
        equals_candle(&format!("variant {i}"), graph, 5, i as u64);
    }
}

/// The networks of the standard cases on smaller pictures, so that the unoptimised build of the tests takes seconds.
#[test]
fn every_gradient_of_the_standard_cases_equals_candles() {
    for (case, side) in CASES.iter().zip([0, 8, 8, 8, 8]) {
        let graph = case.with(Axis::Side, side).unwrap_or(*case).graph().unwrap();
        equals_candle(case.id, graph, 1, 5);
    }
}

#[test]
#[ignore = "minutes without optimisation; the same on pictures of the full size"]
fn every_gradient_of_the_full_standard_cases_equals_candles() {
    for case in CASES {
        equals_candle(case.id, case.graph().unwrap(), 1, 6);
    }
}

/// Output, gradient of the input and of every parameter, with and without Winograd's transforms: worst difference as a
/// share of the tensor's largest value.
fn equals_candle(what: &str, graph: Graph, batch: usize, seed: u64) {
    let case = Case::new(graph, batch, &mut Dice(seed));
    let expected = case.run(&mut CandleExecutor::new(case.graph.clone(), &Device::Cpu));
    for winograd in [false, true] {
        let options = Options {
            winograd,
            ..one_thread(Isa::best())
        };
        let found = case.run(&mut PlanExecutor::with_options(case.graph.clone(), options).unwrap());
        let close = |name: &str, a: &[f32], b: &[f32]| {
            let off = distance(a, &doubles(b));
            assert!(off < 1e-4, "{what}, winograd {winograd}: {name} is off by {off}");
        };
        close("output", &found.out, &expected.out);
        close("input", &found.d_x, &expected.d_x);
        for info in case.graph.params.iter().filter(|p| p.trained) {
            close(&info.name, &found.grads[&info.name], &expected.grads[&info.name]);
        }
    }
}

#[test]
fn fifty_steps_give_the_same_weights_with_any_number_of_threads() {
    let case = Case::new(unet(""), 3, &mut Dice(11));
    let train = |threads: usize| {
        let mut plan = PlanExecutor::new(case.graph.clone(), Some(threads)).unwrap();
        let flat = plan.pack(&case.weights).unwrap();
        plan.params_mut().copy_from_slice(&flat);
        let mut adam = AdamW::new(flat.len(), Hyper::default());
        for _ in 0..50 {
            let out = plan.forward(&case.x(), &case.times, &case.cond(), Mode::Train).unwrap();
            let mut grads = vec![0.0; flat.len()];
            plan.backward(&out, Some(&mut grads), false).unwrap();
            optim::clip(&mut grads, 1.0);
            adam.update(plan.params_mut(), &grads, 1e-3);
        }
        assert_ne!(plan.params(), flat, "the weights have moved");
        plan.params().to_vec()
    };
    assert!(train(1) == train(2));
}

#[test]
fn thread_count_changes_no_bit() {
    for seed in 200..220 {
        let mut dice = Dice(seed);
        let graph = graphs::random(&mut dice, 10);
        let case = Case::new(graph, 9, &mut dice);
        let outcomes =
            [1, 2, 3].map(|threads| case.run(&mut PlanExecutor::new(case.graph.clone(), Some(threads)).unwrap()));
        assert!(outcomes[0] == outcomes[1] && outcomes[0] == outcomes[2], "seed {seed}");
    }
}
