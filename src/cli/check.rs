//! `check`: what is wrong with settings, without running them.

use serde_json::{Value as Json, json};

use super::{args::CheckArgs, train};
use crate::{
    data::{self, Progress, stats::Stats},
    diffusion::{Guidance, sampler},
    engine::{
        command::SampleRequest,
        lint::{self, About, Advice, Settings},
    },
    math::{Spec, grid},
};

/// The text that `check` prints.
pub(super) fn check(args: &CheckArgs) -> anyhow::Result<String> {
    let recipe = train::open(&args.recipe)?;
    recipe.check()?;
    let request = SampleRequest {
        sampler: Spec::new(&args.sampler),
        steps: args.steps as usize,
        spacing: Spec::new(&args.spacing),
        guidance: Guidance::scale(args.guidance),
        ..SampleRequest::default()
    };
    sampler::build(&request.sampler)?;
    grid::build(&request.spacing)?;
    let data = data::load(&recipe.data, recipe.seed, &Progress::default())?;
    let told = lint::look(Settings {
        recipe: &recipe,
        request: Some(&request),
        data: About {
            domain: Some(data.domain),
            spread: Some(Stats::of(&data).sigma_data),
        },
    });
    Ok(match (args.json, told.is_empty()) {
        (true, _) => format!("{:#}", Json::from(told.iter().map(json_of).collect::<Vec<_>>())),
        (false, true) => "nothing to worry about".into(),
        (false, false) => told.iter().map(text_of).collect::<Vec<_>>().join("\n"),
    })
}

fn text_of(advice: &Advice) -> String {
    let Advice {
        trap,
        severity,
        text,
        remedy,
    } = advice;
    let mut lines = vec![
        format!("{}: {text} [{}]", severity.label(), trap.id),
        format!("    {}", trap.reason),
    ];
    lines.extend((!trap.source.is_empty()).then(|| format!("    {}", trap.source)));
    lines.extend(remedy.as_ref().map(|remedy| format!("    remedy: {}", remedy.label)));
    lines.join("\n")
}

fn json_of(advice: &Advice) -> Json {
    json!({
        "trap": advice.trap.id,
        "part": advice.trap.part.label(),
        "severity": advice.severity.label(),
        "text": advice.text,
        "reason": advice.trap.reason,
        "source": advice.trap.source,
        "remedy": advice.remedy.as_ref().map(|remedy| remedy.label),
    })
}
