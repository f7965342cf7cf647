//! What a path is that was opened, dropped or given on the command line.

use std::path::{Path, PathBuf};

use super::{
    easel::Easel,
    lessons::{Lesson, file::LONGEST},
    own::Own,
};
use crate::{
    data::Picture,
    engine::{
        Command,
        command::{Model, SampleRequest},
    },
    files::{Document, Provenance, Recipe, RunFolder, SavedModel, diffusers, document, picture},
};

/// What was opened.
#[derive(Clone, Debug)]
pub enum Opened {
    /// A recipe for the Lab, and data that it cannot name.
    Recipe(Box<Recipe>, Option<Own>),
    /// Trained weights, how they were trained, and data that the recipe cannot name.
    Model(PathBuf, Box<Recipe>, Option<Own>),
    /// A picture or film of this program, which says how it was made.
    Made(Box<Provenance>),
    /// What was worked on, and its easel, drawn again.
    Document(Box<(Document, Option<Easel>)>),
    /// A file or folder to learn from.
    Data(String),
    /// Several files to learn from.
    Own(Own),
    /// A lesson.
    Lesson(Box<Lesson>),
}

/// Tells what the paths are; the message says what is wrong and what to do.
pub fn open(paths: &[PathBuf]) -> Result<Opened, String> {
    match paths {
        [] => Err("Nothing was chosen.".into()),
        [path] => open_one(path),
        several => Ok(Opened::Own(Own::files(several.to_vec()))),
    }
}

fn open_one(path: &Path) -> Result<Opened, String> {
    if !path.exists() {
        return Err(format!(
            "{} does not exist; give the whole path of a file or folder.",
            path.display()
        ));
    }
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("md")) {
        return open_lesson(path).map(|lesson| Opened::Lesson(Box::new(lesson)));
    }
    if path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case(document::ENDING))
    {
        return open_document(path).map(Opened::Document);
    }
    let is_recipe = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
    if is_recipe {
        let recipe = Recipe::load(path).map_err(|e| e.to_string())?;
        return Ok(Opened::Recipe(Box::new(recipe), None));
    }
    if path.join("recipe.toml").is_file() {
        return open_run(path);
    }
    if let Some(run) = run_of_checkpoint(path) {
        let recipe = run.recipe().map_err(|e| e.to_string())?;
        let own = Own::kept(&run, &recipe.data);
        return Ok(Opened::Model(path.to_owned(), Box::new(recipe), own));
    }
    if diffusers::is_one(path) {
        let model = SavedModel::open(path).map_err(|e| e.to_string())?;
        return Ok(Opened::Model(path.to_owned(), Box::new(model.recipe), None));
    }
    if let Some(made) = made(path)? {
        return Ok(Opened::Made(Box::new(made)));
    }
    Ok(Opened::Data(path.display().to_string()))
}

fn open_document(path: &Path) -> Result<Box<(Document, Option<Easel>)>, String> {
    let mut document = Document::read(path).map_err(|e| e.to_string())?;
    let easel = document.canvas.take().map(Easel::from_canvas);
    Ok(Box::new((document, easel)))
}

fn open_lesson(path: &Path) -> Result<Lesson, String> {
    let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    if path.metadata().map_err(|e| wrong(&e))?.len() > LONGEST {
        return Err(wrong(&"too long for a lesson"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| wrong(&e))?;
    Lesson::parse(&text).map_err(|e| wrong(&e))
}

/// Endings of files that can say how they were made.
const TELLING: [&str; 3] = ["png", "apng", "gif"];

/// How a picture was made; `None` for those of other programs and for files that are none.
fn made(path: &Path) -> Result<Option<Provenance>, String> {
    let ending = path.extension().unwrap_or_default();
    let can_tell = path.is_file() && TELLING.iter().any(|known| ending.eq_ignore_ascii_case(known));
    match can_tell.then(|| picture::read_provenance(path)) {
        Some(Ok(made)) => Ok(made),
        // A damaged picture is told where pictures are read.
        Some(Err(error)) if crate::data::read_picture(path).is_ok() => Err(error.to_string()),
        Some(Err(_)) | None => Ok(None),
    }
}

/// A run is opened as a model once it has weights, as a recipe before.
fn open_run(path: &Path) -> Result<Opened, String> {
    let run = RunFolder::open(path).map_err(|e| e.to_string())?;
    let recipe = Box::new(run.recipe().map_err(|e| e.to_string())?);
    let own = Own::kept(&run, &recipe.data);
    if run.checkpoints().is_empty() {
        Ok(Opened::Recipe(recipe, own))
    } else {
        Ok(Opened::Model(path.to_owned(), recipe, own))
    }
}

/// The run around a checkpoint folder.
fn run_of_checkpoint(path: &Path) -> Option<RunFolder> {
    let run = path.parent()?.parent()?;
    SavedModel::open(path).ok()?;
    RunFolder::open(run).ok()
}

/// Samples of a model as a first look at it.
pub fn first_look(model: Model, count: usize) -> Command {
    Command::Sample(Box::new(SampleRequest {
        model,
        seed: 1,
        count,
        ..SampleRequest::default()
    }))
}

/// The picture in the clipboard.
pub fn clipboard_picture() -> Result<Picture, String> {
    let nothing = |e| match e {
        arboard::Error::ContentNotAvailable => "There is no picture in the clipboard.".to_owned(),
        other => format!("The clipboard cannot be read: {other}"),
    };
    let image = arboard::Clipboard::new()
        .and_then(|mut c| c.get_image())
        .map_err(nothing)?;
    Ok(Picture {
        name: "pasted picture".into(),
        width: image.width as u32,
        height: image.height as u32,
        rgba: image.bytes.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("cats.csv"), "x,y\n1,2\n").unwrap();
        std::fs::write(path("good.toml"), "version = 1\nseed = 5\n").unwrap();
        std::fs::write(path("bad.toml"), "version = 1\nsede = 5\n").unwrap();
        let open = |name: &str| open(&[path(name)]);
        assert!(matches!(open("cats.csv"), Ok(Opened::Data(_))));
        assert!(matches!(open("good.toml"), Ok(Opened::Recipe(r, None)) if r.seed == 5));
        assert!(open("bad.toml").unwrap_err().contains("sede"));
        std::fs::write(path("notes.md"), "# Notes").unwrap();
        assert!(open("notes.md").unwrap_err().contains("notes.md: A lesson begins with"));
        assert!(open("none").unwrap_err().contains("does not exist"));
        let pipeline = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pipeline");
        assert!(matches!(super::open(&[pipeline]), Ok(Opened::Model(_, r, None)) if r.data.source == "imported"));
        assert!(matches!(super::open(&[path("a"), path("b")]), Ok(Opened::Own(_))));
    }
}
