//! Memory for Argon2: 19 MiB for each hash under way, and none when there is none.

use std::sync::{Mutex, PoisonError};

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
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<Memory>>);

impl Spare {
    /// Memory of `blocks` blocks.
    pub(super) fn take(&self, blocks: usize) -> Memory {
        let mut memory =
            self.lock().pop().unwrap_or_else(|| Vec::with_capacity(blocks.max(MAPPED_BY_ITSELF)));
        memory.resize(blocks, Block::new());
        memory
    }

    /// Keeps memory for those who wait.
    pub(super) fn keep(&self, memory: Memory) {
        self.lock().push(memory);
    }

    /// Gives all of it back to the system.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Memory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
