//! Decoding of a batch's entries and their events, without ever trusting a length.

use super::Batch;
use crate::{
    error::Error,
    head::{EntryHead, EntryKey, NameId, StreamId},
    record::{BatchKind, EntryFrame, EventFrame, Flaw, segment_name},
};

/// The entries of one batch. Ends behind the first error.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    batch: &'a Batch,
    rest: &'a [u8],
    position: u64,
    left: u32,
    failed: bool,
}

/// Where among the entries of its batch somebody is.
#[derive(Clone, Copy, Debug)]
pub struct Bookmark {
    /// Bytes of the body from here on.
    rest: usize,
    position: u64,
    left: u32,
    failed: bool,
}

impl<'a> Entries<'a> {
    pub(super) fn of(batch: &'a Batch) -> Entries<'a> {
        Entries {
            batch,
            rest: body(batch),
            position: batch.first_position(),
            left: batch.entry_count(),
            failed: false,
        }
    }

    pub(super) fn behind(batch: &'a Batch, bookmark: Bookmark) -> Entries<'a> {
        let Bookmark { rest, position, left, failed } = bookmark;
        let body = body(batch);
        let read = body.len().checked_sub(rest).expect("a bookmark is of the batch it is used in");
        Entries { batch, rest: &body[read..], position, left, failed }
    }

    /// For [`Batch::entries_behind`]: the entries that have not been taken out yet, as something
    /// that can be kept without borrowing the batch.
    pub fn bookmark(&self) -> Bookmark {
        let Entries { rest, position, left, failed, .. } = *self;
        Bookmark { rest: rest.len(), position, left, failed }
    }

    #[inline]
    fn step(&mut self) -> Result<Option<Entry<'a>>, Flaw> {
        if self.left == 0 {
            let exact = self.rest.is_empty() && self.position == self.batch.end_position();
            let bad_end = Flaw::Invalid("entries do not add up to what the header counts");
            return if exact { Ok(None) } else { Err(bad_end) };
        }
        let frame = EntryFrame::read(self.rest)?;
        let first_position = self.position;
        let end = first_position.checked_add(u64::from(frame.event_count()));
        let Some(end) = end.filter(|end| *end <= self.batch.end_position()) else {
            return Err(Flaw::Invalid("more events than the header counts"));
        };
        assert!(!frame.bytes.is_empty(), "an entry always gets on");
        self.rest = &self.rest[frame.bytes.len()..];
        self.left -= 1;
        self.position = end;
        Ok(Some(Entry { batch: self.batch, frame, first_position }))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match self.step() {
            Ok(entry) => entry.map(Ok),
            Err(flaw) => {
                self.failed = true;
                Some(Err(in_batch(self.batch, self.position, flaw)))
            }
        }
    }
}

/// The bytes of its entries.
fn body(batch: &Batch) -> &[u8] {
    if batch.kind() == BatchKind::Data { batch.body() } else { &[] }
}

/// One command as stored.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    batch: &'a Batch,
    frame: EntryFrame<'a>,
    first_position: u64,
}

impl<'a> Entry<'a> {
    /// What is said about the command; put together when it is asked for.
    #[inline]
    pub fn head(&self) -> EntryHead {
        self.frame.head()
    }

    /// The [`time`](EntryHead::time) of its head.
    #[inline]
    pub fn time(&self) -> i64 {
        self.frame.time()
    }

    /// The [`key`](EntryHead::key) of its head.
    #[inline]
    pub fn key(&self) -> Option<EntryKey> {
        self.frame.key()
    }

    /// Position of its first event, or of the next event in the journal where it has none.
    pub fn first_position(&self) -> u64 {
        self.first_position
    }

    /// How many events it has.
    #[inline]
    pub fn event_count(&self) -> u32 {
        u32::from(self.frame.event_count())
    }

    /// Its events in order.
    #[inline]
    pub fn events(&self) -> Events<'a> {
        Events {
            batch: self.batch,
            rest: self.frame.events,
            position: self.first_position,
            left: self.frame.event_count(),
            failed: false,
        }
    }
}

/// The events of one entry. Ends behind the first error.
#[derive(Clone, Debug)]
pub struct Events<'a> {
    batch: &'a Batch,
    rest: &'a [u8],
    position: u64,
    left: u16,
    failed: bool,
}

impl<'a> Events<'a> {
    #[inline]
    fn step(&mut self) -> Result<Option<Event<'a>>, Flaw> {
        if self.left == 0 {
            let bad_end = Flaw::Invalid("bytes behind the entry's last event");
            return if self.rest.is_empty() { Ok(None) } else { Err(bad_end) };
        }
        let frame = EventFrame::read(self.rest)?;
        let head = frame.head;
        let names = self.batch.names();
        if names.get(head.kind).is_none() || names.get(head.event_type).is_none() {
            return Err(Flaw::Invalid("event with a name that is not in the table"));
        }
        let position = self.position;
        assert!(frame.length <= self.rest.len() && frame.length > 0, "a frame is inside its entry");
        self.rest = &self.rest[frame.length..];
        self.left -= 1;
        self.position += 1;
        Ok(Some(Event {
            position,
            kind: head.kind,
            event_type: head.event_type,
            schema: head.schema,
            id: head.id,
            version: head.version,
            payload: frame.payload,
        }))
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Result<Event<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match self.step() {
            Ok(event) => event.map(Ok),
            Err(flaw) => {
                self.failed = true;
                Some(Err(in_batch(self.batch, self.position, flaw)))
            }
        }
    }
}

/// One event as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its number in the journal, gapless from 0.
    pub position: u64,
    /// Name of the stream's kind, in the batch's [`names`](Batch::names).
    pub kind: NameId,
    /// Name of the event's type, in the batch's [`names`](Batch::names).
    pub event_type: NameId,
    /// Version of the event type's schema.
    pub schema: u16,
    /// Which stream of its kind.
    pub id: StreamId<'a>,
    /// The stream's version once this event is applied.
    pub version: u64,
    /// The event itself, in the writer's encoding.
    pub payload: &'a [u8],
}

#[cold]
fn in_batch(batch: &Batch, position: u64, flaw: Flaw) -> Error {
    let (file, offset) = (segment_name(batch.segment()), batch.offset());
    match flaw {
        Flaw::Invalid(what) => Error::Corrupt { file, offset, position, what: what.to_owned() },
        Flaw::Unknown(what) => Error::UnknownFormat { file, offset, what: what.to_owned() },
    }
}
