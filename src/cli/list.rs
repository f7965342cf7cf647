//! `list`: the registries, for people, for programs and for documents.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::args::{ListArgs, Registry};
use crate::{
    data,
    diffusion::{
        oracle::fit,
        restore::{Method, method, task},
        sampler, times,
    },
    engine::{
        lint::{TRAPS, Trap},
        suggest,
    },
    files::{Recipe, bundled},
    math::{
        Entry, Param, Spec, grid, schedule,
        spec::{Kind, Value},
        target, weighting,
    },
    nn,
};

/// One entry of any registry.
struct Row {
    id: String,
    label: String,
    help: String,
    source: String,
    params: &'static [Param],
    /// What only this registry tells: name, and value as JSON.
    facts: Vec<(&'static str, Json)>,
}

impl Row {
    fn all<T: ?Sized>(entries: &[&Entry<T>]) -> Vec<Self> {
        entries.iter().map(|e| Self::of(e)).collect()
    }

    fn of<T: ?Sized>(entry: &Entry<T>) -> Self {
        let Entry {
            id,
            label,
            help,
            source,
            params,
            build: _,
        } = entry;
        Self {
            id: (*id).into(),
            label: (*label).into(),
            help: (*help).into(),
            source: (*source).into(),
            params,
            facts: Vec::new(),
        }
    }

    /// A sampler with its default parameters.
    fn of_sampler(entry: &'static Entry<dyn sampler::Sampler>) -> anyhow::Result<Self> {
        let built = sampler::build(&Spec::new(entry.id))?;
        Ok(Self {
            facts: vec![
                ("order", json!(built.order())),
                ("calls per step", json!(built.calls())),
            ],
            ..Self::of(entry)
        })
    }

    /// A method of restoration with its default parameters.
    fn of_method(entry: &'static Entry<dyn Method>) -> anyhow::Result<Self> {
        let built = method::build(&Spec::new(entry.id))?;
        Ok(Self {
            facts: vec![
                ("tasks", json!(built.tasks())),
                ("noise", json!(built.bears_noise())),
                ("exact", json!(built.is_exact())),
                ("steps", json!(built.steps())),
            ],
            ..Self::of(entry)
        })
    }

    /// A trap that settings can walk into.
    fn of_trap(trap: &Trap) -> Self {
        Self {
            id: trap.id.into(),
            label: trap.title.into(),
            help: trap.reason.into(),
            source: trap.source.into(),
            params: &[],
            facts: vec![("part", json!([trap.part.label()]))],
        }
    }

    /// A recipe, or a model that was trained with it.
    fn of_recipe(id: &str, recipe: &Recipe, facts: Vec<(&'static str, Json)>) -> anyhow::Result<Self> {
        let Recipe {
            data,
            net,
            schedule,
            target,
            train,
            ..
        } = recipe;
        let data = data::ENTRIES.iter().find(|e| e.id == data.source);
        let whole = ("recipe", serde_json::to_value(recipe)?);
        Ok(Self {
            id: id.into(),
            label: data.map_or("", |entry| entry.label).into(),
            help: format!(
                "{} on the {} schedule with the {} target, {} steps of {} samples",
                net.id, schedule.id, target.id, train.steps, train.batch
            ),
            source: String::new(),
            params: &[],
            facts: facts.into_iter().chain([whole]).collect(),
        })
    }
}

/// The text that `list` prints.
pub(super) fn list(args: &ListArgs) -> anyhow::Result<String> {
    let rows = rows(args.what)?;
    Ok(if args.json {
        let all: Vec<Json> = rows.iter().map(json_of).collect();
        format!("{:#}", Json::from(all))
    } else if args.markdown {
        table(&rows)
    } else {
        rows.iter().map(text_of).collect::<String>().trim_end().to_owned()
    })
}

fn rows(what: Registry) -> anyhow::Result<Vec<Row>> {
    match what {
        Registry::Samplers => sampler::ENTRIES.iter().map(|e| Row::of_sampler(e)).collect(),
        Registry::Methods => method::ENTRIES.iter().map(|e| Row::of_method(e)).collect(),
        Registry::Tasks => Ok(Row::all(task::ENTRIES)),
        Registry::Spacings => Ok(Row::all(grid::ENTRIES)),
        Registry::Schedules => Ok(Row::all(schedule::ENTRIES)),
        Registry::Targets => Ok(Row::all(target::ENTRIES)),
        Registry::Weightings => Ok(Row::all(weighting::ENTRIES)),
        Registry::Times => Ok(Row::all(times::ENTRIES)),
        Registry::Nets => Ok(Row::all(nn::ENTRIES)),
        Registry::Data => Ok(Row::all(data::ENTRIES)),
        Registry::Exact => Ok(Row::all(fit::ENTRIES)),
        Registry::Traps => Ok(TRAPS.iter().map(|trap| Row::of_trap(trap)).collect()),
        Registry::Recipes => {
            let recipe = |(id, text): &(&str, &str)| Row::of_recipe(id, &Recipe::parse(text, id)?, Vec::new());
            suggest::RECIPES.iter().map(recipe).collect()
        }
        Registry::Models => {
            let model = |model: &bundled::Bundled| {
                let opened = model.open()?;
                let facts = vec![
                    ("step", json!(opened.step)),
                    ("domain", json!(opened.domain)),
                    ("classes", json!(opened.class_names)),
                ];
                Row::of_recipe(model.id, &opened.recipe, facts)
            };
            bundled::ALL.iter().map(model).collect()
        }
    }
}

fn text_of(row: &Row) -> String {
    let Row {
        id,
        label,
        help,
        source,
        params,
        facts,
    } = row;
    let mut text = format!("{id:<22} {label}\n");
    for line in [help, source].into_iter().filter(|line| !line.is_empty()) {
        let _ = writeln!(text, "{:22} {line}", "");
    }
    let facts = facts.iter().map(|(name, value)| (name, told(value)));
    for (name, value) in facts.filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "{:22} {name}: {value}", "");
    }
    for param in *params {
        let _ = writeln!(
            text,
            "{:22}   {} = {}  {} [{}]",
            "",
            param.id,
            param.default(),
            param.help,
            range(param.kind)
        );
    }
    text
}

/// A fact in words; whole recipes are for programs.
fn told(value: &Json) -> String {
    match value {
        Json::Number(number) => number.to_string(),
        Json::Bool(is) => if *is { "yes" } else { "no" }.into(),
        Json::Array(words) => words.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "),
        _ => String::new(),
    }
}

/// A table with one line an entry; what an entry does not tell is a dash.
fn table(rows: &[Row]) -> String {
    let facts = rows.first().map_or(&[][..], |row| &row.facts);
    let names: Vec<&str> = facts.iter().map(|(name, _)| *name).collect();
    let head = ["id", "name", "what", "paper"].into_iter().chain(names.iter().copied());
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head.clone().map(str::to_owned).collect());
    text += &line(head.map(|_| "---".to_owned()).collect());
    for row in rows {
        let cell = |text: &str| {
            if text.is_empty() {
                "–".to_owned()
            } else {
                text.replace('|', "\\|")
            }
        };
        let fact = |(_, value): &(&str, Json)| cell(&told(value));
        let fixed = [
            format!("`{}`", row.id),
            cell(&row.label),
            cell(&row.help),
            paper(&row.source),
        ];
        text += &line(fixed.into_iter().chain(row.facts.iter().map(fact)).collect());
    }
    text.trim_end().to_owned()
}

/// A link where the source is an arXiv number.
fn paper(source: &str) -> String {
    match source.strip_prefix("arXiv:") {
        Some(number) => format!("[{number}](https://arxiv.org/abs/{number})"),
        None if source.is_empty() => "–".into(),
        None => source.replace('|', "\\|"),
    }
}

fn range(kind: Kind) -> String {
    match kind {
        Kind::Real { min, max, .. } => format!("{min} to {max}"),
        Kind::Int { min, max, .. } => format!("{min} to {max}"),
        Kind::Choice(options) => options.join(", "),
        Kind::Flag(_) => "true or false".into(),
        Kind::Text(_) => "text".into(),
    }
}

fn json_of(row: &Row) -> Json {
    let Row {
        id,
        label,
        help,
        source,
        params,
        facts,
    } = row;
    let params: Vec<Json> = params.iter().map(param_json).collect();
    let mut json = json!({ "id": id, "label": label, "help": help, "source": source, "params": params });
    for (name, value) in facts {
        json[name.replace(' ', "_")] = value.clone();
    }
    json
}

fn param_json(param: &Param) -> Json {
    let mut json = json!({ "id": param.id, "help": param.help, "default": value_json(&param.default()) });
    match param.kind {
        Kind::Real { min, max, .. } => json["range"] = json!([min, max]),
        Kind::Int { min, max, .. } => json["range"] = json!([min, max]),
        Kind::Choice(options) => json["options"] = json!(options),
        Kind::Flag(_) | Kind::Text(_) => {}
    }
    json
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::Flag(v) => json!(v),
        Value::Int(v) => json!(v),
        Value::Real(v) => json!(v),
        Value::Text(v) => json!(v),
    }
}
