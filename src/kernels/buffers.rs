//! Memory of a plan: every buffer is reserved once for the time that it is needed, and shares its place with others.

#![expect(
    unsafe_code,
    reason = "tasks that run side by side write to disjoint parts of one buffer"
)]

use std::{
    marker::PhantomData,
    ops::Range,
    sync::{Mutex, MutexGuard},
};

/// A buffer of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(usize);

/// Numbers in a cache line; buffers begin on one.
const LINE: usize = 16;

/// A buffer's length and the first and last moment of its use.
#[derive(Clone, Debug)]
struct Reservation {
    len: usize,
    span: Option<(usize, usize)>,
    /// The contents outlive the pass.
    held: bool,
}

/// Buffers in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Reservations(Vec<Reservation>);

impl Reservations {
    /// A new buffer of `len` numbers.
    pub(super) fn add(&mut self, len: usize) -> Slot {
        self.0.push(Reservation {
            len,
            span: None,
            held: false,
        });
        Slot(self.0.len() - 1)
    }

    /// The buffer is used at `time`.
    pub(super) fn touch(&mut self, slot: Slot, time: usize) {
        let span = &mut self.0[slot.0].span;
        *span = Some(span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
    }

    /// The buffer shares its place with no other up to `last`, the end of a pass, and the next pass finds its contents.
    pub(super) fn hold(&mut self, slot: Slot, last: usize) {
        self.touch(slot, 0);
        self.touch(slot, last);
        self.0[slot.0].held = true;
    }

    /// Gives every buffer its place: the largest first, each as low as those allow that live at the same time.
    pub(super) fn place(&self) -> Layout {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(self.0[i].len));
        let mut places = vec![0..0; self.0.len()];
        let mut placed: Vec<usize> = Vec::new();
        for i in order {
            let Some(span) = self.0[i].span else { continue };
            let mut taken: Vec<Range<usize>> = placed
                .iter()
                .filter(|&&j| self.0[j].span.is_some_and(|other| overlap(span, other)))
                .map(|&j| places[j].clone())
                .collect();
            taken.sort_by_key(|r| r.start);
            let start = lowest_gap(&taken, self.0[i].len);
            places[i] = start..start + self.0[i].len;
            placed.push(i);
        }
        let len = places.iter().map(|r| r.end).max().unwrap_or(0);
        let born = self.born();
        Layout { places, len, born }
    }

    /// The buffers that come into use at each moment, without those that are held.
    fn born(&self) -> Vec<Vec<Slot>> {
        let last = self.0.iter().filter_map(|r| r.span).map(|(first, _)| first).max();
        let mut born = vec![Vec::new(); last.map_or(0, |last| last + 1)];
        for (i, reservation) in self.0.iter().enumerate() {
            if let (Some((first, _)), false) = (reservation.span, reservation.held) {
                born[first].push(Slot(i));
            }
        }
        born
    }
}

fn overlap(a: (usize, usize), b: (usize, usize)) -> bool {
    a.0 <= b.1 && b.0 <= a.1
}

/// The lowest start, on a cache line, from which `len` numbers touch none of `taken`, which is sorted.
fn lowest_gap(taken: &[Range<usize>], len: usize) -> usize {
    let mut start = 0;
    for range in taken {
        if start + len <= range.start {
            break;
        }
        start = start.max(range.end.next_multiple_of(LINE));
    }
    start
}

/// Where each buffer lies.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    places: Vec<Range<usize>>,
    len: usize,
    born: Vec<Vec<Slot>>,
}

impl Layout {
    /// Numbers that an arena needs.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

/// Memory that starts on a cache line. The system gives it page by page when it is first used: a large network's would
/// otherwise hold up everything for a second or two.
pub(super) struct Memory {
    numbers: Vec<f32>,
    start: usize,
}

impl Memory {
    /// At least `len` zeros.
    pub(super) fn new(len: usize) -> Self {
        let numbers = vec![0.0; len.next_multiple_of(LINE) + LINE];
        ask_for_huge_pages(&numbers);
        let past = numbers.as_ptr() as usize / size_of::<f32>() % LINE;
        Self {
            numbers,
            start: (LINE - past) % LINE,
        }
    }

    /// Numbers that fit.
    pub(super) fn len(&self) -> usize {
        self.numbers.len() - LINE
    }

    /// The numbers.
    pub(super) fn as_mut(&mut self) -> &mut [f32] {
        let range = self.start..self.start + self.len();
        &mut self.numbers[range]
    }
}

/// Asks the system to back memory that is not yet in use with pages of 2 MiB. The planes of transformed tiles lie on more
/// pages of 4 KiB than a processor has addresses of at hand.
#[cfg(target_os = "linux")]
fn ask_for_huge_pages(memory: &[f32]) {
    use std::ffi::{c_int, c_void};

    const PAGE: usize = 4096;
    const MADV_HUGEPAGE: c_int = 14;
    // SAFETY: the C library's function, as every Linux has it.
    unsafe extern "C" {
        fn madvise(start: *mut c_void, length: usize, advice: c_int) -> c_int;
    }
    let start = (memory.as_ptr() as usize).next_multiple_of(PAGE);
    let end = memory.as_ptr() as usize + size_of_val(memory);
    if let Some(length) = end.checked_sub(start).filter(|&length| length > PAGE) {
        // SAFETY: the range is inside an allocation, and the advice changes no contents. Its answer does not matter: a
        // system without huge pages is only slower.
        unsafe { madvise(start as *mut c_void, length / PAGE * PAGE, MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_: &[f32]) {}

/// The buffers of a plan while it runs.
#[derive(Clone, Copy)]
pub(super) struct Arena<'a> {
    memory: Shared<'a>,
    layout: &'a Layout,
}

impl<'a> Arena<'a> {
    /// `memory` must hold [`Layout::len`] numbers.
    pub(super) fn new(memory: &'a mut [f32], layout: &'a Layout) -> Self {
        assert!(layout.len <= memory.len(), "the memory holds the plan's buffers");
        Self {
            memory: Shared::new(memory),
            layout,
        }
    }

    /// A buffer that no task writes to while the result is in use.
    pub(super) fn read(self, slot: Slot) -> &'a [f32] {
        // SAFETY: the layout keeps buffers apart that are in use at the same time, and a step writes to other buffers
        // than it reads, except where it says how.
        unsafe { self.memory.part(self.layout.places[slot.0].clone()) }
    }

    /// The whole of a buffer that nobody else uses now.
    pub(super) fn whole(self, slot: Slot) -> &'a mut [f32] {
        // SAFETY: steps run one after the other, and no step asks twice for a buffer that it uses as a whole.
        unsafe { self.memory.part(self.layout.places[slot.0].clone()) }
    }

    /// A buffer that tasks write to.
    pub(super) fn write(self, slot: Slot) -> Shared<'a> {
        // SAFETY: as for `read`; the slice is only used to make tasks' parts.
        Shared::new(unsafe { self.memory.part(self.layout.places[slot.0].clone()) })
    }

    /// Fills buffers that come into use at `time` with not-a-number, so that a step that leaves part of its result
    /// unwritten is seen.
    pub(super) fn poison(self, time: usize) {
        for &slot in self.layout.born.get(time).into_iter().flatten() {
            // SAFETY: the buffer is not in use before this moment.
            unsafe { self.memory.part(self.layout.places[slot.0].clone()) }.fill(f32::NAN);
        }
    }
}

/// A buffer of which tasks that run side by side take disjoint parts.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    start: *mut f32,
    len: usize,
    owner: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is an exclusive borrow of numbers; `part` leaves it to the caller that parts are disjoint.
unsafe impl Send for Shared<'_> {}
// SAFETY: likewise.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    /// The whole of `buffer`.
    pub(super) fn new(buffer: &'a mut [f32]) -> Self {
        Self {
            start: buffer.as_mut_ptr(),
            len: buffer.len(),
            owner: PhantomData,
        }
    }

    /// A part of it.
    ///
    /// # Safety
    /// No other part that is in use at the same time overlaps `range`.
    pub(super) unsafe fn part(self, range: Range<usize>) -> &'a mut [f32] {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "the part lies inside its buffer"
        );
        // SAFETY: the range is inside the borrow that this was made from, and exclusive as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

/// Working memory of tasks. What one gives back the next takes, so that after the first steps none is allocated.
#[derive(Default)]
pub(super) struct Scratch(Mutex<Vec<Memory>>);

impl Scratch {
    /// Lends the caller `len` numbers; in debug builds they are not-a-number.
    pub(super) fn lend<R>(&self, len: usize, f: impl FnOnce(&mut [f32]) -> R) -> R {
        let free = self.free().pop().filter(|memory| memory.len() >= len);
        let mut memory = free.unwrap_or_else(|| Memory::new(len));
        let buffer = &mut memory.as_mut()[..len];
        if cfg!(debug_assertions) {
            buffer.fill(f32::NAN);
        }
        let result = f(buffer);
        self.free().push(memory);
        result
    }

    fn free(&self) -> MutexGuard<'_, Vec<Memory>> {
        // A panic in a task leaves only numbers behind that the next task overwrites.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn memory_starts_on_a_cache_line_and_holds_zeros() {
        for len in [0, 1, 15, 16, 17, 1000, 1 << 20] {
            let mut memory = Memory::new(len);
            assert!(memory.len() >= len && memory.as_mut().len() == memory.len());
            assert_eq!(memory.as_mut().as_ptr() as usize % 64, 0);
            assert!(memory.as_mut().iter().all(|&v| v == 0.0));
        }
    }

    proptest! {
        #[test]
        fn buffers_in_use_at_the_same_time_are_apart(spans in prop::collection::vec((1usize..200, 0usize..20, 0usize..6), 1..40)) {
            let mut reservations = Reservations::default();
            for &(len, first, more) in &spans {
                let slot = reservations.add(len);
                reservations.touch(slot, first + more);
                reservations.touch(slot, first);
            }
            let layout = reservations.place();
            for (i, a) in spans.iter().enumerate() {
                prop_assert_eq!(layout.places[i].len(), a.0);
                prop_assert_eq!(layout.places[i].start % LINE, 0);
                for (j, b) in spans.iter().enumerate().take(i) {
                    let together = overlap((a.1, a.1 + a.2), (b.1, b.1 + b.2));
                    let (p, q) = (&layout.places[i], &layout.places[j]);
                    prop_assert!(!together || p.end <= q.start || q.end <= p.start, "{:?} and {:?}", p, q);
                }
            }
        }
    }

    #[test]
    fn a_buffer_takes_the_place_of_one_that_is_no_longer_needed() {
        let mut reservations = Reservations::default();
        for time in 0..10 {
            let slot = reservations.add(160);
            reservations.touch(slot, time);
            reservations.touch(slot, time + 1);
        }
        assert_eq!(reservations.place().len(), 320);
    }
}
