//! Gradients of whole networks against finite differences.
//!
//! The executors compute in float32, so the step is large (a hundredth) and Richardson's extrapolation of two central
//! differences removes the error of second order. What is left is rounding: the probe `sum(c * out)` has a noise of about
//! 1e-6 of its terms, which the division by the step raises to about 1e-4; slopes are compared to a thousandth of the
//! length of the gradient. (With twice and five times the step the differences grow with its fourth power.) Each tensor is tried along its gradient, where the slope must be the gradient's length, and along a random
//! direction, which shows entries that a wrong gradient leaves out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking and may say what it does")]

use std::{collections::BTreeSet, sync::Arc};

use candle_core::{Device, Tensor};
use diffusion_studio::{
    diffusion::Net as _,
    math::{
        Cond, Domain, Level, Spec, Value,
        noise::{Address, Stream},
    },
    nn::{
        self, CandleExecutor, Executor as _, Graph, Mode, SharedNet, init,
        unet::{self, Config},
    },
};

const STEP: f64 = 0.01;
const TOLERANCE: f64 = 1e-3;

fn normals(n: usize, sample: u64) -> Vec<f32> {
    let address = Address {
        seed: 3,
        stream: Stream::Validation,
        sample,
        mv: 0,
        draw: 0,
    };
    let mut out = vec![0.0; n];
    address.normals(&mut out);
    out
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn unit(mut v: Vec<f32>) -> Vec<f32> {
    let norm = dot(&v, &v).sqrt() as f32;
    for v in &mut v {
        *v /= norm;
    }
    v
}

/// A network with a fixed batch and the probe `sum(c * out)`.
struct Probe {
    net: CandleExecutor,
    x: Vec<f32>,
    t: Vec<f64>,
    cond: Cond,
    cotangent: Tensor,
}

impl Probe {
    fn new(graph: Graph) -> Self {
        let t = vec![3.0, 421.0, 17.0];
        let (domain, batch) = (graph.domain, t.len());
        let cond = match graph.classes {
            Some(_) => Cond::Class(vec![1, 0, 1]),
            None => Cond::None,
        };
        // Away from their start, so that norms have scales and shifts of their own.
        let mut weights = init::weights(&graph, 5);
        for (i, values) in weights.values_mut().enumerate() {
            let noise = normals(values.len(), 100 + i as u64);
            values.iter_mut().zip(noise).for_each(|(v, z)| *v += 0.05 * z);
        }
        let mut net = CandleExecutor::new(graph, &Device::Cpu);
        let flat = net.pack(&weights).unwrap();
        net.params_mut().copy_from_slice(&flat);
        let x = normals(batch * domain.numel(), 0);
        let tensor = Tensor::from_slice(&x, domain.shape(batch), &Device::Cpu).unwrap();
        let out = net.forward(&tensor, &t, &cond, Mode::Infer).unwrap();
        let cotangent = Tensor::from_vec(normals(out.elem_count(), 1), out.shape(), &Device::Cpu).unwrap();
        Self {
            net,
            x,
            t,
            cond,
            cotangent,
        }
    }

    fn batch(&self, x: &[f32]) -> Tensor {
        Tensor::from_slice(x, self.net.graph().domain.shape(self.t.len()), &Device::Cpu).unwrap()
    }

    fn value(&mut self, x: &[f32], params: &[f32]) -> f64 {
        self.net.params_mut().copy_from_slice(params);
        let out = self
            .net
            .forward(&self.batch(x), &self.t, &self.cond, Mode::Infer)
            .unwrap();
        let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        dot(&flat(&out), &flat(&self.cotangent))
    }

    /// Gradients of the probe with respect to all parameters and `x`.
    fn gradients(&mut self) -> (Vec<f32>, Vec<f32>) {
        let mut grads = vec![0.0; self.net.params().len()];
        let x = self.batch(&self.x);
        self.net.forward(&x, &self.t, &self.cond, Mode::Train).unwrap();
        let grad_x = self
            .net
            .backward(&self.cotangent, Some(&mut grads), true)
            .unwrap()
            .unwrap();
        (grads, grad_x.flatten_all().unwrap().to_vec1().unwrap())
    }
}

/// The slope of `f` at 0, exact to fourth order.
fn slope(mut f: impl FnMut(f64) -> f64) -> f64 {
    let mut central = |h: f64| (f(h) - f(-h)) / (2.0 * h);
    let (coarse, fine) = (central(STEP), central(STEP / 2.0));
    (4.0 * fine - coarse) / 3.0
}

fn moved(base: &[f32], start: usize, direction: &[f32], h: f64) -> Vec<f32> {
    let mut point = base.to_vec();
    point[start..]
        .iter_mut()
        .zip(direction)
        .for_each(|(p, d)| *p += (h * f64::from(*d)) as f32);
    point
}

/// Compares the slope along the gradient and along a random direction.
fn check(what: &str, grad: &[f32], floor: f64, mut f: impl FnMut(&[f32], f64) -> f64) {
    let length = dot(grad, grad).sqrt();
    for direction in [
        unit(normals(grad.len(), 7)),
        unit(grad.iter().map(|g| g + 1e-20).collect()),
    ] {
        let (expected, found) = (dot(grad, &direction), slope(|h| f(&direction, h)));
        let tolerance = TOLERANCE * length + floor;
        assert!(
            (found - expected).abs() <= tolerance,
            "{what}: slope {found}, gradient {expected}, length {length}"
        );
    }
}

fn check_network(name: &str, graph: Graph) {
    let mut probe = Probe::new(graph);
    let (grads, grad_x) = probe.gradients();
    let (params, x) = (probe.net.params().to_vec(), probe.x.clone());
    // Rounding of the probe itself; only matters to parameters without influence (the bias of a key).
    let floor = 1e-4 * dot(&grads, &grads).sqrt();
    check(&format!("{name} x"), &grad_x, floor, |direction, h| {
        probe.value(&moved(&x, 0, direction, h), &params)
    });
    let mut start = 0;
    for id in probe.net.graph().sorted_params() {
        let info = probe.net.graph().params[id.0].clone();
        let grad = &grads[start..start + info.numel()];
        if info.trained {
            check(&format!("{name} {}", info.name), grad, floor, |direction, h| {
                probe.value(&x, &moved(&params, start, direction, h))
            });
        } else {
            assert!(grad.iter().all(|g| *g == 0.0), "{} is not trained", info.name);
        }
        start += info.numel();
    }
}

fn unet(json: &str) -> Graph {
    let config = Config::from_json(json).unwrap();
    let domain = Domain::Image {
        channels: config.in_channels,
        height: 4,
        width: 8,
    };
    unet::graph(&config, domain).unwrap()
}

fn perceptron() -> Graph {
    nn::graph(&Spec::new("mlp"), Domain::Points, Some(2)).unwrap()
}

fn attention_class_scale_and_shift() -> Graph {
    unet(
        r#"{"in_channels": 2, "out_channels": 2, "block_out_channels": [8, 16], "layers_per_block": 1,
        "down_block_types": ["AttnDownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "AttnUpBlock2D"],
        "norm_num_groups": 4, "attention_head_dim": 4, "num_class_embeds": 3, "act_fn": "gelu",
        "resnet_time_scale_shift": "scale_shift", "mid_block_scale_factor": 1.5}"#,
    )
}

fn residual_resampling_and_fourier_features() -> Graph {
    unet(
        r#"{"in_channels": 1, "out_channels": 2, "block_out_channels": [4, 6, 8], "layers_per_block": 1,
        "down_block_types": ["ResnetDownsampleBlock2D", "AttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"], "downsample_type": "resnet",
        "upsample_type": "resnet", "norm_num_groups": 2, "attention_head_dim": null, "act_fn": "mish",
        "time_embedding_type": "fourier", "center_input_sample": true}"#,
    )
}

fn pixels_as_channels() -> Graph {
    let picture = Domain::Image {
        channels: 1,
        height: 4,
        width: 8,
    };
    let net = Spec::new("unet").with("unshuffle", Value::Flag(true));
    let net = net
        .with("base-channels", Value::Int(8))
        .with("multipliers", Value::Text("1".into()));
    nn::graph(&net.with("variance", Value::Flag(true)), picture, None).unwrap()
}

fn padding_on_one_side() -> Graph {
    unet(
        r#"{"in_channels": 1, "out_channels": 1, "block_out_channels": [4, 4], "layers_per_block": 1,
        "down_block_types": ["DownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "UpBlock2D"],
        "norm_num_groups": 2, "add_attention": false, "downsample_padding": 0, "freq_shift": 1,
        "flip_sin_to_cos": false}"#,
    )
}

#[test]
fn slopes_of_the_perceptron() {
    check_network("perceptron", perceptron());
}

#[test]
fn slopes_with_attention_class_scale_and_shift() {
    check_network("attention", attention_class_scale_and_shift());
}

#[test]
fn slopes_with_residual_resampling_and_fourier_features() {
    check_network("resampling", residual_resampling_and_fourier_features());
}

#[test]
fn slopes_with_padding_on_one_side() {
    check_network("padding", padding_on_one_side());
}

#[test]
fn slopes_with_pixels_as_channels() {
    check_network("pixels as channels", pixels_as_channels());
}

#[test]
fn the_networks_use_every_operation() {
    let kind = |op: &nn::Op| {
        format!("{op:?}")
            .split([' ', '('])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let graphs = [
        perceptron(),
        attention_class_scale_and_shift(),
        residual_resampling_and_fourier_features(),
        padding_on_one_side(),
        pixels_as_channels(),
    ];
    let nodes = graphs.iter().flat_map(|g| &g.nodes);
    let kinds: BTreeSet<String> = nodes.map(|n| kind(&n.op)).collect();
    // One for each variant of `Op`.
    assert_eq!(kinds.len(), 20, "{kinds:?}");
}

#[test]
fn a_shared_network_gives_products_with_its_jacobian() {
    let mut probe = Probe::new(attention_class_scale_and_shift());
    let at = Level {
        t: 370.0,
        alpha: 0.8,
        sigma: 0.6,
    };
    probe.t.fill(at.t);
    let (_, grad_x) = probe.gradients();
    let (x, cotangent) = (probe.batch(&probe.x), probe.cotangent.clone());
    let (t, cond) = (probe.t.clone(), probe.cond.clone());
    let expected = probe.net.forward(&x, &t, &cond, Mode::Infer).unwrap();
    let shared = Arc::new(SharedNet::new(Box::new(probe.net)));
    let (out, product) = shared.vjp(&x, at, &cond, &cotangent).unwrap();
    let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(flat(&out), flat(&expected));
    assert_eq!(flat(&product), grad_x);
    assert_eq!(flat(&shared.forward(&x, at, &cond).unwrap()), flat(&expected));
}
