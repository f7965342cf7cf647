//! Settings that several schedulers have.

use serde_json::Value as Json;

use super::{Clip, ConfigError, Setup, reader::Reader};
use crate::{
    diffusion::EpsAfterClip,
    math::{Move, Spec, Value, grid, schedule},
};

/// Samplers in variance-exploding units: Karras and exponential spacing span the grid that they replace.
pub(super) fn in_sigma(c: &Reader<'_>, steps: usize, sampler: Spec, ends: (f64, f64)) -> Result<Setup, ConfigError> {
    let schedule = betas(c, ends)?;
    let base = match index_spacing(c, "linspace")? {
        spec if spec.id == "linspace" => spec.with("rounded", Value::Flag(false)),
        spec => spec,
    };
    let given = (c.optional_real("sigma_min")?, c.optional_real("sigma_max")?);
    let spacing = match sigma_curve(c)? {
        None => base,
        Some(curve) => {
            let built = schedule::build(&schedule)?;
            let grid = grid::time_grid(&*built, grid::build(&base)?, steps);
            let end = |mv: Option<&Move>| mv.map_or(0.0, |mv| mv.from.with_signal().sigma_ve());
            Spec::new(curve)
                .with("sigma-min", Value::Real(given.0.unwrap_or(end(grid.last()))))
                .with("sigma-max", Value::Real(given.1.unwrap_or(end(grid.first()))))
        }
    };
    Ok(Setup {
        schedule,
        target: target(c)?,
        sampler,
        spacing,
        clip: Clip::Off,
    })
}

/// Samplers in log-SNR: grids leave out their clean end, other spacings span the whole schedule. `ends` says which ends flow
/// sigmas have.
pub(super) fn in_lambda(c: &Reader<'_>, sampler: Spec, rounding: &str, ends: &str) -> Result<Setup, ConfigError> {
    let schedule = betas(c, (1e-4, 0.02))?;
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
        target: target(c)?,
        sampler,
        spacing: with_final_sigma(c, spacing)?,
        clip: threshold(c)?,
    })
}

/// Samplers in log-SNR on the levels of a flow model; betas do not count.
pub(super) fn flow_sigmas(
    c: &Reader<'_>,
    sampler: Spec,
    shift: f64,
    ends: &str,
    clip: Clip,
) -> Result<Setup, ConfigError> {
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

pub(super) fn betas(c: &Reader<'_>, ends: (f64, f64)) -> Result<Spec, ConfigError> {
    // Written by early versions, without a meaning here.
    c.mark("tensor_format");
    c.fixed("timestep_values", &Json::Null)?;
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
    let (steps, zero_snr) = (
        c.count("num_train_timesteps", 1000)?,
        c.flag("rescale_betas_zero_snr", false)?,
    );
    let mut spec = Spec::new(id)
        .with("steps", Value::Int(steps as i64))
        .with("zero-snr", Value::Flag(zero_snr));
    if let Some(betas) = c.numbers("trained_betas")? {
        let words: Vec<String> = betas.iter().map(f64::to_string).collect();
        return Ok(Spec::new("custom")
            // Listed betas decide how many there are, whatever else is said.
            .with("steps", Value::Int(betas.len() as i64))
            .with("zero-snr", Value::Flag(zero_snr))
            .with("betas", Value::Text(words.join(" "))));
    }
    if id != "cosine" {
        spec = spec
            .with("beta-start", Value::Real(start))
            .with("beta-end", Value::Real(end))
            .with("scale", Value::Flag(false));
    }
    Ok(spec)
}

pub(super) fn target(c: &Reader<'_>) -> Result<Spec, ConfigError> {
    let id = c.word(
        "prediction_type",
        "epsilon",
        &[("epsilon", "eps"), ("sample", "x0"), ("v_prediction", "v")],
    )?;
    Ok(Spec::new(id))
}

/// Spacing by table index.
pub(super) fn index_spacing(c: &Reader<'_>, default: &str) -> Result<Spec, ConfigError> {
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

pub(super) fn by_stride(spacing: Spec) -> Spec {
    spacing.with("landing", Value::Text("stride".into()))
}

pub(super) fn with_final_alpha(c: &Reader<'_>, spacing: Spec, default: bool) -> Result<Spec, ConfigError> {
    let clean = c.flag("set_alpha_to_one", default)?;
    Ok(spacing.with("end", Value::Text(if clean { "clean" } else { "first" }.into())))
}

pub(super) fn with_final_sigma(c: &Reader<'_>, spacing: Spec) -> Result<Spec, ConfigError> {
    let end = c.word(
        "final_sigmas_type",
        "zero",
        &[("zero", "clean"), ("sigma_min", "first")],
    )?;
    Ok(spacing.with("end", Value::Text(end.into())))
}

pub(super) fn sigma_curve(c: &Reader<'_>) -> Result<Option<&'static str>, ConfigError> {
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

pub(super) fn clip(c: &Reader<'_>, default: bool, eps: EpsAfterClip) -> Result<Clip, ConfigError> {
    let range = c.real("clip_sample_range", 1.0)?;
    let clipped = c.flag("clip_sample", default)?;
    Ok(match threshold(c)? {
        Clip::Off if clipped => Clip::Fixed { range, eps },
        dynamic => dynamic,
    })
}

pub(super) fn threshold(c: &Reader<'_>) -> Result<Clip, ConfigError> {
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
