//! The curves of a run as plots.

use super::{Result, metrics::Row, picture};
use crate::draw::plot::{Plot, Series};

/// Weight of the newest loss in the smoothed curve.
const NEWEST: f64 = 0.02;

/// Width and height of a plot, in pixels.
const SIZE: (u32, u32) = (800, 450);

/// Pixels for each of the SVG's, in a PNG.
const SCALE: u32 = 2;

/// File names and contents: the loss, the gradient norm and the learning rate over the steps, each as SVG, PNG and CSV.
pub fn files(rows: &[Row]) -> Result<Vec<(String, Vec<u8>)>> {
    let plots = [
        ("loss", loss(rows)),
        ("gradient-norm", grad_norm(rows)),
        ("learning-rate", rate(rows)),
    ];
    let mut files = Vec::new();
    for (name, plot) in plots {
        files.push((format!("{name}.svg"), plot.to_svg(SIZE.0, SIZE.1).into_bytes()));
        files.push((
            format!("{name}.png"),
            picture::png(&plot.to_raster(SIZE.0, SIZE.1, SCALE), None)?,
        ));
        files.push((format!("{name}.csv"), plot.to_csv().into_bytes()));
    }
    Ok(files)
}

/// Training loss, raw and smoothed, and the validation losses.
pub fn loss(rows: &[Row]) -> Plot {
    let raw = points(rows, |row| Some(f64::from(row.loss)));
    let series = [
        line("training, each step", [92, 133, 214], 0.35, raw.clone()),
        line("training, smoothed", [31, 78, 173], 1.0, smoothed(&raw)),
        line(
            "validation",
            [201, 100, 20],
            1.0,
            points(rows, |row| row.validation.map(|v| v.0)),
        ),
        line(
            "validation of the averaged weights",
            [30, 130, 76],
            1.0,
            points(rows, |row| row.validation.map(|v| v.1)),
        ),
    ];
    plot("Loss", "mean squared error", true, series.into())
}

fn grad_norm(rows: &[Row]) -> Plot {
    let norms = points(rows, |row| Some(row.grad_norm));
    plot(
        "Gradient norm",
        "norm before clipping",
        true,
        vec![line("norm", [120, 60, 160], 1.0, norms)],
    )
}

fn rate(rows: &[Row]) -> Plot {
    let rates = points(rows, |row| Some(row.lr));
    plot(
        "Learning rate",
        "learning rate",
        false,
        vec![line("rate", [30, 130, 76], 1.0, rates)],
    )
}

fn plot(title: &str, y_label: &str, is_log: bool, series: Vec<Series>) -> Plot {
    Plot {
        title: title.into(),
        x_label: "training step".into(),
        y_label: y_label.into(),
        is_log,
        series: series.into_iter().filter(|s| !s.points.is_empty()).collect(),
    }
}

fn line(name: &str, colour: [u8; 3], opacity: f64, points: Vec<[f64; 2]>) -> Series {
    Series {
        name: name.into(),
        colour,
        opacity,
        points,
    }
}

fn points(rows: &[Row], value: impl Fn(&Row) -> Option<f64>) -> Vec<[f64; 2]> {
    rows.iter()
        .filter_map(|row| Some([row.step as f64, value(row)?]))
        .collect()
}

/// The running mean; values that are not finite interrupt it.
fn smoothed(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut mean = None;
    let smooth = |&[step, value]: &[f64; 2]| {
        if !value.is_finite() {
            return [step, value];
        }
        let next = mean.map_or(value, |mean: f64| mean + NEWEST * (value - mean));
        mean = Some(next);
        [step, next]
    };
    points.iter().map(smooth).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_mean_starts_at_the_first_value_and_passes_over_breaks() {
        let found = smoothed(&[[1.0, 1.0], [2.0, f64::NAN], [3.0, 2.0]]);
        assert_eq!((found[0], found[2]), ([1.0, 1.0], [3.0, 1.02]));
        assert!(found[1][1].is_nan());
    }

    #[test]
    fn only_what_was_measured_is_drawn() {
        let row = |step, validation| Row {
            step,
            loss: 0.5,
            validation,
            ..Row::default()
        };
        let names = |rows: &[Row]| loss(rows).series.iter().map(|s| s.points.len()).collect::<Vec<_>>();
        assert_eq!(names(&[row(1, None), row(2, None)]), [2, 2]);
        assert_eq!(names(&[row(1, Some((0.4, 0.3))), row(2, None)]), [2, 2, 1, 1]);
        let files: Vec<_> = files(&[row(1, None)])
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(files.len(), 9);
        assert!(
            ["loss.svg", "loss.png", "loss.csv"]
                .iter()
                .all(|name| files.contains(&(*name).to_owned()))
        );
    }
}
