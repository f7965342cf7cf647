//! Every sampler × schedule × target against an exact denoiser. What is left out is printed with its reason.

#![expect(clippy::unwrap_used, reason = "a test ends at the first fault")]

mod affine;

use std::{collections::BTreeSet, sync::Arc};

use affine::statistics;
use candle_core::{Device, Tensor};
use diffusion_studio::{
    diffusion::{Denoiser, Prediction, Trajectory, oracle::Mixture, sampler},
    math::{
        Level, Move, Spec, Value, grid,
        noise::Seeded,
        schedule::{self, NoiseSchedule},
        target::{self, Target},
    },
};

/// Data N(0.3, 0.5²).
fn data() -> Mixture {
    Mixture::gaussian(vec![0.3], 0.5)
}

/// All schedules with their defaults, and one that ends in pure noise.
fn schedules() -> Vec<(String, Arc<dyn NoiseSchedule>)> {
    let zero = Spec::new("linear").with("zero-snr", Value::Flag(true));
    let specs = schedule::ENTRIES.iter().map(|e| (e.id.to_owned(), Spec::new(e.id)));
    specs
        .chain([("linear, zero SNR".to_owned(), zero)])
        .map(|(name, spec)| (name, schedule::build(&spec).unwrap().into()))
        .collect()
}

/// Even times; even in the root of the noise where the signal stays; even in its logarithm where times crowd in the middle.
fn moves(name: &str, schedule: &dyn NoiseSchedule, steps: usize) -> Vec<Move> {
    let keeps_signal = schedule.level(*schedule.domain().end()).alpha > 0.99;
    let spacing = match name {
        "laplace" => "exponential",
        _ if keeps_signal => "karras",
        _ => "trailing",
    };
    grid::time_grid(schedule, grid::build(&Spec::new(spacing)).unwrap(), steps)
}

fn column(values: &[f64]) -> Tensor {
    Tensor::from_slice(values, (values.len(), 1), &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// The exact denoiser as a network with this target would say it.
struct Said(Target);

impl Denoiser for Said {
    fn predict(&self, x: &Tensor, at: Level) -> candle_core::Result<Prediction> {
        let exact = data().predict(x, at)?;
        let (a, b) = self.0.row(at);
        // The score of no noise is infinite here, and does not count: any number stands for it.
        let b = if b.is_finite() { b } else { 0.0 };
        let out = ((exact.x0 * a)? + (exact.eps * b)?)?;
        Prediction::from_output(&out, x, self.0, at)
    }
}

/// The deviation after exact moves: the last one, to no noise, gives `E[x0 | x]`, whose deviation is
/// `0.5² / √(0.5² + sigma²)`; a schedule that never gets near the data loses spread there.
fn expected_deviation(moves: &[Move]) -> f64 {
    0.25 / 0.5_f64.hypot(moves.last().unwrap().from.sigma_ve())
}

/// Samplers whose distribution is not looked at here.
const ELSEWHERE: [(&str, &str); 4] = [
    (
        "ddim-inverse",
        "leads from data to noise; undone by DDIM in convergence.rs",
    ),
    ("langevin", "wants hundreds of levels; its figure is in convergence.rs"),
    (
        "pc",
        "corrects by norms, which is not affine; its predictor is in convergence.rs",
    ),
    (
        "ode",
        "chooses its steps by the whole batch; its tolerance is in convergence.rs",
    ),
];

#[test]
fn every_sampler_makes_the_data_on_every_schedule() {
    println!("left out of mean and deviation:");
    for (id, why) in ELSEWHERE {
        println!("  {id}: {why}");
    }
    println!("sampler, schedule: mean and deviation after 100 moves (data: 0.3 and 0.5)");
    let mut faults = Vec::new();
    for (name, schedule) in schedules() {
        let moves = moves(&name, &*schedule, 100);
        let expected = expected_deviation(&moves);
        for entry in sampler::ENTRIES
            .iter()
            .filter(|e| ELSEWHERE.iter().all(|(id, _)| *id != e.id))
        {
            let (mean, std) = statistics(&Spec::new(entry.id), &schedule, &moves, 1, 1.0);
            println!(
                "{:<18} {name:<18} {mean:.4} {std:.4} (exact moves: {expected:.4})",
                entry.id
            );
            // Where the start holds a little signal, noise without any leads a little to the left.
            // LMS extrapolates past the last level, which keeps the spread.
            if (mean - 0.3).abs() > 0.015 || !(expected - 0.05..0.55).contains(&std) {
                faults.push(format!("{} on {name}: {mean:.4} {std:.4}, not {expected:.4}", entry.id));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Why a target says nothing at the level where a walk begins.
fn blind(target: Target, first: Level) -> Option<&'static str> {
    let determinant = target.determinant(first);
    if first.sigma == 0.0 || determinant != 0.0 && determinant.is_finite() {
        None
    } else if determinant.is_nan() {
        Some("at pure noise there is no finite sigma / alpha to precondition with")
    } else {
        Some("at pure noise the noise says nothing of the clean sample")
    }
}

/// Whatever the network regresses, the walk is the same.
#[test]
fn every_target_leads_the_same_way() {
    let (mut walks, mut left_out) = (0, BTreeSet::new());
    let schedules = schedules();
    for (name, schedule) in &schedules {
        let moves = moves(name, &**schedule, 12);
        for entry in sampler::ENTRIES {
            let walk = |model: Box<dyn Denoiser>| -> Vec<f64> {
                let sampler = sampler::build(&Spec::new(entry.id)).unwrap();
                let (noise, start) = (Box::new(Seeded(3)), column(&[-1.3, 0.2, 0.9]));
                let walk = Trajectory::new(moves.clone(), sampler, model, schedule.clone(), noise, &start, 0).unwrap();
                values(&walk.map(Result::unwrap).last().unwrap().next)
            };
            let exact = walk(Box::new(data()));
            let first = sampler::build(&Spec::new(entry.id)).unwrap().plan(moves.clone())[0].from;
            for target in target::ENTRIES {
                let built = target::build(&Spec::new(target.id)).unwrap();
                if let Some(why) = blind(built, first) {
                    left_out.insert((target.id, &**name, why));
                    continue;
                }
                // An adaptive solver may take another step for a difference in the last bit.
                let tolerance = if entry.id == "ode" { 1e-3 } else { 1e-6 };
                for (a, b) in walk(Box::new(Said(built))).iter().zip(&exact) {
                    let off = (a - b).abs() / (1.0 + b.abs());
                    assert!(off < tolerance, "{} {name} {}: {a} is not {b}", entry.id, target.id);
                }
                walks += 1;
            }
        }
    }
    println!("{walks} walks; left out:");
    for (target, place, why) in &left_out {
        println!("  {target} with {place}: {why}");
    }
    let pairs: Vec<(&str, &str)> = left_out.iter().map(|(target, place, _)| (*target, *place)).collect();
    assert_eq!(
        pairs,
        [
            ("edm", "flow"),
            ("edm", "linear, zero SNR"),
            ("eps", "flow"),
            ("eps", "linear, zero SNR"),
            ("score", "flow"),
            ("score", "linear, zero SNR"),
        ]
    );
}

/// On every schedule, step by step with the same noise.
#[test]
fn ddim_with_all_noise_is_ddpm() {
    for (name, schedule) in schedules() {
        let moves = moves(&name, &*schedule, 20);
        let walk = |spec: Spec| -> Vec<f64> {
            let sampler = sampler::build(&spec).unwrap();
            let (noise, start) = (Box::new(Seeded(3)), column(&[-1.3, 0.2, 0.9]));
            let walk = Trajectory::new(
                moves.clone(),
                sampler,
                Box::new(data()),
                schedule.clone(),
                noise,
                &start,
                0,
            );
            values(&walk.unwrap().map(Result::unwrap).last().unwrap().next)
        };
        let ddim = walk(Spec::new("ddim").with("eta", Value::Real(1.0)));
        for (a, b) in ddim.iter().zip(walk(Spec::new("ddpm"))) {
            assert!((a - b).abs() < 1e-9, "{name}: {a} is not {b}");
        }
    }
}
