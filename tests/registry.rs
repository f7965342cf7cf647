//! Every entry of every registry: ids, defaults, and eight steps of every sampler.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use candle_core::{Device, Tensor};
use diffusion_studio::{
    diffusion::{
        Trajectory,
        oracle::Mixture,
        restore::{method, task},
        sampler, times,
    },
    math::{
        Entry, Spec, grid,
        noise::{Address, Seeded, Stream},
        schedule, spec, target, weighting,
    },
};

fn check<T: ?Sized>(what: &'static str, entries: &[&'static Entry<T>]) {
    let ids: BTreeSet<&str> = entries.iter().map(|e| e.id).collect();
    assert_eq!(ids.len(), entries.len(), "{what}: an id is used twice");
    for entry in entries {
        let words = [entry.id].into_iter().chain(entry.params.iter().map(|p| p.id));
        for id in words {
            assert!(is_kebab_case(id), "{what}: “{id}” is not in kebab-case");
        }
        assert!(
            !entry.label.is_empty() && !entry.help.ends_with('.'),
            "{what} {}",
            entry.id
        );
        spec::build(what, entries, &Spec::new(entry.id)).unwrap_or_else(|e| panic!("{what} {}: {e}", entry.id));
    }
}

fn is_kebab_case(id: &str) -> bool {
    let words = id
        .split('-')
        .all(|w| !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
    words && id.starts_with(|c: char| c.is_ascii_lowercase())
}

#[test]
fn entries_have_good_names_and_defaults() {
    check("schedule", schedule::ENTRIES);
    check("spacing", grid::ENTRIES);
    check("target", target::ENTRIES);
    check("sampler", sampler::ENTRIES);
    check("time sampling", times::ENTRIES);
    check("method", method::ENTRIES);
    check("task", task::ENTRIES);
    check("weighting", weighting::ENTRIES);
}

#[test]
fn every_sampler_stays_finite_on_every_schedule() {
    let mut start = vec![0.0; 8];
    let address = Address {
        seed: 1,
        stream: Stream::Start,
        sample: 0,
        mv: 0,
        draw: 0,
    };
    address.normals(&mut start);
    let start = Tensor::from_vec(start, (4, 2), &Device::Cpu).unwrap();
    for kind in schedule::ENTRIES {
        let schedule: Arc<dyn schedule::NoiseSchedule> = schedule::build(&Spec::new(kind.id)).unwrap().into();
        for spacing in grid::ENTRIES {
            let moves = grid::time_grid(&*schedule, grid::build(&Spec::new(spacing.id)).unwrap(), 8);
            for entry in sampler::ENTRIES {
                let trajectory = Trajectory::new(
                    moves.clone(),
                    sampler::build(&Spec::new(entry.id)).unwrap(),
                    Box::new(Mixture::gaussian(vec![0.3, -0.2], 0.5)),
                    schedule.clone(),
                    Box::new(Seeded(1)),
                    &start,
                    0,
                )
                .unwrap();
                let name = format!("{} {} {}", entry.id, kind.id, spacing.id);
                let steps: Vec<_> = trajectory
                    .collect::<Result<_, _>>()
                    .unwrap_or_else(|e| panic!("{name}: {e}"));
                assert_eq!(steps.len(), moves.len(), "{name}");
                for step in steps {
                    for tensor in [&step.next, &step.belief.x0, &step.belief.eps] {
                        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                        assert!(values.iter().all(|v| v.is_finite()), "{name} at {:?}", step.mv);
                    }
                }
            }
        }
    }
}

/// A formula and what belongs to it fit on a few screens. Lists of entries and tests may be longer.
#[test]
fn formula_files_are_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folders = [
        "diffusion",
        "math/schedule",
        "math/grid",
        "math/target.rs",
        "math/level.rs",
        "math/moves.rs",
        "math/weighting.rs",
    ];
    let mut files: Vec<PathBuf> = folders.iter().map(|f| root.join(f)).collect();
    let mut met = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let may_be_long =
            ["tests.rs", "entries.rs"].iter().any(|end| name.ends_with(end)) || name.contains("scheduler_config");
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        let limit = if name.ends_with("mod.rs") { 200 } else { 150 };
        assert!(may_be_long || lines <= limit, "{name} has {lines} lines: split it");
        met += 1;
    }
    assert!(met > 50, "only {met} files were met");
}
