//! Points from text: CSV with two columns of numbers and, if wanted, a third with the class.

use std::{collections::BTreeSet, fs, path::Path};

use csv::StringRecord;

use super::broken;
use crate::data::{Content, DataError, Labels, Skipped, points};

/// Longest file that is read.
const MAX_BYTES: u64 = 512 << 20;

/// Loads a table of points. The first row may name the columns: `x`, `y` and `label` or `class` are then found
/// wherever they stand; without names the first two columns are taken, and the third as the class.
pub(super) fn load(path: &Path) -> Result<Content, DataError> {
    let size = fs::metadata(path).map_err(DataError::io(path))?.len();
    if size > MAX_BYTES {
        let why = format!("is {} MiB long; at most {} MiB are read", size >> 20, MAX_BYTES >> 20);
        return Err(broken(path, why));
    }
    let text = fs::read(path).map_err(DataError::io(path))?;
    parse(&path.display().to_string(), &String::from_utf8_lossy(&text))
}

fn parse(from: &str, text: &str) -> Result<Content, DataError> {
    let first_line = text.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .delimiter(delimiter(first_line))
        .from_reader(text.as_bytes());
    let rows: Vec<StringRecord> = reader
        .records()
        .collect::<Result<_, _>>()
        .map_err(|e| DataError::Format {
            file: from.into(),
            why: e.to_string(),
        })?;
    let columns = Columns::find(rows.first());
    let (mut points, mut classes, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for (i, row) in rows.iter().enumerate().skip(usize::from(columns.named)) {
        match columns.point(row) {
            Ok(point) => {
                points.push(point);
                classes.push(columns.label.and_then(|c| row.get(c)).unwrap_or_default());
            }
            Err(why) => skipped.push(Skipped {
                what: format!("row {}", i + 1),
                why,
            }),
        }
    }
    if points.len() < 2 {
        return Err(DataError::TooFew {
            from: from.into(),
            found: points.len(),
            first: skipped.first().map_or_else(
                || "; a table of points has two columns of numbers".into(),
                |s| format!("; {} {}", s.what, s.why),
            ),
        });
    }
    let mut content = points::content(from, &points, labels(&classes))?;
    content.skipped = skipped;
    Ok(content)
}

/// The separator that occurs most; a space where none of the usual ones does.
fn delimiter(line: &str) -> u8 {
    let often = |separator: &u8| line.bytes().filter(|b| b == separator).count();
    let most = b";\t,"
        .iter()
        .copied()
        .max_by_key(often)
        .filter(|separator| often(separator) > 0);
    most.unwrap_or(b' ')
}

/// Where the coordinates and the class stand.
#[derive(Debug, PartialEq, Eq)]
struct Columns {
    x: usize,
    y: usize,
    label: Option<usize>,
    /// Whether the first row holds names.
    named: bool,
}

impl Columns {
    fn find(first: Option<&StringRecord>) -> Self {
        let fields: Vec<String> = first.into_iter().flatten().map(str::to_lowercase).collect();
        let named = !fields.is_empty() && fields.iter().take(2).all(|f| f.parse::<f64>().is_err());
        let place = |names: &[&str]| fields.iter().position(|f| names.contains(&f.as_str()));
        Self {
            x: place(&["x"]).unwrap_or(0),
            y: place(&["y"]).unwrap_or(1),
            label: place(&["label", "class"]).or((fields.len() == 3 && !named).then_some(2)),
            named,
        }
    }

    fn point(&self, row: &StringRecord) -> Result<[f64; 2], String> {
        let number = |column: usize| {
            let field = row.get(column).ok_or_else(|| format!("has no column {}", column + 1))?;
            match field.parse::<f64>() {
                Ok(v) if v.is_finite() => Ok(v),
                _ => Err(format!("holds “{field}” where a number is expected")),
            }
        };
        Ok([number(self.x)?, number(self.y)?])
    }
}

fn labels(classes: &[&str]) -> Option<Labels> {
    let names: Vec<&str> = classes.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    (names.len() > 1).then(|| Labels {
        of: classes
            .iter()
            .map(|class| names.partition_point(|n| n < class) as u32)
            .collect(),
        names: names.iter().map(|n| (*n).to_owned()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Samples;

    fn read(text: &str) -> Content {
        parse("test.csv", text).unwrap()
    }

    fn xy(content: &Content) -> Vec<f32> {
        match &content.samples {
            Samples::Points(xy) => xy.to_vec(),
            Samples::Pixels(_) => unreachable!("a table holds points"),
        }
    }

    #[test]
    fn delimiters_names_and_order_do_not_matter() {
        let plain = xy(&read("1,2\n3,4\n5,9\n"));
        for text in [
            "x,y\n1,2\n3,4\n5,9",
            "y;x\n2;1\n4;3\n9;5",
            "1\t2\n3\t4\n5\t9",
            "1 2\n3 4\n5 9",
            "# a\n1,2\n3,4\n5,9",
        ] {
            assert_eq!(xy(&read(text)), plain, "{text}");
        }
    }

    #[test]
    fn a_third_column_is_the_class() {
        for text in ["1,2,b\n3,4,a\n5,9,b", "x,y,label\n1,2,b\n3,4,a\n5,9,b"] {
            let labels = read(text).labels.unwrap();
            assert_eq!(
                (labels.names, &labels.of[..]),
                (vec!["a".into(), "b".into()], &[1, 0, 1][..])
            );
        }
    }

    #[test]
    fn bad_rows_are_left_out_and_named() {
        let content = read("x,y\n1,2\n3\nfive,6\n7,inf\n8,9\n");
        let said: Vec<String> = content
            .skipped
            .iter()
            .map(|s| format!("{} {}", s.what, s.why))
            .collect();
        assert_eq!(
            said,
            [
                "row 3 has no column 2",
                "row 4 holds “five” where a number is expected",
                "row 5 holds “inf” where a number is expected"
            ]
        );
        assert_eq!(xy(&content).len(), 4);
    }
}
