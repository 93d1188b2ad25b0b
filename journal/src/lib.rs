//! An append-only, hash-chained, crash-proof journal of events in preallocated segment files.
//!
//! ```
//! use std::{convert::Infallible, io::Write, sync::Arc};
//! use hotledger_journal::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let disk = MemoryDisk::new();
//! let names = vec!["account".into(), "deposited".into()];
//! let options = Options { names, ..Options::default() };
//! let recovery = Recovery::begin(Arc::new(disk.clone()), options)?;
//! let mut reader = recovery.reader_at(None)?;
//! while reader.next()?.is_some() {}
//! let (mut journal, _report) = recovery.finish(reader)?;
//!
//! journal.begin_entry(&EntryHead { time: 1, ..EntryHead::default() })?;
//! let head = EventHead {
//!     kind: NameId(0), event_type: NameId(1), schema: 1, id: StreamId::U64(7), version: 1,
//! };
//! journal.event(&head, |payload| payload.write_all(b"ten coins"))?;
//! journal.finish_entry();
//! journal.submit()?;
//! let written = journal.complete(true)?.expect("one batch was submitted");
//! assert_eq!(written.batch.end_position(), 1); // durable: `written.proof` says how much so
//! journal.close()?;
//! # Ok(()) }
//! ```
//!
//! The trade: every batch is padded to whole 4 KiB blocks and hashed, so that no acknowledged
//! byte is ever overwritten with another and no changed byte goes unseen. One thread appends; any
//! number read what is durable without slowing it. It is not a database: there is no index, no
//! delete and no compaction. `FORMAT.md` describes every byte on disk.

mod limits;
mod sync;

mod durability;
mod error;

mod chain;
mod cursor;
mod head;
mod names;
mod options;

mod disk;
mod record;
mod tip;

mod append;
mod read;
mod recover;

pub mod salvage;
pub mod verify;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

pub use append::{EventError, Journal, Payload, Preparer, Proof, Written};
pub use chain::{Chain, ParseChainError};
pub use cursor::{CURSOR_BYTES, Cursor};
pub use disk::{
    Access, AlignedBuffer, Completion, Disk, DiskFile, DiskLock, FileDisk, LockKind, MemoryDisk,
    WriteQueue, WriteTicket,
};
pub use durability::{Durability, ParseDurabilityError};
pub use error::Error;
pub use head::{EntryHead, EntryKey, EventHead, NameId, StreamId};
pub use limits::{
    BATCH_BYTES_MAX, BLOCK_BYTES, ENTRY_BYTES_MAX, NAME_BYTES_MAX, NAMES_MAX, SEGMENT_BYTES_MAX,
    SEGMENT_BYTES_MIN, TEXT_ID_BYTES_MAX,
};
pub use names::Names;
pub use options::{Fill, Options};
pub use read::{Batch, Bookmark, Entries, Entry, Event, Events, JournalReads, Reader};
pub use record::{BatchKind, segment_name};
pub use recover::{OpenReport, Recovery};
