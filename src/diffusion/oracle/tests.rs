use candle_core::Device;

use super::*;

const AT: Level = Level {
    t: 0.0,
    alpha: 0.8,
    sigma: 0.5,
};

fn mixture() -> Mixture {
    let component = |weight, mean: [f64; 2], std| Component {
        weight,
        mean: mean.into(),
        std,
    };
    Mixture::new(vec![
        component(1.0, [1.0, -0.5], 0.3),
        component(2.0, [-1.0, 0.25], 0.0),
        component(0.5, [0.0, 1.5], 0.7),
    ])
}

/// The score of the density of `x`, by central differences of its logarithm, against `-eps / sigma`.
#[test]
fn the_noise_is_the_score() {
    let model = mixture();
    let log_p = |x: [f64; 2]| {
        let density = |c: &Component| {
            let v = (AT.alpha * c.std).powi(2) + AT.sigma.powi(2);
            let d: f64 = x.iter().zip(&c.mean).map(|(x, m)| (x - AT.alpha * m).powi(2)).sum();
            c.weight / v * (-0.5 * d / v).exp()
        };
        model.components.iter().map(density).sum::<f64>().ln()
    };
    for x in [[0.2, 0.1], [-1.4, 0.9], [2.0, -3.0]] {
        let belief = model.predict(&Tensor::new(&[x], &Device::Cpu).unwrap(), AT).unwrap();
        let eps = belief.eps.to_vec2::<f64>().unwrap();
        let h = 1e-5;
        let score = [
            (log_p([x[0] + h, x[1]]) - log_p([x[0] - h, x[1]])) / (2.0 * h),
            (log_p([x[0], x[1] + h]) - log_p([x[0], x[1] - h])) / (2.0 * h),
        ];
        for i in 0..2 {
            assert!((eps[0][i] + AT.sigma * score[i]).abs() < 1e-8, "{x:?} {i}");
        }
    }
}

#[test]
fn the_pull_back_is_the_transposed_jacobian() {
    let model = mixture();
    let (x, c) = ([0.2, 0.1], [0.7, -1.3]);
    let h = 1e-6;
    let along = |i: usize| {
        let (mut up, mut down) = (x, x);
        up[i] += h;
        down[i] -= h;
        let (up, down) = (model.mean(&up, AT), model.mean(&down, AT));
        (0..2).map(|k| c[k] * (up[k] - down[k]) / (2.0 * h)).sum::<f64>()
    };
    let found = model.pull_back(&x, AT, &c);
    for (i, found) in found.iter().enumerate() {
        assert!((found - along(i)).abs() < 1e-8, "{i}: {found} is not {}", along(i));
    }
}

#[test]
fn a_data_set_pulls_to_its_nearest_point() {
    let model = Mixture::points([vec![1.0, 0.0], vec![-1.0, 0.0]]);
    let at = Level {
        t: 0.0,
        alpha: 0.99,
        sigma: 0.05,
    };
    let x = Tensor::new(&[[0.7_f64, 0.1]], &Device::Cpu).unwrap();
    let x0 = model.predict(&x, at).unwrap().x0.to_vec2::<f64>().unwrap();
    assert!((x0[0][0] - 1.0).abs() < 1e-9 && x0[0][1].abs() < 1e-9);
    let clean = model.predict(&x, Level::clean(0.0)).unwrap();
    assert_eq!(clean.x0.to_vec2::<f64>().unwrap(), [[0.7, 0.1]]);
}

/// So far from all components that each density is zero in double precision.
#[test]
fn the_nearest_component_answers_from_any_distance() {
    let near_clean = Level {
        t: 0.0,
        alpha: 1.0,
        sigma: 1e-3,
    };
    let points = Mixture::points([vec![100.0, 0.0], vec![-100.0, 0.0]]);
    let x = Tensor::new(&[[3.0_f64, 50.0]], &Device::Cpu).unwrap();
    let x0 = points.predict(&x, near_clean).unwrap().x0.to_vec2::<f64>().unwrap();
    assert_eq!(x0, [[100.0, 0.0]]);
}
