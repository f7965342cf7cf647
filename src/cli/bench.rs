//! `bench`: training step and forward pass of the standard cases on this machine.

use std::process;

use anyhow::{Context as _, bail};

use super::{
    args::{BenchArgs, Sweep},
    print,
};
use crate::{
    kernels::{
        Options, PlanExecutor,
        bench::{Axis, CASES, Case},
    },
    math::spec,
    nn::{CandleExecutor, DeviceChoice, Executor},
};

/// Measures the cases one after the other, each in a process of its own: the peak memory of a process is that of all
/// it did before.
pub(super) fn bench(args: &BenchArgs, device: DeviceChoice) -> anyhow::Result<()> {
    let cases = cases(&args.cases)?;
    if let Some(sweep) = args.sweep {
        return cases.iter().try_for_each(|case| grow(case, sweep, args, device));
    }
    match &cases[..] {
        [case] => measure(case, args, device),
        cases => cases.iter().try_for_each(|case| measure_apart(case, args, device)),
    }
}

/// The cases of these names, or all.
fn cases(names: &[String]) -> anyhow::Result<Vec<&'static Case>> {
    if names.is_empty() {
        return Ok(CASES.iter().collect());
    }
    let find = |name: &String| {
        let ids = CASES.iter().map(|case| case.id);
        Case::find(name).with_context(|| {
            let all: Vec<_> = ids.clone().collect();
            let hint = spec::hint(name, ids);
            format!("there is no case {name}{hint}; choose from: {}", all.join(", "))
        })
    };
    names.iter().map(find).collect()
}

fn measure(case: &Case, args: &BenchArgs, device: DeviceChoice) -> anyhow::Result<()> {
    let report = case.run(&mut *executor(case, args, device)?, args.seconds)?;
    if args.json {
        print(&serde_json::to_string(&report)?)
    } else {
        print(&report.to_string())
    }
}

/// One line for each value of the axis, in one process: what a larger memory costs is not what is asked.
fn grow(case: &Case, sweep: Sweep, args: &BenchArgs, device: DeviceChoice) -> anyhow::Result<()> {
    let axis = match sweep {
        Sweep::Batch => Axis::Batch,
        Sweep::Side => Axis::Side,
        Sweep::Width => Axis::Width,
    };
    for &value in axis.values() {
        let Some(case) = case.with(axis, value) else {
            bail!("{} has no pictures, so no side to vary; choose batch or width", case.id)
        };
        let mut report = case.run(&mut *executor(&case, args, device)?, args.seconds)?;
        report.peak_mb = None;
        if args.json {
            print(&serde_json::to_string(&report)?)?;
        } else {
            print(&format!("{value:4} {report}"))?;
        }
    }
    Ok(())
}

/// The plan on the CPU, candle elsewhere and where it is asked for.
fn executor(case: &Case, args: &BenchArgs, choice: DeviceChoice) -> anyhow::Result<Box<dyn Executor>> {
    let (graph, device) = (case.graph()?, choice.device()?);
    if choice == DeviceChoice::CpuCandle || !device.is_cpu() {
        return Ok(Box::new(CandleExecutor::new(graph, &device)));
    }
    let options = Options {
        winograd: !args.no_winograd,
        ..Options::default()
    };
    Ok(Box::new(PlanExecutor::with_options(graph, options)?))
}

/// Runs `bench` for this case alone; the number of threads is in the environment.
fn measure_apart(case: &Case, args: &BenchArgs, device: DeviceChoice) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("cannot find the program's own file to measure a case")?;
    let mut command = process::Command::new(program);
    command.args(["bench", case.id, "--device", &device.to_string()]);
    command.args(["--seconds", &args.seconds.to_string()]);
    command.args(args.json.then_some("--json"));
    command.args(args.no_winograd.then_some("--no-winograd"));
    let status = command.status().context("cannot start the program again")?;
    if !status.success() {
        bail!("{}: not measured", case.id);
    }
    Ok(())
}
