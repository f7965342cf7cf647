//! A document (`.dstudio`): what was being worked on, so that it can be gone on with: the recipe in the form, how each
//! trajectory is made, and the easel with its picture, strokes and accepted layers.
//!
//! A ZIP archive whose entries are stored as they are: `document.json`, and the pixels of pictures under their numbers.
//! Weights do not travel along: a trajectory names its model, and is made again from it.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Cursor, Read, Seek, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{Error, Overwrite, Provenance, Recipe, Result, atomic};
use crate::draw::{
    Raster,
    mask::{Coverage, Edit},
    plane::Area,
    sketch::Mark,
};

/// Ending of a document's name.
pub const ENDING: &str = "dstudio";

/// Version of the format.
const VERSION: u32 = 1;

/// Name of the entry that describes all others.
const TEXT: &str = "document.json";

/// Longest side of a picture on the easel, in pixels.
pub const LONGEST_SIDE: usize = 4096;

/// Shortest side of a picture on the easel, in pixels.
pub const SHORTEST_SIDE: usize = 4;

/// What was being worked on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Name of the workspace that was in front.
    pub workspace: String,
    /// The recipe in the form.
    pub form: Recipe,
    /// The trajectories, oldest first.
    pub views: Vec<View>,
    /// Which of them was looked at.
    pub front: Option<usize>,
    /// The picture that was worked on.
    pub canvas: Option<Canvas>,
}

/// A trajectory.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// How it is made; its step is where the cursor was.
    pub made: Provenance,
    /// Where its weights were.
    pub folder: Option<PathBuf>,
    /// It was pinned.
    pub pinned: bool,
    /// What it was called.
    pub name: Option<String>,
}

/// A picture with everything that was done to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Canvas {
    /// Where it comes from, for people.
    pub name: String,
    /// The data set that it is of.
    pub source: Option<String>,
    /// The picture as it came.
    pub original: Arc<Raster>,
    /// The mask that its transparency makes, of its size.
    pub alpha: Option<Coverage>,
    /// The part that the model sees.
    pub frame: Area,
    /// What was done, oldest first.
    pub done: Vec<Done>,
}

/// What one Undo takes back.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// Something was drawn.
    Mark(Mark),
    /// A result was accepted.
    Layer(Arc<Layer>),
}

/// A result that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// What made it, for people.
    pub name: String,
    /// Where it lies.
    pub frame: Area,
    /// Its pixels, as many as the frame has.
    pub picture: Raster,
    /// How far each of them covers the picture.
    pub coverage: Vec<u8>,
}

impl Document {
    /// Whether there is nothing in it but settings.
    pub fn is_empty(&self) -> bool {
        self.views.is_empty() && self.canvas.is_none()
    }

    /// Writes it and gives the name that it got.
    pub fn write(&self, path: &Path, over: Overwrite) -> Result<PathBuf> {
        over.write(path, &self.to_bytes()?)
    }

    /// Writes it in place of an older one.
    pub fn replace(&self, path: &Path) -> Result<()> {
        atomic::write(path, &self.to_bytes()?)
    }

    /// Reads one.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        Self::parse(BufReader::new(file)).map_err(|reason| Error::broken(path, reason))
    }

    /// Reads the bytes of one; the error says what is wrong with them.
    pub fn parse(archive: impl Read + Seek) -> std::result::Result<Self, String> {
        let mut entries = Entries::new(archive)?;
        let text: Text =
            serde_json::from_slice(&entries.take(TEXT)?).map_err(|e| format!("its description cannot be read: {e}"))?;
        text.into_document(&mut entries)
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let unsuitable = |e: &dyn std::fmt::Display| Error::broken(Path::new("document"), e.to_string());
        let mut pixels = Vec::new();
        let text = Text::of(self, &mut pixels)?;
        let text = serde_json::to_vec_pretty(&text).map_err(|e| unsuitable(&e))?;
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let numbered = pixels.iter().enumerate().map(|(i, bytes)| (i.to_string(), *bytes));
        for (name, bytes) in [(TEXT.to_owned(), &*text)].into_iter().chain(numbered) {
            zip.start_file(name, stored).map_err(|e| unsuitable(&e))?;
            zip.write_all(bytes).map_err(|e| unsuitable(&e))?;
        }
        let archive = zip.finish().map_err(|e| unsuitable(&e))?;
        Ok(archive.into_inner())
    }
}

/// The entries of an archive; each is read once, and none is longer than the file.
struct Entries<R> {
    zip: ZipArchive<R>,
    length: u64,
}

impl<R: Read + Seek> Entries<R> {
    fn new(mut archive: R) -> std::result::Result<Self, String> {
        let length = archive.seek(std::io::SeekFrom::End(0)).map_err(|e| e.to_string())?;
        let zip = ZipArchive::new(archive).map_err(|e| format!("it is no document of this program ({e})"))?;
        Ok(Self { zip, length })
    }

    fn take(&mut self, name: &str) -> std::result::Result<Vec<u8>, String> {
        let wrong = |what: &dyn std::fmt::Display| format!("its entry “{name}” {what}");
        let entry = self
            .zip
            .by_name(name)
            .map_err(|e| wrong(&format!("cannot be read: {e}")))?;
        if entry.compression() != CompressionMethod::Stored || entry.size() > self.length {
            return Err(wrong(&"is compressed or longer than the file"));
        }
        let mut bytes = Vec::new();
        entry
            .take(self.length)
            .read_to_end(&mut bytes)
            .map_err(|e| wrong(&format!("cannot be read: {e}")))?;
        Ok(bytes)
    }

    /// The pixels of a picture of this size, under a number.
    fn pixels(&mut self, number: usize, size: [usize; 3]) -> std::result::Result<Vec<u8>, String> {
        let bytes = self.take(&number.to_string())?;
        let expected = size
            .iter()
            .try_fold(1_usize, |product, side| product.checked_mul(*side));
        if Some(bytes.len()) != expected {
            return Err(format!(
                "its picture {number} has not the size that the description says"
            ));
        }
        Ok(bytes)
    }
}

/// The description: everything but pixels, which stand under numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Text {
    version: u32,
    workspace: String,
    /// As TOML, which an older recipe's migration reads.
    recipe: String,
    trajectories: Vec<TextView>,
    front: Option<usize>,
    easel: Option<TextCanvas>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TextView {
    made: BTreeMap<String, String>,
    folder: Option<PathBuf>,
    pinned: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TextCanvas {
    name: String,
    source: Option<String>,
    width: usize,
    height: usize,
    channels: usize,
    original: usize,
    alpha: Option<usize>,
    frame: Area,
    done: Vec<TextDone>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum TextDone {
    Mark(Mark),
    /// A mask that was taken from a picture.
    MaskPicture {
        width: usize,
        height: usize,
        pixels: usize,
    },
    Layer {
        name: String,
        frame: Area,
        pixels: usize,
        coverage: usize,
    },
}

/// Keeps pixels and gives their number.
fn keep<'a>(pixels: &mut Vec<&'a [u8]>, bytes: &'a [u8]) -> usize {
    pixels.push(bytes);
    pixels.len() - 1
}

impl Text {
    fn of<'a>(document: &'a Document, pixels: &mut Vec<&'a [u8]>) -> Result<Self> {
        let view = |view: &View| -> Result<TextView> {
            let texts = view.made.to_texts()?;
            Ok(TextView {
                made: texts.into_iter().map(|(key, text)| (key.to_owned(), text)).collect(),
                folder: view.folder.clone(),
                pinned: view.pinned,
                name: view.name.clone(),
            })
        };
        Ok(Self {
            version: VERSION,
            workspace: document.workspace.clone(),
            recipe: document.form.to_toml()?,
            trajectories: document.views.iter().map(view).collect::<Result<_>>()?,
            front: document.front,
            easel: document.canvas.as_ref().map(|canvas| TextCanvas::of(canvas, pixels)),
        })
    }

    fn into_document<R: Read + Seek>(self, entries: &mut Entries<R>) -> std::result::Result<Document, String> {
        if self.version != VERSION {
            let version = self.version;
            return Err(format!(
                "it has version {version} and this program reads {VERSION}; open it with a newer program"
            ));
        }
        let form = Recipe::parse(&self.recipe, "the recipe in the document").map_err(|e| e.to_string())?;
        let views = self.trajectories.into_iter().map(TextView::into_view);
        Ok(Document {
            workspace: self.workspace,
            form,
            views: views.collect::<std::result::Result<_, _>>()?,
            front: self.front,
            canvas: self.easel.map(|easel| easel.into_canvas(entries)).transpose()?,
        })
    }
}

impl TextView {
    fn into_view(self) -> std::result::Result<View, String> {
        let made = Provenance::from_texts(&self.made)?.ok_or("a trajectory of it does not say how it was made")?;
        Ok(View {
            made,
            folder: self.folder,
            pinned: self.pinned,
            name: self.name,
        })
    }
}

impl TextCanvas {
    fn of<'a>(canvas: &'a Canvas, pixels: &mut Vec<&'a [u8]>) -> Self {
        let original = keep(pixels, &canvas.original.data);
        Self {
            name: canvas.name.clone(),
            source: canvas.source.clone(),
            width: canvas.original.width,
            height: canvas.original.height,
            channels: canvas.original.channels,
            original,
            alpha: canvas.alpha.as_ref().map(|alpha| keep(pixels, &alpha.data)),
            frame: canvas.frame,
            done: canvas.done.iter().map(|done| TextDone::of(done, pixels)).collect(),
        }
    }

    fn into_canvas<R: Read + Seek>(self, entries: &mut Entries<R>) -> std::result::Result<Canvas, String> {
        let Self {
            width,
            height,
            channels,
            ..
        } = self;
        let sides = SHORTEST_SIDE..=LONGEST_SIDE;
        if ![width, height].iter().all(|side| sides.contains(side)) || ![1, 3].contains(&channels) {
            return Err(format!(
                "its picture would have {width}×{height} pixels of {channels} colours"
            ));
        }
        let inside = |frame: Area| !frame.is_empty() && frame.right <= width && frame.bottom <= height;
        if !inside(self.frame) {
            return Err("its frame does not lie on the picture".into());
        }
        let alpha = |number| {
            let data = entries.pixels(number, [width, height, 1])?;
            Ok::<_, String>(Coverage { width, height, data })
        };
        let alpha = self.alpha.map(alpha).transpose()?;
        let data = entries.pixels(self.original, [width, height, channels])?;
        let mut done = Vec::new();
        for step in self.done {
            if let TextDone::Layer { frame, .. } = &step
                && !inside(*frame)
            {
                return Err("a layer of it does not lie on the picture".into());
            }
            done.push(step.into_done(channels, entries)?);
        }
        Ok(Canvas {
            name: self.name,
            source: self.source,
            original: Arc::new(Raster {
                width,
                height,
                channels,
                data,
            }),
            alpha,
            frame: self.frame,
            done,
        })
    }
}

impl TextDone {
    fn of<'a>(done: &'a Done, pixels: &mut Vec<&'a [u8]>) -> Self {
        match done {
            Done::Mark(Mark::Mask(Edit::Picture(mask))) => Self::MaskPicture {
                width: mask.width,
                height: mask.height,
                pixels: keep(pixels, &mask.data),
            },
            Done::Mark(mark) => Self::Mark(mark.clone()),
            Done::Layer(layer) => Self::Layer {
                name: layer.name.clone(),
                frame: layer.frame,
                pixels: keep(pixels, &layer.picture.data),
                coverage: keep(pixels, &layer.coverage),
            },
        }
    }

    fn into_done<R: Read + Seek>(self, channels: usize, entries: &mut Entries<R>) -> std::result::Result<Done, String> {
        Ok(match self {
            Self::Mark(Mark::Mask(Edit::Picture(_))) => return Err("a mask of it has no pixels".into()),
            Self::Mark(mark) => Done::Mark(mark),
            Self::MaskPicture { width, height, pixels } => {
                if width == 0 || height == 0 {
                    return Err("a mask of it has no pixels".into());
                }
                let data = entries.pixels(pixels, [width, height, 1])?;
                Done::Mark(Mark::Mask(Edit::Picture(Coverage { width, height, data })))
            }
            Self::Layer {
                name,
                frame,
                pixels,
                coverage,
            } => {
                let (width, height) = (frame.width(), frame.height());
                let data = entries.pixels(pixels, [width, height, channels])?;
                let coverage = entries.pixels(coverage, [width, height, 1])?;
                let picture = Raster {
                    width,
                    height,
                    channels,
                    data,
                };
                Done::Layer(Arc::new(Layer {
                    name,
                    frame,
                    picture,
                    coverage,
                }))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{
        brush::{Brush, Point},
        mask::Mode,
    };

    fn area(left: usize, top: usize, right: usize, bottom: usize) -> Area {
        Area {
            left,
            top,
            right,
            bottom,
        }
    }

    fn raster(width: usize, height: usize, channels: usize) -> Raster {
        let data = (0..width * height * channels).map(|i| (i * 37 % 251) as u8).collect();
        Raster {
            width,
            height,
            channels,
            data,
        }
    }

    fn canvas() -> Canvas {
        let stroke = Mark::Mask(Edit::Stroke {
            brush: Brush {
                radius: 0.1,
                hardness: 0.3,
            },
            points: vec![Point::new(0.25, 1.0 / 3.0), Point::new(0.5, 0.5)],
            mode: Mode::Subtract,
        });
        let mask = Mark::Mask(Edit::Picture(Coverage {
            width: 3,
            height: 2,
            data: vec![0, 50, 100, 150, 200, 255],
        }));
        let layer = Layer {
            name: "DDNM".into(),
            frame: area(1, 2, 4, 6),
            picture: raster(3, 4, 3),
            coverage: (0..12).collect(),
        };
        Canvas {
            name: "cat.png".into(),
            source: Some("avatars".into()),
            original: Arc::new(raster(8, 6, 3)),
            alpha: Some(Coverage {
                width: 8,
                height: 6,
                data: vec![7; 48],
            }),
            frame: area(0, 0, 6, 6),
            done: vec![Done::Mark(mask), Done::Layer(Arc::new(layer)), Done::Mark(stroke)],
        }
    }

    fn again(document: &Document) -> Document {
        Document::parse(Cursor::new(document.to_bytes().unwrap())).unwrap()
    }

    #[test]
    fn what_was_drawn_comes_back() {
        let document = Document {
            workspace: "Inpaint".into(),
            form: Recipe {
                seed: 41,
                ..Recipe::default()
            },
            canvas: Some(canvas()),
            ..Document::default()
        };
        assert_eq!(again(&document), document);
        assert!(!document.is_empty() && Document::default().is_empty());
    }

    #[test]
    fn a_document_that_contradicts_itself_is_refused() {
        let refused = |change: fn(&mut Canvas)| {
            let mut canvas = canvas();
            change(&mut canvas);
            let document = Document {
                canvas: Some(canvas),
                ..Document::default()
            };
            Document::parse(Cursor::new(document.to_bytes().unwrap())).unwrap_err()
        };
        assert!(refused(|c| c.frame.right = 9).contains("frame does not lie"));
        assert!(refused(|c| c.alpha.as_mut().unwrap().data.truncate(5)).contains("not the size"));
        assert!(refused(|c| Arc::make_mut(&mut c.original).width = 1 << 40).contains("pixels of 3"));
        let outside = |c: &mut Canvas| {
            let Done::Layer(layer) = &mut c.done[1] else { return };
            Arc::make_mut(layer).frame.bottom = 7;
        };
        assert!(refused(outside).contains("layer of it does not lie"));
        let text = Document::parse(Cursor::new(b"PK, but no archive".to_vec())).unwrap_err();
        assert!(text.contains("no document"), "{text}");
    }
}
