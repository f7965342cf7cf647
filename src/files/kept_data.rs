//! Data that no recipe can name (drawn points, pasted and dropped pictures), kept in the run folder so that the run can
//! go on another day.

use std::path::Path;

use super::{Error, Result, Tensor, Tensors, atomic, tensors::Notes};
use crate::{
    data::{Content, Dataset, Labels, Samples},
    math::Domain,
};

const SAMPLES: &str = "samples";
const LABELS: &str = "labels";

/// Writes samples `(N, 2)` or `(N, H, W, C)` as bytes 0..255, the class of each, and what they are called.
pub(super) fn save(data: &Dataset, path: &Path) -> Result<()> {
    let (shape, values) = match (&data.samples, data.domain) {
        (Samples::Points(all), _) => (vec![data.count, 2], all.to_vec()),
        (Samples::Pixels(all), domain) => (
            pixels_shape(data.count, domain),
            all.iter().map(|&b| b.into()).collect(),
        ),
    };
    let mut tensors = Tensors::default();
    tensors.0.insert(SAMPLES.into(), Tensor { shape, data: values });
    let mut notes = Notes::from([("id", &data.id), ("label", &data.label), ("note", &data.note)].map(owned));
    if let Some(labels) = &data.labels {
        let of: Vec<f32> = labels.of.iter().map(|&class| class as f32).collect();
        let shape = vec![of.len()];
        tensors.0.insert(LABELS.into(), Tensor { shape, data: of });
        let names = serde_json::to_string(&labels.names).map_err(|e| Error::broken(path, e.to_string()))?;
        notes.insert("classes".into(), names);
    }
    atomic::write_with(path, |out| tensors.write(&notes, out))
}

/// Reads what [`save`] wrote; every claim of the file is checked.
pub(super) fn load(path: &Path) -> Result<Dataset> {
    let (notes, mut tensors) = Tensors::read(path)?;
    let broken = |what: &str| {
        Error::broken(
            path,
            format!("{what}; the run can go on only with the data it began with"),
        )
    };
    let Some(Tensor { shape, data }) = tensors.0.remove(SAMPLES) else {
        return Err(broken("it holds no samples"));
    };
    let (domain, samples) = match shape[..] {
        [_, 2] => (Domain::Points, Samples::Points(data.into())),
        [_, height, width, channels] => {
            let domain = Domain::Image {
                channels,
                height,
                width,
            };
            (domain, Samples::Pixels(data.iter().map(|&v| v as u8).collect()))
        }
        _ => return Err(broken("its samples are neither points nor pictures")),
    };
    let labels = match (tensors.0.remove(LABELS), notes.get("classes")) {
        (Some(of), Some(names)) => {
            let names: Vec<String> = serde_json::from_str(names).map_err(|e| broken(&e.to_string()))?;
            if of.data.len() != shape[0] || of.data.iter().any(|&class| class as usize >= names.len()) {
                return Err(broken("its classes do not fit its samples"));
            }
            let of = of.data.iter().map(|&class| class as u32).collect();
            Some(Labels { names, of })
        }
        _ => None,
    };
    let note = |key: &str| notes.get(key).cloned().unwrap_or_default();
    let content = Content {
        domain,
        samples,
        labels,
        skipped: Vec::new(),
        note: note("note"),
    };
    Ok(Dataset::new(&note("id"), &note("label"), "", content))
}

fn pixels_shape(count: usize, domain: Domain) -> Vec<usize> {
    match domain {
        Domain::Image {
            channels,
            height,
            width,
        } => vec![count, height, width, channels],
        Domain::Points => vec![count, 2],
    }
}

fn owned((key, text): (&str, &String)) -> (String, String) {
    (key.to_owned(), text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(data: &Dataset) -> Dataset {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.safetensors");
        save(data, &path).unwrap();
        load(&path).unwrap()
    }

    #[test]
    fn data_come_back_as_they_were() {
        let points = Dataset::from_points("mine", &[[0.0, 1.0], [2.0, 5.0], [-1.0, 0.5]]).unwrap();
        let domain = Domain::Image {
            channels: 3,
            height: 2,
            width: 1,
        };
        let labels = Labels {
            names: vec!["cat".into(), "dog".into()],
            of: [1, 0].into(),
        };
        let content = Content {
            domain,
            samples: Samples::Pixels((0..12).map(|i| i * 21).collect()),
            labels: Some(labels.clone()),
            skipped: Vec::new(),
            note: "cropped".into(),
        };
        let pictures = Dataset::new("dropped", "2 files", "", content);
        for data in [points, pictures] {
            let back = round_trip(&data);
            assert_eq!(
                (back.hash, back.label, back.note),
                (data.hash.clone(), data.label.clone(), data.note.clone())
            );
            assert_eq!(back.labels, data.labels);
        }
    }

    #[test]
    fn what_is_not_such_data_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.safetensors");
        let mut tensors = Tensors::default();
        let odd = Tensor {
            shape: vec![2, 3, 1],
            data: vec![0.0; 6],
        };
        tensors.0.insert(SAMPLES.into(), odd);
        atomic::write_with(&path, |out| tensors.write(&Notes::new(), out)).unwrap();
        assert!(
            load(&path)
                .unwrap_err()
                .to_string()
                .contains("neither points nor pictures")
        );
    }
}
