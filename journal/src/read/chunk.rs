//! Reading of a segment a large piece at a time, in memory shared with the batches found in it.

use std::sync::Arc;

use crate::{
    disk::{AlignedBuffer, DiskFile},
    error::Error,
    limits::{
        BLOCK_BYTES, CHUNK_BYTES, CHUNKS_KEPT, READ_AHEAD_BYTES, READ_AT_EASE_BYTES,
        READ_CACHED_BYTES,
    },
};

/// A piece of one segment file.
pub(crate) struct Chunk {
    name: String,
    file: Arc<dyn DiskFile>,
    buffer: Arc<AlignedBuffer>,
    /// The buffers before, for when the batches in them are done with.
    older: Vec<Arc<AlignedBuffer>>,
    /// Byte in the file at which the buffer begins.
    offset: u64,
    /// Bytes that are read at once at least, where there are so many.
    least: usize,
    /// Where what was read ahead ends, for whoever has that done.
    ahead: Option<u64>,
    /// Called after every small read, where nobody waits for them.
    pause: Option<fn()>,
}

impl Chunk {
    pub(crate) fn new(name: String, file: Arc<dyn DiskFile>) -> Chunk {
        let (buffer, older) = (Arc::new(AlignedBuffer::hollow()), Vec::new());
        let (least, ahead, pause) = (CHUNK_BYTES, None, None);
        Chunk { name, file, buffer, older, offset: 0, least, ahead, pause }
    }

    /// For a file that is read through the page cache: no more at once than stays in the
    /// processor's cache until it is verified.
    pub(crate) fn cached(self) -> Chunk {
        Chunk { least: READ_CACHED_BYTES, ..self }
    }

    /// Has the disk read ahead, where nobody else waits for it.
    pub(crate) fn ahead(self) -> Chunk {
        Chunk { ahead: Some(0), ..self }
    }

    pub(crate) fn with_pause(self, pause: Option<fn()>) -> Chunk {
        Chunk { pause, ..self }
    }

    /// Bytes `offset..offset + count` of the file, which lie before `end`. Reads ahead to `end`
    /// at most. The answer says where in [`buffer`](Chunk::buffer) they are.
    pub(crate) fn load(&mut self, offset: u64, count: usize, end: u64) -> Result<usize, Error> {
        assert!(offset + count as u64 <= end, "lengths are checked before they are loaded");
        assert!(count <= CHUNK_BYTES, "a chunk holds any batch whole");
        let held = self.offset..=self.offset + self.buffer.len() as u64;
        if !(held.contains(&offset) && held.contains(&(offset + count as u64))) {
            self.fill(offset, count, end)?;
        }
        let at = (offset - self.offset) as usize;
        assert!(at + count <= self.buffer.len(), "what was asked for is loaded");
        Ok(at)
    }

    pub(crate) fn buffer(&self) -> &Arc<AlignedBuffer> {
        &self.buffer
    }

    /// Reads so many bytes and the block behind them, which says how long the next batch is, so
    /// that batches longer than the least are read one by one, and no byte of them twice.
    fn fill(&mut self, offset: u64, count: usize, end: u64) -> Result<(), Error> {
        let most = CHUNK_BYTES.min((end - offset) as usize);
        let wanted = (count + BLOCK_BYTES).max(self.least).min(most);
        assert!(offset.is_multiple_of(BLOCK_BYTES as u64), "reads past the cache are aligned");
        assert!(wanted > 0, "there is something before the end");
        assert!(wanted.is_multiple_of(BLOCK_BYTES), "segments are whole blocks");
        self.read_ahead(offset, end);
        self.older.push(std::mem::replace(&mut self.buffer, Arc::new(AlignedBuffer::hollow())));
        self.buffer = self.free(wanted, most);
        if self.older.len() > CHUNKS_KEPT {
            self.older.remove(0);
        }
        let buffer = Arc::get_mut(&mut self.buffer).expect("nobody else has it: checked above");
        buffer.set_filled(0);
        let at_once = self.pause.map_or(wanted, |_| READ_AT_EASE_BYTES);
        let mut place = offset;
        for piece in buffer.all_mut()[..wanted].chunks_mut(at_once) {
            let read = (self.file.read_at(place, piece))
                .map_err(|error| Error::from_io(format!("read {}", self.name), error))?;
            if read < piece.len() {
                let ended = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                return Err(Error::from_io(format!("read {}", self.name), ended));
            }
            place += read as u64;
            self.pause.iter().for_each(|pause| pause());
        }
        buffer.set_filled(wanted);
        self.offset = offset;
        Ok(())
    }

    /// Has the disk read on while what is there is verified. When it is less than half of what it
    /// may be ahead of this place, it goes on until it is all of that.
    fn read_ahead(&mut self, offset: u64, end: u64) {
        let Some(ahead) = self.ahead else { return };
        let from = ahead.max(offset);
        if from < end && from - offset <= READ_AHEAD_BYTES / 2 {
            let until = end.min(offset + READ_AHEAD_BYTES);
            assert!(ahead < until && until <= end, "nothing twice, and no more than may be read");
            self.file.read_ahead(from, until - from);
            self.ahead = Some(until);
        }
    }

    /// A buffer for so many bytes that nobody else has: a new one of those before, which is near to
    /// the processor still, or one that was never used.
    fn free(&mut self, wanted: usize, most: usize) -> Arc<AlignedBuffer> {
        let is_free = |held: &mut Arc<AlignedBuffer>| {
            Arc::get_mut(held).is_some_and(|buffer| buffer.capacity() >= wanted)
        };
        match self.older.iter_mut().rposition(is_free) {
            Some(at) => self.older.swap_remove(at),
            // Little more than is read now: all of it is zeroed first.
            None => {
                Arc::new(AlignedBuffer::new(wanted.next_multiple_of(READ_CACHED_BYTES).min(most)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        any::Any,
        io,
        sync::{Mutex, PoisonError},
    };

    use super::*;

    /// A file of zeros that notes what is read ahead and what is read.
    #[derive(Default)]
    struct Noted(Mutex<Notes>);

    #[derive(Default)]
    struct Notes {
        ahead: u64,
        calls: u64,
    }

    impl DiskFile for Noted {
        fn bytes(&self) -> io::Result<u64> {
            unreachable!("a chunk is told where the file ends")
        }

        fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
            let ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner).ahead;
            assert!(offset + into.len() as u64 <= ahead, "it is read ahead before it is read");
            Ok(into.len())
        }

        fn read_ahead(&self, offset: u64, bytes: u64) {
            let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            assert_eq!(offset, notes.ahead, "nothing is left out, and nothing comes twice");
            assert!(bytes > 0, "there is something to read");
            notes.ahead = offset + bytes;
            notes.calls += 1;
        }

        fn write_all_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
            unreachable!("a chunk writes nothing")
        }

        fn reserve(&self, _: u64) -> io::Result<bool> {
            unreachable!("a chunk reserves nothing")
        }

        fn sync(&self) -> io::Result<()> {
            unreachable!("a chunk syncs nothing")
        }

        fn as_any(&self) -> &dyn Any {
            self
        }
    }

    #[test]
    fn all_that_a_recovery_reads_is_read_ahead_and_nothing_beyond() {
        let file = Arc::new(Noted::default());
        let end = 16 * READ_AHEAD_BYTES + BLOCK_BYTES as u64;
        let mut chunk = Chunk::new("noted".to_owned(), file.clone()).cached().ahead();
        for block in 0..end / BLOCK_BYTES as u64 {
            chunk.load(block * BLOCK_BYTES as u64, BLOCK_BYTES, end).unwrap();
        }
        let notes = file.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(notes.ahead, end, "no further than may be read");
        assert!(notes.calls <= 40, "now and then, not for each piece: {}", notes.calls);
    }
}
