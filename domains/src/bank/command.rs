//! What can be asked of an account.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// What can be asked of an account. Amounts are in minor units and must not be zero.
///
/// In JSON: `"Open"`, `{"Deposit":{"amount":5}}`, `{"Withdraw":{"amount":5}}`, `"Close"`. The two
/// without an amount may also be written `{"Open":{}}` and `{"Close":{}}`. Unknown fields are an
/// error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Command {
    /// Opens the account, empty. Refused when it exists already.
    Open,
    /// Puts money in. An account without history comes into being by it.
    Deposit {
        /// How much.
        amount: u64,
    },
    /// Takes money out, at most what is there.
    Withdraw {
        /// How much.
        amount: u64,
    },
    /// Closes the account for good. Refused while it holds money.
    Close,
}

const VARIANTS: &[&str] = &["Open", "Deposit", "Withdraw", "Close"];

/// By hand, because serde's own takes a variant without fields as a string only.
impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CommandVisitor)
    }
}

struct CommandVisitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Amount {
    amount: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl<'de> Visitor<'de> for CommandVisitor {
    type Value = Command;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an account command such as {\"Deposit\":{\"amount\":5}} or \"Close\"")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Command, E> {
        match name {
            "Open" => Ok(Command::Open),
            "Close" => Ok(Command::Close),
            "Deposit" | "Withdraw" => Err(E::missing_field("amount")),
            _ => Err(E::unknown_variant(name, VARIANTS)),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Command, M::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(M::Error::invalid_length(0, &"one command"));
        };
        let command = match name.as_str() {
            "Open" => map.next_value().map(|Nothing {}| Command::Open),
            "Deposit" => map.next_value().map(|Amount { amount }| Command::Deposit { amount }),
            "Withdraw" => map.next_value().map(|Amount { amount }| Command::Withdraw { amount }),
            "Close" => map.next_value().map(|Nothing {}| Command::Close),
            _ => Err(M::Error::unknown_variant(&name, VARIANTS)),
        }?;
        match map.next_key::<String>()? {
            None => Ok(command),
            Some(_) => Err(M::Error::custom("one command at a time")),
        }
    }
}
