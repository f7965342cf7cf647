//! Operators: adjoint, singular vectors, pseudo-inverse, and what they are on the face of it.

use super::{apart, image, normal, operator, values};
use candle_core::{Device, Tensor};
use diffusion_studio::{
    diffusion::restore::{Operator, task},
    math::{Domain, Spec, Value},
};
use std::sync::Arc;

const COLOUR: Domain = image(3, 8, 12);

fn half(domain: Domain) -> Vec<f32> {
    let Domain::Image { height, width, .. } = domain else {
        return vec![1.0, 0.0];
    };
    (0..height * width)
        .map(|i| if i % width < width / 2 { 0.9 } else { 0.2 })
        .collect()
}

/// Every task on pictures, and those that points can have.
fn all() -> Vec<(String, Domain, Arc<dyn Operator>)> {
    let on = |domain: Domain, id: &str| {
        let fill = half(domain);
        (
            format!("{id} of {domain:?}"),
            domain,
            operator(domain, id, 0.0, Some(&fill)),
        )
    };
    let pictures = task::ENTRIES.iter().map(|entry| on(COLOUR, entry.id));
    let points = ["inpaint", "denoise"].map(|id| on(Domain::Points, id));
    pictures.chain(points).collect()
}

fn dot(a: &Tensor, b: &Tensor) -> f64 {
    values(a).into_iter().zip(values(b)).map(|(a, b)| a * b).sum()
}

#[test]
fn adjoints_are_adjoint() {
    for (name, domain, operator) in all() {
        let x = normal(&domain.shape(2), 1);
        let hx = operator.apply(&x).unwrap();
        let y = normal(hx.dims(), 2);
        let (left, right) = (dot(&hx, &y), dot(&x, &operator.adjoint(&y).unwrap()));
        assert!(
            (left - right).abs() < 1e-4 * (1.0 + left.abs()),
            "{name}: {left} {right}"
        );
    }
}

#[test]
fn singular_vectors_are_what_they_should_be() {
    for (name, domain, operator) in all() {
        let c = normal(&domain.shape(2), 3);
        let singular = Tensor::from_slice(&operator.spectrum().values, domain.shape(1), &Device::Cpu).unwrap();
        let singular = singular.to_dtype(c.dtype()).unwrap();
        let hv = operator.apply(&operator.v(&c).unwrap()).unwrap();
        let us = operator.u(&c.broadcast_mul(&singular).unwrap()).unwrap();
        assert!(apart(&hv, &us) < 3e-6, "{name}: H V = U S");
        let back = operator.v_t(&operator.v(&c).unwrap()).unwrap();
        assert!(apart(&back, &c) < 5e-6, "{name}: V^T V = 1");
        let seen = c.broadcast_mul(&operator.spectrum().seen).unwrap();
        let back = operator.u_t(&operator.u(&c).unwrap()).unwrap();
        assert!(apart(&back, &seen) < 5e-6, "{name}: U^T U = 1 where S is not 0");
    }
}

#[test]
fn pseudo_inverses_explain_the_measurement_and_nothing_else() {
    for (name, domain, operator) in all() {
        let x = normal(&domain.shape(2), 4);
        let y = operator.apply(&x).unwrap();
        let short = operator.pseudo_inverse(&y).unwrap();
        assert!(apart(&operator.apply(&short).unwrap(), &y) < 2e-5, "{name}: H H⁺ y = y");
        // For the deblurring of f32 measurements 1 / s amplifies the rounding.
        assert!(apart(&operator.seen(&x).unwrap(), &short) < 1e-3, "{name}: H⁺ H");
        let unseen = (&x - operator.seen(&x).unwrap()).unwrap();
        assert!(
            apart(&operator.apply(&unseen).unwrap(), &y.zeros_like().unwrap()) < 2e-6,
            "{name}"
        );
    }
}

#[test]
fn blocks_and_channels_are_means() {
    let x = normal(&COLOUR.shape(1), 5);
    let at = |t: &Tensor, c: usize, i: usize, j: usize| {
        let [_, _, height, width] = t.dims()[..] else { panic!() };
        values(t)[(c * height + i) * width + j]
    };
    for (task, side) in [("sr2", 2), ("sr4", 4)] {
        let small = operator(COLOUR, task, 0.0, None).apply(&x).unwrap();
        assert_eq!(small.dims(), [1, 3, 8 / side, 12 / side]);
        let block = (0..side * side).map(|k| at(&x, 2, side + k / side, 2 * side + k % side));
        let mean = block.sum::<f64>() / (side * side) as f64;
        assert!((at(&small, 2, 1, 2) - mean).abs() < 1e-6, "{task}");
    }
    let grey = operator(COLOUR, "colourise", 0.0, None).apply(&x).unwrap();
    assert_eq!(grey.dims(), [1, 1, 8, 12]);
    let mean = (0..3).map(|c| at(&x, c, 3, 7)).sum::<f64>() / 3.0;
    assert!((at(&grey, 0, 3, 7) - mean).abs() < 1e-6);
}

/// Away from the border a slight blur is the convolution with a sampled Gaussian.
#[test]
fn blurs_are_gaussian() {
    let spec = Spec::new("deblur").with("width", Value::Real(0.6));
    let blur = task::build(&spec)
        .unwrap()
        .operator(image(1, 11, 11), None, &Device::Cpu)
        .unwrap();
    let mut dot = vec![0.0_f32; 121];
    dot[5 * 11 + 5] = 1.0;
    let blurred = values(
        &blur
            .apply(&Tensor::from_vec(dot, (1, 1, 11, 11), &Device::Cpu).unwrap())
            .unwrap(),
    );
    let weight = |d: i32| (-0.5 * (f64::from(d) / 0.6).powi(2)).exp();
    let total: f64 = (-5..=5).map(weight).sum();
    for (i, j) in [(5, 5), (5, 6), (4, 4), (3, 5), (7, 6)] {
        let expected = weight(i - 5) * weight(j - 5) / total.powi(2);
        let found = blurred[(i * 11 + j) as usize];
        assert!((found - expected).abs() < 1e-5, "{i} {j}: {found} {expected}");
    }
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let refusal = |task: &str, domain, fill: Option<&[f32]>| {
        let built = task::build(&Spec::new(task)).unwrap();
        built.operator(domain, fill, &Device::Cpu).err().unwrap().to_string()
    };
    assert!(refusal("sr4", image(1, 28, 30), None).contains("30 × 28: choose another task"));
    assert!(refusal("colourise", image(1, 8, 8), None).contains("no colours"));
    assert!(refusal("deblur", Domain::Points, None).contains("choose inpaint or denoise"));
    assert!(refusal("inpaint", image(1, 8, 8), None).contains("needs a mask"));
    assert!(refusal("inpaint", image(1, 8, 8), Some(&[1.0; 60])).contains("60 places"));
}
