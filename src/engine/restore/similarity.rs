//! Structural similarity (Wang et al. 2004, eq. 13): brightness, contrast and structure in Gaussian windows of 11 pixels with
//! deviation 1.5; at the border in what there is of a window.

use crate::math::Domain;

const REACH: usize = 5;
const WIDTH: f64 = 1.5;
/// `(0.01 L)²` and `(0.03 L)²`; black to white is 2.
const C1: f64 = 0.02 * 0.02;
const C2: f64 = 0.06 * 0.06;

/// Mean over all windows and channels of two pictures in tensor order; `None` for points.
pub(in crate::engine) fn ssim(domain: Domain, a: &[f32], b: &[f32]) -> Option<f64> {
    let Domain::Image {
        channels,
        height,
        width,
    } = domain
    else {
        return None;
    };
    let pixels = height * width;
    let planes = a.chunks_exact(pixels).zip(b.chunks_exact(pixels));
    let sums = planes.map(|(a, b)| plane(a, b, height, width));
    Some(sums.sum::<f64>() / (channels * pixels) as f64)
}

/// Means in a window of `a`, `b`, `a²`, `b²` and `ab`.
type Moments = [f64; 5];

/// The sum over all windows of one channel. A window is the product of one along the rows and one along the columns, so that
/// lines can be summed first.
fn plane(a: &[f32], b: &[f32], height: usize, width: usize) -> f64 {
    let (rows, columns) = (windows(height), windows(width));
    let products = |at: usize| {
        let (p, q) = (brightness(a[at]), brightness(b[at]));
        [p, q, p * p, q * q, p * q]
    };
    let along = |at: usize| weighted(&columns[at % width], |x| products(at - at % width + x));
    let lines: Vec<Moments> = (0..height * width).map(along).collect();
    let moments = |at: usize| weighted(&rows[at / width], |y| lines[y * width + at % width]);
    (0..height * width).map(|at| index(moments(at))).sum()
}

/// The weighted sum over a window of a line.
fn weighted(window: &[(usize, f64)], moments: impl Fn(usize) -> Moments) -> Moments {
    let mut sum = [0.0; 5];
    for &(place, weight) in window {
        for (sum, moment) in sum.iter_mut().zip(moments(place)) {
            *sum += weight * moment;
        }
    }
    sum
}

/// From black, 0, to white, 2: the formula compares brightness by its ratio, which negative numbers have none of.
fn brightness(value: f32) -> f64 {
    f64::from(value) + 1.0
}

/// The index from the weighted means of `a`, `b`, `a²`, `b²` and `ab`.
fn index([a, b, aa, bb, ab]: Moments) -> f64 {
    let (of_a, of_b, both) = (aa - a * a, bb - b * b, ab - a * b);
    (2.0 * a * b + C1) * (2.0 * both + C2) / ((a * a + b * b + C1) * (of_a + of_b + C2))
}

/// The window around each place of a line: places and weights that add up to 1.
fn windows(n: usize) -> Vec<Vec<(usize, f64)>> {
    let window = |centre: usize| {
        let places = centre.saturating_sub(REACH)..(centre + REACH + 1).min(n);
        let weight = |i: usize| (-0.5 * (i.abs_diff(centre) as f64 / WIDTH).powi(2)).exp();
        let total: f64 = places.clone().map(weight).sum();
        places.map(|i| (i, weight(i) / total)).collect()
    };
    (0..n).map(window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: Domain = Domain::Image {
        channels: 1,
        height: 8,
        width: 8,
    };

    #[test]
    fn equal_pictures_are_alike_and_inverted_ones_are_not() {
        let picture: Vec<f32> = (0..64).map(|i| (i as f32 * 0.7).sin()).collect();
        let inverted: Vec<f32> = picture.iter().map(|v| -v).collect();
        assert!((ssim(DOMAIN, &picture, &picture).unwrap() - 1.0).abs() < 1e-12);
        assert!(ssim(DOMAIN, &picture, &inverted).unwrap() < 0.0);
        assert_eq!(ssim(Domain::Points, &picture, &picture), None);
    }

    /// The sum over the whole window of each place, without its two directions taken apart.
    #[test]
    fn lines_summed_first_give_the_same() {
        let (height, width) = (13, 7);
        let picture = |k: f32| (0..height * width).map(|i| (i as f32 * k).sin()).collect::<Vec<f32>>();
        let (a, b) = (picture(0.7), picture(1.3));
        let (rows, columns) = (windows(height), windows(width));
        let mut sum = 0.0;
        for (row, column) in rows
            .iter()
            .flat_map(|row| columns.iter().map(move |column| (row, column)))
        {
            let mut moments = [0.0; 5];
            for (y, of_row) in row {
                for (x, of_column) in column {
                    let (p, q) = (brightness(a[y * width + x]), brightness(b[y * width + x]));
                    for (moment, term) in moments.iter_mut().zip([p, q, p * p, q * q, p * q]) {
                        *moment += of_row * of_column * term;
                    }
                }
            }
            sum += index(moments);
        }
        assert!((plane(&a, &b, height, width) - sum).abs() < 1e-9);
    }

    /// Of two even pictures only the brightness counts.
    #[test]
    fn even_pictures_differ_by_their_brightness() {
        let (a, b) = (0.2, 0.6);
        let (lit, other) = (1.0 + a, 1.0 + b);
        let expected = (2.0 * lit * other + C1) / (lit * lit + other * other + C1);
        let found = ssim(DOMAIN, &[a as f32; 64], &[b as f32; 64]).unwrap();
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}
