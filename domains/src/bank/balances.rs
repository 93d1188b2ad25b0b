//! The table of balances: one row an account.

use hotledger::{Recorded, Rows, Table, Version};
use serde::Serialize;

use super::{Account, AccountId, Event};

/// The balance of every account there ever was, by its id.
#[derive(Debug, Default)]
pub struct Balances;

/// What [`Balances`] says of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// The money in the account, in minor units.
    pub balance: u64,
    /// The version of the account this row stands at.
    pub version: Version,
    /// Whether it takes and gives money; if not, it is closed.
    pub open: bool,
}

impl Table<Account> for Balances {
    type Key = AccountId;
    type Row = Balance;

    fn project(&mut self, recorded: &Recorded<Account>, rows: &Rows<AccountId, Balance>) {
        let before = rows.get(&recorded.id).map_or(0, |row| row.balance);
        let (balance, open) = match recorded.event {
            Event::Opened => (before, true),
            Event::Deposited { amount } => (before + amount, true),
            Event::Withdrawn { amount } => (before - amount, true),
            Event::Closed => (before, false),
        };
        rows.insert(recorded.id, Balance { balance, version: recorded.version, open });
    }
}
