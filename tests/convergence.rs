//! Samplers against exact answers: the order of every ODE solver, and the mean and deviation of what the stochastic ones
//! make of a Gaussian.

#![expect(clippy::unwrap_used, reason = "a test ends at the first fault")]

mod affine;

use std::sync::{Arc, Mutex};

use affine::{OneByOne, statistics};
use candle_core::{Device, Tensor};
use diffusion_studio::{
    diffusion::{
        Denoiser, Prediction, Step, Trajectory,
        oracle::{Component, Mixture},
        sampler,
    },
    math::{
        Level, Move, Spec, Units, Value, grid,
        noise::NoiseSource,
        schedule::{self, NoiseSchedule},
    },
};

/// No noise at all.
struct Silence;

impl NoiseSource for Silence {
    fn normals(&self, _: u64, _: u64, _: u64, out: &mut [f32]) {
        out.fill(0.0);
    }
}

fn built(id: &str) -> Arc<dyn NoiseSchedule> {
    schedule::build(&Spec::new(id)).unwrap().into()
}

fn tensor(values: &[f64]) -> Tensor {
    Tensor::from_slice(values, (values.len(), 1), &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

// The order of the ODE solvers.

/// Two bumps on the line: smooth, and not linear.
fn bumps() -> Mixture {
    let bump = |weight, mean, std| Component {
        weight,
        mean: vec![mean],
        std,
    };
    Mixture::new(vec![bump(1.0, -1.0, 0.4), bump(2.0, 0.8, 0.3)])
}

const START: [f64; 4] = [-2.5, -0.7, 0.4, 3.0];
/// The noise in variance-exploding units at both ends of the stretch.
const ENDS: (f64, f64) = (2.0, 0.4);

/// States in variance-exploding units at falling noise levels, by the classic Runge–Kutta method in `ln(sigma)` with
/// steps so small that it counts as exact.
fn exact(sigmas: &[f64]) -> Vec<Vec<f64>> {
    let model = bumps();
    let tangent = |x: &[f64], l: f64| -> Vec<f64> {
        let at = Level {
            t: 0.0,
            alpha: 1.0,
            sigma: l.exp(),
        };
        let x0 = values(&model.predict(&tensor(x), at).unwrap().x0);
        x.iter().zip(x0).map(|(x, x0)| x - x0).collect()
    };
    let add = |x: &[f64], k: &[f64], h: f64| -> Vec<f64> { x.iter().zip(k).map(|(x, k)| x + h * k).collect() };
    let mut x = START.to_vec();
    let mut states = vec![x.clone()];
    for pair in sigmas.windows(2) {
        let pieces = 1 + 2048 / sigmas.len();
        let h = (pair[1] / pair[0]).ln() / pieces as f64;
        for i in 0..pieces {
            let l = pair[0].ln() + h * i as f64;
            let k1 = tangent(&x, l);
            let k2 = tangent(&add(&x, &k1, h / 2.0), l + h / 2.0);
            let k3 = tangent(&add(&x, &k2, h / 2.0), l + h / 2.0);
            let k4 = tangent(&add(&x, &k3, h), l + h);
            let mean: Vec<f64> = (0..x.len())
                .map(|j| (k1[j] + 2.0 * k2[j] + 2.0 * k3[j] + k4[j]) / 6.0)
                .collect();
            x = add(&x, &mean, h);
        }
        states.push(x.clone());
    }
    states
}

/// `n + 1` noise levels, even in their logarithm, and the exact states there.
struct Stretch {
    sigmas: Vec<f64>,
    truth: Vec<Vec<f64>>,
}

impl Stretch {
    fn of(n: usize) -> Self {
        let ratio: f64 = ENDS.1 / ENDS.0;
        let sigmas: Vec<f64> = (0..=n).map(|i| ENDS.0 * ratio.powf(i as f64 / n as f64)).collect();
        let truth = exact(&sigmas);
        Self { sigmas, truth }
    }
}

/// Largest error at the end of a stretch. The first three moves are exact, so that multistep methods do not show the
/// order of their start.
fn error(spec: &Spec, schedule: &Arc<dyn NoiseSchedule>, stretch: &Stretch) -> f64 {
    let Stretch { sigmas, truth } = stretch;
    let n = sigmas.len() - 1;
    let levels: Vec<Level> = sigmas.iter().map(|&s| schedule.at_sigma(s)).collect();
    let moves: Vec<Move> = levels.windows(2).map(|w| Move { from: w[0], to: w[1] }).collect();
    let sampler = sampler::build(spec).unwrap();
    let units = sampler.units();
    let state = |i: usize| {
        let factor = match units {
            Units::Schedule => levels[i].alpha,
            Units::VarianceExploding => 1.0,
        };
        (tensor(&truth[i]) * factor).unwrap()
    };
    let past = (0..3).map(|i| Step {
        mv: moves[i],
        x: state(i),
        belief: bumps()
            .predict(&(tensor(&truth[i]) * levels[i].alpha).unwrap(), levels[i])
            .unwrap(),
        next: state(i + 1),
    });
    let past: Vec<Step> = past.collect();
    let (model, noise) = (Box::new(bumps()), Box::new(Silence));
    let mut trajectory = Trajectory::new(moves, sampler, model, schedule.clone(), noise, &state(0), 0).unwrap();
    trajectory.seek(3, state(3), past);
    let last = trajectory.map(Result::unwrap).last().unwrap().next;
    let difference = (last - state(n)).unwrap();
    values(&difference).into_iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}

/// Every ODE solver in its forms, and the order that its paper proves.
fn solvers() -> Vec<(Spec, usize)> {
    let full = |id: &str| Spec::new(id).with("lower-order-final", Value::Flag(false));
    let on_grid = |id: &str| Spec::new(id).with("between", Value::Text("grid".into()));
    let with_heun = |spec: Spec| spec.with("solver", Value::Text("heun".into()));
    let with_order = |id: &str, order| full(id).with("order", Value::Int(order));
    vec![
        (Spec::new("ddim"), 1),
        (Spec::new("euler"), 1),
        (Spec::new("flow-euler"), 1),
        (Spec::new("dpmpp-1s"), 1),
        (with_order("dpmpp-2m", 1), 1),
        (Spec::new("euler-a").with("eta", Value::Int(0)), 1),
        (Spec::new("heun"), 2),
        (Spec::new("flow-heun"), 2),
        (Spec::new("dpm2"), 2),
        (Spec::new("dpmpp-2s"), 2),
        (on_grid("dpmpp-2s"), 2),
        (with_heun(on_grid("dpmpp-2s")), 2),
        (with_heun(Spec::new("dpmpp-2s")), 2),
        (Spec::new("dpmpp-3s"), 3),
        (with_heun(Spec::new("dpmpp-3s")), 3),
        (on_grid("dpmpp-3s"), 3),
        (with_heun(on_grid("dpmpp-3s")), 3),
        (full("dpmpp-2m"), 2),
        (full("dpmpp-2m").with("solver", Value::Text("heun".into())), 2),
        (full("dpmpp-3m"), 3),
        // As published, the second derivative counts half of what it should.
        (full("dpmpp-3m").with("published", Value::Flag(true)), 2),
        (with_order("deis", 1), 1),
        (with_order("deis", 2), 2),
        (with_order("deis", 3), 3),
        // The corrector adds one to the order of the predictor.
        (with_order("unipc", 1), 2),
        (with_order("unipc", 2), 3),
        (with_order("unipc", 3), 4),
        (with_order("unipc", 2).with("variant", Value::Text("bh1".into())), 3),
        (Spec::new("lms").with("order", Value::Int(2)), 2),
        (Spec::new("lms"), 4),
        // Fourth order needs even steps in sigma / alpha; on any other grid the paper proves two.
        (Spec::new("plms"), 2),
        (Spec::new("plms").with("runge-kutta", Value::Flag(true)), 2),
    ]
}

#[test]
fn every_ode_solver_has_its_order() {
    // Divisible by two and three, for methods that need several moves for a step.
    let (coarse, fine) = (Stretch::of(36), Stretch::of(72));
    let mut faults = Vec::new();
    for (spec, expected) in solvers() {
        for schedule in ["vp", "edm", "flow"] {
            let error = |stretch| error(&spec, &built(schedule), stretch);
            let found = (error(&coarse) / error(&fine)).log2();
            println!("{} {:?} on {schedule}: order {found:.2}", spec.id, spec.values);
            if (found - expected as f64).abs() > 0.35 {
                faults.push(format!(
                    "{} {:?} on {schedule}: {found:.2}, not {expected}",
                    spec.id, spec.values
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The sampler laboratory in print: the error at equal numbers of network calls, on two bumps. Methods of higher order must
/// be worth their calls.
#[test]
fn higher_orders_are_worth_their_calls() {
    let schedule = built("vp");
    let calls = [12, 24, 48, 96];
    println!("largest error after a number of network calls: {calls:?}");
    let error_after = |spec: &Spec, calls: usize| {
        let per_move = sampler::build(spec).unwrap().calls().unwrap();
        error(spec, &schedule, &Stretch::of(calls / per_move))
    };
    let euler = error_after(&Spec::new("euler"), 96);
    for (spec, order) in solvers() {
        let errors = calls.map(|n| error_after(&spec, n));
        let [first, .., last] = errors;
        let shown = errors.map(|e| format!("{e:.1e}")).join(" ");
        println!("{:<12} order {order}: {shown} {:?}", spec.id, spec.values);
        assert!(last < first, "{} {:?}: {errors:?}", spec.id, spec.values);
        assert!(
            order < 2 || last < euler / 3.0,
            "{} {:?}: {last:e}, Euler {euler:e}",
            spec.id,
            spec.values
        );
    }
}

/// A sample near the origin on its own, where nothing but the tolerance's absolute part counts.
#[test]
fn the_adaptive_solver_keeps_its_tolerance_near_the_origin() {
    let (schedule, stretch) = (built("vp"), Stretch::of(1));
    let moves = vec![Move {
        from: schedule.at_sigma(ENDS.0),
        to: schedule.at_sigma(ENDS.1),
    }];
    let spec = Spec::new("ode").with("tolerance", Value::Real(1e-6));
    let (sampler, model, start) = (sampler::build(&spec).unwrap(), Box::new(bumps()), tensor(&[START[2]]));
    let mut walk = Trajectory::new(moves, sampler, model, schedule, Box::new(Silence), &start, 0).unwrap();
    walk.seek(0, start, []);
    let found = values(&walk.next().unwrap().unwrap().next)[0];
    assert!((found - stretch.truth[1][2]).abs() < 1e-5, "{found}");
}

/// With so large a tolerance every move is one step of the embedded pair.
#[test]
fn the_adaptive_solver_has_its_order() {
    let spec = Spec::new("ode").with("tolerance", Value::Real(0.1));
    let error = |n| error(&spec, &built("vp"), &Stretch::of(n));
    let found = (error(20) / error(40)).log2();
    assert!((found - 5.0).abs() < 0.35, "{found}");
}

/// The way from little noise to much: the moves down to the ends of `stretch`, and the state in which they end backwards.
fn inverted(stretch: &Stretch, refinements: i64) -> (Vec<Move>, Tensor) {
    let schedule = built("vp");
    let levels: Vec<Level> = stretch.sigmas.iter().map(|&s| schedule.at_sigma(s)).collect();
    let moves: Vec<Move> = levels.windows(2).map(|w| Move { from: w[0], to: w[1] }).collect();
    let clean = (tensor(stretch.truth.last().unwrap()) * levels.last().unwrap().alpha).unwrap();
    let spec = Spec::new("ddim-inverse").with("refinements", Value::Int(refinements));
    let (sampler, model) = (sampler::build(&spec).unwrap(), Box::new(bumps()));
    let walk = Trajectory::new(moves.clone(), sampler, model, schedule, Box::new(Silence), &clean, 0).unwrap();
    (moves, walk.map(Result::unwrap).last().unwrap().next)
}

fn largest(difference: &Tensor) -> f64 {
    values(difference).into_iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}

#[test]
fn inversion_has_its_order() {
    let error = |n: usize| {
        let stretch = Stretch::of(n);
        let (moves, top) = inverted(&stretch, 0);
        largest(&(top - (tensor(&stretch.truth[0]) * moves[0].from.alpha).unwrap()).unwrap())
    };
    let found = (error(36) / error(72)).log2();
    assert!((found - 1.0).abs() < 0.35, "{found}");
}

/// With enough refinements every move is the exact inverse of one of DDIM, so that the way down leads back.
#[test]
fn a_refined_inversion_is_undone_by_ddim() {
    let stretch = Stretch::of(12);
    let back = |refinements: i64| {
        let (moves, top) = inverted(&stretch, refinements);
        let (sampler, model) = (sampler::build(&Spec::new("ddim")).unwrap(), Box::new(bumps()));
        let clean = (tensor(stretch.truth.last().unwrap()) * moves.last().unwrap().to.alpha).unwrap();
        let mut walk = Trajectory::new(moves, sampler, model, built("vp"), Box::new(Silence), &top, 0).unwrap();
        walk.seek(0, top, []);
        largest(&(walk.map(Result::unwrap).last().unwrap().next - clean).unwrap())
    };
    let (plain, refined) = (back(0), back(10));
    assert!(refined < 1e-4 * plain, "{plain:e} {refined:e}");
}

/// What samplers say of themselves, in the lists and in the documentation.
#[test]
fn orders_are_told_as_they_are_measured() {
    for (spec, expected) in solvers() {
        let told = sampler::build(&spec).unwrap().order();
        assert_eq!(told, Some(expected), "{} {:?}", spec.id, spec.values);
    }
    for entry in sampler::ENTRIES {
        let told = sampler::build(&Spec::new(entry.id)).unwrap().order();
        let is_measured =
            solvers().iter().any(|(spec, _)| spec.id == entry.id) || ["ode", "ddim-inverse"].contains(&entry.id);
        assert!(
            told.is_none() || is_measured,
            "{}: its order is told but not measured",
            entry.id
        );
    }
}

/// Counts what it is asked.
struct Counting(Mixture, Arc<Mutex<usize>>);

impl Denoiser for Counting {
    fn predict(&self, x: &Tensor, at: Level) -> candle_core::Result<Prediction> {
        *self.1.lock().unwrap() += 1;
        self.0.predict(x, at)
    }
}

#[test]
fn calls_are_told_as_they_are_made() {
    let schedule = built("vp");
    let moves = grid::time_grid(&*schedule, grid::build(&Spec::new("exponential")).unwrap(), 20);
    let refined = Spec::new("ddim-inverse").with("refinements", Value::Int(3));
    for spec in sampler::ENTRIES.iter().map(|e| Spec::new(e.id)).chain([refined]) {
        let calls = Arc::new(Mutex::new(0));
        let model = Box::new(Counting(bumps(), calls.clone()));
        let sampler = sampler::build(&spec).unwrap();
        let Some(told) = sampler.calls() else { continue };
        let start = tensor(&START);
        let trajectory = Trajectory::new(
            moves.clone(),
            sampler,
            model,
            schedule.clone(),
            Box::new(Silence),
            &start,
            0,
        )
        .unwrap();
        let made: Vec<usize> = trajectory
            .map(|step| {
                step.unwrap();
                std::mem::take(&mut *calls.lock().unwrap())
            })
            .collect();
        assert!(
            made[4..16].iter().all(|&n| n == told),
            "{}: {told}, but {made:?}",
            spec.id
        );
    }
}

/// Without noise left there is nothing but the clean guess, whatever the method made of the moves before. (LMS and PLMS
/// extrapolate to the end; Langevin's walks add noise.)
#[test]
fn the_last_move_lands_on_the_clean_guess() {
    let others = ["lms", "plms", "langevin", "pc", "ddim-inverse"];
    for name in ["vp", "edm", "flow"] {
        let schedule = built(name);
        let levels = [8.0, 3.0, 1.0, 0.4].map(|sigma| schedule.at_sigma(sigma));
        let ends = levels.into_iter().skip(1).chain([Level::clean(0.0)]);
        let moves: Vec<Move> = levels
            .into_iter()
            .zip(ends)
            .map(|(from, to)| Move { from, to })
            .collect();
        for entry in sampler::ENTRIES.iter().filter(|e| !others.contains(&e.id)) {
            let sampler = sampler::build(&Spec::new(entry.id)).unwrap();
            let (model, noise, start) = (Box::new(bumps()), Box::new(Silence), tensor(&START));
            let walk = Trajectory::new(moves.clone(), sampler, model, schedule.clone(), noise, &start, 0).unwrap();
            let last = walk.map(Result::unwrap).last().unwrap();
            let off = largest(&(last.next - last.belief.x0).unwrap());
            assert!(off < 1e-12, "{} on {name}: {off:e}", entry.id);
        }
    }
}

/// The size of a noisy sample of unit variance in each sampler's units; of the noise alone at the very top of a schedule
/// that keeps hardly any signal, which is where diffusers' sigma samplers begin.
#[test]
fn walks_begin_with_the_size_of_noisy_samples() {
    let size = |id: &str, name: &str, from: Level| {
        let mv = Move {
            from,
            to: Level::clean(0.0),
        };
        let start = sampler::build(&Spec::new(id))
            .unwrap()
            .start(mv, &tensor(&[1.0]), &*built(name));
        values(&start.unwrap())[0]
    };
    let (linear, edm, flow) = (built("linear"), built("edm"), built("flow"));
    let top = linear.level(999.0);
    let below = linear.level(500.0);
    for (id, name, from, expected) in [
        ("ddim", "linear", top, 1.0),
        ("euler", "linear", top, top.sigma / top.alpha),
        ("euler", "linear", below, 1.0 / below.alpha),
        ("euler", "edm", edm.at_sigma(80.0), 6401.0_f64.sqrt()),
        ("ddim", "edm", edm.at_sigma(80.0), 6401.0_f64.sqrt()),
        ("flow-euler", "flow", flow.level(600.0), 0.4_f64.hypot(0.6)),
    ] {
        let found = size(id, name, from);
        assert!(
            (found / expected - 1.0).abs() < 1e-9,
            "{id} on {name}: {found} is not {expected}"
        );
    }
}

#[test]
fn the_adaptive_solver_keeps_its_tolerance() {
    for (tolerance, most) in [(1e-3, 1e-2), (1e-5, 1e-4), (1e-8, 1e-7)] {
        let spec = Spec::new("ode").with("tolerance", Value::Real(tolerance));
        let found = error(&spec, &built("vp"), &Stretch::of(4));
        assert!(found < most, "{tolerance}: {found}");
    }
}

/// Karras levels from 80 to 0.002 on data N(0.3, 0.5²), from x = 56: absolute errors computed apart from this program.
#[test]
fn errors_on_a_gaussian_are_those_of_the_methods() {
    let check = |spec: Spec, expected: &[(usize, f64)]| {
        for &(n, expected) in expected {
            let schedule = built("edm");
            let mut moves = grid::time_grid(&*schedule, grid::build(&Spec::new("karras")).unwrap(), n + 1);
            moves.pop();
            let sampler = sampler::build(&spec).unwrap();
            let model = Box::new(Mixture::gaussian(vec![0.3], 0.5));
            let start = tensor(&[56.0]);
            let mut trajectory =
                Trajectory::new(moves, sampler, model, schedule, Box::new(Silence), &start, 0).unwrap();
            trajectory.seek(0, start, []);
            let last = values(&trajectory.map(Result::unwrap).last().unwrap().next)[0];
            let truth = 0.3 + 55.7 * ((0.25 + 0.002_f64.powi(2)) / (0.25 + 6400.0)).sqrt();
            let found = (last - truth).abs();
            assert!(
                (found / expected - 1.0).abs() < 0.02,
                "{} {n}: {found:e} is not {expected:e}",
                spec.id
            );
        }
    };
    let full = |id: &str| Spec::new(id).with("lower-order-final", Value::Flag(false));
    check(
        Spec::new("euler"),
        &[
            (10, 8.61e-2),
            (20, 4.61e-2),
            (40, 2.39e-2),
            (80, 1.22e-2),
            (160, 6.13e-3),
        ],
    );
    check(Spec::new("ddim"), &[(10, 8.61e-2), (160, 6.13e-3)]);
    check(
        Spec::new("heun"),
        &[
            (10, 6.08e-2),
            (20, 1.36e-2),
            (40, 3.23e-3),
            (80, 7.87e-4),
            (160, 1.94e-4),
        ],
    );
    check(
        full("dpmpp-2m"),
        &[
            (10, 5.09e-2),
            (20, 1.54e-2),
            (40, 3.44e-3),
            (80, 8.10e-4),
            (160, 1.97e-4),
        ],
    );
    check(
        full("unipc"),
        &[
            (10, 5.90e-2),
            (20, 1.02e-2),
            (40, 1.22e-3),
            (80, 1.49e-4),
            (160, 1.84e-5),
        ],
    );
}

#[test]
fn one_ddim_step_is_one_plms_transfer() {
    let schedule = built("linear");
    for id in ["ddim", "flow-euler", "dpmpp-1s"] {
        let moves = vec![Move {
            from: schedule.level(700.0),
            to: schedule.level(650.0),
        }];
        let sampler = sampler::build(&Spec::new(id)).unwrap();
        let model = Box::new(Mixture::gaussian(vec![0.3], 0.5));
        let mut trajectory = Trajectory::new(
            moves,
            sampler,
            model,
            schedule.clone(),
            Box::new(Silence),
            &tensor(&[0.9]),
            0,
        )
        .unwrap();
        trajectory.seek(0, tensor(&[0.9]), []);
        let next = values(&trajectory.next().unwrap().unwrap().next)[0];
        assert!((next - 0.907_763_243_08).abs() < 1e-9, "{id}: {next}");
    }
}

// Mean and deviation of the stochastic samplers.

fn check_std(spec: &Spec, schedule: &str, spacing: &str, start_var: f64, expected: &[(usize, f64)]) {
    let schedule = built(schedule);
    for &(n, expected) in expected {
        let moves = grid::time_grid(&*schedule, grid::build(&Spec::new(spacing)).unwrap(), n);
        let (mean, std) = statistics(spec, &schedule, &moves, 1, start_var);
        assert!(
            (std - expected).abs() < 6e-5,
            "{} {:?} {n}: {std:.5} is not {expected}",
            spec.id,
            spec.values
        );
        assert!((mean - 0.3).abs() < 2e-3, "{} {n}: mean {mean}", spec.id);
    }
}

/// Linear betas, trailing spacing, a start of N(0, 1), data N(0.3, 0.5²): computed apart from this program.
#[test]
fn ancestral_samplers_narrow_the_data_as_computed() {
    let ddpm = |variance: &str| Spec::new("ddpm").with("variance", Value::Text(variance.into()));
    let ddim = |eta: f64| Spec::new("ddim").with("eta", Value::Real(eta));
    let check = |spec: Spec, rows: [f64; 5]| {
        let expected: Vec<_> = [1000, 250, 100, 50, 10].into_iter().zip(rows).collect();
        check_std(&spec, "linear", "trailing", 1.0, &expected);
    };
    check(ddpm("small"), [0.4961, 0.4858, 0.4682, 0.4441, 0.3335]);
    check(ddpm("large"), [0.5008, 0.5029, 0.5067, 0.5117, 0.4939]);
    check(ddim(0.0), [0.4985, 0.4941, 0.4854, 0.4714, 0.3700]);
    check(ddim(0.5), [0.4980, 0.4923, 0.4818, 0.4658, 0.3636]);
    check(ddim(1.0), [0.4961, 0.4858, 0.4682, 0.4441, 0.3335]);
}

/// Says a share of the large variance besides what the exact denoiser says.
struct Saying(f64);

impl Denoiser for Saying {
    fn predict(&self, x: &Tensor, at: Level) -> candle_core::Result<Prediction> {
        Ok(Prediction {
            var: Some((x.zeros_like()? + self.0)?),
            ..Mixture::gaussian(vec![0.3], 0.5).predict(x, at)?
        })
    }
}

/// One move with one unit of noise: the learned deviation lies between the posterior's and the forward step's in its
/// logarithm (Nichol and Dhariwal 2021, eq. 15), in closed form from the betas.
#[test]
fn ancestral_noise_of_a_learned_variance_lies_between() {
    let schedule = built("linear");
    let moves = vec![Move {
        from: schedule.level(600.0),
        to: schedule.level(599.0),
    }];
    let bars = [600.0, 599.0].map(|t| schedule.level(t).alpha.powi(2));
    let beta = 1.0 - bars[0] / bars[1];
    let small = (1.0 - bars[1]) / (1.0 - bars[0]) * beta;
    for share in [0.0, 0.4, 1.0] {
        let spec = Spec::new("ddpm").with("variance", Value::Text("learned".into()));
        let mut walk = Trajectory::new(
            moves.clone(),
            sampler::build(&spec).unwrap(),
            Box::new(Saying(share)),
            schedule.clone(),
            Box::new(OneByOne::new(1)),
            &tensor(&[0.0, 0.0, 0.0]),
            0,
        )
        .unwrap();
        let next = values(&walk.next().unwrap().unwrap().next);
        let expected = (share * beta.ln() + (1.0 - share) * small.ln()).exp().sqrt();
        assert!(((next[2] - next[0]) / expected - 1.0).abs() < 1e-9, "{share}");
    }
}

/// The same numbers for every sample: those of the draw.
struct Given([[f32; 2]; 2]);

impl NoiseSource for Given {
    fn normals(&self, _: u64, _: u64, draw: u64, out: &mut [f32]) {
        out.copy_from_slice(&self.0[draw as usize]);
    }
}

/// One move by hand (Song et al. 2021, algorithms 3 and 5): a Langevin correction, then reverse diffusion, with the score of a
/// Gaussian in closed form.
#[test]
fn a_predictor_is_corrected_as_published() {
    let schedule = built("linear");
    let mv = Move {
        from: schedule.level(600.0),
        to: schedule.level(590.0),
    };
    let (x, z, fresh) = ([0.9, -0.4], [0.5, -1.5], [0.25, 2.0]);
    let Level { alpha, sigma, .. } = mv.from;
    let score = |x: [f64; 2]| x.map(|x| -(x - alpha * 0.3) / (0.25 * alpha * alpha + sigma * sigma));
    let square = |v: [f64; 2]| v.iter().map(|v| v * v).sum::<f64>();
    let kept = alpha / mv.to.alpha;
    let a = 2.0 * kept * kept * 0.16_f64.powi(2) * square(z) / square(score(x));
    let corrected = [0, 1].map(|i| x[i] + a * score(x)[i] + (2.0 * a).sqrt() * z[i]);
    let g = (sigma * sigma - (kept * mv.to.sigma).powi(2)).sqrt();
    let expected = [0, 1].map(|i| (2.0 - kept) * corrected[i] + g * g * score(corrected)[i] + g * fresh[i]);

    let spec = Spec::new("pc")
        .with("corrections", Value::Int(1))
        .with("snr", Value::Real(0.16));
    let start = Tensor::new(&[x], &Device::Cpu).unwrap();
    let noise = Given([z, fresh].map(|v| v.map(|v| v as f32)));
    let (sampler, model) = (
        sampler::build(&spec).unwrap(),
        Box::new(Mixture::gaussian(vec![0.3; 2], 0.5)),
    );
    let mut walk = Trajectory::new(vec![mv], sampler, model, schedule, Box::new(noise), &start, 0).unwrap();
    walk.seek(0, start, []);
    let next = values(&walk.next().unwrap().unwrap().next);
    for (found, expected) in next.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }
}

#[test]
fn samplers_on_karras_levels_narrow_or_widen_as_computed() {
    let churned = |amount: f64| {
        Spec::new("heun")
            .with("churn", Value::Real(amount))
            .with("churn-min", Value::Real(0.05))
            .with("churn-max", Value::Real(50.0))
    };
    // The figures belong to a start of deviation 80; ours has that of a noisy sample of unit variance.
    let start = 6400.0 / 6401.0;
    let check = |spec: Spec, expected: &[(usize, f64)]| check_std(&spec, "edm", "karras", start, expected);
    check(
        Spec::new("euler-a"),
        &[(10, 0.3019), (20, 0.3783), (50, 0.4445), (200, 0.4851)],
    );
    check(
        Spec::new("euler"),
        &[(10, 0.3652), (20, 0.4305), (50, 0.4718), (200, 0.4929)],
    );
    check(churned(0.0), &[(18, 0.5276), (64, 0.5018)]);
    check(churned(10.0), &[(18, 0.5624), (64, 0.5051)]);
    check(churned(40.0), &[(18, 0.5624), (64, 0.5104)]);
}

#[test]
fn straight_flow_narrows_as_computed() {
    let schedule = built("flow");
    for (n, expected) in [(1, 0.0), (2, 0.2), (4, 0.3405), (10, 0.4308), (50, 0.4854)] {
        let level = |i: usize| schedule.level(1000.0 * (n - i) as f64 / n as f64);
        let moves: Vec<Move> = (0..n)
            .map(|i| Move {
                from: level(i),
                to: level(i + 1),
            })
            .collect();
        let (mean, std) = statistics(&Spec::new("flow-euler"), &schedule, &moves, 1, 1.0);
        assert!(
            (std - expected).abs() < 6e-5 && (mean - 0.3).abs() < 1e-9,
            "{n}: {mean} {std}"
        );
    }
}

/// The published CIFAR-10 settings of `NCSNv2`: 232 levels from 50 to 0.01, five steps each, a start uniform in [0, 1],
/// before the last denoising.
#[test]
fn annealed_langevin_widens_as_computed() {
    let schedule = built("ve");
    let level = |i: usize| schedule.at_sigma(50.0 * (0.01_f64 / 50.0).powf(i.min(231) as f64 / 231.0));
    let moves: Vec<Move> = (0..232)
        .map(|i| Move {
            from: level(i),
            to: level(i + 1),
        })
        .collect();
    let spec = Spec::new("langevin").with("step", Value::Real(0.062));
    let (_, std) = statistics(&spec, &schedule, &moves, 5, 1.0 / 12.0 / (1.0 + 2500.0));
    assert!((std - 0.5337).abs() < 2e-4, "{std}");
}

/// As published, the third order of the SDE is of the first: its weight of the second derivative does not vanish.
#[test]
fn the_published_third_order_of_the_sde_is_coarse() {
    let schedule = built("linear");
    let third = Spec::new("dpmpp-2m-sde").with("order", Value::Int(3));
    let off = |spec: &Spec, n: usize| {
        let moves = grid::time_grid(&*schedule, grid::build(&Spec::new("exponential")).unwrap(), n);
        (statistics(spec, &schedule, &moves, 1, 1.0).1 - 0.5).abs()
    };
    let published = third.clone().with("published", Value::Flag(true));
    for n in [50, 200] {
        let (ours, theirs) = (off(&third, n), off(&published, n));
        println!("{n}: {ours:.5}, published {theirs:.5}");
        assert!(ours < theirs / 5.0, "{n}: {ours} {theirs}");
    }
}

/// No published number; more steps must bring the deviation nearer to the truth.
#[test]
fn other_stochastic_samplers_converge_in_distribution() {
    let two_m = Spec::new("dpmpp-2m-sde");
    let cases = [
        (two_m.clone(), "linear", 1),
        (two_m.clone().with("order", Value::Int(1)), "linear", 1),
        (two_m.clone().with("order", Value::Int(3)), "linear", 1),
        (two_m.with("solver", Value::Text("heun".into())), "edm", 1),
        (Spec::new("pc").with("corrections", Value::Int(0)), "linear", 1),
        (Spec::new("dpm2").with("eta", Value::Real(1.0)), "vp", 1),
        (Spec::new("ddpm"), "flow", 1),
        (Spec::new("ddpm"), "edm", 1),
        (Spec::new("ddim").with("eta", Value::Real(1.0)), "sub-vp", 1),
    ];
    for (spec, name, draws) in cases {
        let schedule = built(name);
        let off = |n: usize| {
            let moves = grid::time_grid(&*schedule, grid::build(&Spec::new("exponential")).unwrap(), n);
            let (mean, std) = statistics(&spec, &schedule, &moves, draws, 1.0);
            (mean - 0.3).abs().max((std - 0.5).abs())
        };
        let (coarse, fine) = (off(50), off(400));
        println!("{} {:?} {name}: {coarse:.4} {fine:.4}", spec.id, spec.values);
        assert!(
            fine < 0.01 && (fine < coarse || coarse < 1e-3),
            "{} {name}: {coarse} {fine}",
            spec.id
        );
    }
}
