use super::*;

const HERE: Address = Address {
    seed: 7,
    stream: Stream::Noise,
    sample: 0,
    mv: 0,
    draw: 0,
};

#[test]
fn normals_have_mean_zero_and_variance_one() {
    let mut x = vec![0.0; 200_000];
    HERE.normals(&mut x);
    let n = x.len() as f64;
    let mean = x.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let var = x.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n;
    let kurtosis = x.iter().map(|&v| f64::from(v).powi(4)).sum::<f64>() / n;
    // Five standard errors of each estimate.
    assert!(mean.abs() < 5.0 / n.sqrt(), "{mean}");
    assert!((var - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "{var}");
    assert!((kurtosis - 3.0).abs() < 5.0 * (96.0 / n).sqrt(), "{kurtosis}");
}

#[test]
fn every_part_of_the_address_matters() {
    let first = |a: Address| a.rng().next_u64();
    let others = [
        Address { seed: 8, ..HERE },
        Address {
            stream: Stream::Times,
            ..HERE
        },
        Address { sample: 1, ..HERE },
        Address { mv: 1, ..HERE },
        Address { draw: 1, ..HERE },
    ];
    assert!(others.iter().all(|&a| first(a) != first(HERE)));
    assert_eq!(first(HERE), first(HERE));
}

#[test]
fn a_prefix_does_not_depend_on_the_length() {
    let (mut short, mut long) = (vec![0.0; 5], vec![0.0; 64]);
    HERE.normals(&mut short);
    HERE.normals(&mut long);
    assert_eq!(short, long[..5]);
}

#[test]
fn a_permutation_holds_each_index_once() {
    let mut order = permutation(1000, HERE);
    assert_ne!(order, (0..1000).collect::<Vec<_>>());
    order.sort_unstable();
    assert_eq!(order, (0..1000).collect::<Vec<_>>());
}
