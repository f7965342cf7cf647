//! `figures.csv`: how good samples were while a run trained, a line a figure. When they are measured depends on the clock, so
//! these lines are not among the metrics.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
};

use super::{Error, Result};

/// The columns; `error` and `reference` may be empty.
pub const COLUMNS: &str = "step,figure,value,error,reference";

/// One figure of the samples made with the weights of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Training step of the weights.
    pub step: u64,
    /// Which figure, kebab-case as `eval` names it.
    pub figure: String,
    /// Mean over rounds.
    pub value: f64,
    /// Standard error of the mean.
    pub error: Option<f64>,
    /// What data in place of samples score.
    pub reference: Option<f64>,
}

impl Row {
    fn to_csv(&self) -> String {
        let optional = |v: Option<f64>| v.map_or_else(String::new, |v| v.to_string());
        let Self {
            step, figure, value, ..
        } = self;
        format!(
            "{step},{figure},{value},{},{}",
            optional(self.error),
            optional(self.reference)
        )
    }

    fn from_csv(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(',').collect();
        let &[step, figure, value, error, reference] = fields.as_slice() else {
            return None;
        };
        let optional = |text: &str| match text {
            "" => Some(None),
            text => text.parse().ok().map(Some),
        };
        Some(Self {
            step: step.parse().ok()?,
            figure: figure.into(),
            value: value.parse().ok()?,
            error: optional(error)?,
            reference: optional(reference)?,
        })
    }
}

/// Adds rows; makes the file where there is none.
pub fn append(path: &Path, rows: &[Row]) -> Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map_err(Error::io("write", path))?;
    let mut text = String::new();
    if file.metadata().map_err(Error::io("read", path))?.len() == 0 {
        text = format!("{COLUMNS}\n");
    }
    text.extend(rows.iter().map(|row| format!("{}\n", row.to_csv())));
    file.write_all(text.as_bytes()).map_err(Error::io("write", path))
}

/// All rows; lines that cannot be read, a last one cut short say, are left out. None where there is no file.
pub fn read(path: &Path) -> Result<Vec<Row>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    Ok(text.lines().skip(1).filter_map(Row::from_csv).collect())
}

/// Drops what was measured after `step`.
pub fn cut(path: &Path, step: u64) -> Result<()> {
    let all = read(path)?;
    if all.iter().all(|row| row.step <= step) {
        return Ok(());
    }
    let kept: Vec<Row> = all.into_iter().filter(|row| row.step <= step).collect();
    fs::remove_file(path).map_err(Error::io("write", path))?;
    append(path, &kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64, error: Option<f64>) -> Row {
        Row {
            step,
            figure: "feature-kid".into(),
            value: -0.1 + 1e-17,
            error,
            reference: Some(0.3),
        }
    }

    #[test]
    fn rows_come_back_to_the_last_digit_and_are_cut_at_a_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figures.csv");
        assert_eq!(read(&path).unwrap(), []);
        let rows = [row(10, None), row(20, Some(1.0 / 3.0)), row(30, None)];
        append(&path, &rows[..1]).unwrap();
        append(&path, &rows[1..]).unwrap();
        assert_eq!(read(&path).unwrap(), rows);
        cut(&path, 20).unwrap();
        assert_eq!(read(&path).unwrap(), rows[..2]);
    }

    #[test]
    fn a_line_that_was_cut_short_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figures.csv");
        append(&path, &[row(10, None)]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}20,feature-k")).unwrap();
        assert_eq!(read(&path).unwrap(), [row(10, None)]);
    }
}
