//! `list`: the registries, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::args::{ListArgs, Registry};
use crate::{
    data,
    diffusion::sampler,
    engine::suggest,
    files::bundled,
    math::{
        Entry, Param, grid, schedule,
        spec::{Kind, Value},
        target,
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
}

impl Row {
    fn all<T: ?Sized>(entries: &[&Entry<T>]) -> Vec<Self> {
        entries.iter().map(|e| Self::of(e)).collect()
    }

    /// An entry that has only a name.
    fn named(id: &str) -> Self {
        Self {
            id: id.into(),
            label: String::new(),
            help: String::new(),
            source: String::new(),
            params: &[],
        }
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
        }
    }
}

/// The text that `list` prints.
pub(super) fn list(args: &ListArgs) -> String {
    let rows = rows(args.what);
    if args.json {
        let all: Vec<Json> = rows.iter().map(json_of).collect();
        format!("{:#}", Json::from(all))
    } else {
        rows.iter().map(text_of).collect::<String>().trim_end().to_owned()
    }
}

fn rows(what: Registry) -> Vec<Row> {
    match what {
        Registry::Samplers => Row::all(sampler::ENTRIES),
        Registry::Spacings => Row::all(grid::ENTRIES),
        Registry::Schedules => Row::all(schedule::ENTRIES),
        Registry::Targets => Row::all(target::ENTRIES),
        Registry::Nets => Row::all(nn::ENTRIES),
        Registry::Data => Row::all(data::ENTRIES),
        Registry::Recipes => suggest::RECIPES.iter().map(|(id, _)| Row::named(id)).collect(),
        Registry::Models => bundled::ALL.iter().map(|model| Row::named(model.id)).collect(),
    }
}

fn text_of(row: &Row) -> String {
    let Row {
        id,
        label,
        help,
        source,
        params,
    } = row;
    let mut text = format!("{id:<22} {label}\n");
    if !help.is_empty() {
        let _ = writeln!(text, "{:22} {help}", "");
    }
    if !source.is_empty() {
        let _ = writeln!(text, "{:22} {source}", "");
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
    } = row;
    let params: Vec<Json> = params.iter().map(param_json).collect();
    json!({ "id": id, "label": label, "help": help, "source": source, "params": params })
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
