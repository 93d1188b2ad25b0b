//! How much a written batch survives.

use std::{fmt, str::FromStr};

/// What survives once a batch is reported as written. Ordered: `Volatile < Buffered < Synced`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// Kept in memory only: lost with the process.
    Volatile,
    /// Handed to the operating system: survives the process, not a power cut. After one the
    /// journal may have holes, and is then refused as corrupt.
    Buffered,
    /// On stable storage before it is reported: survives a power cut.
    Synced,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Durability::Volatile => "volatile",
            Durability::Buffered => "buffered",
            Durability::Synced => "synced",
        })
    }
}

/// The text named no durability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("durability is one of synced, buffered, volatile; not `{0}`")]
pub struct ParseDurabilityError(String);

impl FromStr for Durability {
    type Err = ParseDurabilityError;

    fn from_str(text: &str) -> Result<Durability, ParseDurabilityError> {
        match text {
            "volatile" => Ok(Durability::Volatile),
            "buffered" => Ok(Durability::Buffered),
            "synced" => Ok(Durability::Synced),
            other => Err(ParseDurabilityError(other.to_owned())),
        }
    }
}
