//! Restoration: operators and their spectra, what each method promises, and each method against the exact conditional
//! distribution.

#![expect(clippy::unwrap_used, reason = "a test ends at the first fault")]

mod command;
mod conditional;
mod job;
mod methods;
mod operators;
#[path = "../rig/mod.rs"]
mod rig;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use diffusion_studio::{
    diffusion::{
        Denoiser, Sampler, Trajectory,
        restore::{Measurement, Operator, method, task},
    },
    math::{
        Domain, Move, Spec, Value, grid,
        noise::{Address, Seeded, Stream},
        schedule::{self, NoiseSchedule},
    },
};

/// A picture.
pub const fn image(channels: usize, height: usize, width: usize) -> Domain {
    Domain::Image {
        channels,
        height,
        width,
    }
}

/// Standard normal numbers that differ with `number`.
pub fn normal(shape: &[usize], number: u64) -> Tensor {
    let mut values = vec![0.0; shape.iter().product()];
    let address = Address {
        seed: 5,
        stream: Stream::Data,
        sample: number,
        mv: 0,
        draw: 0,
    };
    address.normals(&mut values);
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// A task with its noise.
pub fn operator(domain: Domain, task: &str, noise: f64, fill: Option<&[f32]>) -> Arc<dyn Operator> {
    let spec = Spec::new(task).with("noise", Value::Real(noise));
    task::build(&spec)
        .unwrap()
        .operator(domain, fill, &Device::Cpu)
        .unwrap()
}

/// What a method makes of a measurement: samples `first..first + count`.
pub fn restored(
    method: &Spec,
    measured: &Measurement,
    model: &Arc<dyn Denoiser>,
    steps: usize,
    first: u64,
    count: usize,
) -> Tensor {
    let sampler = method::build(method).unwrap().bind(measured.clone());
    walked(sampler, &measured.guide, model, steps, first, count)
}

/// The end of a walk of any sampler.
pub fn walked(
    sampler: Box<dyn Sampler>,
    like: &Tensor,
    model: &Arc<dyn Denoiser>,
    steps: usize,
    first: u64,
    count: usize,
) -> Tensor {
    let schedule: Arc<dyn NoiseSchedule> = schedule::build(&Spec::new("linear")).unwrap().into();
    let walk = Trajectory::new(
        moves(steps),
        sampler,
        Box::new(model.clone()),
        schedule,
        Box::new(Seeded(3)),
        &start(like, first, count),
        first,
    );
    walk.unwrap().map(Result::unwrap).last().unwrap().next
}

/// Even moves of the linear schedule.
pub fn moves(steps: usize) -> Vec<Move> {
    let schedule = schedule::build(&Spec::new("linear")).unwrap();
    grid::time_grid(&*schedule, grid::build(&Spec::new("trailing")).unwrap(), steps)
}

fn start(like: &Tensor, first: u64, count: usize) -> Tensor {
    let each: Vec<Tensor> = (first..first + count as u64)
        .map(|sample| normal(like.dims(), 1000 + sample))
        .collect();
    Tensor::cat(&each, 0).unwrap()
}

/// All numbers.
pub fn values(tensor: &Tensor) -> Vec<f64> {
    tensor
        .flatten_all()
        .unwrap()
        .to_dtype(DType::F64)
        .unwrap()
        .to_vec1()
        .unwrap()
}

/// Largest difference.
pub fn apart(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.elem_count(), b.elem_count());
    let differences = values(a).into_iter().zip(values(b)).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f64::max)
}
