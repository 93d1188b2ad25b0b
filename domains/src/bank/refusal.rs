//! Why an account does not take a command.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why an account does not take a command. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// More was asked for than there is; an account without history holds nothing.
    #[error("insufficient funds: balance {balance}, requested {requested}")]
    InsufficientFunds {
        /// What the account holds.
        balance: u64,
        /// What was asked for.
        requested: u64,
    },
    /// The amount is zero, so that nothing would happen.
    #[error("the amount is zero")]
    ZeroAmount,
    /// The balance would be more than the account can count.
    #[error("balance {balance} plus {amount} is out of range")]
    Overflow {
        /// What the account holds.
        balance: u64,
        /// What was to be added.
        amount: u64,
    },
    /// There is nothing to open: the account is open.
    #[error("the account is open already")]
    AlreadyOpen,
    /// There is nothing to close: the account has no history.
    #[error("the account was never opened")]
    NotOpen,
    /// The account cannot be closed while it holds money.
    #[error("the balance is {balance}, not zero")]
    BalanceNotZero {
        /// What the account holds.
        balance: u64,
    },
    /// The account is closed and refuses everything.
    #[error("the account is closed")]
    Closed,
}
