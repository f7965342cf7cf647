//! Point sets made by formula, drawn with counter-based noise: the same seed gives the same points everywhere.

use super::{Content, DataError, DataRecipe, Labels, Maker, Progress, Samples};
use crate::math::{
    Domain, Param, Params,
    noise::{Address, Stream},
};

pub mod checkerboard;
pub mod gaussians;
pub mod letters;
pub mod moons;
pub mod pinwheel;
pub mod rings;
pub mod spiral;
pub mod swiss_roll;

/// The parameter that all point sets share.
const COUNT: Param = Param::int("count", 100, 1_000_000, 10_000, "Number of points");

/// Jitter that all point sets share, with the set's own default.
const fn noise(default: f64) -> Param {
    Param::real(
        "noise",
        0.0,
        1.0,
        default,
        "Standard deviation of the jitter; the shape is about 2 high",
    )
}

/// The random numbers of one point.
#[derive(Clone, Copy, Debug)]
struct Draw {
    /// Which part of the shape, `0..classes`.
    class: usize,
    /// Uniform in (0, 1).
    u: [f64; 2],
    /// Standard normal.
    n: [f64; 2],
}

/// A shape in the plane and how it is sampled.
struct Cloud<F> {
    count: usize,
    noise: f64,
    /// Names of the parts; each gets the same share of the points.
    classes: Vec<String>,
    /// Where a point lies before jitter and standardising, about 2 high.
    shape: F,
}

impl<F: Fn(Draw) -> [f64; 2] + Send + Sync + 'static> Cloud<F> {
    fn boxed(p: &Params, classes: Vec<String>, shape: F) -> Box<dyn Maker> {
        Box::new(Self {
            count: p.count("count"),
            noise: p.real("noise"),
            classes,
            shape,
        })
    }

    fn point(&self, i: usize, seed: u64) -> [f64; 2] {
        let address = |draw| Address {
            seed,
            stream: Stream::Data,
            sample: i as u64,
            mv: 0,
            draw,
        };
        let (mut u, mut n) = ([0.0; 2], [0.0; 4]);
        address(0).uniforms(&mut u);
        address(1).normals(&mut n);
        let [a, b, jitter_x, jitter_y] = n.map(f64::from);
        let class = i % self.classes.len();
        let [x, y] = (self.shape)(Draw { class, u, n: [a, b] });
        [x + self.noise * jitter_x, y + self.noise * jitter_y]
    }
}

impl<F: Fn(Draw) -> [f64; 2] + Send + Sync + 'static> Maker for Cloud<F> {
    fn make(&self, _: &DataRecipe, seed: u64, _: &Progress) -> Result<Content, DataError> {
        let points: Vec<_> = (0..self.count).map(|i| self.point(i, seed)).collect();
        let labels = (self.classes.len() > 1).then(|| Labels {
            names: self.classes.clone(),
            of: (0..self.count).map(|i| (i % self.classes.len()) as u32).collect(),
        });
        content("point set", &points, labels)
    }
}

/// `count` names like `ring 1`, `ring 2`, ….
fn numbered(what: &str, count: usize) -> Vec<String> {
    (1..=count).map(|i| format!("{what} {i}")).collect()
}

/// Points moved to mean zero and scaled, both axes alike, to an overall variance of one.
///
/// `from` names their origin for the error when they do not spread at all.
pub(super) fn content(from: &str, points: &[[f64; 2]], labels: Option<Labels>) -> Result<Content, DataError> {
    let n = points.len() as f64;
    let mean = [0, 1].map(|axis| points.iter().map(|p| p[axis]).sum::<f64>() / n);
    let moved = |p: &[f64; 2]| [p[0] - mean[0], p[1] - mean[1]];
    let std = (points
        .iter()
        .map(moved)
        .map(|[x, y]| 0.5 * (x * x + y * y))
        .sum::<f64>()
        / n)
        .sqrt();
    if !(std.is_finite() && std > 0.0) {
        return Err(DataError::Format {
            file: from.into(),
            why: "must hold at least two different points".into(),
        });
    }
    let xy = points.iter().flat_map(moved).map(|v| (v / std) as f32).collect();
    Ok(Content {
        domain: Domain::Points,
        samples: Samples::Points(xy),
        labels,
        skipped: Vec::new(),
        note: format!("moved by ({:.4}, {:.4}) and divided by {std:.4}", -mean[0], -mean[1]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{self, Dataset};

    /// Loads `id` with parameters given as `key=value`.
    pub(super) fn made(id: &str, params: &[(&str, crate::math::Value)]) -> Dataset {
        let recipe = DataRecipe {
            source: id.into(),
            params: params.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
            ..DataRecipe::default()
        };
        data::load(&recipe, 7, &Progress::default()).unwrap()
    }

    fn xy(data: &Dataset) -> Vec<[f64; 2]> {
        match &data.samples {
            Samples::Points(all) => all.chunks(2).map(|p| [f64::from(p[0]), f64::from(p[1])]).collect(),
            Samples::Pixels(_) => unreachable!("a point set holds points"),
        }
    }

    #[test]
    fn every_set_has_mean_zero_variance_one_and_balanced_classes() {
        for entry in data::ENTRIES
            .iter()
            .filter(|e| e.params.iter().any(|p| p.id == "count"))
        {
            let data = made(entry.id, &[]);
            let points = xy(&data);
            let n = points.len() as f64;
            for axis in 0..2 {
                assert!(
                    (points.iter().map(|p| p[axis]).sum::<f64>() / n).abs() < 1e-6,
                    "{}",
                    entry.id
                );
            }
            let var = points.iter().map(|[x, y]| x * x + y * y).sum::<f64>() / (2.0 * n);
            assert!((var - 1.0).abs() < 1e-6, "{}: {var}", entry.id);
            if let Some(labels) = &data.labels {
                let mut per_class = vec![0_usize; labels.names.len()];
                labels.of.iter().for_each(|&c| per_class[c as usize] += 1);
                assert!(per_class.iter().max().unwrap() - per_class.iter().min().unwrap() <= 1);
            }
        }
    }

    #[test]
    fn the_seed_decides_and_a_longer_set_begins_alike() {
        let load = |seed| data::load(&DataRecipe::default(), seed, &Progress::default()).unwrap();
        assert_eq!(load(3).hash, load(3).hash);
        assert_ne!(load(3).hash, load(4).hash);
    }

    #[test]
    fn points_in_one_place_are_refused() {
        assert!(content("test", &[[2.0, 3.0]; 5], None).is_err());
        assert!(content("test", &[], None).is_err());
    }
}
