//! What names an account.

use std::fmt;
use std::str::FromStr;

use hotledger::{AggregateId, StreamId};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names an account: a UUID, for which a plain integer is a shorthand.
///
/// The integer `n` stands for the UUID with the value `n`, wherever an id is read: in text, and
/// in JSON as a number or as a string. It is always written as a hyphenated UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AccountId(pub Uuid);

/// The text is neither a UUID nor an integer that fits 64 bits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is neither a UUID nor an integer below 2^64")]
pub struct AccountIdError {
    text: String,
}

impl From<u64> for AccountId {
    fn from(number: u64) -> Self {
        Self(Uuid::from_u128(number.into()))
    }
}

impl From<Uuid> for AccountId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for AccountId {
    type Err = AccountIdError;

    /// A UUID in any of its forms comes first: 32 digits are a UUID without hyphens, not a number.
    fn from_str(text: &str) -> Result<Self, AccountIdError> {
        if let Ok(uuid) = Uuid::try_parse(text) {
            return Ok(Self(uuid));
        }
        match text.parse::<u64>() {
            Ok(number) => Ok(Self::from(number)),
            Err(_) => Err(AccountIdError { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({self})")
    }
}

impl AggregateId for AccountId {
    fn stream(&self) -> StreamId<'_> {
        self.0.stream()
    }

    fn from_stream(stream: StreamId<'_>) -> Option<Self> {
        Uuid::from_stream(stream).map(Self)
    }
}

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(IdVisitor)
        } else {
            Uuid::deserialize(deserializer).map(Self)
        }
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = AccountId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an account id: a UUID or an integer")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<AccountId, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<AccountId, E> {
        text.parse().map_err(E::custom)
    }
}
