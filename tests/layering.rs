//! The arrows between the layers, checked in the source text: `use crate::x` only to the left of
//! `math ← diffusion ← nn ← kernels ← files ← engine ← {app, cli}`, `math ← draw ← files`, `math ← data ← files`.

#![expect(clippy::unwrap_used, reason = "a test ends at the first fault")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each layer with those it may use.
const LAYERS: &[(&str, &[&str])] = &[
    ("math", &[]),
    ("diffusion", &["math"]),
    ("draw", &["math"]),
    ("data", &["math"]),
    ("nn", &["math", "diffusion"]),
    ("kernels", &["math", "diffusion", "nn"]),
    ("files", &["math", "diffusion", "nn", "kernels", "draw", "data"]),
    (
        "engine",
        &["math", "diffusion", "nn", "kernels", "draw", "data", "files"],
    ),
    (
        "app",
        &["math", "diffusion", "nn", "kernels", "draw", "data", "files", "engine"],
    ),
    (
        "cli",
        &["math", "diffusion", "nn", "kernels", "draw", "data", "files", "engine"],
    ),
];

/// Words that only some layers may say, and those layers.
const WORDS: &[(&str, &[&str])] = &[
    ("egui", &["app"]),
    ("eframe", &["app"]),
    ("rfd", &["app"]),
    ("clap", &["cli"]),
    ("candle_core", &["diffusion", "nn", "kernels", "files", "engine", "cli"]),
    ("candle_nn", &["nn", "kernels"]),
    ("unsafe", &["kernels"]),
    ("std::thread::spawn", &[]),
    ("thread::Builder", &["engine", "app"]),
    ("rayon", &["nn", "kernels", "draw", "data", "files", "engine"]),
];

#[test]
fn layers_use_only_what_lies_below() {
    let mut faults = Vec::new();
    for file in sources() {
        let layer = layer_of(&file);
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            continue;
        };
        for used in crate_paths(&code_of(&file)) {
            if used != layer && LAYERS.iter().any(|(name, _)| *name == used) && !allowed.contains(&used.as_str()) {
                faults.push(format!("{} uses crate::{used}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn words_stay_in_their_layers() {
    let mut faults = Vec::new();
    for file in sources() {
        let layer = layer_of(&file);
        let code = code_of(&file);
        for (word, layers) in WORDS {
            if !layers.contains(&layer.as_str()) && says(&code, word) {
                faults.push(format!("{} says {word}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_layer_is_known() {
    let known: BTreeSet<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    let found: BTreeSet<String> = sources().iter().map(|f| layer_of(f)).collect();
    let unknown: Vec<&String> = found
        .iter()
        .filter(|l| !known.contains(l.as_str()) && !["lib", "main"].contains(&l.as_str()))
        .collect();
    assert!(unknown.is_empty(), "add these to the table: {unknown:?}");
}

/// The checks themselves see what they should.
#[test]
fn the_scanner_reads_nested_uses() {
    let code = "use crate::{math::{Level, noise}, diffusion, app::{self, Theme}}; fn f() { crate::engine::run(); }";
    let used: Vec<String> = crate_paths(code).into_iter().collect();
    assert_eq!(used, ["app", "diffusion", "engine", "math"]);
    assert!(says("let x = unsafe { y };", "unsafe"));
    assert!(!says("#![deny(unsafe_code)]", "unsafe"));
    assert_eq!(
        without_comments("a // unsafe\nb /* egui */ c \"rfd // x\" d"),
        "a \nb  c \"\" d"
    );
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 20, "the source folder was not found");
    found.sort();
    found
}

/// The first folder (or file) below `src`.
fn layer_of(file: &Path) -> String {
    let inside = file
        .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap();
    inside
        .iter()
        .next()
        .unwrap()
        .to_string_lossy()
        .trim_end_matches(".rs")
        .into()
}

fn code_of(file: &Path) -> String {
    without_comments(&fs::read_to_string(file).unwrap())
}

/// Source text without comments and without what strings say.
fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("'\"'") {
            3
        } else if c == '"' {
            out.push_str("\"\"");
            string_length(rest)
        } else {
            out.push(c);
            c.len_utf8()
        };
        rest = &rest[skipped..];
    }
    out
}

/// Bytes of the string literal at the start of `text`, with its quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return i + 1,
            _ => {}
        }
    }
    text.len()
}

/// First names of all paths that begin with `crate::`, also in nested braces.
fn crate_paths(code: &str) -> BTreeSet<String> {
    code.match_indices("crate::")
        .flat_map(|(at, prefix)| first_names(&code[at + prefix.len()..]))
        .collect()
}

fn first_names(path: &str) -> Vec<String> {
    match path.strip_prefix('{') {
        None => vec![name_at(path)],
        Some(inside) => {
            let (mut depth, mut names, mut fresh) = (0, Vec::new(), true);
            for (i, c) in inside.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => fresh = true,
                    c if fresh && !c.is_whitespace() => {
                        names.push(name_at(&inside[i..]));
                        fresh = false;
                    }
                    _ => {}
                }
            }
            names
        }
    }
}

fn name_at(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether `word` stands in `code` as a whole word.
fn says(code: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(part_of_name) && !code[at + word.len()..].starts_with(part_of_name))
}
