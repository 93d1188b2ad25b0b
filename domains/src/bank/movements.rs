//! The view of movements: what came in and went out of each account, newest last.

use std::collections::VecDeque;

use foldhash::HashMap;
use hotledger::{Position, Recorded, Timestamp, View};
use serde::Serialize;

use super::{Account, AccountId, Event};

/// How many movements are kept for each account. Older ones are in the journal, where a
/// subscription to the account finds them.
pub const MOVEMENTS_MAX: usize = 100;

/// The newest movements of every account, as a statement would list them.
#[derive(Clone, Debug, Default)]
pub struct Movements {
    statements: HashMap<AccountId, Statement>,
}

/// Money that came in or went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Movement {
    /// Where it stands in the whole journal.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
    /// Which way the money went.
    pub kind: MovementKind,
    /// How much, in minor units.
    pub amount: u64,
    /// What the account held afterwards.
    pub balance: u64,
}

/// Which way money went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum MovementKind {
    /// Into the account.
    Deposit,
    /// Out of the account.
    Withdrawal,
}

#[derive(Clone, Debug, Default)]
struct Statement {
    balance: u64,
    newest: VecDeque<Movement>,
}

impl Movements {
    /// The newest movements of an account, at most [`MOVEMENTS_MAX`], the newest last.
    pub fn of(&self, account: AccountId) -> impl DoubleEndedIterator<Item = &Movement> {
        self.statements.get(&account).into_iter().flat_map(|statement| &statement.newest)
    }
}

impl View<Account> for Movements {
    fn project(&mut self, recorded: &Recorded<Account>) {
        let (kind, amount) = match recorded.event {
            Event::Deposited { amount } => (MovementKind::Deposit, amount),
            Event::Withdrawn { amount } => (MovementKind::Withdrawal, amount),
            Event::Opened | Event::Closed => return,
        };
        let statement = self.statements.entry(recorded.id).or_default();
        match kind {
            MovementKind::Deposit => statement.balance += amount,
            MovementKind::Withdrawal => statement.balance -= amount,
        }
        if statement.newest.len() == MOVEMENTS_MAX {
            statement.newest.pop_front();
        }
        let (position, time, balance) = (recorded.position, recorded.time, statement.balance);
        statement.newest.push_back(Movement { position, time, kind, amount, balance });
    }
}
