//! Seconds per training step of the candle executor; run by hand: `cargo test --test step_times -- --ignored --nocapture`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and may say what it does"
)]

use std::time::Instant;

use candle_core::{Device, Tensor};
use diffusion_studio::{
    math::{Cond, Domain, Spec, Value},
    nn::{
        CandleExecutor, Executor as _, Mode, graph, init,
        optim::{self, AdamW, Hyper},
    },
};

fn seconds_per_step(spec: &Spec, domain: Domain, batch: usize) -> f64 {
    let graph = graph(spec, domain, None).unwrap();
    println!(
        "  {} weights, {:.1} MFLOP forward",
        graph.weight_count(),
        graph.forward_flops() / 1e6
    );
    let weights = init::weights(&graph, 0);
    let mut net = CandleExecutor::new(graph, &Device::Cpu);
    let flat = net.pack(&weights).unwrap();
    net.params_mut().copy_from_slice(&flat);
    let mut adam = AdamW::new(flat.len(), Hyper::default());
    let values: Vec<f32> = (0..batch * domain.numel()).map(|i| (i as f32 * 0.37).sin()).collect();
    let x = Tensor::from_vec(values, domain.shape(batch), &Device::Cpu).unwrap();
    let t: Vec<f64> = (0..batch).map(|i| (i * 997 % 1000) as f64).collect();
    let mut step = || {
        let y = net.forward(&x, &t, &Cond::None, Mode::Train).unwrap();
        let d_out = ((&y - &x).unwrap() * (2.0 / y.elem_count() as f64)).unwrap();
        let mut grads = vec![0.0; net.params().len()];
        net.backward(&d_out, Some(&mut grads), false).unwrap();
        optim::clip(&mut grads, 1.0);
        adam.update(net.params_mut(), &grads, 1e-3);
    };
    step();
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            step();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[2]
}

#[test]
#[ignore = "a measurement"]
fn tiny_presets() {
    let image = |channels, side| Domain::Image {
        channels,
        height: side,
        width: side,
    };
    let unet = Spec::new("unet").with("preset", Value::Text("tiny".into()));
    for (name, spec, domain, batch) in [
        ("points", &Spec::new("mlp"), Domain::Points, 512),
        ("digits 8x8", &unet, image(1, 8), 64),
        ("avatars 16x16x3", &unet, image(3, 16), 24),
        ("fashion 28x28", &unet, image(1, 28), 32),
    ] {
        println!("{name}, batch {batch}");
        println!("  {:.4} s per step", seconds_per_step(spec, domain, batch));
    }
}
