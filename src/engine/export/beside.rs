//! Several processes side by side in one film, at the same noise level in each of its frames.

use std::path::{Path, PathBuf};

use super::{FILM_FRAMES, Kind, Shown, single};
use crate::{
    draw::{Look, Raster, plot::caption, strip::even_indices},
    engine::{Error, event::StepFrame},
    files::{
        Overwrite,
        film::{self, Timing},
    },
    math::{
        Domain, Frame,
        linked::{Mark, Track},
    },
};

/// Pixels between two processes.
const GAP: usize = 12;

/// Least width of a process, so that its name can be read.
const WIDTH: usize = 200;

/// What of a step is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facet {
    /// The state.
    State,
    /// The guessed clean sample.
    Clean,
    /// The guessed noise.
    Noise,
}

impl Facet {
    fn of(self, step: &StepFrame) -> &Frame {
        match self {
            Self::State => &step.x,
            Self::Clean => &step.x0,
            Self::Noise => &step.eps,
        }
    }
}

/// Processes that are watched together.
#[derive(Clone, Debug)]
pub struct Beside {
    /// Each with its name.
    pub parts: Vec<(String, Shown)>,
    /// The sample that is shown of each; `None` for all of them.
    pub sample: Option<usize>,
    /// What of them.
    pub facet: Facet,
}

impl Beside {
    /// Writes the film, as APNG where the name says so and as GIF otherwise, and gives the name that it got. It carries
    /// the provenance of the first process.
    pub fn write(&self, path: &Path, over: Overwrite) -> Result<PathBuf, Error> {
        let provenance = self.parts.first().map(|(_, shown)| shown.provenance(Kind::Gif));
        let (film, timing) = (self.film()?, Timing::default());
        let is_apng = path.extension().is_some_and(|e| e == "apng" || e == "png");
        let write = if is_apng { film::write_apng } else { film::write_gif };
        Ok(write(path, &film, timing, provenance.as_ref(), over)?)
    }

    /// One frame for each kept step of the longest process, thinned evenly: the others show their step that is nearest
    /// in log-SNR.
    pub fn film(&self) -> Result<Vec<Raster>, Error> {
        let parts: Vec<Part<'_>> = self.parts.iter().map(|(name, shown)| Part::new(name, shown)).collect();
        let longest = parts.iter().max_by_key(|part| part.track.marks().len());
        let marks = longest.map_or(&[][..], |part| part.track.marks());
        let chosen = even_indices(marks.len(), FILM_FRAMES);
        chosen.iter().map(|&i| self.frame(&parts, marks[i])).collect()
    }

    fn frame(&self, parts: &[Part<'_>], mark: Mark) -> Result<Raster, Error> {
        let pictures: Vec<Raster> = parts.iter().map(|part| part.at(mark, self)).collect::<Result<_, _>>()?;
        let width: usize = pictures.iter().map(|p| p.width.max(WIDTH) + GAP).sum::<usize>() + GAP;
        let height = pictures.iter().map(|p| p.height).max().unwrap_or_default();
        let above = caption("", WIDTH).height;
        let mut frame = Raster::filled(width, above + height + GAP, 3, [255; 3]);
        let mut x = GAP;
        for (part, picture) in parts.iter().zip(&pictures) {
            let column = picture.width.max(WIDTH);
            frame.paste(&caption(part.name, column), x, 0);
            frame.paste(&picture.to_rgb(), x + (column - picture.width) / 2, above);
            x += column + GAP;
        }
        Ok(frame)
    }
}

/// A process with what is needed to find and draw its frames.
struct Part<'a> {
    name: &'a str,
    shown: &'a Shown,
    track: Track,
    look: Look,
}

impl<'a> Part<'a> {
    fn new(name: &'a str, shown: &'a Shown) -> Self {
        let levels = shown.steps.iter().map(|step| (step.index, step.level));
        Self {
            name,
            shown,
            track: Track::new(levels, shown.info.moves),
            look: shown.look(),
        }
    }

    /// The picture at the step nearest to a noise level.
    fn at(&self, mark: Mark, film: &Beside) -> Result<Raster, Error> {
        let nearest = self.track.nearest(mark);
        let index = nearest.map_or(0, |mark| mark.index);
        let x = film.facet.of(self.shown.step(index)?);
        match (film.sample, self.shown.info.domain) {
            (Some(sample), Domain::Image { height, width, .. }) => {
                let picture = single(&self.look, x, sample)?;
                Ok(picture.enlarged((WIDTH / height.max(width).max(1)).max(1)))
            }
            _ => Ok(self.look.draw(x)),
        }
    }
}
