//! What a network can be trained for besides the plain squared error, from the recipe to the samples.

#![expect(clippy::unwrap_used, reason = "the functions between the tests are tests too")]

mod rig;

use diffusion_studio::{
    engine::Command,
    files::Recipe,
    math::{Frame, Spec, Value},
};
use rig::{Rig, failures, losses, points, request, steps, train};
use tempfile::tempdir;

fn hybrid(steps: u64) -> Recipe {
    let mut recipe = points(steps);
    recipe.set("weighting", "hybrid").unwrap();
    recipe.set("net.variance", "true").unwrap();
    recipe
}

#[test]
fn a_learned_variance_is_sampled_with() {
    let runs = tempdir().unwrap();
    let mut rig = Rig::new(runs.path());
    rig.send(train(hybrid(60))).rest();
    let mut learned = request(1, 6, "ddpm");
    learned.sampler = learned.sampler.with("variance", Value::Text("learned".into()));
    let mut small = request(2, 6, "ddpm");
    small.sampler = small.sampler.with("variance", Value::Text("small".into()));
    rig.send(Command::Sample(Box::new(learned)))
        .send(Command::Sample(Box::new(small)))
        .rest();
    let events = rig.take();
    assert!(failures(&events).is_empty(), "{:?}", failures(&events));
    assert!(losses(&events).iter().all(|(_, loss)| loss.is_finite()));
    let last = |id| match steps(&events, id).pop().unwrap().x {
        Frame::Points { xy } => xy,
        Frame::Pixels { .. } => unreachable!("these are points"),
    };
    assert!(last(1).iter().all(|v| v.is_finite()));
    assert_ne!(last(1), last(2));
}

#[test]
fn a_variance_needs_a_net_a_weighting_and_a_schedule_for_it() {
    let refusal = |change: &[(&str, &str)]| {
        let runs = tempdir().unwrap();
        let mut rig = Rig::new(runs.path());
        let mut recipe = hybrid(2);
        for (key, value) in change {
            recipe.set(key, value).unwrap();
        }
        failures(&rig.send(train(recipe)).rest().take()).join("\n")
    };
    assert_eq!(refusal(&[]), "");
    assert_eq!(refusal(&[("weighting", "vlb")]), "");
    assert!(refusal(&[("net.variance", "false")]).contains("net.variance to true"));
    assert!(refusal(&[("weighting", "simple")]).contains("choose hybrid or vlb"));
    assert!(refusal(&[("schedule", "vp")]).contains("a discrete schedule"));
}

/// The loss that is told stays comparable: the squared error, not what it becomes when uncertainty divides it.
#[test]
fn learned_uncertainty_divides_the_gradient_not_the_curve() {
    let run = |weighting: &str| {
        let runs = tempdir().unwrap();
        let mut recipe = points(30);
        recipe.weighting = Spec::new(weighting);
        losses(&Rig::new(runs.path()).send(train(recipe)).rest().take())
    };
    let (simple, learned) = (run("simple"), run("learned"));
    // Before the first update both are the same; later they part, but not far.
    assert_eq!(simple[0], learned[0]);
    assert_ne!(simple[29], learned[29]);
    let mean = |losses: &[(u64, f32)]| losses.iter().map(|(_, loss)| loss).sum::<f32>() / losses.len() as f32;
    assert!((mean(&simple) / mean(&learned) - 1.0).abs() < 0.1);
}
