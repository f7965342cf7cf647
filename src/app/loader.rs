//! Pictures, what weights make of noise, and whatever is opened: read on a thread of their own so that the window never waits.

use std::path::PathBuf;

use crossbeam_channel::{Receiver, bounded};

use super::{
    lessons::doing::Filling,
    opening::{self, Opened},
};
use crate::{
    data::{self, DataError, DataRecipe, Dataset, Picture, Progress, read_picture},
    engine::command::{Model, SampleRequest},
    files::{self, SavedModel},
    math::Domain,
};

/// What is to be read.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// A picture file to work on.
    Picture(PathBuf),
    /// A picture file whose light parts are to be filled.
    Mask(PathBuf),
    /// A data set of the registry, to take pictures from.
    Data(&'static str),
    /// What some weights make.
    Domain(Box<Model>),
    /// A picture with a hole that a lesson is about.
    Filling(Box<Filling>),
    /// Whatever lies there.
    Paths(Vec<PathBuf>),
}

/// What was read.
#[derive(Clone, Debug)]
pub enum Loaded {
    /// To be worked on.
    Picture(Picture),
    /// To become the mask.
    Mask(Picture),
    /// To take pictures from.
    Data(Dataset),
    /// What these weights make, or why it cannot be told.
    Domain(Box<Model>, Result<Domain, String>),
    /// What fills the hole of a lesson.
    Filling(Result<Box<SampleRequest>, String>),
    /// What was opened.
    Opened(Result<Box<Opened>, String>),
}

/// Something on its way; the newest request wins.
#[derive(Debug, Default)]
pub struct Loader(Option<Receiver<Result<Loaded, DataError>>>);

impl Loader {
    /// Begins to read.
    pub fn begin(&mut self, wanted: Wanted, done: impl FnOnce() + Send + 'static) {
        let (send, answer) = bounded(1);
        let work = move || {
            // Nobody waits any more once something else was asked for.
            drop(send.send(wanted.read()));
            done();
        };
        let started = std::thread::Builder::new().name("picture".into()).spawn(work).is_ok();
        self.0 = started.then_some(answer);
    }

    /// Whether something is on its way.
    pub fn is_busy(&self) -> bool {
        self.0.is_some()
    }

    /// What was read since the last call, or why it was not.
    pub fn poll(&mut self) -> Option<Result<Loaded, String>> {
        let answer = self.0.as_ref()?.try_recv().ok()?;
        self.0 = None;
        Some(answer.map_err(|e| e.to_string()))
    }
}

impl Wanted {
    fn read(self) -> Result<Loaded, DataError> {
        Ok(match self {
            Self::Picture(path) => Loaded::Picture(read_picture(&path)?),
            Self::Mask(path) => Loaded::Mask(read_picture(&path)?),
            Self::Data(source) => Loaded::Data(of_registry(source)?),
            Self::Filling(filling) => {
                let data = of_registry(&filling.data)?;
                Loaded::Filling(filling.request(&data).map(Box::new))
            }
            Self::Paths(paths) => Loaded::Opened(opening::open(&paths).map(Box::new)),
            Self::Domain(model) => {
                let domain = domain_of(&model);
                Loaded::Domain(model, domain)
            }
        })
    }
}

fn of_registry(source: &str) -> Result<Dataset, DataError> {
    let recipe = DataRecipe {
        source: source.into(),
        ..DataRecipe::default()
    };
    data::load(&recipe, 0, &Progress::default())
}

fn domain_of(model: &Model) -> Result<Domain, String> {
    let unknown = || "These weights do not say what they make; open the folder of their run.".to_owned();
    let told = |saved: Result<SavedModel, files::Error>| saved.map_err(|e| e.to_string())?.domain.ok_or_else(unknown);
    match model {
        Model::Folder(path) => told(SavedModel::open(path)),
        Model::Bundled(id) => told(files::bundled::open(id)),
        Model::Exact(exact) => {
            let data = data::load(&exact.data, 0, &Progress::default());
            data.map(|data| data.domain).map_err(|e| e.to_string())
        }
        Model::Present => Err("Nothing was trained yet.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(wanted: Wanted) -> Result<Loaded, String> {
        let (send, done) = bounded(1);
        let mut loader = Loader::default();
        loader.begin(wanted, move || send.send(()).unwrap());
        done.recv().unwrap();
        let answer = loader.poll().unwrap();
        assert!(!loader.is_busy());
        answer
    }

    #[test]
    fn pictures_arrive_and_other_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dot.png");
        let dot = image::RgbaImage::from_pixel(5, 4, image::Rgba([1, 2, 3, 4]));
        dot.save(&path).unwrap();
        let Ok(Loaded::Mask(picture)) = read(Wanted::Mask(path)) else {
            panic!("a mask")
        };
        assert_eq!(
            (picture.name.as_str(), picture.width, picture.height),
            ("dot.png", 5, 4)
        );
        assert_eq!(picture.rgba[..4], [1, 2, 3, 4]);
        let wrong = folder.path().join("notes.png");
        std::fs::write(&wrong, "no picture").unwrap();
        let message = read(Wanted::Picture(wrong)).unwrap_err();
        assert!(
            message.contains("notes.png") && message.contains("is not a picture"),
            "{message}"
        );
    }

    #[test]
    fn weights_tell_what_they_make() {
        let told = |model| match read(Wanted::Domain(Box::new(model))) {
            Ok(Loaded::Domain(_, domain)) => domain,
            other => panic!("{other:?}"),
        };
        let exact = Model::Exact(Box::new(crate::engine::exact::ExactModel::new("digits8x8")));
        assert!(matches!(told(exact), Ok(Domain::Image { width: 8, .. })));
        assert!(matches!(told(Model::Bundled("moons".into())), Ok(Domain::Points)));
        assert!(told(Model::Folder("nowhere".into())).unwrap_err().contains("nowhere"));
    }

    #[test]
    fn data_of_the_registry_arrive() {
        let Ok(Loaded::Data(data)) = read(Wanted::Data("digits8x8")) else {
            panic!("a data set")
        };
        assert_eq!((data.id.as_str(), data.count), ("digits8x8", 1797));
    }
}
