//! Each kernel on its own, and each standard case: `cargo bench`, or `cargo bench -- product` for those of a name.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use diffusion_studio::{
    kernels::{
        PlanExecutor,
        bench::{CASES, Trial, parts},
    },
    nn::Mode,
};

fn kernels(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernel");
    for mut part in parts() {
        group.throughput(Throughput::Elements(part.work));
        group.bench_function(part.id.clone(), |b| b.iter(|| part.run()));
    }
}

fn cases(c: &mut Criterion) {
    let mut group = c.benchmark_group("case");
    group.sample_size(10);
    for case in CASES {
        let start = || {
            let graph = case.graph().expect("the standard networks can be built");
            let mut executor = PlanExecutor::new(graph, None).expect("threads can be started");
            let trial = Trial::new(case, &mut executor).expect("the initial weights fit");
            (executor, trial)
        };
        let (mut executor, mut trial) = start();
        group.bench_function(format!("{} step", case.id), |b| {
            b.iter(|| trial.step(&mut executor).expect("the batch fits the network"));
        });
        group.bench_function(format!("{} forward", case.id), |b| {
            b.iter(|| {
                trial
                    .forward(&mut executor, Mode::Infer)
                    .expect("the batch fits the network")
            });
        });
        group.bench_function(format!("{} compilation", case.id), |b| {
            b.iter_batched(
                || start().0,
                |mut executor| {
                    trial
                        .forward(&mut executor, Mode::Train)
                        .expect("the batch fits the network")
                },
                BatchSize::PerIteration,
            );
        });
    }
}

criterion_group!(all, kernels, cases);
criterion_main!(all);
