//! Append buffers that come back once their last reader is done.

use std::sync::Arc;

use crate::{
    disk::AlignedBuffer,
    limits::{BATCH_BYTES_MAX, POOL_BUFFERS_MAX, POOL_BUFFERS_RESTING},
};

/// Buffers given to the disk and to readers, the newest last.
pub(super) struct BufferPool {
    retired: Vec<Arc<AlignedBuffer>>,
    /// How many of the newest are left alone.
    resting: usize,
}

impl BufferPool {
    /// Buffers that rest behind a disk that reads them; where none does, the one that was used
    /// last is the best, for the sake of the processor's caches.
    pub(super) fn new(disk_reads: bool) -> BufferPool {
        let resting = if disk_reads { POOL_BUFFERS_RESTING } else { 0 };
        BufferPool { retired: Vec::with_capacity(POOL_BUFFERS_MAX), resting }
    }

    /// A buffer nobody else has: of those that have rested the newest.
    pub(super) fn take(&mut self) -> Arc<AlignedBuffer> {
        let rested = self.retired.len().saturating_sub(self.resting);
        let is_free = |buffer| Arc::strong_count(buffer) == 1;
        let buffer = match self.retired[..rested].iter().rposition(is_free) {
            Some(at) => self.retired.remove(at),
            None => Arc::new(AlignedBuffer::new(BATCH_BYTES_MAX)),
        };
        assert_eq!(Arc::strong_count(&buffer), 1, "no reader sees its bytes change");
        assert_eq!(buffer.capacity(), BATCH_BYTES_MAX, "all append buffers are alike");
        buffer
    }

    /// Keeps a buffer for when its readers are done; beyond the bound the last reader frees it.
    pub(super) fn retire(&mut self, buffer: Arc<AlignedBuffer>) {
        if self.retired.len() == POOL_BUFFERS_MAX {
            self.retired.remove(0);
        }
        self.retired.push(buffer);
        assert!(self.retired.len() <= POOL_BUFFERS_MAX, "the pool is bounded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a buffer and retires it at once, so many times; how many different ones there were.
    fn different(pool: &mut BufferPool, times: usize) -> usize {
        let mut seen = Vec::new();
        for _ in 0..times {
            let buffer = pool.take();
            seen.push(Arc::as_ptr(&buffer));
            pool.retire(buffer);
        }
        seen.sort_unstable();
        seen.dedup();
        seen.len()
    }

    #[test]
    fn a_buffer_that_the_disk_has_read_rests() {
        let mut pool = BufferPool::new(true);
        let first = pool.take();
        let at = Arc::as_ptr(&first);
        pool.retire(first);
        for _ in 0..POOL_BUFFERS_RESTING {
            let other = pool.take();
            assert_ne!(Arc::as_ptr(&other), at, "it rests");
            pool.retire(other);
        }
        assert_eq!(Arc::as_ptr(&pool.take()), at, "it has rested, and none is made in its place");
    }

    #[test]
    fn no_more_are_made_than_rest_and_are_in_use() {
        assert_eq!(different(&mut BufferPool::new(true), 100), POOL_BUFFERS_RESTING + 1);
        assert_eq!(different(&mut BufferPool::new(false), 100), 1, "nobody reads it: none rests");
    }

    #[test]
    fn what_a_reader_holds_is_left_to_it() {
        for disk_reads in [false, true] {
            let mut pool = BufferPool::new(disk_reads);
            let held: Vec<_> = (0..2 * POOL_BUFFERS_MAX)
                .map(|_| {
                    let buffer = pool.take();
                    pool.retire(buffer.clone());
                    buffer
                })
                .collect();
            let taken = pool.take();
            assert!(held.iter().all(|buffer| !Arc::ptr_eq(buffer, &taken)));
            assert_eq!(pool.retired.len(), POOL_BUFFERS_MAX, "the first are the readers' alone");
        }
    }
}
