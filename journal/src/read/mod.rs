//! Reading: verified batches in order, from a recovery or beside the writer.

mod batch;
mod chunk;
mod durable;
mod tail;
mod walk;

use std::sync::Arc;

pub use batch::{Batch, Bookmark, Entries, Entry, Event, Events};
pub(crate) use chunk::Chunk;
pub(crate) use durable::{Durable, SegmentStart, segment_with};
pub(crate) use tail::judge_tail;
pub(crate) use walk::{
    Bound, Walk, check_next_segment, check_successor, load_batch, load_names, read_segment_header,
};

use crate::{chain::Chain, cursor::Cursor, disk::Disk, error::Error, limits::BLOCK_BYTES};

/// Reads batches in order, each verified against its checksums and the hash chain.
///
/// From a [`Recovery`](crate::Recovery) it ends where the journal ends; beside a writer it
/// ends at what is durable and may be asked again later.
pub struct Reader {
    walk: Option<Box<Walk>>,
}

impl Reader {
    pub(crate) fn empty() -> Reader {
        Reader { walk: None }
    }

    pub(crate) fn at(walk: Walk) -> Reader {
        Reader { walk: Some(Box::new(walk)) }
    }

    /// The next batch; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Corrupt`] and [`Error::UnknownFormat`] name the place; [`Error::Io`] is the
    /// disk's. The reader stays where it is: asked again, it tries again.
    #[allow(clippy::should_implement_trait)] // An iterator would end at `None`; this goes on.
    pub fn next(&mut self) -> Result<Option<Batch>, Error> {
        match &mut self.walk {
            Some(walk) => walk.next(),
            None => Ok(None),
        }
    }

    /// Where the next batch begins.
    pub fn cursor(&self) -> Cursor {
        match &self.walk {
            Some(walk) => walk.tip().cursor,
            None => Cursor {
                segment: 1,
                offset: BLOCK_BYTES as u64,
                last: 0,
                opening: 0,
                sequence: 0,
                position: 0,
                chain: Chain::ZERO,
            },
        }
    }

    /// Bytes behind the end that a crash left half-written. 0 before the end is reached.
    pub fn torn_bytes(&self) -> u64 {
        self.walk.as_ref().and_then(|walk| walk.torn_bytes()).unwrap_or(0)
    }

    pub(crate) fn into_walk(self) -> Option<Walk> {
        self.walk.map(|walk| *walk)
    }
}

/// Opens readers beside a writer. They see what is durable and nothing above.
#[derive(Clone)]
pub struct JournalReads {
    disk: Arc<dyn Disk>,
    durable: Arc<Durable>,
    pause: Option<fn()>,
}

impl JournalReads {
    pub(crate) fn new(disk: Arc<dyn Disk>, durable: Arc<Durable>) -> JournalReads {
        JournalReads { disk, durable, pause: None }
    }

    /// Has the readers that are opened from now on leave the disk to the writer: they read in small
    /// pieces, past the page cache where the file system can, and call `pause` after each of them.
    /// What is read through the cache the kernel reads ahead in megabytes, and every write of the
    /// journal waits behind that.
    ///
    /// For a journal of [`Synced`](crate::Durability::Synced): what is written into the page cache
    /// has to be read from there.
    pub fn at_ease(self, pause: fn()) -> JournalReads {
        JournalReads { pause: Some(pause), ..self }
    }

    /// A reader whose first batch is the first of the segment that holds this position.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::UnknownFormat`] or [`Error::Io`] of that segment's beginning.
    pub fn reader_from(&self, position: u64) -> Result<Reader, Error> {
        let number = self.durable.segment_with(position).expect("segment 1 begins at position 0");
        let bound = Bound::Durable(self.durable.clone(), self.pause);
        Walk::from_start_of(self.disk.clone(), number, bound).map(Reader::at)
    }

    /// A reader whose first batch is the one at the cursor.
    ///
    /// # Errors
    /// [`Error::NotInJournal`] unless the batch before the cursor is exactly as it was.
    pub fn reader_at(&self, cursor: Cursor) -> Result<Reader, Error> {
        if cursor.sequence > self.durable.sequence() {
            let what = "it is ahead of what is durable".to_owned();
            return Err(Error::NotInJournal { what });
        }
        let bound = Bound::Durable(self.durable.clone(), self.pause);
        Walk::from_cursor(self.disk.clone(), cursor, bound).map(Reader::at)
    }

    /// Every event below this position is durable.
    pub fn durable_position(&self) -> u64 {
        self.durable.position()
    }

    /// Every batch with a lower sequence is durable.
    pub fn durable_sequence(&self) -> u64 {
        self.durable.sequence()
    }

    /// Segments that hold, or are about to hold, what is durable.
    pub fn segment_count(&self) -> u64 {
        self.durable.segment_count()
    }

    /// Where the first batch that is not durable begins.
    pub fn durable_cursor(&self) -> Cursor {
        self.durable.cursor()
    }
}
