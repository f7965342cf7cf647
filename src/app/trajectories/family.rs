//! What parts from what: trajectories as a tree.

use std::collections::{BTreeMap, BTreeSet};

use super::{Trajectories, TrajectoryView};
use crate::engine::TrajectoryId;

/// A trajectory in the tree.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Which one.
    pub view: &'a TrajectoryView,
    /// How many it has parted from; 0 for one that stands alone or began the family.
    pub depth: usize,
}

/// All of them, each after the one that it parts from. The newest family comes first, branches in the order in which they
/// were made.
pub fn tree(all: &Trajectories) -> Vec<Member<'_>> {
    let roots = all.iter().rev().filter(|view| parent(all, view).is_none());
    let branches = branches(all);
    let mut members = Vec::new();
    for root in roots {
        descend(root, 0, &branches, &mut members);
    }
    members
}

/// The whole family of one of them, in the order of [`tree`].
pub fn of(all: &Trajectories, id: TrajectoryId) -> Vec<Member<'_>> {
    let mut members = Vec::new();
    if let Some(root) = all.get(id).and_then(|view| lineage(all, view).last()) {
        descend(root, 0, &branches(all), &mut members);
    }
    members
}

fn branches(all: &Trajectories) -> BTreeMap<TrajectoryId, Vec<&TrajectoryView>> {
    let mut branches = BTreeMap::<_, Vec<_>>::new();
    for view in all.iter() {
        if let Some(parent) = parent(all, view) {
            branches.entry(parent.info.id).or_default().push(view);
        }
    }
    branches
}

fn descend<'a>(
    view: &'a TrajectoryView,
    depth: usize,
    branches: &BTreeMap<TrajectoryId, Vec<&'a TrajectoryView>>,
    members: &mut Vec<Member<'a>>,
) {
    members.push(Member { view, depth });
    for &branch in branches.get(&view.info.id).into_iter().flatten() {
        descend(branch, depth + 1, branches, members);
    }
}

fn parent<'a>(all: &'a Trajectories, view: &TrajectoryView) -> Option<&'a TrajectoryView> {
    all.get(view.parent?)
}

/// One of them, the one that it parts from, and so on to the beginning.
fn lineage<'a>(all: &'a Trajectories, view: &'a TrajectoryView) -> impl Iterator<Item = &'a TrajectoryView> {
    std::iter::successors(Some(view), move |view| parent(all, view))
}

/// The step from which on both differ; `None` where they have nothing in common, or are the same.
pub fn parting(all: &Trajectories, one: TrajectoryId, other: TrajectoryId) -> Option<usize> {
    let of_one: Vec<_> = lineage(all, all.get(one)?).collect();
    let of_other: Vec<_> = lineage(all, all.get(other)?).collect();
    let ids: BTreeSet<_> = of_one.iter().map(|view| view.info.id).collect();
    let common = of_other.iter().find(|view| ids.contains(&view.info.id))?.info.id;
    let apart = |line: &[&TrajectoryView]| {
        let own = line.iter().take_while(|view| view.info.id != common);
        own.filter_map(|view| Some(view.info.branch.as_ref()?.step)).min()
    };
    [apart(&of_one), apart(&of_other)].into_iter().flatten().min()
}

/// The steps at which others part from a trajectory, and which ones do.
pub fn partings(all: &Trajectories, id: TrajectoryId) -> BTreeMap<usize, Vec<&TrajectoryView>> {
    let mut partings = BTreeMap::<_, Vec<_>>::new();
    for Member { view, .. } in of(all, id) {
        if let Some(step) = parting(all, id, view.info.id) {
            partings.entry(step).or_default().push(view);
        }
    }
    partings
}
