//! The tables in the README are those of the registries. `UPDATE_README=1` writes them anew.

#![expect(clippy::unwrap_used, reason = "the functions between the tests are tests too")]

use std::{fs, path::Path, process::Command};

use serde_json::Value as Json;

fn list(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_diffusion-studio"))
        .arg("list")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "list {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(registry: &str) -> Vec<Json> {
    serde_json::from_str(&list(&[registry, "--json"])).unwrap()
}

const BEGIN: &str = "<!-- list ";
const END: &str = "<!-- end -->";

/// The text with every table made anew, and how many there are.
fn renewed(text: &str) -> (String, usize) {
    let mut parts = text.split(BEGIN);
    let mut out = parts.next().unwrap().to_owned();
    let mut tables = 0;
    for part in parts {
        let (registry, rest) = part.split_once(" -->").unwrap();
        let (_, after) = rest.split_once(END).expect("every table ends");
        let table = list(&[registry, "--markdown"]);
        out.extend([BEGIN, registry, " -->\n", &table, END, after]);
        tables += 1;
    }
    (out, tables)
}

#[test]
fn the_readme_has_the_tables_of_the_registries() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (renewed, tables) = renewed(&text);
    assert!(tables >= 6, "only {tables} tables are marked");
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, renewed).unwrap();
        return;
    }
    for (old, new) in text.lines().zip(renewed.lines()) {
        assert_eq!(
            old, new,
            "README.md is stale: run UPDATE_README=1 cargo test --test readme"
        );
    }
    assert_eq!(
        text, renewed,
        "README.md is stale: run UPDATE_README=1 cargo test --test readme"
    );
}

#[test]
fn samplers_tell_their_order_and_their_calls() {
    let samplers = json("samplers");
    let of = |id: &str| samplers.iter().find(|s| s["id"] == id).unwrap();
    assert_eq!(
        (&of("heun")["order"], &of("heun")["calls_per_step"]),
        (&2.into(), &2.into())
    );
    assert_eq!(of("ddpm")["order"], Json::Null);
    assert_eq!(of("ode")["calls_per_step"], Json::Null);
}

/// A program that reads the list can train or sample without opening anything else.
#[test]
fn recipes_and_models_are_told_in_full() {
    for row in json("recipes").iter().chain(&json("models")) {
        let recipe = &row["recipe"];
        for part in [
            "data",
            "net",
            "schedule",
            "target",
            "weighting",
            "times",
            "train",
            "ema",
            "condition",
            "preview",
        ] {
            assert!(recipe[part].is_object(), "{}: {part}", row["id"]);
        }
        assert!(recipe["train"]["steps"].as_u64() > Some(0), "{}", row["id"]);
        assert!(!row["label"].as_str().unwrap().is_empty() && !row["help"].as_str().unwrap().is_empty());
    }
    let moons = &json("models")[0];
    assert_eq!(moons["domain"]["kind"], "points");
    assert!(moons["step"].as_u64() > Some(0));
}
