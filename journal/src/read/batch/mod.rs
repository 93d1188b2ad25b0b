//! A verified batch, shared with whoever still reads it.

mod entries;

use std::sync::Arc;

use crate::{
    chain::Chain,
    cursor::Cursor,
    disk::AlignedBuffer,
    names::Names,
    record::{BatchHeader, BatchKind},
    tip::cursor_after,
};
pub use entries::{Bookmark, Entries, Entry, Event, Events};

/// One batch as stored, verified. A clone shares the bytes; while any clone lives, so does the
/// buffer of up to 2 MiB they are in.
#[derive(Clone, Debug)]
pub struct Batch {
    bytes: Arc<AlignedBuffer>,
    start: usize,
    header: BatchHeader,
    chain: Chain,
    names: Arc<Names>,
}

impl Batch {
    pub(crate) fn new(
        bytes: Arc<AlignedBuffer>,
        start: usize,
        header: BatchHeader,
        chain: Chain,
        names: Arc<Names>,
    ) -> Batch {
        assert!(header.end_position() >= header.first_position, "checked with the header");
        assert!(start + header.byte_length as usize <= bytes.len(), "the batch is in its buffer");
        Batch { bytes, start, header, chain, names }
    }

    /// Its number, gapless from 0 over the journal.
    pub fn sequence(&self) -> u64 {
        self.header.sequence
    }

    /// Position of its first event.
    pub fn first_position(&self) -> u64 {
        self.header.first_position
    }

    /// Position behind its last event; the first position where it has none.
    pub fn end_position(&self) -> u64 {
        self.header.end_position()
    }

    /// What it is for.
    pub fn kind(&self) -> BatchKind {
        self.header.kind
    }

    /// How often the journal had been opened when it was written.
    pub fn epoch(&self) -> u64 {
        self.header.epoch
    }

    /// Every batch with a lower sequence was durable when this one was built.
    pub fn watermark(&self) -> u64 {
        self.header.watermark
    }

    /// Hash over its stored bytes, and through them over all before; [`Chain::ZERO`] where the disk
    /// keeps nothing.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// Where the batch after it begins.
    pub fn cursor_after(&self) -> Cursor {
        cursor_after(&self.header, self.chain)
    }

    /// The names its entries refer to.
    pub fn names(&self) -> &Arc<Names> {
        &self.names
    }

    /// Its entries in order; none unless its kind is [`BatchKind::Data`].
    pub fn entries(&self) -> Entries<'_> {
        Entries::of(self)
    }

    /// The entries behind a bookmark of this batch, in order.
    ///
    /// # Panics
    /// When more bytes are left behind the bookmark than this batch has. Behind any other bookmark
    /// of another batch the entries end with an error, or are not those that were meant.
    pub fn entries_behind(&self, bookmark: Bookmark) -> Entries<'_> {
        Entries::behind(self, bookmark)
    }

    /// How many entries it has.
    pub fn entry_count(&self) -> u32 {
        self.header.entry_count
    }

    /// Its length on disk, padding included.
    pub fn stored_bytes(&self) -> u64 {
        u64::from(self.header.byte_length)
    }

    /// Number of the segment file it is in.
    pub fn segment(&self) -> u64 {
        self.header.segment
    }

    /// Byte in the segment file at which it begins.
    pub fn offset(&self) -> u64 {
        self.header.offset
    }

    /// All of it, exactly as on disk. Of a disk that keeps nothing a batch of entries has any bytes
    /// where header, padding and trailer would be.
    pub fn stored(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.header.byte_length as usize]
    }

    pub(crate) fn header(&self) -> &BatchHeader {
        &self.header
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.header.body(self.stored())
    }

    /// Where in its buffer it begins.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The buffer that its bytes are in.
    pub(crate) fn buffer(&self) -> &Arc<AlignedBuffer> {
        &self.bytes
    }
}
