//! What makes a trajectory a restoration: a sampler bound to a measurement, and figures of what came out.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use candle_core::{Device, Tensor};

use super::{
    Error,
    command::{Restoration, SampleRequest},
    event::{Candidate, Figures, Restored},
    judge::{self, Judge},
    model::ModelInfo,
    select::Host,
};
use crate::{
    diffusion::{
        Net, Result as Tensors, Sampler,
        restore::{self, Measurement, Method, Operator, method, task},
    },
    math::{
        Cond, Domain, Frame, Level,
        noise::{Address, Stream},
    },
};

mod figures;
pub mod frame;
pub(super) mod similarity;

/// A checked restoration on one device.
pub(super) struct Restoring {
    request: Arc<Restoration>,
    domain: Domain,
    method: Box<dyn Method>,
    measurement: Measurement,
    asked: Arc<AtomicUsize>,
}

impl Restoring {
    /// The restoration that the request names, if it does.
    pub(super) fn of(request: &SampleRequest, domain: Domain, device: &Device) -> Result<Option<Self>, Error> {
        let Some(restoration) = &request.restore else {
            return Ok(None);
        };
        let method = method::build(&request.sampler)?;
        let task = task::build(&restoration.task)?;
        restore::check(&request.sampler.id, &*method, &restoration.task.id, task.noise())?;
        check_fill(restoration, &request.sampler.id)?;
        let operator = task.operator(domain, restoration.fill.as_deref(), device)?;
        let sample = |values: &[f32]| Tensor::from_slice(values, domain.shape(1), device);
        let blank = Tensor::zeros(domain.shape(1), candle_core::DType::F32, device)?;
        let shape = operator.apply(&blank)?.dims().to_vec();
        let wanted = if restoration.measured { &shape } else { blank.dims() };
        check_size(&restoration.picture, wanted, restoration.measured)?;
        let y = if restoration.measured {
            measured(&*operator, Tensor::from_slice(&restoration.picture, &*shape, device)?)?
        } else {
            let exact = operator.apply(&sample(&restoration.picture)?)?;
            let noise = (measurement_noise(&exact)? * task.noise())?;
            measured(&*operator, (exact + noise)?)?
        };
        let mut measurement = Measurement::new(operator, y, task.noise())?;
        if let Some(guide) = &restoration.guide {
            check_size(guide, blank.dims(), false)?;
            measurement.guide = sample(guide)?;
        } else if restoration.task.id == "inpaint" {
            measurement.guide = sample(&restoration.picture)?;
        }
        Ok(Some(Self {
            request: restoration.clone(),
            domain,
            method,
            measurement,
            asked: Arc::default(),
        }))
    }

    /// A method that leads to a class has to be told one.
    pub(super) fn check_class(&self, is_led: bool) -> Result<(), Error> {
        if is_led || !self.method.needs_class() {
            return Ok(());
        }
        Err(Error::refused(
            "this method makes something of a class: choose a class, and for a model that knows none a classifier as well",
        ))
    }

    /// What walks the way.
    pub(super) fn sampler(&self) -> Box<dyn Sampler> {
        self.method.bind(self.measurement.clone())
    }

    /// The network, with its calls counted.
    pub(super) fn counted(&self, net: Arc<dyn Net>) -> Arc<dyn Net> {
        Arc::new(Counted {
            net,
            asked: self.asked.clone(),
        })
    }

    /// What the restoration starts from.
    pub(super) fn told(&self, steps: usize) -> Result<Restored, Error> {
        Ok(Restored {
            task: self.request.task.clone(),
            measured: self.request.measured,
            steps,
            degraded: self.degraded()?,
        })
    }

    /// Small pictures are enlarged, grey ones get all channels, blurred ones stay blurred.
    fn degraded(&self) -> Result<Frame, Error> {
        let Measurement { operator, y, .. } = &self.measurement;
        let shown = if y.dims() == self.domain.shape(1) {
            y.clone()
        } else {
            operator.pseudo_inverse(y)?
        };
        Ok(self.domain.frame(&shown.flatten_all()?.to_vec1::<f32>()?))
    }

    /// Figures of the results, in tensor order.
    pub(super) fn figures(&self, x: &[f32], secs: f64) -> Result<Figures, Error> {
        let count = x.len() / self.domain.numel();
        let device = self.measurement.y.device();
        let made = Tensor::from_slice(x, self.domain.shape(count), device)?;
        let residuals = self.residuals(&made)?;
        let original = Some(&*self.request.picture).filter(|_| !self.request.measured);
        let known = self.known()?;
        let view = figures::View {
            domain: self.domain,
            original,
            known: known.as_deref(),
        };
        Ok(Figures {
            calls: self.asked.load(Ordering::Relaxed) as f64 / count as f64,
            secs,
            ..view.figures(x, &residuals)
        })
    }

    /// Root mean square of `y - H x` of each candidate over what was measured.
    fn residuals(&self, x: &Tensor) -> Result<Vec<f64>, Error> {
        let Measurement { operator, y, .. } = &self.measurement;
        let seen = operator.spectrum().values.iter().filter(|s| **s > 0.0).count();
        let measured = if operator.known().is_some() {
            seen
        } else {
            y.elem_count()
        };
        let squares = self.measurement.residual(x)?.sqr()?.flatten_from(1)?.sum(1)?;
        let sums = squares.to_vec1::<f32>()?;
        let mean = |sum: f32| (f64::from(sum) / measured.max(1) as f64).sqrt();
        Ok(sums.into_iter().map(mean).collect())
    }

    /// Which numbers of a sample are known, for inpainting.
    fn known(&self) -> Result<Option<Vec<bool>>, Error> {
        let Some(known) = self.measurement.operator.known() else {
            return Ok(None);
        };
        let flags = known.flatten_all()?.to_vec1::<u8>()?;
        Ok(Some(flags.into_iter().map(|flag| flag != 0).collect()))
    }
}

/// The classifier that ships with the program for the model's data, if there is one.
pub(super) fn judge(model: &ModelInfo, host: &Host) -> Result<Option<Judge>, Error> {
    let saved = judge::open(None, &model.recipe.data.source, model.domain)?;
    saved.map(|saved| Judge::new(&saved, host)).transpose()
}

/// Says what the judge takes each candidate for.
pub(super) fn name_classes(candidates: &mut [Candidate], x: &[f32], judge: &Judge) -> Result<(), Error> {
    let verdict = judge.verdict(x)?;
    for (candidate, (class, probability)) in candidates.iter_mut().zip(verdict.best()) {
        candidate.class = judge.about.class_names.get(*class as usize).cloned();
        candidate.class_probability = Some(*probability);
    }
    Ok(())
}

/// A network whose calls are counted, sample by sample.
struct Counted {
    net: Arc<dyn Net>,
    asked: Arc<AtomicUsize>,
}

impl Counted {
    fn count(&self, x: &Tensor) -> Tensors<()> {
        self.asked.fetch_add(x.dim(0)?, Ordering::Relaxed);
        Ok(())
    }
}

impl Net for Counted {
    fn forward(&self, x: &Tensor, at: Level, cond: &Cond) -> Tensors<Tensor> {
        self.count(x)?;
        self.net.forward(x, at, cond)
    }

    fn vjp(&self, x: &Tensor, at: Level, cond: &Cond, cotangent: &Tensor) -> Tensors<(Tensor, Tensor)> {
        self.count(x)?;
        self.net.vjp(x, at, cond, cotangent)
    }
}

/// A measurement of single pixels says nothing of the others.
fn measured(operator: &dyn Operator, y: Tensor) -> Tensors<Tensor> {
    match operator.known() {
        Some(_) => operator.apply(&y),
        None => Ok(y),
    }
}

/// Standard normal noise of the shape of `y`, the same for all seeds: all candidates restore the same measurement.
fn measurement_noise(y: &Tensor) -> Tensors<Tensor> {
    let mut noise = vec![0.0; y.elem_count()];
    let address = Address {
        seed: 0,
        stream: Stream::Measurement,
        sample: 0,
        mv: 0,
        draw: 0,
    };
    address.normals(&mut noise);
    Tensor::from_vec(noise, y.shape(), y.device())
}

/// Masks that leave nothing to do, or nothing to go by.
fn check_fill(restoration: &Restoration, method: &str) -> Result<(), Error> {
    let Some(fill) = restoration.fill.as_deref().filter(|_| restoration.task.id == "inpaint") else {
        return Ok(());
    };
    let filled = fill.iter().filter(|f| **f >= 0.5).count();
    if filled == 0 {
        return Err(Error::refused("the mask is empty: mark what is to be filled"));
    }
    if filled == fill.len() && method != "sdedit" {
        return Err(Error::refused(
            "the mask covers everything, so that nothing is known: leave something, make plain samples, or choose sdedit",
        ));
    }
    Ok(())
}

fn check_size(values: &[f32], shape: &[usize], measured: bool) -> Result<(), Error> {
    let numel: usize = shape.iter().product();
    if values.len() == numel {
        return Ok(());
    }
    let shape = shape[1..].iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
    let what = if measured { "a measurement" } else { "a sample" };
    Err(Error::refused(format!(
        "the picture holds {} numbers, but {what} of this model and task holds {numel} ({shape}): bring it to that size first",
        values.len()
    )))
}
