//! The open batch: entries and events encoded straight into the buffer that goes to disk.

use std::{io, sync::Arc};

use crate::{
    disk::AlignedBuffer,
    head::{EntryHead, EventHead, NameId, StreamId},
    limits::{
        BATCH_HEADER_BYTES, BATCH_ROOM_BYTES, BATCH_TRAILER_BYTES, ENTRY_BYTES_MAX,
        ENTRY_ROOM_BYTES, TEXT_ID_BYTES_MAX,
    },
    record::{BatchHeader, encode_entry_head, encode_event_head, finish_entry},
};

/// Why an event was not taken. Nothing of it remains; the entry is as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError<E> {
    /// The entry would be longer than [`ENTRY_BYTES_MAX`].
    ///
    /// **Do:** refuse the command, or split it.
    #[error("the entry would be longer than {ENTRY_BYTES_MAX} bytes")]
    TooLarge,
    /// The text id of the stream is longer than [`TEXT_ID_BYTES_MAX`].
    ///
    /// **Do:** refuse the command.
    #[error("the text id is longer than {TEXT_ID_BYTES_MAX} bytes")]
    IdTooLong,
    /// The payload's encoder failed.
    ///
    /// **Do:** refuse the command, and see to the encoder.
    #[error("the payload could not be encoded: {0}")]
    Encode(E),
}

/// Room for one event's payload in the batch's own buffer.
pub struct Payload<'a> {
    room: &'a mut [u8],
    used: usize,
    overflown: bool,
}

impl Payload<'_> {
    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether nothing is written yet.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }
}

impl io::Write for Payload<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.used + bytes.len();
        match self.room.get_mut(self.used..end) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.used = end;
                Ok(bytes.len())
            }
            None => {
                self.overflown = true;
                Err(io::ErrorKind::FileTooLarge.into())
            }
        }
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(drop)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The batch that entries are being written to.
pub(super) struct OpenBatch {
    /// The pool's share, hollow while `buffer` is lent out of it.
    shell: Option<Arc<AlignedBuffer>>,
    buffer: AlignedBuffer,
    used: usize,
    /// Longest it may become as stored: its buffer, and what the segment has left.
    limit: usize,
    entries: u32,
    events: u32,
    entry: Option<OpenEntry>,
    name_count: usize,
}

#[derive(Clone, Copy)]
struct OpenEntry {
    start: usize,
    events: u16,
}

impl OpenBatch {
    pub(super) fn new(name_count: usize) -> OpenBatch {
        OpenBatch {
            shell: None,
            buffer: AlignedBuffer::hollow(),
            used: BATCH_HEADER_BYTES,
            limit: 0,
            entries: 0,
            events: 0,
            entry: None,
            name_count,
        }
    }

    pub(super) fn entries(&self) -> u32 {
        self.entries
    }

    pub(super) fn events(&self) -> u32 {
        self.events
    }

    /// Events of the entry that is not finished yet.
    pub(super) fn open_events(&self) -> u32 {
        self.entry.map_or(0, |entry| u32::from(entry.events))
    }

    pub(super) fn in_entry(&self) -> bool {
        self.entry.is_some()
    }

    pub(super) fn has_buffer(&self) -> bool {
        self.shell.is_some()
    }

    pub(super) fn has_room(&self) -> bool {
        self.used + ENTRY_ROOM_BYTES <= self.limit
    }

    /// Lends a buffer until the batch is taken out of it.
    pub(super) fn lend(&mut self, mut shell: Arc<AlignedBuffer>) {
        assert!(self.shell.is_none(), "one buffer is enough");
        let inside = Arc::get_mut(&mut shell).expect("the pool gives out what nobody else has");
        assert!(inside.capacity() >= BATCH_ROOM_BYTES, "a buffer takes any entry");
        assert_eq!(self.used, BATCH_HEADER_BYTES, "a buffer is lent to an empty batch");
        std::mem::swap(&mut self.buffer, inside);
        self.shell = Some(shell);
    }

    /// Says how long the batch may become; only while it is empty.
    pub(super) fn set_limit(&mut self, room: u64) {
        assert!(self.entries == 0 && self.entry.is_none(), "a batch's room is fixed by its first");
        self.limit = usize::try_from(room).unwrap_or(usize::MAX).min(self.buffer.capacity());
        assert!(self.has_room(), "an empty batch takes any entry: roll the segment before");
    }

    pub(super) fn begin_entry(&mut self, head: &EntryHead) {
        assert!(self.entry.is_none(), "call finish_entry or abandon_entry before begin_entry");
        assert!(self.has_room(), "ask has_room before begin_entry, and submit where it says no");
        let start = self.used;
        self.used += encode_entry_head(head, &mut self.buffer.all_mut()[start..]);
        assert!(self.used + BATCH_TRAILER_BYTES <= self.limit, "the head is within the room");
        self.entry = Some(OpenEntry { start, events: 0 });
    }

    #[inline]
    pub(super) fn event<E>(
        &mut self,
        head: &EventHead<'_>,
        encode: impl FnOnce(&mut Payload<'_>) -> Result<(), E>,
    ) -> Result<(), EventError<E>> {
        let entry = self.entry.as_mut().expect("call begin_entry before event");
        let known = |name: NameId| usize::from(name.0) < self.name_count;
        assert!(
            known(head.kind) && known(head.event_type),
            "put the name of every kind and event type into Options::names"
        );
        if matches!(head.id, StreamId::Text(text) if text.len() > TEXT_ID_BYTES_MAX) {
            return Err(EventError::IdTooLong);
        }
        let room = &mut self.buffer.all_mut()[self.used..entry.start + ENTRY_BYTES_MAX];
        let Some(head_bytes) = encode_event_head(head, room) else {
            return Err(EventError::TooLarge);
        };
        let (fixed, room) = room.split_at_mut(head_bytes);
        let mut payload = Payload { room, used: 0, overflown: false };
        let encoded = encode(&mut payload);
        if payload.overflown {
            return Err(EventError::TooLarge);
        }
        encoded.map_err(EventError::Encode)?;
        let payload_bytes = payload.used as u32;
        fixed[..4].copy_from_slice(&payload_bytes.to_le_bytes());
        self.used += head_bytes + payload_bytes as usize;
        entry.events += 1;
        assert!(self.used + BATCH_TRAILER_BYTES <= self.limit, "an entry ends within the room");
        Ok(())
    }

    pub(super) fn finish_entry(&mut self) {
        let entry = self.entry.take().expect("call begin_entry before finish_entry");
        finish_entry(&mut self.buffer.all_mut()[entry.start..self.used], entry.events);
        self.entries += 1;
        self.events += u32::from(entry.events);
    }

    pub(super) fn abandon_entry(&mut self) {
        let entry = self.entry.take().expect("call begin_entry before abandon_entry");
        assert!(entry.start >= BATCH_HEADER_BYTES, "entries begin behind the header");
        assert!(entry.start < self.used, "an open entry has a head");
        self.used = entry.start;
    }

    /// Completes the batch under its header; its length as stored.
    pub(super) fn seal(&mut self, header: &mut BatchHeader) -> usize {
        self.count(header);
        header.seal(self.buffer.all_mut(), self.used)
    }

    /// Completes the header alone, where nobody will read the batch from a disk; its length as
    /// stored.
    pub(super) fn measure(&self, header: &mut BatchHeader) -> usize {
        self.count(header);
        header.measure(self.used)
    }

    fn count(&self, header: &mut BatchHeader) {
        assert!(self.entry.is_none(), "call finish_entry or abandon_entry before submit");
        assert!(self.entries > 0, "submit only where there are entries");
        header.entry_count = self.entries;
        header.event_count = self.events;
    }

    /// Takes the completed batch out, leaving the next one empty.
    pub(super) fn take_out(&mut self, length: usize) -> Arc<AlignedBuffer> {
        assert!(length >= self.used, "the batch is completed");
        assert!(length <= self.limit, "the entries were taken within the batch's room");
        self.buffer.set_filled(length);
        let mut batch = self.shell.take().expect("a batch with entries has a buffer");
        let inside = Arc::get_mut(&mut batch).expect("nobody else has the buffer of a batch");
        std::mem::swap(&mut self.buffer, inside);
        assert_eq!(batch.len(), length, "the whole batch is handed on");
        (self.used, self.entries, self.events, self.limit) = (BATCH_HEADER_BYTES, 0, 0, 0);
        batch
    }
}
