//! What was asked for from the canvas. Its trajectory is like any other; it is known by the restoration that both share.

use std::sync::Arc;

use crate::{
    app::{
        easel::{Easel, Place},
        state::AppState,
        trajectories::TrajectoryView,
    },
    diffusion::restore::method,
    draw::Raster,
    engine::{
        TrajectoryId,
        command::{Restoration, SampleRequest},
    },
    math::{Domain, Frame, domain::unit_from_byte},
};

/// A restoration that was asked for.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Tells jobs apart.
    pub(super) number: u64,
    /// Method, steps and seed, for people.
    pub(super) name: String,
    /// What it agrees with; the identity of its trajectory.
    pub(super) restore: Arc<Restoration>,
    /// Where its results belong.
    pub(super) place: Place,
    /// A quick look that the next stroke takes away again.
    pub(super) live: bool,
    /// Candidates that were discarded.
    pub(super) discarded: Vec<usize>,
}

impl Job {
    /// What a request asks for at the present place of the easel.
    pub(super) fn new(number: u64, request: &SampleRequest, easel: &Easel, live: bool) -> Option<Self> {
        let restore = request.restore.clone()?;
        Some(Self {
            number,
            name: format!(
                "{} · {} steps · seed {}",
                label(&request.sampler.id),
                request.steps,
                request.seed
            ),
            place: easel.place(restore.task.id == "inpaint"),
            restore,
            live,
            discarded: Vec::new(),
        })
    }

    fn asked_by(&self, request: &SampleRequest) -> bool {
        let restore = request.restore.as_ref();
        restore.is_some_and(|restore| Arc::ptr_eq(restore, &self.restore))
    }

    /// Its trajectory, once it began.
    pub(super) fn view<'a>(&self, state: &'a AppState) -> Option<&'a TrajectoryView> {
        let mut all = state.trajectories.iter();
        all.find(|view| view.request.as_ref().is_some_and(|r| self.asked_by(r)))
    }

    /// The id of its trajectory, begun or waiting.
    pub(super) fn id(&self, state: &AppState) -> Option<TrajectoryId> {
        let waiting = state.asked.iter().find(|request| self.asked_by(request));
        let begun = || self.view(state).map(|view| view.info.id);
        waiting.map(|request| request.id).or_else(begun)
    }

    /// Whether it waits or is under way.
    pub(super) fn is_open(&self, state: &AppState) -> bool {
        match self.view(state) {
            Some(view) => !view.ended,
            None => self.id(state).is_some(),
        }
    }

    /// The candidates that are left, as far as there are any.
    pub(super) fn candidates(&self, state: &AppState) -> Vec<usize> {
        let count = self.view(state).filter(|v| v.reached() > 0).map_or(0, |v| v.info.count);
        (0..count).filter(|i| !self.discarded.contains(i)).collect()
    }

    /// The picture that the model was given.
    pub(super) fn given(&self, view: &TrajectoryView) -> Option<Raster> {
        Raster::picture(&view.info.domain.frame(&self.restore.picture), 0)
    }
}

/// Name of a method in the window.
pub(super) fn label(id: &str) -> String {
    let entry = method::ENTRIES.iter().find(|entry| entry.id == id);
    entry.map_or_else(|| id.to_owned(), |entry| entry.label.to_owned())
}

/// A picture in tensor order, from -1 to 1.
pub(super) fn tensor(picture: &Raster) -> Arc<[f32]> {
    let pixels = picture.width * picture.height;
    let at = |i: usize| unit_from_byte(picture.data[i % pixels * picture.channels + i / pixels]);
    (0..picture.data.len()).map(at).collect()
}

/// The size that a model's pictures have: width, height and channels.
pub(super) fn size_of(domain: Domain) -> Option<([usize; 2], usize)> {
    match domain {
        Domain::Image {
            channels,
            height,
            width,
        } => Some(([width, height], channels)),
        Domain::Points => None,
    }
}

/// One picture of a frame.
pub(super) fn picture(frame: &Frame, sample: usize) -> Option<Raster> {
    Raster::picture(frame, sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_are_the_other_way_round_than_pictures() {
        let picture = Raster {
            width: 2,
            height: 1,
            channels: 3,
            data: vec![0, 10, 255, 255, 30, 0],
        };
        let values = tensor(&picture);
        assert_eq!(values[..2], [-1.0, 1.0]);
        let domain = Domain::Image {
            channels: 3,
            height: 1,
            width: 2,
        };
        assert_eq!(Raster::picture(&domain.frame(&values), 0), Some(picture));
    }
}
