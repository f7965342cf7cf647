//! The sampler laboratory: how far every sampler's result is from the exact end of the path, by network calls.
//!
//! Samplers that follow the path start from the same noise, and their error is the root mean square distance from where an
//! adaptive solver of small tolerance ends. Those that draw fresh noise have no path; for points all are compared with the
//! data, too.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use candle_core::Tensor;
use serde::Serialize;

use super::{
    Error,
    command::Model,
    model::{self, Pinned},
    sample::start_address,
    select::Host,
};
use crate::{
    data::{self, Progress},
    diffusion::{Denoiser, Net, NetDenoiser, Prediction, Trajectory, sampler},
    math::{
        Cond, Domain, Level, Spec, Value,
        distance::sliced_wasserstein,
        grid,
        noise::{Address, Seeded, Stream, permutation},
        schedule::{self, NoiseSchedule},
        target::{self, Target},
    },
    nn::DeviceChoice,
};

/// Tolerance of what counts as exact; below it single precision has the last word.
const EXACT: f64 = 1e-6;
/// Errors below this are rounding, from which no order can be told.
const ROUNDING: f64 = 2e-5;
/// Samplers that have no place here, and why.
pub const LEFT_OUT: &[(&str, &str)] = &[("ddim-inverse", "goes from samples to noise")];

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct LaboratoryRequest {
    /// With which model.
    pub model: Model,
    /// How times are chosen.
    pub spacing: Spec,
    /// Network calls that samplers may make, rising.
    pub calls: Vec<usize>,
    /// How many samples.
    pub count: usize,
    /// Seed of all noise.
    pub seed: u64,
}

/// What came out.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// The model, for people.
    pub model: String,
    /// Sliced Wasserstein distance between two parts of the data, for points: the best that is possible.
    pub data_distance: Option<f64>,
    /// One row a sampler, in the order of the registry.
    pub rows: Vec<Row>,
}

/// One sampler.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Id of the sampler.
    pub sampler: String,
    /// Its name.
    pub label: String,
    /// One entry for each number of calls that was asked for and allows at least one move.
    pub trials: Vec<Trial>,
    /// By which power of the calls the error falls, between the last two trials that are not mere rounding.
    pub order: Option<f64>,
}

/// One sampler with one number of moves.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Trial {
    /// Network calls that it was given.
    pub wanted: usize,
    /// Network calls that it made.
    pub calls: usize,
    /// Root mean square distance from the exact end of the path; `None` for samplers that draw fresh noise and where the
    /// result is not finite.
    pub error: Option<f64>,
    /// Sliced Wasserstein distance to the data, for points.
    pub distance: Option<f64>,
}

/// Makes the table for a model that is not the present run.
pub fn compare(request: &LaboratoryRequest, device: DeviceChoice, progress: &Progress) -> Result<Table, Error> {
    compare_with(request, &model::load(&request.model)?, device, progress)
}

/// Makes the table, a sampler after the other. Counts samplers on `progress`, and is cancelled by it.
pub(super) fn compare_with(
    request: &LaboratoryRequest,
    pinned: &Pinned,
    device: DeviceChoice,
    progress: &Progress,
) -> Result<Table, Error> {
    if request.count < 2 || request.calls.is_empty() {
        return Err(Error::refused(
            "a comparison needs at least two samples and one number of network calls",
        ));
    }
    let bench = Bench::new(request, pinned, device)?;
    let entries = sampler::ENTRIES
        .iter()
        .filter(|e| LEFT_OUT.iter().all(|(id, _)| *id != e.id));
    progress.begin(entries.clone().count());
    let exact = bench.exact()?;
    let rows = entries.map(|entry| {
        let trials = bench.trials(entry.id, &exact)?;
        progress.step()?;
        Ok(Row {
            sampler: entry.id.into(),
            label: entry.label.into(),
            order: slope(&trials).map(order),
            trials,
        })
    });
    Ok(Table {
        rows: rows.collect::<Result<_, Error>>()?,
        data_distance: bench.data.as_ref().map(|[data, other]| sliced_wasserstein(data, other)),
        model: bench.label,
    })
}

/// What all trials have in common.
struct Bench<'a> {
    request: &'a LaboratoryRequest,
    label: String,
    net: Arc<dyn Net>,
    target: Target,
    cond: Cond,
    schedule: Arc<dyn NoiseSchedule>,
    noise: Tensor,
    /// Two parts of the data, for points.
    data: Option<[Vec<f32>; 2]>,
}

impl<'a> Bench<'a> {
    fn new(request: &'a LaboratoryRequest, pinned: &Pinned, device: DeviceChoice) -> Result<Self, Error> {
        let host = Host {
            device,
            ..Host::default()
        };
        let (runner, info) = (pinned.runner(&host)?, &pinned.info);
        let mut noise = vec![0.0; request.count * info.domain.numel()];
        for (sample, out) in (0..).zip(noise.chunks_exact_mut(info.domain.numel())) {
            start_address(request.seed, sample).normals(out);
        }
        let no_class = |null| Cond::Class(vec![null; request.count]);
        let data = match info.domain {
            Domain::Points => two_parts(info, request)?,
            Domain::Image { .. } => None,
        };
        Ok(Self {
            request,
            net: runner.net,
            target: target::build(&info.recipe.target)?,
            cond: info.null_class().map_or(Cond::None, no_class),
            schedule: schedule::build(&info.recipe.schedule)?.into(),
            noise: Tensor::from_vec(noise, info.domain.shape(request.count), &runner.device)?,
            data,
            label: info.label.clone(),
        })
    }

    /// The result of a sampler in so many moves, and the network calls that it took.
    fn made(&self, sampler: &Spec, steps: usize) -> Result<(Vec<f32>, usize), Error> {
        let calls = Arc::new(AtomicUsize::new(0));
        let model = Counted {
            inner: NetDenoiser {
                net: self.net.clone(),
                target: self.target,
                cond: self.cond.clone(),
            },
            calls: calls.clone(),
        };
        let mut trajectory = Trajectory::new(
            grid::time_grid(&*self.schedule, grid::build(&self.request.spacing)?, steps),
            sampler::build(sampler)?,
            Box::new(model),
            self.schedule.clone(),
            Box::new(Seeded(self.request.seed)),
            &self.noise,
            0,
        )?;
        trajectory.by_ref().try_for_each(|step| step.map(drop))?;
        Ok((trajectory.x().flatten_all()?.to_vec1()?, calls.load(Relaxed)))
    }

    /// The end of the path. Spacings whose last level nears the clean end with their number of moves need a finer grid than
    /// any trial's; for the others few moves are enough, since the solver makes its own steps within each.
    fn exact(&self) -> Result<Vec<f32>, Error> {
        let most = self.request.calls.iter().max().copied().unwrap_or(1);
        let last = |steps: usize| {
            let spacing = grid::build(&self.request.spacing)?;
            Ok::<_, Error>(
                grid::time_grid(&*self.schedule, spacing, steps)
                    .last()
                    .map(|mv| mv.from),
            )
        };
        let steps = if last(most + 1)? == last(2 * most + 1)? {
            12
        } else {
            2 * most
        };
        Ok(self.made(&adaptive(EXACT), steps)?.0)
    }

    fn trials(&self, id: &str, exact: &[f32]) -> Result<Vec<Trial>, Error> {
        let spec = Spec::new(id);
        let built = sampler::build(&spec)?;
        let per_move = built.calls();
        let trial = |&wanted: &usize| {
            let (spec, steps) = match per_move {
                Some(calls) => (spec.clone(), wanted / calls),
                // An adaptive solver is given a tolerance in place of a number of moves. A step of it takes six calls.
                None => (adaptive(1.0 / (wanted * wanted) as f64), (wanted / 6).max(2)),
            };
            (steps > 0).then(|| self.trial(&spec, wanted, steps, built.order().and(Some(exact))))
        };
        self.request.calls.iter().filter_map(trial).collect()
    }

    fn trial(&self, spec: &Spec, wanted: usize, steps: usize, exact: Option<&[f32]>) -> Result<Trial, Error> {
        let (x, calls) = self.made(spec, steps)?;
        let finite = |v: &f64| v.is_finite();
        Ok(Trial {
            wanted,
            calls,
            error: exact.map(|exact| apart(&x, exact)).filter(finite),
            distance: self
                .data
                .as_ref()
                .map(|[data, _]| sliced_wasserstein(&x, data))
                .filter(finite),
        })
    }
}

/// The adaptive solver.
fn adaptive(tolerance: f64) -> Spec {
    Spec::new("ode").with("tolerance", Value::Real(tolerance.clamp(1e-8, 0.1)))
}

/// As many points of the data as there are samples, twice.
fn two_parts(info: &model::ModelInfo, request: &LaboratoryRequest) -> Result<Option<[Vec<f32>; 2]>, Error> {
    let data = data::load(&info.recipe.data, info.recipe.seed, &Progress::default())?;
    let address = Address {
        seed: request.seed,
        stream: Stream::Data,
        sample: 0,
        mv: 0,
        draw: 0,
    };
    let order = permutation(data.count, address);
    let part = |from: usize| Some(data.tensor(order.get(from..from + request.count)?));
    Ok(part(0).zip(part(request.count)).map(|(a, b)| [a, b]))
}

/// Root mean square difference.
fn apart(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
    (squares.sum::<f64>() / a.len() as f64).sqrt()
}

/// Calls and error of the last two trials whose errors are more than rounding.
fn slope(trials: &[Trial]) -> Option<[(f64, f64); 2]> {
    let known = trials.iter().filter_map(|t| Some((t.calls as f64, t.error?)));
    let known: Vec<(f64, f64)> = known.filter(|(_, error)| *error > ROUNDING).collect();
    let &[.., fewer, more] = known.as_slice() else {
        return None;
    };
    (more.0 > fewer.0).then_some([fewer, more])
}

/// The power of the calls by which the error falls from one trial to the other.
pub fn order([(few, large), (many, small)]: [(f64, f64); 2]) -> f64 {
    (large / small).ln() / (many / few).ln()
}

impl Row {
    /// Calls and error of the two trials that the order was told by.
    pub fn slope(&self) -> Option<[(f64, f64); 2]> {
        slope(&self.trials)
    }
}

/// Counts what it is asked.
struct Counted<D> {
    inner: D,
    calls: Arc<AtomicUsize>,
}

impl<D: Denoiser> Denoiser for Counted<D> {
    fn predict(&self, x: &Tensor, at: Level) -> candle_core::Result<Prediction> {
        self.calls.fetch_add(1, Relaxed);
        self.inner.predict(x, at)
    }

    fn vjp(&self, x: &Tensor, at: Level, cotangent: &Tensor) -> candle_core::Result<(Prediction, Tensor)> {
        self.calls.fetch_add(1, Relaxed);
        self.inner.vjp(x, at, cotangent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::exact::ExactModel;

    fn table(calls: &[usize]) -> Table {
        let exact = ExactModel {
            schedule: Spec::new("vp"),
            ..ExactModel::parse("exact-gaussian:moons").unwrap()
        };
        let request = LaboratoryRequest {
            model: Model::Exact(Box::new(exact)),
            spacing: Spec::new("exponential"),
            calls: calls.into(),
            count: 16,
            seed: 1,
        };
        compare(&request, DeviceChoice::Cpu, &Progress::default()).unwrap()
    }

    /// On one Gaussian, whose path is smooth, errors fall by the orders that the registry states.
    #[test]
    fn samplers_fall_by_their_order() {
        let table = table(&[24, 48, 96]);
        let of = |id: &str| table.rows.iter().find(|row| row.sampler == id).unwrap();
        for (id, order) in [("ddim", 1.0), ("euler", 1.0), ("heun", 2.0), ("dpmpp-2m", 2.0)] {
            let found = of(id).order.unwrap();
            assert!((found - order).abs() < 0.45, "{id}: {found}");
        }
        let ode = &of("ode").trials;
        assert!(ode.windows(2).all(|pair| pair[0].calls <= pair[1].calls));
        assert!(
            of("ddpm")
                .trials
                .iter()
                .all(|trial| trial.error.is_none() && trial.distance.is_some())
        );
    }

    #[test]
    fn nobody_makes_more_calls_than_it_was_given_but_for_its_start() {
        for row in table(&[24]).rows {
            for trial in row.trials.iter().filter(|_| row.sampler != "ode") {
                assert!(trial.calls <= 24 + 9, "{} made {} calls", row.sampler, trial.calls);
            }
        }
    }

    #[test]
    fn a_cancelled_comparison_ends() {
        let progress = Progress::default();
        progress.cancel();
        let request = LaboratoryRequest {
            model: Model::Exact(Box::new(ExactModel::new("moons"))),
            spacing: Spec::new("trailing"),
            calls: vec![1],
            count: 2,
            seed: 0,
        };
        assert!(compare(&request, DeviceChoice::Cpu, &progress).is_err());
    }
}
