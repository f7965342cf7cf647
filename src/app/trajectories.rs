//! The trajectories that the window keeps: every step under a byte budget.

use std::{collections::BTreeMap, sync::Arc};

use crate::engine::{
    TrajectoryId,
    command::SampleRequest,
    event::{Figures, Parted, StepFrame, TrajectoryInfo},
    export::provenance,
};

pub mod family;
mod held;

use held::Held;

/// One trajectory with the steps that were kept.
#[derive(Clone, Debug)]
pub struct TrajectoryView {
    /// What it is.
    pub info: TrajectoryInfo,
    /// What was asked for; `None` when it was asked elsewhere.
    pub request: Option<SampleRequest>,
    /// What the user calls it.
    pub name: Option<String>,
    /// The trajectory that it parts from, where that one was there when it began.
    pub parent: Option<TrajectoryId>,
    /// Kept frames, `index` rising. All of them unless memory ran short; then every `stride`-th and the last. Those before
    /// a branch are its parent's. Only [`Trajectories`] adds and drops them, and counts their memory.
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
            name: None,
            parent: None,
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

    /// Memory of all kept frames, shared ones among them.
    pub fn bytes(&self) -> usize {
        self.steps.iter().map(|s| frame_bytes(s)).sum()
    }

    fn keeps(&self, index: usize) -> bool {
        index.is_multiple_of(self.stride) || index >= self.info.moves
    }

    fn push(&mut self, step: StepFrame, held: &mut Held) {
        // What a branch shares with its parent is there already.
        if self.keeps(step.index) && step.index >= self.reached() {
            let step = Arc::new(step);
            held.take(&step);
            self.steps.push(step);
        }
    }

    /// Keeps every second of the frames that are left. `false` when there is nothing more to give.
    fn thin(&mut self, held: &mut Held) -> bool {
        if self.steps.len() <= 4 {
            return false;
        }
        self.stride *= 2;
        let (stride, last) = (self.stride, self.info.moves);
        self.steps.retain(|step| {
            let stays = step.index.is_multiple_of(stride) || step.index >= last;
            if !stays {
                held.release(step);
            }
            stays
        });
        true
    }

    /// Begins with the frames that it shares with its parent.
    fn share(&mut self, parent: &Self, parted: &Parted) {
        self.parent = Some(parent.info.id);
        if parted.sample.is_none() {
            let shared = parent.steps.iter().take_while(|step| step.index < parted.step);
            self.steps = shared.cloned().collect();
            self.stride = parent.stride;
        }
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
    /// Those made again with the weights of another training step, by what they repeat and that step.
    learned: BTreeMap<(TrajectoryId, u64), TrajectoryView>,
    /// The one that was removed last, until the next one is or memory runs short.
    removed: Option<Box<TrajectoryView>>,
    held: Held,
    /// Greatest number of bytes.
    pub budget: usize,
}

impl Default for Trajectories {
    fn default() -> Self {
        Self {
            views: Vec::new(),
            learned: BTreeMap::new(),
            removed: None,
            held: Held::default(),
            budget: 256 << 20,
        }
    }
}

impl Trajectories {
    /// All, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &TrajectoryView> + ExactSizeIterator {
        self.views.iter()
    }

    /// One of them, or one that repeats it.
    pub fn get(&self, id: TrajectoryId) -> Option<&TrajectoryView> {
        let mut all = self.views.iter().chain(self.learned.values());
        all.find(|v| v.info.id == id)
    }

    /// Those that repeat a trajectory with the weights of other training steps, by those steps, rising.
    pub fn learned(&self, id: TrajectoryId) -> impl Iterator<Item = (u64, &TrajectoryView)> {
        let range = self.learned.range((id, 0)..=(id, u64::MAX));
        range.map(|((_, step), view)| (*step, view))
    }

    /// The one that repeats a trajectory with the weights of this training step.
    pub fn learned_at(&self, id: TrajectoryId, step: u64) -> Option<&TrajectoryView> {
        self.learned.get(&(id, step))
    }

    /// One of them, to be changed.
    pub fn get_mut(&mut self, id: TrajectoryId) -> Option<&mut TrajectoryView> {
        let mut all = self.views.iter_mut().chain(self.learned.values_mut());
        all.find(|v| v.info.id == id)
    }

    /// Memory of all kept frames; what several share counts once.
    pub fn bytes(&self) -> usize {
        self.held.bytes()
    }

    /// A trajectory began. A branch has the frames of the shared way at once.
    pub fn insert(&mut self, info: TrajectoryInfo) {
        let mut view = TrajectoryView::new(info);
        if let Some(parted) = view.info.branch.clone()
            && let Some(parent) = self.parent(&parted)
        {
            view.share(parent, &parted);
        }
        view.steps.iter().for_each(|step| self.held.take(step));
        self.views.push(view);
    }

    /// A trajectory began that repeats another one with the weights of another training step.
    pub fn insert_learned(&mut self, info: TrajectoryInfo, of: TrajectoryId, step: u64) {
        let before = self.learned.insert((of, step), TrajectoryView::new(info));
        if let Some(before) = before {
            self.release(&before);
        }
    }

    /// What a branch parts from: known by its identity, or where it was made again from a file by how it is made.
    fn parent(&self, parted: &Parted) -> Option<&TrajectoryView> {
        self.get(parted.parent.id).or_else(|| {
            let wanted = provenance(&parted.parent);
            self.views.iter().find(|view| provenance(&view.info) == wanted)
        })
    }

    /// Drops one.
    pub fn remove(&mut self, id: TrajectoryId) {
        if let Some(view) = self.take(id) {
            self.release(&view);
        }
    }

    /// Removes one that may be put back; answers which one cannot be put back any more. One that is being made is cut off.
    pub fn set_aside(&mut self, id: TrajectoryId) -> Option<TrajectoryId> {
        let mut view = self.take(id)?;
        view.ended = true;
        let before = self.removed.replace(Box::new(view))?;
        self.release(&before);
        Some(before.info.id)
    }

    /// The one that can be put back.
    pub fn removed(&self) -> Option<&TrajectoryView> {
        self.removed.as_deref()
    }

    /// Puts the removed one back in its place.
    pub fn put_back(&mut self) -> Option<TrajectoryId> {
        let view = *self.removed.take()?;
        let id = view.info.id;
        let place = self.views.partition_point(|other| other.info.id < id);
        self.views.insert(place, view);
        Some(id)
    }

    fn take(&mut self, id: TrajectoryId) -> Option<TrajectoryView> {
        if let Some(key) = self
            .learned
            .iter()
            .find(|(_, view)| view.info.id == id)
            .map(|(key, _)| *key)
        {
            return self.learned.remove(&key);
        }
        let place = self.views.iter().position(|view| view.info.id == id)?;
        let (gone, kept) = std::mem::take(&mut self.learned)
            .into_iter()
            .partition(|((of, _), _)| *of == id);
        self.learned = kept;
        let gone: BTreeMap<_, TrajectoryView> = gone;
        for view in gone.values() {
            self.release(view);
        }
        Some(self.views.remove(place))
    }

    fn release(&mut self, view: &TrajectoryView) {
        view.steps.iter().for_each(|step| self.held.release(step));
    }

    /// Keeps a step and makes room when the budget is exceeded; answers which trajectories had to go. `current` and
    /// pinned ones stay; a single large one is thinned evenly instead.
    pub fn push(&mut self, id: TrajectoryId, step: StepFrame, current: Option<TrajectoryId>) -> Vec<TrajectoryId> {
        let mut all = self.views.iter_mut().chain(self.learned.values_mut());
        if let Some(view) = all.find(|view| view.info.id == id) {
            view.push(step, &mut self.held);
        }
        let mut gone = Vec::new();
        while self.bytes() > self.budget && self.make_room(id, current, &mut gone) {}
        gone
    }

    fn make_room(&mut self, newest: TrajectoryId, current: Option<TrajectoryId>, gone: &mut Vec<TrajectoryId>) -> bool {
        let stays = |v: &TrajectoryView| v.pinned || v.info.id == newest || Some(v.info.id) == current;
        // What was made for the training clock is made again when it is looked at.
        let learned = self
            .learned
            .iter()
            .find(|(_, v)| v.info.id != newest)
            .map(|(key, _)| *key);
        if let Some(view) = learned.and_then(|key| self.learned.remove(&key)) {
            self.release(&view);
            gone.push(view.info.id);
            return true;
        }
        let oldest = self.views.iter().position(|v| !stays(v));
        let least = self.removed.take().map(|view| *view);
        if let Some(view) = least.or_else(|| oldest.map(|oldest| self.views.remove(oldest))) {
            self.release(&view);
            gone.push(view.info.id);
            return true;
        }
        let largest = self.views.iter_mut().max_by_key(|v| v.bytes());
        largest.is_some_and(|view| view.thin(&mut self.held))
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
            schedule: None,
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

    /// Ten frames of trajectory 1 and a branch of it at step 6 with ten frames of its own making, numbered from 0.
    fn family() -> Trajectories {
        let mut all = store(24 * 1000);
        all.insert(info(1, 9));
        for i in 0..10 {
            all.push(TrajectoryId(1), frame(i), None);
        }
        let parted = Parted {
            parent: info(1, 9),
            step: 6,
            sample: None,
            remaining: None,
        };
        all.insert(TrajectoryInfo {
            branch: Some(Arc::new(parted)),
            ..info(2, 9)
        });
        for i in 0..10 {
            all.push(TrajectoryId(2), frame(i), None);
        }
        all
    }

    #[test]
    fn a_branch_shares_the_frames_before_it_and_they_count_once() {
        let mut all = family();
        let [parent, branch] = [1, 2].map(|id| all.get(TrajectoryId(id)).unwrap());
        for i in 0..10 {
            assert_eq!(Arc::ptr_eq(&parent.steps[i], &branch.steps[i]), i < 6, "frame {i}");
        }
        assert_eq!((branch.steps.len(), all.bytes()), (10, 24 * 14));
        all.remove(TrajectoryId(1));
        assert_eq!(all.bytes(), 24 * 10, "the branch keeps what it shared");
        all.remove(TrajectoryId(2));
        assert_eq!(all.bytes(), 0);
    }

    #[test]
    fn what_was_removed_is_put_back_until_the_next_is_removed_or_memory_runs_short() {
        let mut all = family();
        let id = TrajectoryId;
        assert_eq!((all.set_aside(id(1)), all.bytes()), (None, 24 * 14));
        assert_eq!(all.put_back(), Some(id(1)));
        assert_eq!(all.iter().map(|v| v.info.id).collect::<Vec<_>>(), [id(1), id(2)]);
        all.set_aside(id(1));
        assert_eq!(all.set_aside(id(2)), Some(id(1)));
        assert_eq!(all.bytes(), 24 * 10);
        all.budget = 24 * 5;
        all.insert(info(3, 9));
        assert_eq!(all.push(id(3), frame(0), None), [id(2)]);
        assert_eq!((all.bytes(), all.put_back()), (24, None));
    }

    #[test]
    fn the_tree_shows_where_ways_part() {
        let mut all = family();
        let id = TrajectoryId;
        let mut branch = |new: u64, of: u64, step| {
            let parted = Parted {
                parent: info(of, 9),
                step,
                sample: None,
                remaining: None,
            };
            all.insert(TrajectoryInfo {
                branch: Some(Arc::new(parted)),
                ..info(new, 9)
            });
        };
        branch(3, 2, 8);
        branch(4, 1, 3);
        all.insert(info(5, 9));
        let tree = family::tree(&all);
        let tree: Vec<_> = tree.iter().map(|m| (m.view.info.id.0, m.depth)).collect();
        assert_eq!(tree, [(5, 0), (1, 0), (2, 1), (3, 2), (4, 1)]);
        assert_eq!(family::of(&all, id(3)).len(), 4);
        let parting = |a, b| family::parting(&all, id(a), id(b));
        assert_eq!(
            [parting(1, 2), parting(2, 3), parting(3, 1)],
            [Some(6), Some(8), Some(6)]
        );
        assert_eq!([parting(3, 4), parting(1, 1), parting(1, 5)], [Some(3), None, None]);
        let steps: Vec<_> = family::partings(&all, id(2))
            .into_iter()
            .map(|(step, others)| (step, others.len()))
            .collect();
        assert_eq!(steps, [(3, 1), (6, 1), (8, 1)]);
    }

    #[test]
    fn a_family_that_was_made_again_is_known_by_how_it_was_made() {
        let mut all = store(24 * 1000);
        let recipe = |seed, id| TrajectoryInfo { seed, ..info(id, 9) };
        all.insert(recipe(1, 11));
        all.insert(recipe(2, 12));
        let parted = Parted {
            parent: recipe(2, 0),
            step: 6,
            sample: Some(0),
            remaining: None,
        };
        all.insert(TrajectoryInfo {
            branch: Some(Arc::new(parted)),
            ..info(13, 9)
        });
        assert_eq!(all.get(TrajectoryId(13)).unwrap().parent, Some(TrajectoryId(12)));
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
