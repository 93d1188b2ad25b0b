//! The view that adds all money up.

use hotledger::{Recorded, View};
use serde::Serialize;

use super::{Account, Event};

/// The money in all accounts together. A transfer leaves it as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TotalMoney {
    /// The sum of all balances, in minor units; wider than any one of them, so it cannot overflow.
    pub total: u128,
}

impl View<Account> for TotalMoney {
    fn project(&mut self, recorded: &Recorded<Account>) {
        match recorded.event {
            Event::Deposited { amount } => self.total += u128::from(amount),
            Event::Withdrawn { amount } => self.total -= u128::from(amount),
            Event::Opened | Event::Closed => {}
        }
    }
}
