//! Growing, shrinking and softening a mask: edits of which each pixel depends on its surroundings.

/// Coverage from which a pixel counts as inside.
const INSIDE: u8 = 128;

/// The mask larger by `by` pixels on all sides, or smaller where it is negative, in Euclidean distance.
pub(super) fn grown(mask: &[u8], width: usize, by: f32) -> Vec<u8> {
    if by < 0.0 {
        let outside: Vec<u8> = mask.iter().map(|v| 255 - v).collect();
        return grown(&outside, width, -by).into_iter().map(|v| 255 - v).collect();
    }
    let squares = squared_distances(mask, width);
    // The edge is half a pixel before the first outer pixel's middle, and a pixel is one pixel wide.
    let coverage = |square: f32| (by + 1.0 - square.sqrt()).clamp(0.0, 1.0);
    squares
        .into_iter()
        .map(|s| (coverage(s) * 255.0).round() as u8)
        .collect()
}

/// Squared distance of each pixel to the nearest one inside, by the parabolas of Felzenszwalb and Huttenlocher (2012): down
/// the columns, then along the rows.
fn squared_distances(mask: &[u8], width: usize) -> Vec<f32> {
    let height = mask.len() / width.max(1);
    let mut squares: Vec<f32> = mask
        .iter()
        .map(|&v| if v >= INSIDE { 0.0 } else { f32::INFINITY })
        .collect();
    for x in 0..width {
        let column: Vec<f32> = (0..height).map(|y| squares[y * width + x]).collect();
        for (y, square) in lower_envelope(&column).into_iter().enumerate() {
            squares[y * width + x] = square;
        }
    }
    for row in squares.chunks_exact_mut(width.max(1)) {
        let envelope = lower_envelope(row);
        row.copy_from_slice(&envelope);
    }
    squares
}

/// `min over q of (p - q)^2 + heights[q]` for each p.
fn lower_envelope(heights: &[f32]) -> Vec<f32> {
    // Roots of the parabolas that are lowest somewhere, and from where on they are.
    let mut lowest: Vec<(usize, f32)> = Vec::new();
    for (q, &height) in heights.iter().enumerate().filter(|(_, h)| h.is_finite()) {
        let mut from = f32::NEG_INFINITY;
        while let Some(&(root, since)) = lowest.last() {
            from = meeting(root, heights[root], q, height);
            if from > since {
                break;
            }
            lowest.pop();
            from = f32::NEG_INFINITY;
        }
        lowest.push((q, from));
    }
    let mut at = 0;
    let value = |p: usize| {
        while lowest.get(at + 1).is_some_and(|next| next.1 <= p as f32) {
            at += 1;
        }
        lowest
            .get(at)
            .map_or(f32::INFINITY, |&(q, _)| (p as f32 - q as f32).powi(2) + heights[q])
    };
    (0..heights.len()).map(value).collect()
}

/// Where the parabola at `q` becomes lower than the one at `root`, which is to its left.
fn meeting(root: usize, root_height: f32, q: usize, height: f32) -> f32 {
    let (r, q) = (root as f32, q as f32);
    ((height + q * q) - (root_height + r * r)) / (2.0 * (q - r))
}

/// The mask under a Gaussian of deviation `sigma` pixels, to within a hundredth, as three boxes one after the other. Beyond
/// the edge the mask goes on as its outermost pixels.
pub(super) fn blurred(mask: &[u8], width: usize, sigma: f32) -> Vec<u8> {
    let mut values: Vec<f32> = mask.iter().map(|&v| f32::from(v)).collect();
    let height = mask.len() / width.max(1);
    smooth_rows(&mut values, width, sigma);
    let mut columns = transposed(&values, width);
    smooth_rows(&mut columns, height, sigma);
    let values = transposed(&columns, height);
    values.into_iter().map(|v| v.round().clamp(0.0, 255.0) as u8).collect()
}

fn transposed(values: &[f32], width: usize) -> Vec<f32> {
    let height = values.len() / width.max(1);
    let at = |i: usize| values[i % height * width + i / height];
    (0..values.len()).map(at).collect()
}

/// Three boxes along each row of `length` values.
fn smooth_rows(values: &mut [f32], length: usize, sigma: f32) {
    // Each box of half-width r, ends included in part, has the variance ((2 r + 1)^2 - 1) / 12.
    let reach = ((4.0 * sigma * sigma + 1.0).sqrt() - 1.0) / 2.0;
    for row in values.chunks_exact_mut(length.max(1)) {
        for _ in 0..3 {
            let smooth = boxed(row, reach);
            row.copy_from_slice(&smooth);
        }
    }
}

/// The mean over `reach` values to both sides; of the last ones, only the fraction that `reach` has counts.
fn boxed(row: &[f32], reach: f32) -> Vec<f32> {
    let (whole, part) = (reach.floor() as isize, reach.fract());
    let last = row.len() as isize - 1;
    let at = |i: isize| row[i.clamp(0, last) as usize];
    let mut sum: f32 = (-whole..=whole).map(at).sum();
    let weight = 2.0 * reach + 1.0;
    let mut out = Vec::with_capacity(row.len());
    for i in 0..=last {
        let ends = at(i - whole - 1) + at(i + whole + 1);
        out.push((sum + part * ends) / weight);
        sum += at(i + whole + 1) - at(i - whole);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIDE: usize = 40;

    fn square(from: usize, to: usize) -> Vec<u8> {
        let inside = |i: usize| (from..to).contains(&(i % SIDE)) && (from..to).contains(&(i / SIDE));
        (0..SIDE * SIDE).map(|i| if inside(i) { 255 } else { 0 }).collect()
    }

    proptest! {
        #[test]
        fn distances_are_those_of_a_search(inside in prop::collection::vec(0_usize..SIDE * 30, 1..12)) {
            let mut mask = vec![0; SIDE * 30];
            for &i in &inside {
                mask[i] = 255;
            }
            let square = |a: usize, b: usize| {
                let (dx, dy) = ((a % SIDE).abs_diff(b % SIDE), (a / SIDE).abs_diff(b / SIDE));
                (dx * dx + dy * dy) as f32
            };
            for (i, found) in squared_distances(&mask, SIDE).into_iter().enumerate() {
                let nearest = inside.iter().map(|&b| square(i, b)).fold(f32::INFINITY, f32::min);
                prop_assert_eq!(found, nearest);
            }
        }
    }

    #[test]
    fn a_square_grows_and_shrinks_by_whole_pixels() {
        let mask = square(15, 25);
        let row = |mask: &[u8]| (0..SIDE).filter(|x| mask[20 * SIDE + x] == 255).count();
        assert_eq!(row(&grown(&mask, SIDE, 3.0)), 16);
        assert_eq!(grown(&mask, SIDE, -3.0), square(18, 22));
        assert_eq!(grown(&mask, SIDE, 0.0), mask);
        // Half a pixel more on both sides.
        assert_eq!(grown(&mask, SIDE, 0.5)[20 * SIDE + 14], 128);
    }

    #[test]
    fn nothing_and_everything_stay_what_they_are() {
        for mask in [vec![0; SIDE * SIDE], vec![255; SIDE * SIDE]] {
            for by in [-4.0, 4.0] {
                assert_eq!(grown(&mask, SIDE, by), mask);
            }
            assert_eq!(blurred(&mask, SIDE, 3.0), mask);
        }
    }

    #[test]
    fn an_edge_becomes_the_normal_distribution() {
        let mask: Vec<u8> = (0..SIDE * 4).map(|i| if i % SIDE < 20 { 255 } else { 0 }).collect();
        let sigma = 4.0;
        let soft = blurred(&mask, SIDE, sigma);
        // Distribution function of the normal at -1.5, -1, -0.5, 0.5, 1 and 1.5 deviations.
        let table = [0.0668, 0.1587, 0.3085, 0.6915, 0.8413, 0.9332];
        for (share, at) in table.into_iter().zip([6.0, 4.0, 2.0, -2.0, -4.0, -6.0]) {
            // Between the two pixels whose common edge lies there.
            let right = (20.0_f32 + at) as usize;
            let found = f32::midpoint(f32::from(soft[right]), f32::from(soft[right - 1])) / 255.0;
            assert!((found - share).abs() < 0.015, "{at}: {found} {share}");
        }
    }

    #[test]
    fn blurring_keeps_the_sum_away_from_the_edge() {
        let mask = square(15, 25);
        let sum = |mask: &[u8]| mask.iter().map(|&v| f32::from(v)).sum::<f32>();
        for sigma in [0.3, 1.0, 2.5] {
            let ratio = sum(&blurred(&mask, SIDE, sigma)) / sum(&mask);
            assert!((ratio - 1.0).abs() < 0.01, "{sigma}: {ratio}");
        }
        assert_eq!(blurred(&mask, SIDE, 0.0), mask);
    }
}
