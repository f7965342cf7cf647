//! What diffusers' schedulers mean in our words: which schedule, spacing, sampler, target and clipping.
//!
//! Every setting is either understood or refused by name; none is passed over.

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value as Json};

use super::{Clipped, Denoiser, EpsAfterClip, Thresholded};
use crate::math::{
    Move, Spec, SpecError, Value, grid,
    schedule::{self, NoiseSchedule, Table},
};

/// Everything that a diffusers scheduler decides about sampling.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// The noise schedule; overridden by [`Self::trained_betas`].
    pub schedule: Spec,
    /// Betas that are listed one by one.
    pub trained_betas: Option<Vec<f64>>,
    /// What the network regresses.
    pub target: Spec,
    /// The sampler.
    pub sampler: Spec,
    /// The time grid.
    pub spacing: Spec,
    /// What is done to clean samples out of range.
    pub clip: Clip,
}

/// What is done to clean samples out of range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clip {
    /// Nothing.
    Off,
    /// See [`Clipped`].
    Fixed {
        /// Half the range.
        range: f64,
        /// What happens to the noise.
        eps: EpsAfterClip,
    },
    /// See [`Thresholded`].
    Dynamic {
        /// Which share of the values stays within.
        ratio: f64,
        /// The greatest threshold.
        most: f64,
    },
}

/// Why a scheduler is not understood.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No such scheduler here.
    #[error("the scheduler “{0}” is not known; known: {known}", known = CLASSES.map(|(name, _)| name).join(", "))]
    Class(String),
    /// A setting with an unknown name.
    #[error("{class}: the setting “{key}” is not known")]
    Unknown {
        /// The scheduler.
        class: String,
        /// The setting.
        key: String,
    },
    /// A setting with a value that means nothing here.
    #[error("{class}: “{key}” is {found}, but must be {expected}")]
    Unsupported {
        /// The scheduler.
        class: String,
        /// The setting.
        key: String,
        /// What was found.
        found: String,
        /// What would do.
        expected: String,
    },
    /// The settings do not make a schedule.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Not a JSON object.
    #[error("a scheduler's settings must be a JSON object: {0}")]
    Json(#[from] serde_json::Error),
}

type Reading = fn(&Reader<'_>, &Reader<'_>, usize) -> Result<Setup, ConfigError>;

/// The schedulers that are understood.
const CLASSES: [(&str, Reading); 18] = [
    ("DDPMScheduler", ddpm),
    ("DDIMScheduler", ddim),
    ("DDIMInverseScheduler", ddim_inverse),
    ("PNDMScheduler", pndm),
    ("EulerDiscreteScheduler", euler),
    ("EulerAncestralDiscreteScheduler", euler_ancestral),
    ("HeunDiscreteScheduler", heun),
    ("LMSDiscreteScheduler", lms),
    ("KDPM2DiscreteScheduler", dpm2),
    ("KDPM2AncestralDiscreteScheduler", dpm2_ancestral),
    ("DPMSolverMultistepScheduler", dpmpp),
    ("DPMSolverSinglestepScheduler", dpmpp_singlestep),
    ("UniPCMultistepScheduler", unipc),
    ("DEISMultistepScheduler", deis),
    ("EDMEulerScheduler", edm_euler),
    ("EDMDPMSolverMultistepScheduler", edm_dpmpp),
    ("FlowMatchEulerDiscreteScheduler", flow_euler),
    ("FlowMatchHeunDiscreteScheduler", flow_heun),
];

impl Setup {
    /// Reads the settings of the scheduler `class` and the arguments of its `step` for a grid of `steps` moves.
    pub fn from_diffusers(
        class: &str,
        config: &Map<String, Json>,
        step: &Map<String, Json>,
        steps: usize,
    ) -> Result<Self, ConfigError> {
        let (_, read) = CLASSES
            .iter()
            .find(|(name, _)| *name == class)
            .ok_or_else(|| ConfigError::Class(class.into()))?;
        let (config, step) = (Reader::new(class, config), Reader::new(class, step));
        let setup = read(&config, &step, steps)?;
        config.finish()?;
        step.finish()?;
        Ok(setup)
    }

    /// The noise schedule.
    pub fn schedule(&self) -> Result<Arc<dyn NoiseSchedule>, SpecError> {
        build_schedule(&self.schedule, self.trained_betas.as_deref())
    }

    /// The time grid of `steps` moves, before the sampler plans with it.
    pub fn moves(&self, steps: usize) -> Result<Vec<Move>, SpecError> {
        Ok(grid::time_grid(&*self.schedule()?, grid::build(&self.spacing)?, steps))
    }

    /// The denoiser with the scheduler's clipping.
    pub fn clipped(&self, inner: Box<dyn Denoiser>) -> Box<dyn Denoiser> {
        match self.clip {
            Clip::Off => inner,
            Clip::Fixed { range, eps } => Box::new(Clipped {
                inner,
                range: (-range, range),
                eps,
            }),
            Clip::Dynamic { ratio, most } => Box::new(Thresholded { inner, ratio, most }),
        }
    }
}

/// Parses settings as Python writes them: infinities and not-a-number become `null`.
pub fn parse_json(text: &str) -> Result<Map<String, Json>, ConfigError> {
    let mut plain = String::new();
    for (i, part) in text.split('"').enumerate() {
        if i > 0 {
            plain.push('"');
        }
        if i % 2 == 0 {
            plain += &part
                .replace("-Infinity", "null")
                .replace("Infinity", "null")
                .replace("NaN", "null");
        } else {
            plain += part;
        }
    }
    Ok(serde_json::from_str(&plain)?)
}

/// The schedule that `config` (of any scheduler with betas) describes.
pub fn beta_schedule(class: &str, config: &Map<String, Json>) -> Result<Arc<dyn NoiseSchedule>, ConfigError> {
    let (spec, betas) = betas(&Reader::new(class, config), (1e-4, 0.02))?;
    Ok(build_schedule(&spec, betas.as_deref())?)
}

fn build_schedule(spec: &Spec, betas: Option<&[f64]>) -> Result<Arc<dyn NoiseSchedule>, SpecError> {
    match betas {
        None => Ok(schedule::build(spec)?.into()),
        Some(betas) => {
            let table = Table::from_betas(betas.iter().copied());
            let zero_snr = spec.values.get("zero-snr") == Some(&Value::Flag(true));
            Ok(Arc::new(if zero_snr { table.with_zero_snr() } else { table }))
        }
    }
}

// The schedulers, in the order of the table.

fn ddpm(c: &Reader<'_>, s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    let (schedule, trained_betas) = betas(c, (1e-4, 0.02))?;
    let variance = c.word(
        "variance_type",
        "fixed_small",
        &[
            ("fixed_small", "small"),
            ("fixed_small_log", "small"),
            ("fixed_large", "large"),
            ("learned_range", "learned"),
        ],
    )?;
    s.fixed("generator", &Json::Null)?;
    Ok(Setup {
        schedule,
        trained_betas,
        target: target(c)?,
        sampler: Spec::new("ddpm")
            .with("variance", Value::Text(variance.into()))
            .with("final-noise", Value::Flag(true)),
        spacing: index_spacing(c, "leading")?,
        clip: clip(c, true, EpsAfterClip::Keep)?,
    })
}

fn ddim(c: &Reader<'_>, s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    let (schedule, trained_betas) = betas(c, (1e-4, 0.02))?;
    let eps = if s.flag("use_clipped_model_output", false)? {
        EpsAfterClip::Rederive
    } else {
        EpsAfterClip::Keep
    };
    Ok(Setup {
        schedule,
        trained_betas,
        target: target(c)?,
        sampler: Spec::new("ddim").with("eta", Value::Real(s.real("eta", 0.0)?)),
        spacing: with_final_alpha(c, by_stride(index_spacing(c, "leading")?), true)?,
        clip: clip(c, true, eps)?,
    })
}

fn ddim_inverse(c: &Reader<'_>, s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    let setup = ddim(c, s, steps)?;
    Ok(Setup {
        sampler: Spec::new("ddim-inverse"),
        ..setup
    })
}

fn pndm(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    let (schedule, trained_betas) = betas(c, (1e-4, 0.02))?;
    let combined = c.word(
        "prediction_type",
        "epsilon",
        &[("epsilon", "eps"), ("v_prediction", "v")],
    )?;
    Ok(Setup {
        schedule,
        trained_betas,
        target: target(c)?,
        sampler: Spec::new("plms")
            .with("runge-kutta", Value::Flag(!c.flag("skip_prk_steps", false)?))
            .with("combined", Value::Text(combined.into())),
        spacing: with_final_alpha(c, by_stride(index_spacing(c, "leading")?), false)?,
        clip: Clip::Off,
    })
}

fn euler(c: &Reader<'_>, s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    c.fixed("interpolation_type", &"linear".into())?;
    c.fixed("timestep_type", &"discrete".into())?;
    s.fixed("s_churn", &0.0.into())?;
    for unused in ["s_tmin", "s_tmax", "s_noise"] {
        s.mark(unused);
    }
    let setup = in_sigma(c, steps, Spec::new("euler"), (1e-4, 0.02))?;
    Ok(Setup {
        spacing: with_final_sigma(c, setup.spacing)?,
        ..setup
    })
}

fn euler_ancestral(c: &Reader<'_>, _s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    in_sigma(c, steps, Spec::new("euler-a"), (1e-4, 0.02))
}

fn heun(c: &Reader<'_>, _s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    let setup = in_sigma(c, steps, Spec::new("heun"), (8.5e-4, 0.012))?;
    Ok(Setup {
        clip: clip(c, false, EpsAfterClip::Rederive)?,
        ..setup
    })
}

fn lms(c: &Reader<'_>, s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    let order = s.count("order", 4)?;
    let sampler = Spec::new("lms").with("order", Value::Int(order as i64));
    in_sigma(c, steps, sampler, (1e-4, 0.02))
}

fn dpm2(c: &Reader<'_>, _s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    dpm2_with(c, steps, 0.0)
}

fn dpm2_with(c: &Reader<'_>, steps: usize, eta: f64) -> Result<Setup, ConfigError> {
    let sampler = Spec::new("dpm2").with("eta", Value::Real(eta));
    let setup = in_sigma(c, steps, sampler, (8.5e-4, 0.012))?;
    let spacing = match setup.spacing.id.as_str() {
        "karras" => setup.spacing.with("told", Value::Text("rounded".into())),
        _ => setup.spacing,
    };
    Ok(Setup { spacing, ..setup })
}

fn dpm2_ancestral(c: &Reader<'_>, _s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    dpm2_with(c, steps, 1.0)
}

fn dpmpp(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    c.fixed("lambda_min_clipped", &Json::Null)?;
    c.fixed("variance_type", &Json::Null)?;
    let rounding = match c.text("beta_schedule", "linear")? {
        "squaredcos_cap_v2" => "truncated",
        _ => "rounded",
    };
    in_lambda(c, dpmpp_sampler(c)?, rounding, "neither")
}

fn dpmpp_singlestep(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    c.fixed("algorithm_type", &"dpmsolver++".into())?;
    let form = c.word("solver_type", "midpoint", &[("midpoint", "midpoint"), ("heun", "heun")])?;
    c.fixed("lambda_min_clipped", &Json::Null)?;
    c.fixed("variance_type", &Json::Null)?;
    // With this end the last move is of first order, whatever is said about it.
    c.fixed("final_sigmas_type", &"zero".into())?;
    c.mark("lower_order_final");
    let on_grid = |id: &str| {
        Spec::new(id)
            .with("between", Value::Text("grid".into()))
            .with("solver", Value::Text(form.into()))
    };
    let sampler = match c.count("solver_order", 2)? {
        1 => Spec::new("dpmpp-1s"),
        2 => on_grid("dpmpp-2s"),
        3 => on_grid("dpmpp-3s"),
        order => return Err(c.refused("solver_order", &order.into(), "1, 2 or 3")),
    };
    in_lambda(c, sampler, "rounded", "neither")
}

fn dpmpp_sampler(c: &Reader<'_>) -> Result<Spec, ConfigError> {
    let stochastic = c.word(
        "algorithm_type",
        "dpmsolver++",
        &[("dpmsolver++", "ode"), ("sde-dpmsolver++", "sde")],
    )? == "sde";
    let order = c.count("solver_order", 2)?;
    let published = Value::Flag(true);
    let sampler = match (stochastic, order) {
        (true, _) => Spec::new("dpmpp-2m-sde")
            .with("order", Value::Int(order as i64))
            .with("published", published),
        (false, 3) => Spec::new("dpmpp-3m").with("published", published),
        (false, _) => Spec::new("dpmpp-2m").with("order", Value::Int(order as i64)),
    };
    let form = c.word("solver_type", "midpoint", &[("midpoint", "midpoint"), ("heun", "heun")])?;
    c.fixed("euler_at_final", &false.into())?;
    Ok(sampler
        .with("solver", Value::Text(form.into()))
        .with("lower-order-final", Value::Flag(c.flag("lower_order_final", true)?)))
}

fn unipc(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    let variant = c.word("solver_type", "bh2", &[("bh1", "bh1"), ("bh2", "bh2")])?;
    c.fixed("predict_x0", &true.into())?;
    c.fixed("disable_corrector", &Json::Array(Vec::new()))?;
    c.fixed("solver_p", &Json::Null)?;
    c.fixed("shift_terminal", &Json::Null)?;
    let sampler = Spec::new("unipc")
        .with("order", Value::Int(c.count("solver_order", 2)? as i64))
        .with("variant", Value::Text(variant.into()))
        .with("lower-order-final", Value::Flag(c.flag("lower_order_final", true)?));
    in_lambda(c, sampler, "rounded", "noisy")
}

fn deis(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    c.fixed("algorithm_type", &"deis".into())?;
    c.fixed("solver_type", &"logrho".into())?;
    let sampler = Spec::new("deis")
        .with("order", Value::Int(c.count("solver_order", 2)? as i64))
        .with("lower-order-final", Value::Flag(c.flag("lower_order_final", true)?));
    // There its last move would go nowhere.
    c.fixed("use_flow_sigmas", &false.into())?;
    let setup = in_lambda(c, sampler, "rounded", "neither")?;
    // This scheduler's last move ends at the least noise of its table.
    Ok(Setup {
        spacing: setup.spacing.with("end", Value::Text("first".into())),
        ..setup
    })
}

fn edm_euler(c: &Reader<'_>, s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    s.fixed("s_churn", &0.0.into())?;
    edm(c, Spec::new("euler"))
}

fn edm_dpmpp(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    edm(c, dpmpp_sampler(c)?)
}

fn edm(c: &Reader<'_>, sampler: Spec) -> Result<Setup, ConfigError> {
    c.mark("num_train_timesteps");
    c.fixed("prediction_type", &"epsilon".into())?;
    let curve = c.word(
        "sigma_schedule",
        "karras",
        &[("karras", "karras"), ("exponential", "exponential")],
    )?;
    let rho = c.real("rho", 7.0)?;
    let spacing = match curve {
        "karras" => Spec::new(curve).with("rho", Value::Real(rho)),
        _ => Spec::new(curve),
    };
    Ok(Setup {
        schedule: Spec::new("edm")
            .with("sigma-min", Value::Real(c.real("sigma_min", 0.002)?))
            .with("sigma-max", Value::Real(c.real("sigma_max", 80.0)?)),
        trained_betas: None,
        target: Spec::new("edm").with("sigma-data", Value::Real(c.real("sigma_data", 0.5)?)),
        sampler,
        spacing: with_final_sigma(c, spacing)?,
        clip: threshold(c)?,
    })
}

fn flow_heun(c: &Reader<'_>, s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    s.fixed("s_churn", &0.0.into())?;
    flow(c, Spec::new("flow-heun"))
}

fn flow_euler(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    for off in [
        "use_dynamic_shifting",
        "invert_sigmas",
        "use_karras_sigmas",
        "use_exponential_sigmas",
        "use_beta_sigmas",
    ] {
        c.fixed(off, &false.into())?;
    }
    c.fixed("shift_terminal", &Json::Null)?;
    for unused in [
        "base_shift",
        "max_shift",
        "base_image_seq_len",
        "max_image_seq_len",
        "time_shift_type",
    ] {
        c.mark(unused);
    }
    let stochastic = c.flag("stochastic_sampling", false)?;
    flow(c, Spec::new("flow-euler").with("stochastic", Value::Flag(stochastic)))
}

fn flow(c: &Reader<'_>, sampler: Spec) -> Result<Setup, ConfigError> {
    Ok(Setup {
        schedule: Spec::new("flow").with("steps", Value::Int(c.count("num_train_timesteps", 1000)? as i64)),
        trained_betas: None,
        target: Spec::new("flow"),
        sampler,
        spacing: Spec::new("shifted").with("shift", Value::Real(c.real("shift", 1.0)?)),
        clip: Clip::Off,
    })
}

// What they share.

/// Samplers in variance-exploding units: Karras and exponential spacing span the grid that they replace.
fn in_sigma(c: &Reader<'_>, steps: usize, sampler: Spec, ends: (f64, f64)) -> Result<Setup, ConfigError> {
    let (schedule, trained_betas) = betas(c, ends)?;
    let base = match index_spacing(c, "linspace")? {
        spec if spec.id == "linspace" => spec.with("rounded", Value::Flag(false)),
        spec => spec,
    };
    let given = (c.optional_real("sigma_min")?, c.optional_real("sigma_max")?);
    let spacing = match sigma_curve(c)? {
        None => base,
        Some(curve) => {
            let built = build_schedule(&schedule, trained_betas.as_deref())?;
            let grid = grid::time_grid(&*built, grid::build(&base)?, steps);
            let end = |mv: Option<&Move>| mv.map_or(0.0, |mv| mv.from.with_signal().sigma_ve());
            Spec::new(curve)
                .with("sigma-min", Value::Real(given.0.unwrap_or(end(grid.last()))))
                .with("sigma-max", Value::Real(given.1.unwrap_or(end(grid.first()))))
        }
    };
    Ok(Setup {
        schedule,
        trained_betas,
        target: target(c)?,
        sampler,
        spacing,
        clip: Clip::Off,
    })
}

/// Samplers in log-SNR: grids leave out their clean end, other spacings span the whole schedule. `ends` says which ends flow
/// sigmas have.
fn in_lambda(c: &Reader<'_>, sampler: Spec, rounding: &str, ends: &str) -> Result<Setup, ConfigError> {
    let (schedule, trained_betas) = betas(c, (1e-4, 0.02))?;
    c.fixed("use_dynamic_shifting", &false.into())?;
    c.fixed("shift_terminal", &Json::Null)?;
    c.mark("time_shift_type");
    let shift = c.real("flow_shift", 1.0)?;
    if c.flag("use_flow_sigmas", false)? {
        let clip = threshold(c)?;
        return flow_sigmas(c, sampler, shift, ends, clip);
    }
    let base = match index_spacing(c, "linspace")? {
        spec if spec.id == "trailing" => spec,
        spec => spec.with("exclusive", Value::Flag(true)),
    };
    let mut spacing = match sigma_curve(c)? {
        None => base,
        Some("karras") => Spec::new("karras").with("told", Value::Text(rounding.into())),
        Some(curve) => Spec::new(curve).with("told", Value::Text("truncated".into())),
    };
    if c.flag("use_lu_lambdas", false)? {
        spacing = Spec::new("exponential").with("told", Value::Text(rounding.into()));
    }
    for (key, id) in [("sigma_min", "sigma-min"), ("sigma_max", "sigma-max")] {
        if let Some(v) = c.optional_real(key)? {
            spacing = spacing.with(id, Value::Real(v));
        }
    }
    Ok(Setup {
        schedule,
        trained_betas,
        target: target(c)?,
        sampler,
        spacing: with_final_sigma(c, spacing)?,
        clip: threshold(c)?,
    })
}

/// Samplers in log-SNR on the levels of a flow model; betas do not count.
fn flow_sigmas(c: &Reader<'_>, sampler: Spec, shift: f64, ends: &str, clip: Clip) -> Result<Setup, ConfigError> {
    c.fixed("final_sigmas_type", &"zero".into())?;
    for off in [
        "use_karras_sigmas",
        "use_exponential_sigmas",
        "use_beta_sigmas",
        "use_lu_lambdas",
    ] {
        c.fixed(off, &false.into())?;
    }
    for unused in ["timestep_spacing", "steps_offset", "sigma_min", "sigma_max"] {
        c.mark(unused);
    }
    Ok(Setup {
        schedule: Spec::new("flow").with("steps", Value::Int(c.count("num_train_timesteps", 1000)? as i64)),
        trained_betas: None,
        target: match c.text("prediction_type", "epsilon")? {
            "flow_prediction" => Spec::new("flow"),
            _ => target(c)?,
        },
        sampler,
        spacing: Spec::new("shifted")
            .with("shift", Value::Real(shift))
            .with("ends", Value::Text(ends.into()))
            .with("told", Value::Text("truncated".into())),
        clip,
    })
}

fn betas(c: &Reader<'_>, ends: (f64, f64)) -> Result<(Spec, Option<Vec<f64>>), ConfigError> {
    let id = c.word(
        "beta_schedule",
        "linear",
        &[
            ("linear", "linear"),
            ("scaled_linear", "scaled-linear"),
            ("squaredcos_cap_v2", "cosine"),
            ("sigmoid", "sigmoid-beta"),
        ],
    )?;
    let (start, end) = (c.real("beta_start", ends.0)?, c.real("beta_end", ends.1)?);
    let mut spec = Spec::new(id)
        .with("steps", Value::Int(c.count("num_train_timesteps", 1000)? as i64))
        .with("zero-snr", Value::Flag(c.flag("rescale_betas_zero_snr", false)?));
    if id != "cosine" {
        spec = spec
            .with("beta-start", Value::Real(start))
            .with("beta-end", Value::Real(end))
            .with("scale", Value::Flag(false));
    }
    Ok((spec, c.numbers("trained_betas")?))
}

fn target(c: &Reader<'_>) -> Result<Spec, ConfigError> {
    let id = c.word(
        "prediction_type",
        "epsilon",
        &[("epsilon", "eps"), ("sample", "x0"), ("v_prediction", "v")],
    )?;
    Ok(Spec::new(id))
}

/// Spacing by table index.
fn index_spacing(c: &Reader<'_>, default: &str) -> Result<Spec, ConfigError> {
    let words = [
        ("leading", "leading"),
        ("trailing", "trailing"),
        ("linspace", "linspace"),
    ];
    let id = c.word("timestep_spacing", default, &words)?;
    let offset = c.count("steps_offset", 0)?;
    Ok(match id {
        "leading" => Spec::new(id).with("offset", Value::Int(offset as i64)),
        _ => Spec::new(id),
    })
}

fn by_stride(spacing: Spec) -> Spec {
    spacing.with("landing", Value::Text("stride".into()))
}

fn with_final_alpha(c: &Reader<'_>, spacing: Spec, default: bool) -> Result<Spec, ConfigError> {
    let clean = c.flag("set_alpha_to_one", default)?;
    Ok(spacing.with("end", Value::Text(if clean { "clean" } else { "first" }.into())))
}

fn with_final_sigma(c: &Reader<'_>, spacing: Spec) -> Result<Spec, ConfigError> {
    let end = c.word(
        "final_sigmas_type",
        "zero",
        &[("zero", "clean"), ("sigma_min", "first")],
    )?;
    Ok(spacing.with("end", Value::Text(end.into())))
}

fn sigma_curve(c: &Reader<'_>) -> Result<Option<&'static str>, ConfigError> {
    let karras = c.flag("use_karras_sigmas", false)?;
    let exponential = c.flag("use_exponential_sigmas", false)?;
    let beta = c.flag("use_beta_sigmas", false)?;
    Ok(match (karras, exponential, beta) {
        (true, _, _) => Some("karras"),
        (false, true, _) => Some("exponential"),
        (false, false, true) => Some("beta"),
        (false, false, false) => None,
    })
}

fn clip(c: &Reader<'_>, default: bool, eps: EpsAfterClip) -> Result<Clip, ConfigError> {
    let range = c.real("clip_sample_range", 1.0)?;
    let clipped = c.flag("clip_sample", default)?;
    Ok(match threshold(c)? {
        Clip::Off if clipped => Clip::Fixed { range, eps },
        dynamic => dynamic,
    })
}

fn threshold(c: &Reader<'_>) -> Result<Clip, ConfigError> {
    let dynamic = Clip::Dynamic {
        ratio: c.real("dynamic_thresholding_ratio", 0.995)?,
        most: c.real("sample_max_value", 1.0)?,
    };
    Ok(if c.flag("thresholding", false)? {
        dynamic
    } else {
        Clip::Off
    })
}

/// Settings of which each must be asked for before [`Reader::finish`].
struct Reader<'a> {
    class: &'a str,
    map: &'a Map<String, Json>,
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Reader<'a> {
    fn new(class: &'a str, map: &'a Map<String, Json>) -> Self {
        Self {
            class,
            map,
            asked: RefCell::default(),
        }
    }

    fn mark(&self, key: &str) {
        self.asked.borrow_mut().insert(key.into());
    }

    fn get(&self, key: &str) -> Option<&'a Json> {
        self.mark(key);
        self.map.get(key).filter(|v| !v.is_null())
    }

    fn refused(&self, key: &str, found: &Json, expected: &str) -> ConfigError {
        ConfigError::Unsupported {
            class: self.class.into(),
            key: key.into(),
            found: found.to_string(),
            expected: expected.into(),
        }
    }

    fn read<T>(&self, key: &str, default: T, what: &str, read: fn(&'a Json) -> Option<T>) -> Result<T, ConfigError> {
        match self.get(key) {
            None => Ok(default),
            Some(found) => read(found).ok_or_else(|| self.refused(key, found, what)),
        }
    }

    fn real(&self, key: &str, default: f64) -> Result<f64, ConfigError> {
        self.read(key, default, "a number", Json::as_f64)
    }

    fn optional_real(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        self.read(key, None, "a number", |v| v.as_f64().map(Some))
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        self.read(key, default, "true or false", Json::as_bool)
    }

    fn count(&self, key: &str, default: usize) -> Result<usize, ConfigError> {
        self.read(key, default, "a whole number", |v| {
            v.as_u64().and_then(|v| usize::try_from(v).ok())
        })
    }

    fn text(&self, key: &str, default: &'a str) -> Result<&'a str, ConfigError> {
        self.read(key, default, "a word", Json::as_str)
    }

    fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>, ConfigError> {
        self.read(key, None, "a list of numbers", |v| {
            let list = v.as_array()?.iter().map(Json::as_f64);
            list.collect::<Option<Vec<f64>>>().map(Some)
        })
    }

    /// One of a few words, translated.
    fn word<'w>(&self, key: &str, default: &str, words: &[(&str, &'w str)]) -> Result<&'w str, ConfigError> {
        let found = self.read(key, default.to_owned(), "a word", |v| v.as_str().map(Into::into))?;
        let known = || words.iter().map(|(theirs, _)| *theirs).collect::<Vec<_>>().join(", ");
        words
            .iter()
            .find(|(theirs, _)| *theirs == found)
            .map(|(_, ours)| *ours)
            .ok_or_else(|| self.refused(key, &found.as_str().into(), &format!("one of {}", known())))
    }

    /// A setting that may only have this value.
    fn fixed(&self, key: &str, only: &Json) -> Result<(), ConfigError> {
        match self.get(key) {
            Some(found) if found != only && found.as_f64().is_none_or(|v| Some(v) != only.as_f64()) => {
                Err(self.refused(key, found, &only.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what nobody asked for. Settings that begin with an underline belong to diffusers' own housekeeping.
    fn finish(&self) -> Result<(), ConfigError> {
        let asked = self.asked.borrow();
        match self.map.keys().find(|k| !k.starts_with('_') && !asked.contains(*k)) {
            None => Ok(()),
            Some(key) => Err(ConfigError::Unknown {
                class: self.class.into(),
                key: key.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(class: &str, config: &str) -> Result<Setup, ConfigError> {
        Setup::from_diffusers(class, &parse_json(config).unwrap(), &Map::new(), 10)
    }

    #[test]
    fn defaults_build() {
        for (class, _) in CLASSES {
            let setup = read(class, "{}").unwrap_or_else(|e| panic!("{class}: {e}"));
            assert_eq!(
                setup.moves(10).unwrap_or_else(|e| panic!("{class}: {e}")).len(),
                10,
                "{class}"
            );
            crate::diffusion::sampler::build(&setup.sampler).unwrap_or_else(|e| panic!("{class}: {e}"));
            crate::math::target::build(&setup.target).unwrap();
        }
    }

    #[test]
    fn nothing_is_passed_over() {
        let fault = |class, config| read(class, config).unwrap_err().to_string();
        assert!(fault("DDIMScheduler", r#"{"colour": 1}"#).contains("“colour” is not known"));
        assert!(fault("DDIMScheduler", r#"{"beta_schedule": "laplace"}"#).contains("one of linear"));
        assert!(fault("EulerDiscreteScheduler", r#"{"thresholding": true}"#).contains("“thresholding” is not known"));
        assert!(
            fault("EulerDiscreteScheduler", r#"{"interpolation_type": "log_linear"}"#).contains("interpolation_type")
        );
        assert!(fault("Scheduler", "{}").contains("not known; known: DDPMScheduler"));
        assert!(
            read(
                "DDIMScheduler",
                r#"{"_class_name": "DDIMScheduler", "trained_betas": null}"#
            )
            .is_ok()
        );
    }

    #[test]
    fn pythons_infinities_are_read() {
        let map = parse_json(r#"{"a": -Infinity, "b": "-Infinity", "c": [NaN, 1]}"#).unwrap();
        assert!(map["a"].is_null());
        assert_eq!(map["b"], "-Infinity");
    }

    #[test]
    fn listed_betas_are_taken() {
        let setup = read(
            "DDIMScheduler",
            r#"{"trained_betas": [0.1, 0.2], "num_train_timesteps": 2}"#,
        )
        .unwrap();
        let at = setup.schedule().unwrap().level(1.0);
        assert!((at.alpha.powi(2) - 0.72).abs() < 1e-12);
    }
}
