//! The picture that is worked on: its pixels, what was drawn over it, the part that the model sees, and the layers that
//! were accepted. Plain data; one Undo goes through drawing and layers in the order in which they came.

use std::sync::Arc;

use crate::{
    data::Picture,
    draw::{
        Raster, Sketch,
        brush::Point,
        mask::{Coverage, Edit},
        plane::Area,
        resample::resampled,
        sketch::{Mark, luma},
    },
    files::document::{Canvas, Done, LONGEST_SIDE, Layer, SHORTEST_SIDE},
};

/// A picture with a drawing and layers over it.
#[derive(Clone, Debug)]
pub struct Easel {
    /// Where it comes from, for people.
    pub name: String,
    /// The data set that it is of.
    source: Option<String>,
    original: Arc<Raster>,
    alpha: Option<Coverage>,
    picture: Raster,
    sketch: Sketch,
    frame: Area,
    layers: Vec<Arc<Layer>>,
    /// Layers that were undone, the next one to come back last.
    removed: Vec<Arc<Layer>>,
    done: Vec<Step>,
    undone: Vec<Step>,
    /// How often the picture changed.
    version: u64,
    /// How often anything changed.
    changes: u64,
}

/// What one Undo takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Mark,
    Layer,
}

/// Where results belong: a part of the picture, and how far each of its pixels takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The part.
    pub frame: Area,
    /// Of each of its pixels, 255 entirely.
    pub coverage: Vec<u8>,
}

/// What a model is asked to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The frame at the model's size, with layers and the colours that were painted.
    pub picture: Raster,
    /// The same without what is to be filled: there the picture is as it came, which answers are compared with.
    pub truth: Raster,
    /// The mask at the model's size, 255 where it is to be filled.
    pub fill: Vec<u8>,
}

impl Easel {
    /// A picture without anything over it; the frame is all of it.
    pub fn new(name: impl Into<String>, picture: Raster) -> Self {
        let sketch = Sketch::new(picture.width, picture.height);
        Self {
            name: name.into(),
            source: None,
            frame: sketch.mask().all(),
            sketch,
            alpha: None,
            picture: picture.clone(),
            original: Arc::new(picture),
            layers: Vec::new(),
            removed: Vec::new(),
            done: Vec::new(),
            undone: Vec::new(),
            version: 0,
            changes: 0,
        }
    }

    /// A picture with transparency, which is shown on white and can become the mask. Says what is wrong with one that
    /// cannot be worked on.
    pub fn from_picture(picture: &Picture) -> Result<Self, String> {
        let (width, height) = (picture.width as usize, picture.height as usize);
        if width.min(height) < SHORTEST_SIDE || picture.rgba.len() != 4 * width * height {
            return Err(format!(
                "{} is {width}×{height} pixels; the smallest picture that can be worked on is {SHORTEST_SIDE}×{SHORTEST_SIDE}.",
                picture.name
            ));
        }
        let alpha = Coverage::from_alpha(width, height, &picture.rgba);
        let transparent = alpha.data.iter().any(|&v| v > 0);
        let raster = on_white(picture);
        let (width, height) = size_within(width, height);
        Ok(Self {
            alpha: transparent.then_some(alpha),
            ..Self::new(picture.name.clone(), resampled(&raster, width, height))
        })
    }

    /// The same, known to be of a data set.
    pub fn of(self, source: &str) -> Self {
        Self {
            source: Some(source.to_owned()),
            ..self
        }
    }

    /// The data set that the picture is of, where it is of one.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// The part in the frame alone, as a new picture with the same mask.
    pub fn cropped(&self) -> Self {
        let mask = Coverage {
            width: self.frame.width(),
            height: self.frame.height(),
            data: self.sketch.mask().copy(self.frame).into_flattened(),
        };
        self.renewed(cropped(&self.seen(), self.frame), Some(mask))
    }

    /// The whole picture at another size, as a new picture with the same mask. Where the proportions differ, the longer
    /// sides are cut.
    pub fn resized(&self, size: [usize; 2]) -> Self {
        let mut whole = self.clone();
        let all = self.sketch.mask().all();
        let [width, height] = shrunk_to_fit(size, [all.width(), all.height()]);
        whole.frame = centred([width, height], [all.width() / 2, all.height() / 2], all);
        let part = whole.cropped();
        let mask = Coverage {
            width,
            height,
            data: part.sketch.mask().to_pixels().into_flattened(),
        };
        self.renewed(resampled(&part.picture, size[0], size[1]), Some(mask))
    }

    /// With one or three channels, as a new picture with the same mask.
    pub fn converted(&self, channels: usize) -> Self {
        let all = self.sketch.mask().all();
        let mask = Coverage {
            width: all.width(),
            height: all.height(),
            data: self.sketch.mask().to_pixels().into_flattened(),
        };
        Self {
            frame: self.frame,
            ..self.renewed(with_channels(&self.seen(), channels), Some(mask))
        }
    }

    fn renewed(&self, picture: Raster, mask: Option<Coverage>) -> Self {
        let mut new = Self::new(self.name.clone(), picture);
        new.source.clone_from(&self.source);
        if let Some(mask) = mask.filter(|mask| mask.data.iter().any(|&v| v > 0)) {
            new.edit(Edit::Picture(mask));
        }
        new
    }

    /// The picture under the colours.
    fn seen(&self) -> Raster {
        self.sketch.over(&self.picture)
    }

    /// Whether nothing at all is to be filled.
    pub fn is_blank(&self) -> bool {
        self.sketch.is_blank()
    }

    /// The picture as it is now, with the layers but without the drawing.
    pub fn picture(&self) -> &Raster {
        &self.picture
    }

    /// The picture as it came.
    pub fn original(&self) -> &Raster {
        &self.original
    }

    /// Changes whenever [`Easel::picture`] does.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Grows whenever something is drawn, accepted, undone or brought back.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// What a document keeps of it: everything but what was undone.
    pub fn canvas(&self) -> Canvas {
        let (mut marks, mut layers) = (self.sketch.marks().iter(), self.layers.iter());
        let done = |step: &Step| match step {
            Step::Mark => marks.next().cloned().map(Done::Mark),
            Step::Layer => layers.next().cloned().map(Done::Layer),
        };
        Canvas {
            name: self.name.clone(),
            source: self.source.clone(),
            original: self.original.clone(),
            alpha: self.alpha.clone(),
            frame: self.frame,
            done: self.done.iter().filter_map(done).collect(),
        }
    }

    /// The easel that a document kept.
    pub fn from_canvas(canvas: Canvas) -> Self {
        let mut easel = Self::new(canvas.name, Arc::unwrap_or_clone(canvas.original));
        (easel.source, easel.alpha) = (canvas.source, canvas.alpha);
        for done in canvas.done {
            match done {
                Done::Mark(mark) => easel.add(mark),
                Done::Layer(layer) => {
                    easel.layers.push(layer);
                    easel.did(Step::Layer);
                }
            }
        }
        easel.frame = canvas.frame;
        easel.compose();
        easel
    }

    /// What was drawn.
    pub fn sketch(&self) -> &Sketch {
        &self.sketch
    }

    /// What changed in the drawing since the last call.
    pub fn take_dirty(&mut self) -> crate::draw::sketch::Dirty {
        self.sketch.take_dirty()
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> &[Arc<Layer>] {
        &self.layers
    }

    /// The mask that the picture's transparency makes.
    pub fn alpha(&self) -> Option<&Coverage> {
        self.alpha.as_ref()
    }

    /// The part that the model sees.
    pub fn frame(&self) -> Area {
        self.frame
    }

    /// Draws something.
    pub fn add(&mut self, mark: Mark) {
        self.sketch.add(mark);
        self.did(Step::Mark);
    }

    /// Edits the mask.
    pub fn edit(&mut self, edit: Edit) {
        self.add(Mark::Mask(edit));
    }

    /// Begins a stroke, which goes on by [`Easel::extend`].
    pub fn begin(&mut self, mark: Mark) {
        self.sketch.begin(mark);
        self.did(Step::Mark);
    }

    /// The stroke under way goes on.
    pub fn extend(&mut self, point: Point) {
        self.sketch.extend(point);
    }

    /// The stroke under way is complete.
    pub fn end(&mut self) {
        self.changes += 1;
        self.sketch.end();
    }

    /// Lays a result over the picture.
    pub fn accept(&mut self, layer: Layer) {
        self.removed.clear();
        self.layers.push(Arc::new(layer));
        self.did(Step::Layer);
        self.compose();
    }

    /// Whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        !self.done.is_empty()
    }

    /// Whether there is something to bring back.
    pub fn can_redo(&self) -> bool {
        !self.undone.is_empty()
    }

    /// Takes the last stroke, edit or layer back.
    pub fn undo(&mut self) {
        let Some(step) = self.done.pop() else { return };
        self.changes += 1;
        self.undone.push(step);
        match step {
            Step::Mark => self.sketch.undo(),
            Step::Layer => {
                self.removed.extend(self.layers.pop());
                self.compose();
            }
        }
    }

    /// Brings back what was undone last.
    pub fn redo(&mut self) {
        let Some(step) = self.undone.pop() else { return };
        self.changes += 1;
        self.done.push(step);
        match step {
            Step::Mark => self.sketch.redo(),
            Step::Layer => {
                self.layers.extend(self.removed.pop());
                self.compose();
            }
        }
    }

    /// Brings the frame to the proportions of `size`, as large as fits where it has others.
    pub fn suit(&mut self, [width, height]: [usize; 2]) {
        let (now, all) = (self.frame, self.sketch.mask().all());
        let expected = now.width() * height / width.max(1);
        if now.height().abs_diff(expected) > 1 || now.is_empty() {
            let shown = shrunk_to_fit([width, height], [all.width(), all.height()]);
            self.frame = centred(shown, [all.width() / 2, all.height() / 2], all);
        }
    }

    /// Gives the frame a width, keeping its middle and the proportions of `size`.
    pub fn resize_frame(&mut self, frame_width: usize, [width, height]: [usize; 2]) {
        let all = self.sketch.mask().all();
        let largest = shrunk_to_fit([width, height], [all.width(), all.height()]);
        let frame_width = frame_width.clamp(SHORTEST_SIDE.min(largest[0]), largest[0]);
        let frame_height = (frame_width * height).div_ceil(width.max(1)).clamp(1, largest[1]);
        let middle = [
            usize::midpoint(self.frame.left, self.frame.right),
            usize::midpoint(self.frame.top, self.frame.bottom),
        ];
        self.frame = centred([frame_width, frame_height], middle, all);
    }

    /// Moves the frame so that its corner comes as near to `corner` as the picture allows.
    pub fn move_frame(&mut self, corner: [f32; 2]) {
        let (size, all) = ([self.frame.width(), self.frame.height()], self.sketch.mask().all());
        let left = (corner[0].round().max(0.0) as usize).min(all.right - size[0]);
        let top = (corner[1].round().max(0.0) as usize).min(all.bottom - size[1]);
        self.frame = placed(size, left, top);
    }

    /// What a model of `size` pixels and `channels` is to work on.
    pub fn task(&self, size: [usize; 2], channels: usize) -> Task {
        let at_size = |picture: &Raster| {
            let part = cropped(picture, self.frame);
            with_channels(&resampled(&part, size[0], size[1]), channels)
        };
        let (picture, mut truth) = (at_size(&self.seen()), at_size(&self.original));
        let fill = self.fill(size);
        let pixels = truth
            .data
            .chunks_exact_mut(channels)
            .zip(picture.data.chunks_exact(channels));
        for ((to, from), _) in pixels.zip(&fill).filter(|(_, fill)| **fill < 128) {
            to.copy_from_slice(from);
        }
        Task { picture, truth, fill }
    }

    /// The mask in the frame at a model's size, 255 where it is to be filled.
    pub fn fill(&self, [width, height]: [usize; 2]) -> Vec<u8> {
        let mask = Raster {
            width: self.frame.width(),
            height: self.frame.height(),
            channels: 1,
            data: self.sketch.mask().copy(self.frame).into_flattened(),
        };
        area_mean(&mask, width, height)
    }

    /// Where results in the present frame belong: over the mask where `masked`, everywhere otherwise.
    pub fn place(&self, masked: bool) -> Place {
        let frame = self.frame;
        let coverage = if masked {
            self.sketch.mask().copy(frame).into_flattened()
        } else {
            vec![255; frame.width() * frame.height()]
        };
        Place { frame, coverage }
    }

    /// A result of a model in its place.
    pub fn layer(&self, place: &Place, name: String, result: &Raster) -> Layer {
        let result = resampled(result, place.frame.width(), place.frame.height());
        Layer {
            name,
            frame: place.frame,
            picture: with_channels(&result, self.picture.channels),
            coverage: place.coverage.clone(),
        }
    }

    /// The picture in colour with another one in a part of it, each of whose pixels stays sharp.
    pub fn with_colours(&self, frame: Area, colours: &Raster) -> Raster {
        let mut picture = self.picture.to_rgb();
        let (width, height) = (frame.width(), frame.height());
        let factor = width
            .div_ceil(colours.width.max(1))
            .max(height.div_ceil(colours.height.max(1)));
        let part = crate::draw::thumb::reduced(&colours.to_rgb().enlarged(factor), width, height);
        picture.paste(&part, frame.left, frame.top);
        picture
    }

    /// The picture with one more layer.
    pub fn with_layer(&self, layer: &Layer) -> Raster {
        let mut picture = self.picture.clone();
        lay(&mut picture, layer);
        picture
    }

    fn did(&mut self, step: Step) {
        self.changes += 1;
        self.undone.clear();
        self.removed.clear();
        self.done.push(step);
    }

    fn compose(&mut self) {
        self.picture = (*self.original).clone();
        for layer in &self.layers {
            lay(&mut self.picture, layer);
        }
        self.version += 1;
    }
}

/// A picture of one or three channels, composed on white; grey where all its colours are.
pub fn on_white(picture: &Picture) -> Raster {
    let over = |v: u8, a: u8| {
        let (v, a) = (u32::from(v), u32::from(a));
        ((v * a + 255 * (255 - a) + 127) / 255) as u8
    };
    let pixels = picture.rgba.as_chunks::<4>().0;
    let colours: Vec<[u8; 3]> = pixels
        .iter()
        .map(|&[r, g, b, a]| [r, g, b].map(|v| over(v, a)))
        .collect();
    let grey = colours.iter().all(|[r, g, b]| r == g && g == b);
    Raster {
        width: picture.width as usize,
        height: picture.height as usize,
        channels: if grey { 1 } else { 3 },
        data: if grey {
            colours.iter().map(|c| c[0]).collect()
        } else {
            colours.into_flattened()
        },
    }
}

/// The picture with one or three channels; colours become their brightness.
pub fn with_channels(picture: &Raster, channels: usize) -> Raster {
    match (picture.channels, channels) {
        (3, 1) => {
            let colours = picture.data.as_chunks::<3>().0;
            Raster {
                channels: 1,
                data: colours.iter().map(|&colour| luma(colour)).collect(),
                ..*picture
            }
        }
        (1, 3) => picture.to_rgb(),
        _ => picture.clone(),
    }
}

fn cropped(picture: &Raster, area: Area) -> Raster {
    let row = picture.width * picture.channels;
    let columns = area.left * picture.channels..area.right * picture.channels;
    let rows = (area.top..area.bottom).flat_map(|y| &picture.data[y * row..][columns.clone()]);
    Raster {
        width: area.width(),
        height: area.height(),
        channels: picture.channels,
        data: rows.copied().collect(),
    }
}

/// Each new pixel the mean of what it covers: no ringing, so that what is known stays known.
fn area_mean(mask: &Raster, width: usize, height: usize) -> Vec<u8> {
    let factor = width
        .div_ceil(mask.width.max(1))
        .max(height.div_ceil(mask.height.max(1)));
    crate::draw::thumb::reduced(&mask.enlarged(factor), width, height).data
}

fn lay(picture: &mut Raster, layer: &Layer) {
    let channels = picture.channels;
    let frame = layer.frame;
    for (i, (new, &cover)) in layer
        .picture
        .data
        .chunks_exact(channels)
        .zip(&layer.coverage)
        .enumerate()
    {
        let (x, y) = (frame.left + i % frame.width(), frame.top + i / frame.width());
        let start = (y * picture.width + x) * channels;
        for (v, &new) in picture.data[start..start + channels].iter_mut().zip(new) {
            let (old, new, cover) = (u32::from(*v), u32::from(new), u32::from(cover));
            *v = ((old * (255 - cover) + new * cover + 127) / 255) as u8;
        }
    }
}

/// A size within [`LONGEST_SIDE`].
fn size_within(width: usize, height: usize) -> (usize, usize) {
    let (w, h) = crate::draw::thumb::size_within(width, height, LONGEST_SIDE);
    (w.max(SHORTEST_SIDE), h.max(SHORTEST_SIDE))
}

/// The largest size with the proportions of `size` within `room`.
fn shrunk_to_fit(size: [usize; 2], room: [usize; 2]) -> [usize; 2] {
    let by_width = [room[0], (room[0] * size[1] / size[0].max(1)).max(1)];
    let by_height = [(room[1] * size[0] / size[1].max(1)).max(1), room[1]];
    if by_width[1] <= room[1] { by_width } else { by_height }
}

fn centred(size: [usize; 2], middle: [usize; 2], all: Area) -> Area {
    let corner = |i: usize, room: usize| middle[i].saturating_sub(size[i] / 2).min(room.saturating_sub(size[i]));
    placed(size, corner(0, all.right), corner(1, all.bottom))
}

fn placed([width, height]: [usize; 2], left: usize, top: usize) -> Area {
    Area {
        left,
        top,
        right: left + width,
        bottom: top + height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::mask::{Preset, Side};

    fn easel(width: usize, height: usize, channels: usize) -> Easel {
        let data = (0..width * height * channels).map(|i| (i * 7 % 251) as u8).collect();
        Easel::new(
            "test",
            Raster {
                width,
                height,
                channels,
                data,
            },
        )
    }

    fn left_half() -> Edit {
        Edit::Preset(Preset::Half(Side::Left))
    }

    #[test]
    fn a_picture_of_the_model_s_size_goes_in_and_comes_back_unchanged() {
        let mut easel = easel(28, 28, 1);
        easel.suit([28, 28]);
        easel.edit(left_half());
        let task = easel.task([28, 28], 1);
        assert_eq!(&task.picture, easel.picture());
        assert!((0..784).all(|i| task.fill[i] == if i % 28 < 14 { 255 } else { 0 }));
        let result = Raster::filled(28, 28, 1, [9; 3]);
        let layer = easel.layer(&easel.place(true), "test".into(), &result);
        easel.accept(layer);
        let known = |i: &usize| i % 28 >= 14;
        assert!(
            (0..784)
                .filter(known)
                .all(|i| easel.picture().data[i] == easel.original().data[i])
        );
        assert!((0..784).filter(|i| !known(i)).all(|i| easel.picture().data[i] == 9));
    }

    #[test]
    fn a_larger_picture_is_changed_within_the_frame_and_the_mask_only() {
        let mut easel = easel(100, 60, 3);
        easel.suit([16, 16]);
        assert_eq!((easel.frame().width(), easel.frame().height()), (60, 60));
        easel.resize_frame(32, [16, 16]);
        easel.move_frame([90.0, -5.0]);
        assert_eq!(
            (easel.frame().left, easel.frame().top, easel.frame().right),
            (68, 0, 100)
        );
        easel.edit(Edit::Fill);
        let task = easel.task([16, 16], 1);
        assert_eq!((task.picture.channels, task.fill), (1, vec![255; 256]));
        let layer = easel.layer(&easel.place(true), "test".into(), &Raster::filled(16, 16, 1, [200; 3]));
        easel.accept(layer);
        let frame = easel.frame();
        for i in 0..6000 {
            let (x, y) = (i % 100, i / 100);
            let inside = (frame.left..frame.right).contains(&x) && y < frame.bottom;
            let pixel = &easel.picture().data[3 * i..3 * i + 3];
            let expected = if inside {
                &[200; 3]
            } else {
                &easel.original().data[3 * i..3 * i + 3]
            };
            assert_eq!(pixel, expected, "{x} {y}");
        }
    }

    #[test]
    fn answers_are_compared_with_the_picture_as_it_came() {
        let mut easel = easel(8, 8, 1);
        easel.edit(left_half());
        let layer = easel.layer(&easel.place(true), "one".into(), &Raster::filled(8, 8, 1, [0; 3]));
        easel.accept(layer);
        easel.edit(Edit::Preset(Preset::Half(Side::Top)));
        let task = easel.task([8, 8], 1);
        assert_eq!(&task.picture, easel.picture());
        let known = |i: usize| i >= 32;
        let expected = |i: usize| {
            if known(i) {
                easel.picture().data[i]
            } else {
                easel.original().data[i]
            }
        };
        assert!((0..64).all(|i| task.truth.data[i] == expected(i)));
        assert_ne!(task.truth, task.picture);
    }

    #[test]
    fn undo_goes_through_strokes_and_layers_in_their_order() {
        let mut easel = easel(8, 8, 1);
        easel.edit(left_half());
        let layer = easel.layer(&easel.place(true), "one".into(), &Raster::filled(8, 8, 1, [0; 3]));
        easel.accept(layer);
        let accepted = easel.picture().clone();
        easel.edit(Edit::Clear);
        easel.undo();
        assert_eq!((easel.sketch().share(), easel.layers().len()), (0.5, 1));
        easel.undo();
        assert_eq!(easel.picture(), easel.original());
        easel.undo();
        assert_eq!((easel.sketch().share(), easel.can_undo()), (0.0, false));
        for _ in 0..3 {
            easel.redo();
        }
        assert_eq!(
            (easel.picture(), easel.sketch().share(), easel.can_redo()),
            (&accepted, 0.0, false)
        );
        easel.undo();
        easel.edit(Edit::Fill);
        assert!(!easel.can_redo());
    }

    #[test]
    fn cropping_resizing_and_converting_keep_the_mask() {
        let mut easel = easel(100, 60, 3).of("test-data");
        easel.suit([16, 16]);
        easel.edit(left_half());
        let cropped = easel.cropped();
        // The frame is 60 columns in the middle, of which 30 are to be filled.
        assert_eq!((cropped.picture().width, cropped.picture().height), (60, 60));
        assert_eq!((cropped.sketch().share(), cropped.source()), (0.5, Some("test-data")));
        let resized = easel.resized([20, 20]);
        assert_eq!((resized.picture().width, resized.picture().height), (20, 20));
        assert_eq!(resized.sketch().share(), 0.5);
        let grey = easel.converted(1);
        assert_eq!(
            (grey.picture().channels, grey.frame(), grey.sketch().share()),
            (1, easel.frame(), 0.5)
        );
    }

    #[test]
    fn colours_lie_sharp_in_their_part() {
        let easel = easel(8, 8, 1);
        let frame = Area {
            left: 2,
            top: 2,
            right: 6,
            bottom: 6,
        };
        let colours = Raster {
            width: 2,
            height: 1,
            channels: 3,
            data: vec![255, 0, 0, 0, 0, 255],
        };
        let shown = easel.with_colours(frame, &colours);
        let pixel = |x: usize, y: usize| shown.data[3 * (y * 8 + x)..][..3].to_vec();
        assert_eq!(
            [pixel(2, 5), pixel(3, 2), pixel(4, 3)],
            [vec![255, 0, 0], vec![255, 0, 0], vec![0, 0, 255]]
        );
        assert_eq!(pixel(0, 0), vec![easel.picture().data[0]; 3]);
    }

    #[test]
    fn transparency_is_shown_on_white_and_can_be_the_mask() {
        let picture = Picture {
            name: "x".into(),
            width: 4,
            height: 4,
            rgba: [[10, 10, 10, 255], [10, 10, 10, 0], [10, 10, 10, 255], [10, 10, 10, 255]]
                .repeat(4)
                .concat(),
        };
        let easel = Easel::from_picture(&picture).unwrap();
        assert_eq!(easel.picture().data[..4], [10, 255, 10, 10]);
        assert_eq!(easel.alpha().unwrap().data[..4], [0, 255, 0, 0]);
    }

    #[test]
    fn pictures_that_cannot_be_worked_on_are_named() {
        let tiny = Picture {
            name: "dot".into(),
            width: 1,
            height: 9,
            rgba: vec![0; 36],
        };
        let message = Easel::from_picture(&tiny).unwrap_err();
        assert!(message.contains("dot is 1×9"), "{message}");
        assert_eq!(size_within(9000, 3000), (4096, 1365));
    }

    #[test]
    fn grey_and_colour_become_each_other() {
        let red = Raster::filled(1, 1, 3, [255, 0, 0]);
        assert_eq!(with_channels(&red, 1).data, [76]);
        assert_eq!(with_channels(&with_channels(&red, 1), 3).data, [76; 3]);
    }
}
