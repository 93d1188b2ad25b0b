//! Append buffers that come back once their last reader is done.

use std::sync::Arc;

use crate::{
    disk::AlignedBuffer,
    limits::{BATCH_BYTES_MAX, POOL_BUFFERS_MAX},
};

/// Buffers given to the disk and to readers, the newest last.
pub(super) struct BufferPool {
    retired: Vec<Arc<AlignedBuffer>>,
}

impl BufferPool {
    pub(super) fn new() -> BufferPool {
        BufferPool { retired: Vec::with_capacity(POOL_BUFFERS_MAX) }
    }

    /// A buffer nobody else has: the newest such one, for the sake of the processor's caches.
    pub(super) fn take(&mut self) -> Arc<AlignedBuffer> {
        let free = self.retired.iter().rposition(|buffer| Arc::strong_count(buffer) == 1);
        let buffer = match free {
            Some(at) => self.retired.swap_remove(at),
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
