//! The trajectories that the window keeps: every step under a byte budget.

use std::sync::Arc;

use crate::engine::{
    TrajectoryId,
    command::SampleRequest,
    event::{Figures, StepFrame, TrajectoryInfo},
};

/// One trajectory with the steps that were kept.
#[derive(Clone, Debug)]
pub struct TrajectoryView {
    /// What it is.
    pub info: TrajectoryInfo,
    /// What was asked for; `None` when it was asked elsewhere.
    pub request: Option<SampleRequest>,
    /// Kept frames, `index` rising. All of them unless memory ran short; then every `stride`-th and the last.
    pub steps: Vec<Arc<StepFrame>>,
    /// Only every so-manieth frame is kept; 1 keeps all.
    pub stride: usize,
    /// Whether all steps were made.
    pub complete: bool,
    /// Whether no more steps will come.
    pub ended: bool,
    /// Seconds of network time, known at the end.
    pub secs: f64,
    /// Kept whatever the budget says.
    pub pinned: bool,
    /// How good the results are, where something was restored.
    pub figures: Option<Box<Figures>>,
}

impl TrajectoryView {
    /// A trajectory without steps yet.
    pub fn new(info: TrajectoryInfo) -> Self {
        Self {
            info,
            request: None,
            steps: Vec::new(),
            stride: 1,
            complete: false,
            ended: false,
            secs: 0.0,
            pinned: false,
            figures: None,
        }
    }

    /// Number of frames of the finished trajectory: one before each move and the result.
    pub fn frames(&self) -> usize {
        self.info.moves + 1
    }

    /// Frames that can be reached so far: one more than the newest index.
    pub fn reached(&self) -> usize {
        self.steps.last().map_or(0, |s| s.index + 1)
    }

    /// The kept frame nearest to `index`, or `None` before the first step.
    pub fn at(&self, index: usize) -> Option<&Arc<StepFrame>> {
        let after = self.steps.partition_point(|s| s.index < index);
        let near = |i: &usize| self.steps[*i].index.abs_diff(index);
        let candidates = [after.saturating_sub(1), after];
        let nearest = candidates
            .into_iter()
            .filter(|&i| i < self.steps.len())
            .min_by_key(near)?;
        self.steps.get(nearest)
    }

    /// Memory of all kept frames.
    pub fn bytes(&self) -> usize {
        self.steps.iter().map(|s| frame_bytes(s)).sum()
    }

    fn keeps(&self, index: usize) -> bool {
        index.is_multiple_of(self.stride) || index >= self.info.moves
    }

    fn push(&mut self, step: StepFrame) {
        if self.keeps(step.index) {
            self.steps.push(Arc::new(step));
        }
    }

    /// Keeps every second of the frames that are left. `false` when there is nothing more to give.
    fn thin(&mut self) -> bool {
        if self.steps.len() <= 4 {
            return false;
        }
        self.stride *= 2;
        let (stride, last) = (self.stride, self.info.moves);
        self.steps.retain(|s| s.index.is_multiple_of(stride) || s.index >= last);
        true
    }
}

/// Memory of one frame's pictures.
pub fn frame_bytes(step: &StepFrame) -> usize {
    step.x.bytes() + step.x0.bytes() + step.eps.bytes()
}

/// All trajectories, oldest first.
#[derive(Clone, Debug)]
pub struct Trajectories {
    views: Vec<TrajectoryView>,
    /// Greatest number of bytes.
    pub budget: usize,
}

impl Default for Trajectories {
    fn default() -> Self {
        Self {
            views: Vec::new(),
            budget: 256 << 20,
        }
    }
}

impl Trajectories {
    /// All, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &TrajectoryView> + ExactSizeIterator {
        self.views.iter()
    }

    /// One of them.
    pub fn get(&self, id: TrajectoryId) -> Option<&TrajectoryView> {
        self.views.iter().find(|v| v.info.id == id)
    }

    /// One of them, to be changed.
    pub fn get_mut(&mut self, id: TrajectoryId) -> Option<&mut TrajectoryView> {
        self.views.iter_mut().find(|v| v.info.id == id)
    }

    /// Memory of all kept frames.
    pub fn bytes(&self) -> usize {
        self.views.iter().map(TrajectoryView::bytes).sum()
    }

    /// A trajectory began.
    pub fn insert(&mut self, info: TrajectoryInfo) {
        self.views.push(TrajectoryView::new(info));
    }

    /// Drops one.
    pub fn remove(&mut self, id: TrajectoryId) {
        self.views.retain(|v| v.info.id != id);
    }

    /// Keeps a step and makes room when the budget is exceeded; answers which trajectories had to go. `current` and
    /// pinned ones stay; a single large one is thinned evenly instead.
    pub fn push(&mut self, id: TrajectoryId, step: StepFrame, current: Option<TrajectoryId>) -> Vec<TrajectoryId> {
        if let Some(view) = self.get_mut(id) {
            view.push(step);
        }
        let mut gone = Vec::new();
        while self.bytes() > self.budget && self.make_room(id, current, &mut gone) {}
        gone
    }

    fn make_room(&mut self, newest: TrajectoryId, current: Option<TrajectoryId>, gone: &mut Vec<TrajectoryId>) -> bool {
        let stays = |v: &TrajectoryView| v.pinned || v.info.id == newest || Some(v.info.id) == current;
        if let Some(oldest) = self.views.iter().position(|v| !stays(v)) {
            gone.push(self.views.remove(oldest).info.id);
            return true;
        }
        let largest = self.views.iter_mut().max_by_key(|v| v.bytes());
        largest.is_some_and(TrajectoryView::thin)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        diffusion::Guidance,
        engine::command::ClassChoice,
        files::Recipe,
        math::{Domain, Frame, Level, Spec},
    };

    fn info(id: u64, moves: usize) -> TrajectoryInfo {
        TrajectoryInfo {
            id: TrajectoryId(id),
            domain: Domain::Points,
            model: String::new(),
            recipe: Recipe::default(),
            step: 0,
            sampler: Spec::new("ddim"),
            spacing: Spec::new("trailing"),
            moves,
            seed: 0,
            count: 1,
            class: ClassChoice::None,
            guidance: Guidance::default(),
            weaker: None,
            classifier: None,
            noise: None,
            prints: crate::files::provenance::Prints::default(),
            class_names: Arc::default(),
            restore: None,
            branch: None,
        }
    }

    /// 24 bytes.
    fn frame(index: usize) -> StepFrame {
        let x = Frame::Points { xy: [0.0; 2].into() };
        StepFrame {
            index,
            level: Level::clean(0.0),
            x: x.clone(),
            x0: x.clone(),
            eps: x,
            change: 0.0,
            x_stats: (0.0, 0.0),
            x0_stats: (0.0, 0.0),
        }
    }

    fn store(budget: usize) -> Trajectories {
        Trajectories {
            budget,
            ..Trajectories::default()
        }
    }

    #[test]
    fn the_oldest_goes_first_but_not_the_pinned_and_present_ones() {
        let mut all = store(24 * 25);
        let id = TrajectoryId;
        let mut gone = Vec::new();
        for n in 1..=4 {
            all.insert(info(n, 9));
            if n == 1 {
                all.get_mut(id(1)).unwrap().pinned = true;
            }
            for i in 0..10 {
                gone.extend(all.push(id(n), frame(i), Some(id(2))));
            }
        }
        assert_eq!(gone, [id(3)]);
        assert!(all.bytes() <= all.budget);
        assert!(all.get(id(1)).is_some() && all.get(id(2)).is_some());
    }

    #[test]
    fn one_large_trajectory_is_thinned_evenly_and_keeps_its_ends() {
        let mut all = store(24 * 100);
        all.insert(info(1, 1000));
        for i in 0..=1000 {
            assert_eq!(all.push(TrajectoryId(1), frame(i), Some(TrajectoryId(1))), []);
            assert!(all.bytes() <= all.budget, "after frame {i}");
        }
        let view = all.get(TrajectoryId(1)).unwrap();
        let kept: Vec<_> = view.steps.iter().map(|s| s.index).collect();
        assert_eq!((kept[0], kept[kept.len() - 1], view.reached()), (0, 1000, 1001));
        let gaps: Vec<_> = kept.windows(2).map(|w| w[1] - w[0]).collect();
        assert!(gaps[..gaps.len() - 1].iter().all(|&g| g == view.stride), "{gaps:?}");
        assert_eq!(view.at(3).map(|s| s.index), Some(0));
        assert_eq!(view.at(999).map(|s| s.index), Some(1000));
    }
}
