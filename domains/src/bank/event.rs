//! What happens to an account.

use serde::{Deserialize, Serialize};

/// What happened to an account. Amounts are in minor units and never zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The account was opened, empty.
    Opened,
    /// Money came in; on an account without history this opened it.
    Deposited {
        /// How much.
        amount: u64,
    },
    /// Money went out.
    Withdrawn {
        /// How much.
        amount: u64,
    },
    /// The account was closed, empty and for good.
    Closed,
}

impl hotledger::Event for Event {}
