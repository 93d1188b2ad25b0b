//! Verification of every byte, going on behind damage where it can.
//!
//! Each piece of damage is a [`Finding`] of one of these kinds:
//!
//! | kind | what was found |
//! |---|---|
//! | `missing_segment` | a segment file is not there, yet its neighbours say that it was |
//! | `segment_header` | block 0 of a segment is damaged, or contradicts the segment before |
//! | `file_size` | a segment file is longer or shorter than its header says |
//! | `batch` | where a batch should be there is none that is sound |
//! | `order` | a sound batch that does not follow the one before: sequence, position or chain |
//! | `entry` | a sound batch whose entries cannot be decoded, or whose names are lost |
//! | `footer` | a footer that does not count what its segment holds |
//! | `not_zero` | bytes behind a footer |
//! | `unknown_format` | sound bytes of a version or kind that this program does not know |
//!
//! A segment whose header is damaged is gone through all the same: its batches say themselves
//! which segment they belong to, where in it, and what their salt is. Only that the first of them
//! continues the chain cannot be shown then.

mod patrol;
mod report;

use std::ops::ControlFlow;
use std::sync::Arc;

use uuid::Uuid;

use crate::{
    chain::Chain,
    disk::{Disk, LockKind},
    error::Error,
    read::Batch,
    recover::segment_numbers,
};

/// The end of a range of positions where nothing sound behind the damage tells it.
pub const END_UNKNOWN: u64 = u64::MAX;

/// One piece of damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Name of the file in the journal's directory.
    pub file: String,
    /// Byte in the file at which the damaged part begins.
    pub offset: u64,
    /// Positions that may be lost by it, from the first to behind the last, or to
    /// [`END_UNKNOWN`]; an empty range where none is. `None` where it is not about positions.
    pub positions: Option<(u64, u64)>,
    /// One of the kinds that the [module](self) lists.
    pub kind: &'static str,
    /// What was found.
    pub what: String,
}

/// What verification saw in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The journal's identity, from the first header that is sound.
    pub journal_id: Option<Uuid>,
    /// Segments with data.
    pub segments: u64,
    /// Sound entries.
    pub entries: u64,
    /// Sound events.
    pub events: u64,
    /// Positions between sound events that are not there. What is lost behind the last sound
    /// event cannot be counted.
    pub lost_events: u64,
    /// Position of the last sound event.
    pub last_position: Option<u64>,
    /// Chain of the last sound batch.
    pub chain: Chain,
    /// Bytes behind the last batch that a crash left half-written: no damage.
    pub torn_bytes: u64,
    /// Pieces of damage.
    pub findings: u64,
}

/// What is met on the way through a journal, in the order of the files.
#[derive(Debug)]
pub enum Seen<'a> {
    /// A batch with all checksums right, in its own place. Behind damage it need not be the next.
    Batch(&'a Batch),
    /// The same, but the opening that brought its names is lost: its [names](Batch::names) are
    /// stand-ins that show their ids, `#0`, `#1` and so on.
    Unnamed(&'a Batch),
    /// A piece of damage. What it may have destroyed is known, and it is reported, when the next
    /// sound batch is found.
    Damage(Finding),
}

/// Reads every byte of every segment past the page cache, under a shared lock, in bounded
/// memory, and reports each piece of damage as it is found.
///
/// # Errors
/// [`Error::Locked`] while the journal is open for appending; [`Error::Io`] of the disk.
pub fn verify(disk: &Arc<dyn Disk>, on_finding: &mut dyn FnMut(Finding)) -> Result<Summary, Error> {
    go_through(disk, &mut |seen| {
        if let Seen::Damage(finding) = seen {
            on_finding(finding);
        }
        ControlFlow::Continue(())
    })
}

/// The same, and shows every sound batch too; stops early when `see` says so.
///
/// # Errors
/// As [`verify`].
pub fn go_through(
    disk: &Arc<dyn Disk>,
    see: &mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
) -> Result<Summary, Error> {
    let lock = disk.lock(LockKind::Shared).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => Error::Locked,
        _ => Error::from_io("lock the journal", error),
    })?;
    let summary = patrol::Patrol::begin(disk.as_ref(), see)?.walk()?;
    drop(lock);
    Ok(summary)
}

/// The journal's identity, from the first segment header that is sound; `None` where none is.
///
/// # Errors
/// [`Error::Io`] of the disk.
pub fn journal_id(disk: &Arc<dyn Disk>) -> Result<Option<Uuid>, Error> {
    let numbers = segment_numbers(disk.as_ref())?;
    Ok(patrol::first_identity(disk.as_ref(), &numbers)?.map(Uuid::from_bytes))
}
