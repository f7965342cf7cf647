//! `eval`: numbers of a model, with their errors.

use super::{args::EvalArgs, sample::model, say};
use crate::{
    engine::{
        Settings,
        eval::{EvalRequest, Figure, evaluate},
    },
    math::Spec,
};

/// The text that `eval` prints.
pub(super) fn eval(args: &EvalArgs, settings: &Settings) -> anyhow::Result<String> {
    let request = EvalRequest {
        model: model(&args.model),
        data: args.data.clone(),
        sampler: Spec::new(&args.sampler),
        steps: args.steps as usize,
        count: args.count as usize,
        rounds: args.rounds as usize,
        seed: args.seed,
        likelihood: args.likelihood as usize,
        judge: args.judge.clone(),
        classifier: args.classifier,
    };
    let evaluation = evaluate(&request, settings.device, say)?;
    if args.json {
        return Ok(serde_json::to_string_pretty(&evaluation)?);
    }
    let lines: Vec<String> = evaluation.figures.iter().map(line).collect();
    let judge = evaluation
        .judge
        .map_or(String::new(), |data| format!(", judged by a classifier of {data}"));
    Ok(format!(
        "{} on {}{judge}\n{}",
        evaluation.model,
        evaluation.data,
        lines.join("\n")
    ))
}

/// `energy-distance             0.0123 ± 0.0004  (data: 0.0001)`.
fn line(figure: &Figure) -> String {
    let Figure {
        id,
        help,
        value,
        error,
        reference,
    } = figure;
    let error = error.map_or(String::new(), |e| format!(" ± {e:.4}"));
    let reference = reference.map_or(String::new(), |r| format!("  (data: {r:.4})"));
    format!("{id:<26} {value:.4}{error}{reference}\n{:26} {help}", "")
}
