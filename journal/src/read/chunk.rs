//! Reading of a segment a large piece at a time, in memory shared with the batches found in it.

use std::sync::Arc;

use crate::{
    disk::{AlignedBuffer, DiskFile},
    error::Error,
    limits::{BLOCK_BYTES, CHUNK_BYTES},
};

/// A piece of one segment file.
pub(crate) struct Chunk {
    name: String,
    file: Arc<dyn DiskFile>,
    buffer: Arc<AlignedBuffer>,
    /// The buffer before, for when the batches in it are done with.
    older: Arc<AlignedBuffer>,
    /// Byte in the file at which the buffer begins.
    offset: u64,
}

impl Chunk {
    pub(crate) fn new(name: String, file: Arc<dyn DiskFile>) -> Chunk {
        let hollow = || Arc::new(AlignedBuffer::hollow());
        Chunk { name, file, buffer: hollow(), older: hollow(), offset: 0 }
    }

    /// Bytes `offset..offset + count` of the file, which lie before `end`. Reads ahead to `end`
    /// at most. The answer says where in [`buffer`](Chunk::buffer) they are.
    pub(crate) fn load(&mut self, offset: u64, count: usize, end: u64) -> Result<usize, Error> {
        assert!(offset + count as u64 <= end, "lengths are checked before they are loaded");
        assert!(count <= CHUNK_BYTES, "a chunk holds any batch whole");
        let held = self.offset..=self.offset + self.buffer.len() as u64;
        if !(held.contains(&offset) && held.contains(&(offset + count as u64))) {
            self.fill(offset, end)?;
        }
        let at = (offset - self.offset) as usize;
        assert!(at + count <= self.buffer.len(), "what was asked for is loaded");
        Ok(at)
    }

    pub(crate) fn buffer(&self) -> &Arc<AlignedBuffer> {
        &self.buffer
    }

    fn fill(&mut self, offset: u64, end: u64) -> Result<(), Error> {
        let wanted = CHUNK_BYTES.min((end - offset) as usize);
        assert!(offset.is_multiple_of(BLOCK_BYTES as u64), "reads past the cache are aligned");
        assert!(wanted > 0, "there is something before the end");
        assert!(wanted.is_multiple_of(BLOCK_BYTES), "segments are whole blocks");
        std::mem::swap(&mut self.buffer, &mut self.older);
        let free = Arc::get_mut(&mut self.buffer).filter(|buffer| buffer.capacity() >= wanted);
        if free.is_none() {
            // As much as is read: a survey looks at one block of each segment.
            self.buffer = Arc::new(AlignedBuffer::new(wanted));
        }
        let buffer = Arc::get_mut(&mut self.buffer).expect("nobody else has it: checked above");
        buffer.set_filled(0);
        let read = (self.file.read_at(offset, &mut buffer.all_mut()[..wanted]))
            .map_err(|error| Error::from_io(format!("read {}", self.name), error))?;
        if read < wanted {
            let ended = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            return Err(Error::from_io(format!("read {}", self.name), ended));
        }
        buffer.set_filled(wanted);
        self.offset = offset;
        Ok(())
    }
}
