//! Picture files for the Inpaint workspace, decoded on a thread of their own so that the window never waits.

use std::path::PathBuf;

use crossbeam_channel::{Receiver, bounded};

use crate::data::{DataError, Picture, read_picture};

/// What a picture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be worked on.
    Work,
    /// Its light parts are to be filled.
    Mask,
}

/// A picture on its way; the newest request wins.
#[derive(Debug, Default)]
pub struct Loader(Option<(Purpose, Receiver<Result<Picture, DataError>>)>);

impl Loader {
    /// Begins to read.
    pub fn begin(&mut self, path: PathBuf, purpose: Purpose, done: impl FnOnce() + Send + 'static) {
        let (send, answer) = bounded(1);
        let work = move || {
            // Nobody waits any more once another picture was asked for.
            drop(send.send(read_picture(&path)));
            done();
        };
        let started = std::thread::Builder::new().name("picture".into()).spawn(work).is_ok();
        self.0 = started.then_some((purpose, answer));
    }

    /// Whether a picture is on its way.
    pub fn is_busy(&self) -> bool {
        self.0.is_some()
    }

    /// What was read since the last call.
    pub fn poll(&mut self) -> Option<(Purpose, Result<Picture, String>)> {
        let (purpose, answer) = self.0.as_ref()?;
        let (purpose, answer) = (*purpose, answer.try_recv().ok()?);
        self.0 = None;
        Some((purpose, answer.map_err(|e| e.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: PathBuf) -> Result<Picture, String> {
        let (send, done) = bounded(1);
        let mut loader = Loader::default();
        loader.begin(path, Purpose::Mask, move || send.send(()).unwrap());
        done.recv().unwrap();
        let (purpose, answer) = loader.poll().unwrap();
        assert!(purpose == Purpose::Mask && !loader.is_busy());
        answer
    }

    #[test]
    fn pictures_arrive_and_other_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dot.png");
        image::RgbaImage::from_pixel(5, 4, image::Rgba([1, 2, 3, 4]))
            .save(&path)
            .unwrap();
        let picture = read(path).unwrap();
        assert_eq!(
            (picture.name.as_str(), picture.width, picture.height),
            ("dot.png", 5, 4)
        );
        assert_eq!(picture.rgba[..4], [1, 2, 3, 4]);
        let wrong = folder.path().join("notes.png");
        std::fs::write(&wrong, "no picture").unwrap();
        let message = read(wrong).unwrap_err();
        assert!(
            message.contains("notes.png") && message.contains("is not a picture"),
            "{message}"
        );
    }
}
