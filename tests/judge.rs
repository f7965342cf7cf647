//! The classifiers that ship with the program: what they recognise, at which noise, and where they lead.

#![expect(clippy::unwrap_used, reason = "a test ends at the first fault")]

use std::{path::Path, sync::Arc};

use candle_core::{D, Device, Tensor};
use diffusion_studio::{
    data::{self, DataRecipe, Dataset, Progress, Split},
    diffusion::{
        ClassifierGuided, Denoiser, Trajectory,
        guidance::{Classifier as _, NetClassifier},
        loss,
        oracle::Mixture,
        sampler,
    },
    engine::judge::{
        self,
        train::{JudgeRequest, train},
    },
    files::{Overwrite, SavedJudge, judge::JUDGES},
    kernels::PlanExecutor,
    math::{Level, Spec, grid, noise::Seeded, schedule},
    nn::{CandleExecutor, DeviceChoice, Executor, SharedNet, classifier},
};

fn set(source: &str) -> Dataset {
    let recipe = DataRecipe {
        source: source.into(),
        ..DataRecipe::default()
    };
    data::load(&recipe, 0, &Progress::default()).unwrap()
}

fn bundled(set: &Dataset) -> SavedJudge {
    SavedJudge::bundled(&set.id, set.domain).unwrap().unwrap()
}

fn network(judge: &SavedJudge, make: impl FnOnce(diffusion_studio::nn::Graph) -> Box<dyn Executor>) -> NetClassifier {
    let classes = judge.about.class_names.len();
    let graph = classifier::graph(judge.about.domain, classes).unwrap();
    let weights = judge.weights(&graph.params).unwrap();
    let mut exec = make(graph);
    let flat = exec.pack(&weights).unwrap();
    exec.params_mut().copy_from_slice(&flat);
    NetClassifier {
        net: Arc::new(SharedNet::new(exec)),
        classes,
    }
}

fn on_plan(judge: &SavedJudge) -> NetClassifier {
    network(judge, |graph| Box::new(PlanExecutor::new(graph, None).unwrap()))
}

fn pictures(set: &Dataset, indices: &[u32]) -> Tensor {
    Tensor::from_vec(set.tensor(indices), set.domain.shape(indices.len()), &Device::Cpu).unwrap()
}

/// Equal parts of signal and noise by angle, for which a clean picture is 0 and noise 1.
fn level(angle: f64) -> Level {
    let (sigma, alpha) = (angle * std::f64::consts::FRAC_PI_2).sin_cos();
    Level { t: 3.0, alpha, sigma }
}

/// `count` unseen pictures with noise, and their classes.
fn noisy(set: &Dataset, count: usize, at: Level) -> (Tensor, Vec<u32>) {
    let unseen = &Split::new(set.count, 0.1, 0).validation[..count];
    let x0 = pictures(set, unseen);
    let eps = loss::noise(4, 0, 0..count as u64, &set.domain.shape(count), &Device::Cpu).unwrap();
    let x = ((x0 * at.alpha).unwrap() + (eps * at.sigma).unwrap()).unwrap();
    (x, set.classes(unseen).unwrap())
}

fn accuracy(judge: &NetClassifier, (x, classes): &(Tensor, Vec<u32>), at: Level) -> f64 {
    let said = judge.opinion(x, at).unwrap().logits.argmax(D::Minus1).unwrap();
    let said = said.to_vec1::<u32>().unwrap();
    said.iter().zip(classes).filter(|(a, b)| a == b).count() as f64 / classes.len() as f64
}

/// As good on unseen pictures as its file says, still useful where noise is as strong as the signal, and no better than the
/// commonest class where there is nothing but noise.
#[test]
fn the_bundled_judges_know_their_pictures() {
    for bundled_judge in JUDGES {
        let set = set(bundled_judge.data);
        let saved = bundled(&set);
        let judge = on_plan(&saved);
        let at = |angle| accuracy(&judge, &noisy(&set, 150, level(angle)), level(angle));
        let [clean, half, nothing] = [at(0.0), at(0.5), at(1.0)];
        let what = format!("{}: {clean} {half} {nothing}, {}", set.id, saved.about.accuracy);
        println!("{what}");
        assert!(
            (clean - saved.about.accuracy).abs() < 0.08 && saved.about.accuracy > 0.8,
            "{what}"
        );
        assert!(half > 0.3 && half < clean + 0.02, "{what}");
        assert!(nothing < 0.3, "{what}");
        assert_eq!(saved.about.class_names, set.labels.as_ref().unwrap().names);
    }
}

/// A schedule that keeps the signal and lets noise grow shows the same pictures, only larger.
#[test]
fn the_judge_serves_every_schedule() {
    let set = set("digits8x8");
    let judge = on_plan(&bundled(&set));
    let (x, _) = noisy(&set, 5, level(0.4));
    let exploding = Level {
        t: 900.0,
        alpha: 1.0,
        sigma: level(0.4).sigma / level(0.4).alpha,
    };
    let larger = (&x / level(0.4).alpha).unwrap();
    let said = |x: &Tensor, at| {
        judge
            .opinion(x, at)
            .unwrap()
            .logits
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap()
    };
    for (a, b) in said(&x, level(0.4)).iter().zip(said(&larger, exploding)) {
        assert!((a - b).abs() < 1e-4, "{a} is not {b}");
    }
}

/// The gradient on the plan is that of candle's autograd, and that of differences along random directions.
#[test]
fn the_judge_knows_where_it_gets_surer() {
    let set = set("digits8x8");
    let saved = bundled(&set);
    let judge = on_plan(&saved);
    let other = network(&saved, |graph| Box::new(CandleExecutor::new(graph, &Device::Cpu)));
    let at = level(0.5);
    let (x, classes) = noisy(&set, 3, at);
    let gradient = |judge: &NetClassifier| judge.gradient(&x, at, &classes).unwrap();
    let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (found, other) = (gradient(&judge), gradient(&other));
    let largest = flat(&found).into_iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    for (a, b) in flat(&found).iter().zip(flat(&other)) {
        assert!((a - b).abs() < 1e-4 * largest, "{a} is not {b}");
    }
    let log_p = |x: &Tensor| -> f64 {
        let rows = judge
            .opinion(x, at)
            .unwrap()
            .probabilities()
            .unwrap()
            .to_vec2::<f32>()
            .unwrap();
        rows.iter()
            .zip(&classes)
            .map(|(p, &c)| f64::from(p[c as usize]).ln())
            .sum()
    };
    for seed in 0..4 {
        let along = loss::noise(seed, 1, 0..3, &set.domain.shape(3), &Device::Cpu).unwrap();
        let moved = |by: f64| log_p(&(&x + (&along * by).unwrap()).unwrap());
        let difference = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        let expected: f32 = flat(&(&found * &along).unwrap()).iter().sum();
        let off = (difference - f64::from(expected)).abs();
        assert!(off < 0.02 * (1.0 + difference.abs()), "{difference} is not {expected}");
    }
}

/// The exact denoiser of some digits knows no classes; led by the judge it makes the digit that was asked for.
#[test]
fn a_sampler_is_led_to_the_class() {
    let set = set("digits8x8");
    let judge = Arc::new(on_plan(&bundled(&set)));
    let known: Vec<u32> = (0..200).collect();
    let numel = set.domain.numel();
    let shape = |n: usize| set.domain.shape(n);
    let wanted: Vec<u32> = (0..20).map(|i| i % 10).collect();
    let schedule: Arc<dyn schedule::NoiseSchedule> = schedule::build(&Spec::new("cosine")).unwrap().into();
    let led = |scale: f64| {
        let points = set.tensor(&known).into_iter().map(f64::from).collect::<Vec<_>>();
        let guided = ClassifierGuided {
            inner: Flat(Mixture::points(points.chunks(numel).map(<[f64]>::to_vec))),
            classifier: judge.clone(),
            classes: wanted.clone(),
            scale,
            interval: (0.0, f64::INFINITY),
        };
        let start = loss::noise(8, 0, 0..20, &shape(20), &Device::Cpu).unwrap();
        let moves = grid::time_grid(&*schedule, grid::build(&Spec::new("trailing")).unwrap(), 25);
        let sampler = sampler::build(&Spec::new("ddim")).unwrap();
        let walk = Trajectory::new(
            moves,
            sampler,
            Box::new(guided),
            schedule.clone(),
            Box::new(Seeded(1)),
            &start,
            0,
        );
        let last = walk.unwrap().map(Result::unwrap).last().unwrap().next;
        accuracy(&judge, &(last, wanted.clone()), Level::clean(0.0))
    };
    let (alone, led) = (led(0.0), led(4.0));
    println!("{alone} of the samples are of the class without the judge, {led} with it");
    assert!(alone <= 0.3 && led >= 0.8, "{alone} {led}");
}

/// An oracle of rows as a denoiser of pictures.
struct Flat(Mixture);

impl Denoiser for Flat {
    fn predict(&self, x: &Tensor, at: Level) -> candle_core::Result<diffusion_studio::diffusion::Prediction> {
        let belief = self.0.predict(&x.flatten_from(1)?, at)?;
        Ok(diffusion_studio::diffusion::Prediction {
            x0: belief.x0.reshape(x.shape())?,
            eps: belief.eps.reshape(x.shape())?,
            var: None,
        })
    }
}

#[test]
fn a_judge_is_trained_and_kept() {
    let request = JudgeRequest {
        data: "digits8x8".into(),
        epochs: 2,
        seed: 2,
    };
    let made = train(&request, DeviceChoice::Auto, |_| {}).unwrap();
    // One class in ten by chance.
    assert!(made.about.accuracy > 0.2, "{}", made.about.accuracy);
    assert_eq!(
        made.weights,
        train(&request, DeviceChoice::Auto, |_| {}).unwrap().weights
    );
    let folder = tempfile::tempdir().unwrap();
    let path = made
        .write(&folder.path().join("a.safetensors"), Overwrite::Refuse)
        .unwrap();
    assert_eq!(SavedJudge::open(&path).unwrap(), made);
    let domain = made.about.domain;
    assert_eq!(judge::open(Some(&path), "anything", domain).unwrap(), Some(made));
    let others = set("fashion-mnist").domain;
    let fault = judge::open(Some(&path), "fashion-mnist", others)
        .unwrap_err()
        .to_string();
    assert!(fault.contains("judges other samples"), "{fault}");
    assert_eq!(judge::open(None, "brain-slices64", domain).unwrap(), None);
}

#[test]
fn what_is_no_judge_is_refused() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models/moons/ema.safetensors");
    let fault = SavedJudge::open(&model).unwrap_err().to_string();
    assert!(fault.contains("holds no classifier"), "{fault}");
    let request = JudgeRequest {
        data: "moons".into(),
        epochs: 1,
        seed: 0,
    };
    assert!(train(&request, DeviceChoice::Auto, |_| {}).is_err());
}
