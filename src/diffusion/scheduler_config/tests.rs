//! Settings that are understood, and those that are refused by name.

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
    assert!(fault("EulerDiscreteScheduler", r#"{"interpolation_type": "log_linear"}"#).contains("interpolation_type"));
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
