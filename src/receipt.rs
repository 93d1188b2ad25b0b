//! What a caller gets back: the receipt, or the verdict that becomes an error.

use hotledger_journal::ENTRY_BYTES_MAX;
use hotledger_journal::{Chain, Durability};
use serde::Serialize;

use crate::durable::DurableLine;
use crate::error::ExecuteError;
use crate::keys::{Keys, Known};
use crate::position::{Position, Version};

/// A committed command: in the order, and as durable as [`durability`](Receipt::durability) says;
/// `Synced`, it is on disk and there after any crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The position of the command's last event; without events, the position it was decided at.
    pub position: Position,
    /// The aggregate's version after the command.
    pub version: Version,
    /// How many events the command recorded.
    pub events: u32,
    /// The hash chain up to and including the batch that holds the command. Who keeps it can
    /// later prove that the journal still has exactly this history. All zeros where the journal is
    /// kept nowhere (`Volatile` in a directory).
    pub chain: Chain,
    /// What "committed" meant when this was answered.
    pub durability: Durability,
    /// Whether the command key had been used before: this is the receipt of that first time.
    pub duplicate: bool,
}

/// An aggregate that a transaction changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Touched {
    /// Its kind.
    pub kind: String,
    /// Its id, as text.
    pub id: String,
    /// Its version after the transaction.
    pub version: Version,
}

/// The writer's decision about one command, before it may be told.
#[derive(Debug)]
pub(crate) enum Verdict<R> {
    Committed {
        position: Position,
        version: Version,
        events: u32,
    },
    /// Boxed: it is rare, and every verdict is as large as the largest.
    Repeated(Box<Repeated>),
    Refused(R),
    Conflict {
        expected: Version,
        actual: Version,
    },
    KeyReused,
    TooLarge,
    Unencodable(Box<str>),
    Panicked(Box<str>),
    Quarantined,
    StorageFull,
    StorageUnavailable(Box<str>),
}

/// What a key stands for that was used before.
#[derive(Debug)]
pub(crate) struct Repeated {
    known: Known,
    /// The chain of its batch, as soon as that is durable.
    chain: Option<Chain>,
}

impl Repeated {
    pub(crate) fn new(known: Known, keys: &Keys) -> Self {
        let chain = keys.chain_of(known.sequence);
        Self { known, chain }
    }
}

impl<R> Verdict<R> {
    /// Adds what only the writer knows, and only now that everything it rests on is durable.
    pub(crate) fn complete(&mut self, keys: &Keys) {
        if let Self::Repeated(repeated) = self {
            repeated.chain = repeated.chain.or_else(|| keys.chain_of(repeated.known.sequence));
        }
    }

    /// The answer, now that everything the verdict rests on is durable.
    pub(crate) fn tell(self, line: &DurableLine) -> Result<Receipt, ExecuteError<R>> {
        let durability = line.durability();
        match self {
            Self::Committed { position, version, events } => {
                let chain = line.chain();
                Ok(Receipt { position, version, events, chain, durability, duplicate: false })
            }
            Self::Repeated(repeated) => {
                let Known { position, version, events, .. } = repeated.known;
                let chain = repeated.chain.unwrap_or_else(|| line.chain());
                Ok(Receipt { position, version, events, chain, durability, duplicate: true })
            }
            Self::Refused(refusal) => Err(ExecuteError::Refused(refusal)),
            Self::Conflict { expected, actual } => Err(ExecuteError::Conflict { expected, actual }),
            Self::KeyReused => Err(ExecuteError::KeyReused),
            Self::TooLarge => Err(ExecuteError::TooLarge { entry_bytes_max: ENTRY_BYTES_MAX }),
            Self::Unencodable(why) => Err(ExecuteError::Unencodable(why)),
            Self::Panicked(message) => Err(ExecuteError::Panicked(message)),
            Self::Quarantined => Err(ExecuteError::Quarantined),
            Self::StorageFull => Err(ExecuteError::StorageFull),
            Self::StorageUnavailable(why) => Err(ExecuteError::StorageUnavailable(why)),
        }
    }
}
