//! Tables of betas and cumulated alphas.

use diffusion_studio::{diffusion::scheduler_config::beta_schedule, math::schedule::NoiseSchedule};

use crate::{Case, Outcome};

/// diffusers makes its tables in float32.
const TOLERANCE: f64 = 1e-4;

/// Compares every table of the case.
pub(crate) fn check(case: &Case) -> Outcome {
    let mut outcome = Outcome::default();
    for table in case.about["tables"].as_array().unwrap() {
        let mut config = table.as_object().unwrap().clone();
        config.remove("note");
        let key = config.remove("key").unwrap();
        let key = key.as_str().unwrap();
        let schedule = beta_schedule("a table", &config).unwrap();
        let steps = config["num_train_timesteps"].as_u64().unwrap();
        assert_eq!(schedule.steps(), Some(steps as usize), "{key}");
        let alpha_bar: Vec<f64> = (0..steps).map(|t| schedule.level(t as f64).alpha.powi(2)).collect();
        let betas = betas(&*schedule, steps);
        let pairs = [("alphas_cumprod", &alpha_bar), ("betas", &betas)];
        for (part, found) in pairs {
            let name = format!("{key}/{part}");
            outcome.compare(&name, found, &case.numbers(&name), TOLERANCE);
        }
    }
    let known = |name: &str| {
        let tables = case.about["tables"].as_array().unwrap();
        tables.iter().any(|t| t["key"].as_str() == name.split('/').next())
    };
    outcome.demand_all(case, known);
    outcome
}

fn betas(schedule: &dyn NoiseSchedule, steps: u64) -> Vec<f64> {
    let alpha_bar = |t: u64| schedule.level(t as f64).alpha.powi(2);
    (0..steps)
        .map(|t| 1.0 - alpha_bar(t) / if t == 0 { 1.0 } else { alpha_bar(t - 1) })
        .collect()
}
