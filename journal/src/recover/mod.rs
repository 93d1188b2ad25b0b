//! Recovery: what the files hold, where the journal ends, and opening it again behind that.

mod finish;
mod survey;

use std::sync::Arc;

pub(crate) use survey::{Survey, segment_numbers};
use uuid::Uuid;

use crate::{
    cursor::Cursor,
    disk::{Disk, DiskLock, LockKind},
    error::Error,
    names::Names,
    options::Options,
    read::{Bound, Reader, Walk, segment_with},
};

/// A locked journal whose segments' headers and footers are checked, and nothing changed yet.
///
/// Read it to the end with a [`Reader`], then [`finish`](Recovery::finish) opens it for
/// appending. Dropped instead, not a byte has changed.
pub struct Recovery {
    disk: Arc<dyn Disk>,
    options: Options,
    names: Names,
    lock: Box<dyn DiskLock>,
    kind: LockKind,
    survey: Survey,
}

/// What opening the journal found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenReport {
    /// Whether there was no journal before.
    pub created: bool,
    /// Segments with data, the one now written to included.
    pub segments: u64,
    /// Bytes behind the last sound batch that a crash left half-written, now zero.
    pub torn_bytes: u64,
    /// Sound batches that may not have been durable, now written again.
    pub rewritten_batches: u64,
    /// How often the journal has been opened.
    pub epoch: u64,
    /// Position of the next event.
    pub next_position: u64,
}

impl Recovery {
    /// Locks the journal against everybody, then checks headers and footers of all segments.
    /// Creates nothing but the lock file.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Missing`], [`Error::Corrupt`], [`Error::UnknownFormat`].
    pub fn begin(disk: Arc<dyn Disk>, options: Options) -> Result<Recovery, Error> {
        options.check()?;
        let recovery = Recovery::locked(disk, options, LockKind::Exclusive)?;
        if recovery.options.must_exist && recovery.is_new() {
            return Err(Error::Missing);
        }
        Ok(recovery)
    }

    /// The same for reading only: any number of readers share the lock, and
    /// [`finish`](Recovery::finish) is not allowed.
    ///
    /// # Errors
    /// [`Error::Locked`] while a writer has it open; as [`begin`](Recovery::begin) otherwise.
    pub fn begin_read_only(disk: Arc<dyn Disk>) -> Result<Recovery, Error> {
        Recovery::locked(disk, Options::default(), LockKind::Shared)
    }

    fn locked(disk: Arc<dyn Disk>, options: Options, kind: LockKind) -> Result<Recovery, Error> {
        let names = Names::from_options(&options.names)?;
        let lock = disk.lock(kind).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => Error::Locked,
            _ => Error::from_io("lock the journal", error),
        })?;
        let survey = Survey::of(disk.as_ref())?;
        Ok(Recovery { disk, options, names, lock, kind, survey })
    }

    /// Whether there is no segment with data yet.
    pub fn is_new(&self) -> bool {
        self.survey.last.is_none()
    }

    /// Segments with data.
    pub fn segment_count(&self) -> u64 {
        self.survey.segments.len() as u64
    }

    /// The random identity a journal gets when it is created.
    pub fn journal_id(&self) -> Option<Uuid> {
        self.survey.last.map(|header| Uuid::from_bytes(header.journal))
    }

    /// A reader whose first batch is the one at the cursor, or the journal's first.
    ///
    /// # Errors
    /// [`Error::NotInJournal`] unless the batch before the cursor is exactly as it was.
    pub fn reader_at(&self, cursor: Option<Cursor>) -> Result<Reader, Error> {
        match (cursor, self.bound()) {
            (None, None) => Ok(Reader::empty()),
            (None, Some(bound)) => Walk::from_start_of(self.disk.clone(), 1, bound).map(Reader::at),
            (Some(cursor), Some(bound)) => {
                Walk::from_cursor(self.disk.clone(), cursor, bound).map(Reader::at)
            }
            (Some(_), None) => {
                Err(Error::NotInJournal { what: "there is no journal here".to_owned() })
            }
        }
    }

    /// A reader whose first batch is the first of the segment that holds this position.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::UnknownFormat`] or [`Error::Io`] of that segment's beginning.
    pub fn reader_from(&self, position: u64) -> Result<Reader, Error> {
        match (segment_with(&self.survey.segments, position), self.bound()) {
            (Some(number), Some(bound)) => {
                Walk::from_start_of(self.disk.clone(), number, bound).map(Reader::at)
            }
            _ => Ok(Reader::empty()),
        }
    }

    fn bound(&self) -> Option<Bound> {
        let last_segment = self.survey.last?.number;
        Some(Bound::End { last_segment, spare: self.survey.spare.map(|spare| spare.bytes) })
    }
}
