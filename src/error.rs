//! What can go wrong, one enum per moment: opening, executing, reading.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hotledger_journal as journal;

use crate::codec::{CodecError, DecodeError};
use crate::position::{Position, Version};

/// Why an engine did not open.
///
/// A refusal for what is in the directory changes no byte of it. After `Threads`, or an I/O error
/// in the middle of a recovery, it is as if the process had been killed: open it again.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The journal refused: locked, damaged, of a newer format, or not readable.
    /// **Do:** see the journal error; it names file, offset and positions.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The events of an aggregate cannot be stored as they are declared.
    /// **Do:** mend the event type or its upcasters as the message says.
    #[error("the events of kind `{kind}` cannot be stored: {source}")]
    Events {
        /// The aggregate's kind.
        kind: &'static str,
        /// What is wrong with them.
        source: CodecError,
    },
    /// Two registered aggregates have the same kind, or one is registered twice.
    /// **Do:** give each aggregate its own `KIND` and one builder line.
    #[error("kind `{0}` is registered twice")]
    KindTwice(&'static str),
    /// The journal holds events of an aggregate that is not registered.
    /// **Do:** add `.aggregate::<…>()` for this kind to the builder.
    #[error(
        "the journal holds events of kind `{kind}` (position {position}), which is not \
         registered; add its `.aggregate::<…>()` line to the builder"
    )]
    UnknownKind {
        /// The name in the journal.
        kind: String,
        /// The first event met.
        position: Position,
    },
    /// An event in the journal cannot be read by the registered type.
    /// **Do:** register the upcaster or the event variant that the message names.
    #[error("the event at position {position} (`{kind}` `{id}`) cannot be read: {source}")]
    Event {
        /// The aggregate's kind.
        kind: &'static str,
        /// The aggregate's id.
        id: String,
        /// Which event.
        position: Position,
        /// Why.
        source: DecodeError,
    },
    /// An aggregate's `evolve` panicked over an event that is in the journal. Reading the past
    /// answers so ([`ReadError::Replay`]); an engine opens all the same, with the aggregate
    /// quarantined, and builds no snapshot until that is mended.
    /// **Do:** mend `evolve`, and open it again.
    #[error("`{kind}` `{id}`: evolve panicked at position {position}: {message}")]
    Evolve {
        /// The aggregate's kind.
        kind: &'static str,
        /// The aggregate's id.
        id: String,
        /// Which event.
        position: Position,
        /// What the panic said.
        message: Box<str>,
    },
    /// A snapshot lies ahead of the journal, or beside it, although every answer was synced, or
    /// there is a snapshot and no journal at all: the journal has lost what was acknowledged, or
    /// was put back to an older state, or the snapshots are another engine's.
    /// **Do:** restore the journal that belongs to the snapshot; or, to go on with what the journal
    /// holds, move the snapshot away.
    #[error(
        "the snapshot at position {position} does not fit the journal ({what}): the journal lost \
         acknowledged events or was rolled back; restore it, or move the snapshot away to go on"
    )]
    SnapshotAhead {
        /// Where the snapshot was taken.
        position: Position,
        /// What does not fit.
        what: String,
    },
    /// The journal holds an event whose version does not follow the one before.
    /// **Do:** treat as corruption: keep the directory, restore from a backup.
    #[error("`{kind}` `{id}`: version {found} at position {position} follows version {before}")]
    VersionGap {
        /// The aggregate's kind.
        kind: &'static str,
        /// The aggregate's id.
        id: String,
        /// Which event.
        position: Position,
        /// The version before it.
        before: Version,
        /// The version it carries.
        found: Version,
    },
    /// The system has no room for another thread. The journal was recovered by then, and is as if
    /// the process had been killed right after.
    /// **Do:** end other processes, or raise the limit on threads, and open it again.
    #[error("no thread could be started: {0}")]
    Threads(Arc<io::Error>),
}

/// Why the engine stopped for good. Reopen it to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaltReason(pub(crate) Arc<str>);

impl HaltReason {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string().into())
    }

    /// The engine was closed by its owner.
    pub(crate) fn closed() -> Self {
        Self::new("the engine is closed")
    }

    /// The writer is gone without having said why.
    pub(crate) fn gone() -> Self {
        Self::new("the writer has stopped")
    }
}

impl fmt::Display for HaltReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HaltReason {}

/// Why a command was not committed.
///
/// All but `Halted` and `TimedOut` say that the command had no effect. Those two leave it
/// **unknown**: ask again with the same command key after the engine has been reopened.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError<R> {
    /// The aggregate refused it.
    /// **Do:** whatever the refusal means in the domain.
    #[error("refused: {0:?}")]
    Refused(R),
    /// The aggregate is not at the expected version.
    /// **Do:** read again, decide again.
    #[error("conflict: expected version {expected}, the aggregate is at {actual}")]
    Conflict {
        /// What the caller expected.
        expected: Version,
        /// What it is.
        actual: Version,
    },
    /// The command key was used before for another command.
    /// **Do:** find the bug that made one key for two intents; nothing was executed.
    #[error("the command key was used before for another command")]
    KeyReused,
    /// Too many commands wait for the writer.
    /// **Do:** back off and try again; nothing was executed.
    #[error("overloaded: too many commands wait")]
    Overloaded,
    /// The command's events do not fit in one journal entry.
    /// **Do:** split the command.
    #[error("the command's events do not fit in one journal entry of {entry_bytes_max} bytes")]
    TooLarge {
        /// The most that fits.
        entry_bytes_max: usize,
    },
    /// An event could not be serialised, or the aggregate's id is a text of more than 255 bytes.
    /// **Do:** mend its `Serialize`, or shorten the id; nothing was executed.
    #[error("an event could not be encoded: {0}")]
    Unencodable(Box<str>),
    /// `decide` or `evolve` panicked; the command had no effect.
    /// **Do:** mend the panic; its message is inside.
    #[error("the aggregate panicked: {0}")]
    Panicked(Box<str>),
    /// The aggregate's `evolve` panicked at replay, so its state is not known.
    /// **Do:** mend `evolve` and reopen.
    #[error("the aggregate is quarantined: its events could not be replayed")]
    Quarantined,
    /// The journal has no room for more: space, quota, descriptors or the file-size limit of the
    /// process are used up. The log says which.
    /// **Do:** make room; reads go on, and commands are taken again once there is some.
    #[error("no room for the next segment of the journal; nothing was executed")]
    StorageFull,
    /// The next segment of the journal cannot be prepared, and not for want of room.
    /// **Do:** see to the cause; reads go on, and commands are taken again once it has passed.
    #[error("the journal's next segment cannot be prepared ({0}); nothing was executed")]
    StorageUnavailable(Box<str>),
    /// The engine has stopped. The outcome is unknown.
    /// **Do:** reopen the engine and ask again with the same command key.
    #[error("halted: {0}; the outcome is unknown: reopen, and ask again with the same key")]
    Halted(HaltReason),
    /// The answer did not come in time. The outcome is unknown; the command may still commit.
    /// **Do:** ask again with the same command key.
    #[error("no answer in time; the outcome is unknown")]
    TimedOut,
}

/// Why something could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The view did not reach the position in time.
    /// **Do:** read the older state with `read`, or wait longer; see the view's lag.
    #[error("the view is at {reached} and did not reach {wanted} within {waited:?}")]
    TimedOut {
        /// What was asked for.
        wanted: Position,
        /// How far it came.
        reached: Position,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The position lies ahead of the last event.
    /// **Do:** ask for a position that has been given out.
    #[error("position {wanted} lies ahead of the head, {head}")]
    Ahead {
        /// What was asked for.
        wanted: Position,
        /// The last position on disk.
        head: Position,
    },
    /// The aggregate has not come to this version yet.
    /// **Do:** ask for a version up to `newest`.
    #[error("version {wanted} lies ahead of the newest, {newest}")]
    NoSuchVersion {
        /// What was asked for.
        wanted: Version,
        /// The version it is at.
        newest: Version,
    },
    /// The journal could not be read.
    /// **Do:** see the journal error.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// An event in the journal could not be understood.
    /// **Do:** see the inner error.
    #[error(transparent)]
    Replay(Box<OpenError>),
    /// The engine has stopped, so the writer could not be asked.
    /// **Do:** reopen it.
    #[error("halted: {0}")]
    Halted(HaltReason),
}

impl From<OpenError> for ReadError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Journal(error) => Self::Journal(error),
            other => Self::Replay(Box::new(other)),
        }
    }
}
