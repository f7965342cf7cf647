//! `metrics.csv`: one line per training step, wall-clock columns last, so that the others can be compared bit for bit.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use super::{Error, Result};

/// The columns. Those after `val_ema_loss` depend on the clock.
pub const COLUMNS: &str = "step,loss,grad_norm,lr,ema_decay,val_loss,val_ema_loss,secs,steps_per_sec";

/// One training step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// Number of the step, from 1; a checkpoint at step n has seen the rows up to n.
    pub step: u64,
    /// Training loss; may be infinite or not a number.
    pub loss: f32,
    /// Gradient norm before clipping.
    pub grad_norm: f64,
    /// Learning rate.
    pub lr: f64,
    /// EMA decay.
    pub ema_decay: f64,
    /// Validation losses of the raw and the averaged weights, where they were measured, with the weights that this step
    /// starts from.
    pub validation: Option<(f64, f64)>,
    /// Seconds of training so far, resumes included.
    pub secs: f64,
    /// Training steps per second, averaged over the last seconds.
    pub steps_per_sec: f64,
}

/// The open file of a run.
#[derive(Debug)]
pub struct Metrics {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Metrics {
    /// Opens the file to go on after `step`: rows beyond it, and a last line that was cut short, are dropped.
    pub fn open(path: &Path, step: u64) -> Result<Self> {
        let io = |e| Error::io("write", path)(e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io)?;
        let keep = kept_bytes(path, &file, step)?;
        file.set_len(keep)
            .and_then(|()| file.seek(io::SeekFrom::End(0)))
            .map_err(io)?;
        if keep == 0 {
            writeln!(file, "{COLUMNS}").map_err(io)?;
        }
        Ok(Self {
            path: path.to_owned(),
            out: BufWriter::new(file),
        })
    }

    /// Adds a row. It reaches the file at the next [`Metrics::flush`] or when the buffer is full.
    pub fn push(&mut self, row: &Row) -> Result<()> {
        writeln!(self.out, "{}", row.to_csv()).map_err(Error::io("write", &self.path))
    }

    /// Hands all rows to the system; must come before a checkpoint is saved.
    pub fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(Error::io("write", &self.path))
    }
}

/// Reads all complete rows of a `metrics.csv`.
pub fn read(path: &Path) -> Result<Vec<Row>> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut rows = Vec::new();
    each_line(path, &file, |_, row| {
        rows.push(row);
        true
    })?;
    Ok(rows)
}

/// Length of the head of the file that ends with the row of `step` or the last one before it.
fn kept_bytes(path: &Path, file: &File, step: u64) -> Result<u64> {
    let mut keep = 0;
    let header = each_line(path, file, |end, row| {
        let is_kept = row.step <= step;
        if is_kept {
            keep = end;
        }
        is_kept
    })?;
    Ok(keep.max(header))
}

/// Calls `visit` with the byte after each row and the row, until it returns false or a line cannot be read. Returns the
/// byte after the header; 0 where there is none yet.
fn each_line(path: &Path, file: &File, mut visit: impl FnMut(u64, Row) -> bool) -> Result<u64> {
    let io = |e: io::Error| Error::io("read", path)(e);
    let mut input = BufReader::new(file);
    let mut line = String::new();
    let header = input.read_line(&mut line).map_err(io)? as u64;
    if COLUMNS.starts_with(&line) {
        // Empty, or cut short within the header.
        return Ok(0);
    }
    if line.trim_end() != COLUMNS {
        return Err(Error::broken(path, format!("its columns are not “{COLUMNS}”")));
    }
    let mut end = header;
    loop {
        line.clear();
        end += input.read_line(&mut line).map_err(io)? as u64;
        let row = line.strip_suffix('\n').and_then(Row::from_csv);
        if !row.is_some_and(|row| visit(end, row)) {
            return Ok(header);
        }
    }
}

impl Row {
    fn to_csv(self) -> String {
        let Self {
            step,
            loss,
            grad_norm,
            lr,
            ema_decay,
            validation,
            secs,
            steps_per_sec,
        } = self;
        let (raw, ema) = validation.map_or_else(Default::default, |(r, e)| (r.to_string(), e.to_string()));
        format!("{step},{loss},{grad_norm},{lr},{ema_decay},{raw},{ema},{secs:.3},{steps_per_sec:.2}")
    }

    fn from_csv(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.split(',').collect();
        let &[step, loss, grad_norm, lr, ema_decay, raw, ema, secs, steps_per_sec] = &cells[..] else {
            return None;
        };
        Some(Self {
            step: step.parse().ok()?,
            loss: loss.parse().ok()?,
            grad_norm: grad_norm.parse().ok()?,
            lr: lr.parse().ok()?,
            ema_decay: ema_decay.parse().ok()?,
            validation: match (raw, ema) {
                ("", "") => None,
                _ => Some((raw.parse().ok()?, ema.parse().ok()?)),
            },
            secs: secs.parse().ok()?,
            steps_per_sec: steps_per_sec.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64) -> Row {
        Row {
            step,
            loss: 1.0 / step as f32,
            grad_norm: 0.1 + 0.2,
            lr: 1e-3,
            validation: (step == 2).then_some((0.25, 1.0 / 3.0)),
            secs: 0.5,
            steps_per_sec: 12.25,
            ..Row::default()
        }
    }

    fn written(path: &Path, start: u64, steps: std::ops::RangeInclusive<u64>) {
        let mut metrics = Metrics::open(path, start).unwrap();
        steps.for_each(|step| metrics.push(&row(step)).unwrap());
        metrics.flush().unwrap();
    }

    #[test]
    fn a_resume_drops_what_came_after_its_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let (straight, resumed) = (folder.path().join("a.csv"), folder.path().join("b.csv"));
        written(&straight, 0, 1..=6);
        written(&resumed, 0, 1..=5);
        // The last line was cut short by a kill.
        let mut text = std::fs::read_to_string(&resumed).unwrap();
        text.push_str("6,0.1666");
        std::fs::write(&resumed, text).unwrap();
        written(&resumed, 3, 4..=6);
        let text = std::fs::read_to_string(&straight).unwrap();
        assert_eq!(text, std::fs::read_to_string(&resumed).unwrap());
        assert!(text.starts_with(&format!("{COLUMNS}\n1,1,0.30000000000000004,0.001,0,,,0.500,12.25\n")));
        assert_eq!(read(&resumed).unwrap(), (1..=6).map(row).collect::<Vec<_>>());
    }

    #[test]
    fn a_torn_line_goes_even_without_rows_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        std::fs::write(&path, format!("{COLUMNS}\n1,0.5,1,1,1,,,0,0\n2,0.5,1,1,1,,,0,0")).unwrap();
        written(&path, 9, 3..=3);
        assert_eq!(read(&path).unwrap().iter().map(|r| r.step).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn a_file_cut_short_within_its_header_is_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        std::fs::write(&path, "step,lo").unwrap();
        written(&path, 0, 1..=1);
        assert_eq!(read(&path).unwrap(), [row(1)]);
    }

    #[test]
    fn losses_that_are_not_finite_are_kept() {
        let loss = |v| Row::from_csv(&Row { loss: v, ..row(1) }.to_csv()).unwrap().loss;
        assert!(loss(f32::NAN).is_nan());
        assert_eq!(loss(f32::INFINITY), f32::INFINITY);
    }

    #[test]
    fn a_foreign_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        std::fs::write(&path, "a,b\n1,2\n").unwrap();
        assert!(
            Metrics::open(&path, 0)
                .unwrap_err()
                .to_string()
                .contains("its columns are not")
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a,b\n1,2\n");
    }
}
