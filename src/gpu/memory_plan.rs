//! The plan of the device's memory: which leaves stay, which stream, and how they are cut into chunks.

use std::ops::Range;

/// Places for streamed chunks, which take turns.
pub(super) const SLOTS: usize = 2;
/// Streaming slots get 1/4 of the memory for data together, but at least one leaf each.
const SLOTS_PART: usize = 4;

/// Consecutive leaves of each chunk, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MemoryPlan {
    pub(super) resident: Vec<Range<usize>>,
    pub(super) streamed: Vec<Range<usize>>,
    /// Leaves of a slot; 0 if nothing streams.
    pub(super) leaves_per_slot: usize,
}

/// Limits, all in leaves and at least 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Leaves of a chunk.
    pub(super) per_chunk: usize,
    /// Leaves of a page of sums: no chunk crosses from one page of sums to the next.
    pub(super) per_page: usize,
    /// Leaves on the device at any time.
    pub(super) room: usize,
}

impl Limits {
    fn leaves_per_slot(self) -> usize {
        (self.room / (SLOTS * SLOTS_PART)).clamp(1, self.per_chunk)
    }

    /// Chunks of `n_leaves` leaves, as if they were all of one length.
    pub(super) fn n_chunks(self, n_leaves: usize) -> usize {
        n_leaves.div_ceil(match n_leaves <= self.room {
            true => self.per_chunk,
            false => self.leaves_per_slot(),
        })
    }
}

impl MemoryPlan {
    /// The chunks of `n_leaves` leaves; `None` if the room is too small for the slots.
    pub(super) fn new(n_leaves: usize, limits: Limits) -> Option<Self> {
        if n_leaves <= limits.room {
            return Some(Self {
                resident: cut(0..n_leaves, limits.per_chunk, limits.per_page),
                streamed: Vec::new(),
                leaves_per_slot: 0,
            });
        }
        let leaves_per_slot = limits.leaves_per_slot();
        let n_resident = limits.room.checked_sub(SLOTS * leaves_per_slot)?;
        Some(Self {
            resident: cut(0..n_resident, limits.per_chunk, limits.per_page),
            streamed: cut(n_resident..n_leaves, leaves_per_slot, limits.per_page),
            leaves_per_slot,
        })
    }
}

/// The leaves `leaves` in chunks of at most `most`, none of which crosses from one page of sums to the next.
pub(super) fn cut(leaves: Range<usize>, most: usize, per_page: usize) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let mut next = leaves.start;
    while next < leaves.end {
        let in_page = per_page - next % per_page;
        let end = next + most.min(in_page).min(leaves.end - next);
        chunks.push(next..end);
        next = end;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::{Limits, MemoryPlan, SLOTS};

    #[test]
    fn every_leaf_is_in_one_chunk_within_every_limit() {
        for n_leaves in [1, 2, 7, 64, 100] {
            for per_chunk in [1, 3, 17, 100] {
                for per_page in [1, 2, 16, 128] {
                    for room in 1..=110 {
                        let limits = Limits {
                            per_chunk,
                            per_page,
                            room,
                        };
                        let Some(plan) = MemoryPlan::new(n_leaves, limits) else {
                            assert!(room < SLOTS && room < n_leaves, "{limits:?} is enough");
                            continue;
                        };
                        let chunks = || plan.resident.iter().chain(&plan.streamed);
                        assert!(chunks().cloned().flatten().eq(0..n_leaves), "{plan:?}");
                        assert!(
                            plan.streamed
                                .iter()
                                .all(|c| c.len() <= plan.leaves_per_slot)
                        );
                        for chunk in chunks() {
                            assert!(chunk.len() <= per_chunk, "{chunk:?} of {limits:?}");
                            let last = chunk.end - 1;
                            assert_eq!(chunk.start / per_page, last / per_page, "{chunk:?}");
                        }
                        let resident: usize =
                            plan.resident.iter().map(ExactSizeIterator::len).sum();
                        let held = resident + SLOTS * plan.leaves_per_slot;
                        assert!(held <= room, "{held} leaves in {limits:?}");
                        assert_eq!(plan.streamed.is_empty(), n_leaves <= room, "{limits:?}");
                        // Slots are small, so that most of what fits stays.
                        assert!(
                            plan.streamed.is_empty() || room < 8 || held - resident <= room / 4
                        );
                    }
                }
            }
        }
    }
}
