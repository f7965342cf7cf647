//! What each scheduler decides, in the order of the table of classes.

use serde_json::Value as Json;

use super::{
    Clip, ConfigError, Setup,
    reader::Reader,
    shared::{
        betas, by_stride, clip, in_lambda, in_sigma, index_spacing, target, threshold, with_final_alpha,
        with_final_sigma,
    },
};
use crate::{
    diffusion::EpsAfterClip,
    math::{Spec, Value},
};

pub(super) fn ddpm(c: &Reader<'_>, s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    let schedule = betas(c, (1e-4, 0.02))?;
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
        target: target(c)?,
        sampler: Spec::new("ddpm")
            .with("variance", Value::Text(variance.into()))
            .with("final-noise", Value::Flag(true)),
        spacing: index_spacing(c, "leading")?,
        clip: clip(c, true, EpsAfterClip::Keep)?,
    })
}

pub(super) fn ddim(c: &Reader<'_>, s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    let schedule = betas(c, (1e-4, 0.02))?;
    let eps = if s.flag("use_clipped_model_output", false)? {
        EpsAfterClip::Rederive
    } else {
        EpsAfterClip::Keep
    };
    Ok(Setup {
        schedule,
        target: target(c)?,
        sampler: Spec::new("ddim").with("eta", Value::Real(s.real("eta", 0.0)?)),
        spacing: with_final_alpha(c, by_stride(index_spacing(c, "leading")?), true)?,
        clip: clip(c, true, eps)?,
    })
}

pub(super) fn ddim_inverse(c: &Reader<'_>, s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    let setup = ddim(c, s, steps)?;
    Ok(Setup {
        sampler: Spec::new("ddim-inverse"),
        ..setup
    })
}

pub(super) fn pndm(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    let schedule = betas(c, (1e-4, 0.02))?;
    let combined = c.word(
        "prediction_type",
        "epsilon",
        &[("epsilon", "eps"), ("v_prediction", "v")],
    )?;
    Ok(Setup {
        schedule,
        target: target(c)?,
        sampler: Spec::new("plms")
            .with("runge-kutta", Value::Flag(!c.flag("skip_prk_steps", false)?))
            .with("combined", Value::Text(combined.into())),
        spacing: with_final_alpha(c, by_stride(index_spacing(c, "leading")?), false)?,
        clip: Clip::Off,
    })
}

pub(super) fn euler(c: &Reader<'_>, s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
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

pub(super) fn euler_ancestral(c: &Reader<'_>, _s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    in_sigma(c, steps, Spec::new("euler-a"), (1e-4, 0.02))
}

pub(super) fn heun(c: &Reader<'_>, _s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    let setup = in_sigma(c, steps, Spec::new("heun"), (8.5e-4, 0.012))?;
    Ok(Setup {
        clip: clip(c, false, EpsAfterClip::Rederive)?,
        ..setup
    })
}

pub(super) fn lms(c: &Reader<'_>, s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    let order = s.count("order", 4)?;
    let sampler = Spec::new("lms").with("order", Value::Int(order as i64));
    in_sigma(c, steps, sampler, (1e-4, 0.02))
}

pub(super) fn dpm2(c: &Reader<'_>, _s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    dpm2_with(c, steps, 0.0)
}

pub(super) fn dpm2_with(c: &Reader<'_>, steps: usize, eta: f64) -> Result<Setup, ConfigError> {
    let sampler = Spec::new("dpm2").with("eta", Value::Real(eta));
    let setup = in_sigma(c, steps, sampler, (8.5e-4, 0.012))?;
    let spacing = match setup.spacing.id.as_str() {
        "karras" => setup.spacing.with("told", Value::Text("rounded".into())),
        _ => setup.spacing,
    };
    Ok(Setup { spacing, ..setup })
}

pub(super) fn dpm2_ancestral(c: &Reader<'_>, _s: &Reader<'_>, steps: usize) -> Result<Setup, ConfigError> {
    dpm2_with(c, steps, 1.0)
}

pub(super) fn dpmpp(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    c.fixed("lambda_min_clipped", &Json::Null)?;
    unused_variance(c)?;
    let rounding = match c.text("beta_schedule", "linear")? {
        "squaredcos_cap_v2" => "truncated",
        _ => "rounded",
    };
    in_lambda(c, dpmpp_sampler(c)?, rounding, "neither")
}

/// These samplers have no variance of their own; the word only says that the network's second half is left alone.
fn unused_variance(c: &Reader<'_>) -> Result<(), ConfigError> {
    let words = [
        "none",
        "fixed_small",
        "fixed_small_log",
        "fixed_large",
        "learned",
        "learned_range",
    ];
    c.word("variance_type", "none", &words.map(|word| (word, ""))).map(drop)
}

pub(super) fn dpmpp_singlestep(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    c.fixed("algorithm_type", &"dpmsolver++".into())?;
    let form = c.word("solver_type", "midpoint", &[("midpoint", "midpoint"), ("heun", "heun")])?;
    c.fixed("lambda_min_clipped", &Json::Null)?;
    unused_variance(c)?;
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

pub(super) fn dpmpp_sampler(c: &Reader<'_>) -> Result<Spec, ConfigError> {
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

pub(super) fn unipc(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
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

pub(super) fn deis(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
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

pub(super) fn edm_euler(c: &Reader<'_>, s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    s.fixed("s_churn", &0.0.into())?;
    edm(c, Spec::new("euler"))
}

pub(super) fn edm_dpmpp(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    edm(c, dpmpp_sampler(c)?)
}

pub(super) fn edm(c: &Reader<'_>, sampler: Spec) -> Result<Setup, ConfigError> {
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
        target: Spec::new("edm").with("sigma-data", Value::Real(c.real("sigma_data", 0.5)?)),
        sampler,
        spacing: with_final_sigma(c, spacing)?,
        clip: threshold(c)?,
    })
}

pub(super) fn flow_heun(c: &Reader<'_>, s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
    s.fixed("s_churn", &0.0.into())?;
    flow(c, Spec::new("flow-heun"))
}

pub(super) fn flow_euler(c: &Reader<'_>, _s: &Reader<'_>, _steps: usize) -> Result<Setup, ConfigError> {
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

pub(super) fn flow(c: &Reader<'_>, sampler: Spec) -> Result<Setup, ConfigError> {
    Ok(Setup {
        schedule: Spec::new("flow").with("steps", Value::Int(c.count("num_train_timesteps", 1000)? as i64)),
        target: Spec::new("flow"),
        sampler,
        spacing: Spec::new("shifted").with("shift", Value::Real(c.real("shift", 1.0)?)),
        clip: Clip::Off,
    })
}
