//! Exit codes: which failure leaves with which number.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use hotledger::{HaltReason, OpenError, ReadError};
use hotledger_domains::exchange::SymbolError;
use hotledger_domains::exchange::lobster::LobsterError;
use hotledger_journal as journal;

const USAGE: u8 = 2;
const DAMAGED: u8 = 65;
const CANNOT_CREATE: u8 = 73;
const IO: u8 = 74;
const LOCKED: u8 = 75;
const NOT_PERMITTED: u8 = 77;
const CONFIGURATION: u8 = 78;
/// Ended by a signal, as shells count it.
pub(crate) const INTERRUPTED: u8 = 130;

/// A failure of the command line itself; the engine's failures have their own types.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An argument that only the data could show to be wrong.
    #[error("{0}")]
    Usage(String),
    /// The journal is damaged, or not the one that was expected.
    #[error("the journal is not as it should be: {findings} finding(s)")]
    Damaged {
        /// How many.
        findings: u64,
    },
    /// `journal salvage` could not save everything.
    #[error("{losses} loss(es): the new directory holds what lay before the first")]
    Lost {
        /// How many.
        losses: u64,
    },
    /// A key file is not one.
    #[error("{0}")]
    BadKey(String),
    /// Something is in the way of what was to be created.
    #[error("{0}; nothing was changed")]
    InTheWay(String),
    /// The file is not what it should be.
    #[error(transparent)]
    Malformed(#[from] LobsterError),
    /// The name of a message file does not say what was traded.
    #[error("the name of a message file begins with its symbol: {0}")]
    Unnamed(#[from] SymbolError),
    /// The engine stopped on the way.
    #[error("the engine has stopped; open it again and repeat what was not answered")]
    Halted,
    /// Standard output went away while answers were due.
    #[error("standard output was closed: unanswered commands may be durable")]
    AnswersLost,
    /// A signal asked to stop.
    #[error("stopped by a signal; everything answered is durable")]
    Interrupted,
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Unnamed(_) => USAGE,
            Self::Damaged { .. } | Self::Lost { .. } => DAMAGED,
            Self::BadKey(_) => CONFIGURATION,
            Self::Malformed(LobsterError::Read { .. }) => IO,
            Self::Malformed(_) => DAMAGED,
            Self::InTheWay(_) => CANNOT_CREATE,
            Self::Halted | Self::AnswersLost => IO,
            Self::Interrupted => INTERRUPTED,
        }
    }
}

/// Says on standard error what went wrong and gives the exit code for it.
///
/// Whoever reads our output and has seen enough closes the pipe: that is no failure.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    // Standard error may be closed too; then there is nobody left to tell.
    let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("hotledger: {error:#}\n"));
    ExitCode::from(error.chain().find_map(code_of).unwrap_or(IO))
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn code_of(cause: &(dyn Error + 'static)) -> Option<u8> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.code());
    }
    if let Some(error) = cause.downcast_ref::<OpenError>() {
        return Some(open_code(error));
    }
    if let Some(error) = cause.downcast_ref::<ReadError>() {
        return Some(read_code(error));
    }
    if let Some(error) = cause.downcast_ref::<journal::Error>() {
        return Some(journal_code(error));
    }
    if let Some(error) = cause.downcast_ref::<io::Error>() {
        return Some(io_code(error));
    }
    cause.downcast_ref::<HaltReason>().map(|_| IO)
}

fn open_code(error: &OpenError) -> u8 {
    match error {
        OpenError::Journal(journal::Error::Full { .. }) => CANNOT_CREATE,
        OpenError::Journal(error) => journal_code(error),
        OpenError::Threads(_) => IO,
        OpenError::Events { .. } | OpenError::KindTwice(_) => CONFIGURATION,
        _ => DAMAGED,
    }
}

fn read_code(error: &ReadError) -> u8 {
    match error {
        ReadError::Ahead { .. } | ReadError::NoSuchVersion { .. } => USAGE,
        ReadError::Journal(error) => journal_code(error),
        ReadError::Replay(error) => open_code(error),
        _ => IO,
    }
}

fn journal_code(error: &journal::Error) -> u8 {
    match error {
        journal::Error::Locked => LOCKED,
        journal::Error::Corrupt { .. } | journal::Error::UnknownFormat { .. } => DAMAGED,
        journal::Error::NotADirectory { .. } | journal::Error::CannotCreate { .. } => CANNOT_CREATE,
        journal::Error::Permission { .. } => NOT_PERMITTED,
        journal::Error::InvalidOptions { .. } => CONFIGURATION,
        journal::Error::Poisoned(cause) => journal_code(cause),
        _ => IO,
    }
}

fn io_code(error: &io::Error) -> u8 {
    match error.kind() {
        io::ErrorKind::PermissionDenied => NOT_PERMITTED,
        _ => IO,
    }
}
