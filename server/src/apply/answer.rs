//! One answer, as the line of JSON that is printed for it.

use std::fmt::{Debug, Display};

use hotledger::{
    Chain, Durability, ExecuteError, Position, Receipt, Touched, TransactReceipt, Version,
};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::order::Invalid;

/// The answer to one line.
#[derive(Serialize)]
pub(super) struct Answer {
    /// The line's number, from 1.
    pub(super) line: u64,
    /// What became of it.
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

/// What became of a command.
#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// Its events are on disk.
    Committed(Committed),
    /// Its key took effect before; this is the original receipt.
    Duplicate(Committed),
    /// The domain said no.
    Refused { refusal: Box<RawValue> },
    /// The aggregate is not at the expected version.
    Conflict { expected: Version, actual: Version },
    /// Its key belongs to another command.
    KeyReused { message: String },
    /// It was not a command at all.
    Invalid { column: usize, message: String },
    /// The engine did not take it; it had no effect.
    Rejected { reason: &'static str, message: String },
    /// Its aggregate's code panicked; it had no effect.
    Panicked { message: String },
    /// The engine has stopped; whether it had an effect is unknown.
    Halted { message: String },
}

/// The receipt of a committed command.
#[derive(Serialize)]
pub(super) struct Committed {
    position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
    /// Of a transaction; a duplicate's aggregates may have moved on, so it has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    versions: Vec<Touched>,
    events: u32,
    #[serde(serialize_with = "displayed")]
    chain: Chain,
    #[serde(serialize_with = "displayed")]
    durability: Durability,
}

impl Outcome {
    /// Of a command to one aggregate.
    pub(super) fn of<R: Serialize + Debug>(answer: Result<Receipt, ExecuteError<R>>) -> Self {
        match answer {
            Ok(receipt) => Self::done(&receipt, Some(receipt.version), Vec::new()),
            Err(error) => Self::not_done(error),
        }
    }

    /// Of a transaction.
    pub(super) fn of_all<R: Serialize + Debug>(
        answer: Result<TransactReceipt, ExecuteError<R>>,
    ) -> Self {
        match answer {
            Ok(all) => Self::done(&all.receipt, None, all.versions),
            Err(error) => Self::not_done(error),
        }
    }

    fn done(receipt: &Receipt, version: Option<Version>, versions: Vec<Touched>) -> Self {
        let committed = Committed {
            position: receipt.position,
            version,
            versions,
            events: receipt.events,
            chain: receipt.chain,
            durability: receipt.durability,
        };
        if receipt.duplicate { Self::Duplicate(committed) } else { Self::Committed(committed) }
    }

    fn not_done<R: Serialize + Debug>(error: ExecuteError<R>) -> Self {
        let message = match &error {
            ExecuteError::Refused(refusal) => return Self::refused(refusal),
            ExecuteError::Conflict { expected, actual } => {
                return Self::Conflict { expected: *expected, actual: *actual };
            }
            error => error.to_string(),
        };
        match error {
            ExecuteError::KeyReused => Self::KeyReused { message },
            ExecuteError::Panicked(message) => Self::Panicked { message: message.into() },
            ExecuteError::Halted(_) => Self::Halted { message },
            ExecuteError::StorageFull => Self::Rejected { reason: "storage_full", message },
            ExecuteError::StorageUnavailable(_) => {
                Self::Rejected { reason: "storage_unavailable", message }
            }
            ExecuteError::TooLarge { .. } => Self::Rejected { reason: "too_large", message },
            ExecuteError::Quarantined => Self::Rejected { reason: "quarantined", message },
            ExecuteError::Overloaded => Self::Rejected { reason: "overloaded", message },
            _ => Self::Rejected { reason: "other", message },
        }
    }

    fn refused<R: Serialize>(refusal: &R) -> Self {
        match to_raw_value(refusal) {
            Ok(refusal) => Self::Refused { refusal },
            Err(error) => Self::Rejected { reason: "refusal", message: error.to_string() },
        }
    }
}

impl From<Invalid> for Outcome {
    fn from(Invalid { column, message }: Invalid) -> Self {
        Self::Invalid { column, message }
    }
}

fn displayed<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
