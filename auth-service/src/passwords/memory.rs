//! Memory for Argon2: 19 MiB for each hash under way, and none when there is none.

use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::Block;

/// Blocks of 1 KiB that one computation fills.
pub(super) type Memory = Vec<Block>;

/// Allocations beyond this are mapped by themselves and unmapped when they are freed.
///
/// glibc learns from what is freed: after the first 19 MiB it takes such requests from the heap of the thread, and keeps
/// them there, once for each thread that has ever hashed. Its lesson ends at 32 MiB (`DEFAULT_MMAP_THRESHOLD_MAX`). Room
/// that is asked for and never touched costs nothing.
const MAPPED_BY_ITSELF: usize = 33 * 1024;

/// Memory that hashes hand to each other while others are waiting: filling fresh pages takes a third of the time.
#[derive(Debug)]
pub(super) struct Spare {
    kept: Mutex<Vec<Memory>>,
    /// Room for a hash as we make them. What took more is not kept: each slot would have as much before long.
    most: usize,
}

impl Spare {
    /// For hashes that take so many blocks, most of them.
    pub(super) fn new(blocks: usize) -> Self {
        Self { kept: Mutex::default(), most: blocks.max(MAPPED_BY_ITSELF) }
    }

    /// Memory of `blocks` blocks.
    pub(super) fn take(&self, blocks: usize) -> Memory {
        let kept = if blocks > self.most { None } else { self.lock().pop() };
        let mut memory = kept.unwrap_or_else(|| Vec::with_capacity(blocks.max(self.most)));
        memory.resize(blocks, Block::new());
        memory
    }

    /// Keeps memory for those who wait.
    pub(super) fn keep(&self, memory: Memory) {
        if memory.capacity() <= self.most {
            self.lock().push(memory);
        }
    }

    /// Gives all of it back to the system.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Memory>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_never_more_than_a_hash_of_ours_takes() {
        let spare = Spare::new(19 * 1024);
        spare.keep(spare.take(100 * 1024));
        assert!(spare.lock().is_empty());
        spare.keep(spare.take(19 * 1024));
        let large = spare.take(100 * 1024);
        assert_eq!(spare.lock().len(), 1, "and is not made larger");
        drop(large);
        assert_eq!(spare.take(8).len(), 8);
    }
}
