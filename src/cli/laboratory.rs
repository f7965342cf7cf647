//! `laboratory`: every sampler's error by network calls, as a table.

use anyhow::{Context as _, bail};

use super::{
    args::LaboratoryArgs,
    sample::{model, with_schedule},
};
use crate::{
    data::Progress,
    engine::{
        Settings,
        command::Model,
        laboratory::{LaboratoryRequest, Row, Table, Trial, compare},
    },
    math::Spec,
};

/// The text that `laboratory` prints.
pub(super) fn laboratory(args: &LaboratoryArgs, settings: &Settings) -> anyhow::Result<String> {
    let mut calls = args.calls.clone();
    calls.sort_unstable();
    let request = LaboratoryRequest {
        model: chosen(args)?,
        spacing: Spec::new(&args.spacing),
        calls,
        count: args.count as usize,
        seed: args.seed,
    };
    let table = compare(&request, settings.device, &Progress::default())?;
    if args.json {
        return serde_json::to_string_pretty(&table).context("the table cannot be written as JSON");
    }
    Ok(text(&table, &request))
}

/// The model of the comparison, whose error is measured on its own schedule.
fn chosen(args: &LaboratoryArgs) -> anyhow::Result<Model> {
    match with_schedule(model(&args.model), args.schedule.as_deref())? {
        (model, None) => Ok(model),
        (_, Some(schedule)) => bail!(
            "--schedule {}: a trained model is measured on its own schedule; only exact models, as exact:moons, can change it",
            schedule.id
        ),
    }
}

fn text(table: &Table, request: &LaboratoryRequest) -> String {
    let best = table.data_distance.map_or_else(String::new, |d| {
        format!("\nw: sliced Wasserstein distance to the data, for samplers that draw noise; the data's own is {d:.3}")
    });
    let head = request
        .calls
        .iter()
        .map(|calls| format!("{calls:>10}"))
        .collect::<Vec<_>>()
        .concat();
    let rows: String = table.rows.iter().map(|row| line(row, &request.calls)).collect();
    format!(
        "{}: root mean square error of {} samples by network calls{best}\n{:<22}{head}   order\n{}",
        table.model,
        request.count,
        "",
        rows.trim_end()
    )
}

fn line(row: &Row, calls: &[usize]) -> String {
    let cell = |wanted: &usize| match row.trials.iter().find(|t| t.wanted == *wanted) {
        Some(Trial { error: Some(e), .. }) => format!("{e:>10.2e}"),
        Some(Trial { distance: Some(d), .. }) => format!("{:>10}", format!("w {d:.3}")),
        _ => format!("{:>10}", "–"),
    };
    let cells: String = calls.iter().map(cell).collect();
    let order = row.order.map_or_else(|| "–".into(), |o| format!("{o:.1}"));
    format!("{:<22}{cells}{order:>8}\n", row.label)
}
