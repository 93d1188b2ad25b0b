//! What can go wrong in the world outside, for every call of the journal.

use std::{io, sync::Arc};

/// Everything the journal can answer instead of doing what was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process has this journal open.
    ///
    /// **Do:** stop the other process, or wait for it; nothing was read or changed.
    #[error("the journal is locked by another process")]
    Locked,

    /// Stored bytes are not what was written: damage, loss or tampering, not a torn tail.
    ///
    /// **Do:** keep the files as they are, restore from a copy, or salvage what lies before
    /// `position` into a new directory.
    #[error("{file} is corrupt at byte {offset} (position {position}): {what}")]
    Corrupt {
        /// Name of the file in the journal's directory.
        file: String,
        /// Byte in the file at which the damaged header, block or batch begins.
        offset: u64,
        /// Events below this position are sound.
        position: u64,
        /// What was found.
        what: String,
    },

    /// Sound bytes of a kind or version this program does not know.
    ///
    /// **Do:** open the journal with the newer program that wrote it.
    #[error("{file} holds a format this version does not know, at byte {offset}: {what}")]
    UnknownFormat {
        /// Name of the file in the journal's directory.
        file: String,
        /// Byte in the file at which the unknown part begins.
        offset: u64,
        /// What was found.
        what: String,
    },

    /// There is no journal here, and the options ask for one that exists.
    ///
    /// **Do:** check the directory; allow creation only where a new journal is meant.
    #[error("no journal here")]
    Missing,

    /// The path of the journal is not a directory.
    ///
    /// **Do:** name another path; the file there was left alone.
    #[error("{path} is not a directory")]
    NotADirectory {
        /// The path as given.
        path: String,
    },

    /// The operating system refuses access.
    ///
    /// **Do:** run as the user that owns the files, or correct their permissions.
    #[error("permission denied: {what}")]
    Permission {
        /// What was attempted.
        what: String,
    },

    /// The journal's directory could not be created.
    ///
    /// **Do:** create the directory's parent, or name another path.
    #[error("cannot create {path}: {source}")]
    CannotCreate {
        /// The path as given.
        path: String,
        /// The system's answer.
        source: Arc<io::Error>,
    },

    /// There is no room: space, quota, descriptors or the file-size limit of the process are
    /// used up. Of the next segment it says so before anything is half-written.
    ///
    /// **Do:** make room and ask again: the journal goes on by itself.
    #[error("no room for more: {what}")]
    Full {
        /// What was attempted, and the system's answer.
        what: String,
    },

    /// The next segment cannot be prepared, and not for want of room: the disk failed, or access
    /// was withdrawn. No acknowledged byte was touched, and nothing was half-written.
    ///
    /// **Do:** see to the cause and ask again: the journal goes on by itself once it has passed.
    #[error("the next segment cannot be prepared: {0}")]
    NotPrepared(#[source] Arc<Error>),

    /// The disk failed.
    ///
    /// **Do:** see to the disk, then reopen the journal.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The system's answer.
        source: Arc<io::Error>,
    },

    /// An earlier write failed. What is on disk behind the last durable batch is unknown, so
    /// nothing is written any more.
    ///
    /// **Do:** treat unanswered writes as unknown, see to the cause, and reopen.
    #[error("the journal stopped after a failed write: {0}")]
    Poisoned(#[source] Arc<Error>),

    /// The cursor does not belong to this journal, or not to its present contents.
    ///
    /// **Do:** start from an older cursor, or from the beginning.
    #[error("the cursor is not in this journal: {what}")]
    NotInJournal {
        /// What did not match.
        what: String,
    },

    /// The options contradict themselves or a limit.
    ///
    /// **Do:** correct the named option.
    #[error("invalid options: {what}")]
    InvalidOptions {
        /// Which option, and its bound.
        what: String,
    },
}

impl Error {
    /// Sorts the system's answer into the variant that says what to do about it.
    pub(crate) fn from_io(what: impl Into<String>, source: io::Error) -> Error {
        let what = what.into();
        match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Error::Full { what: format!("{what}: {source}") },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Error::Permission { what }
            }
            _ => Error::Io { what, source: Arc::new(source) },
        }
    }

    /// What a failure to prepare the next segment is: nothing was written to the journal, so it
    /// stops nobody but those who need that segment, and may pass.
    pub(crate) fn of_preparing(self) -> Error {
        match self {
            Error::Full { .. } => self,
            Error::Io { what, source } if is_out_of_descriptors(&source) => {
                Error::Full { what: format!("{what}: {source}") }
            }
            cause => Error::NotPrepared(Arc::new(cause)),
        }
    }

    /// Whether only the next segment is missing, and everything else is as it was.
    pub(crate) fn is_for_want_of_a_segment(&self) -> bool {
        matches!(self, Error::Full { .. } | Error::NotPrepared(_))
    }
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    errno
        .is_some_and(|errno| errno == rustix::io::Errno::MFILE || errno == rustix::io::Errno::NFILE)
}
