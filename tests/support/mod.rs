//! Builds engines for the promises: a small account, a view and a table over it.
#![allow(dead_code, unreachable_pub, reason = "each promise uses its own part")]

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use hotledger::{Aggregate, Builder, Context, Event, Recorded, Rows, Table, View};
use hotledger::{Transacting, Transaction};
use serde::{Deserialize, Serialize};

/// An account that may not be overdrawn; `u64::MAX` as an amount makes it misbehave on purpose.
#[derive(Default, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub balance: u64,
}

#[derive(Serialize, Clone, Debug)]
pub enum Command {
    Deposit(u64),
    Withdraw(u64),
    /// Accepted, and nothing happens.
    Touch,
    PanicInDecide,
    PanicInEvolve,
    /// Records this many events of this many bytes each.
    Fill {
        events: usize,
        bytes: usize,
    },
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum AccountEvent {
    Deposited { amount: u64 },
    Withdrawn { amount: u64 },
    Exploded {},
    Filled { text: String },
}

#[derive(Serialize, Clone, Debug, PartialEq)]
pub enum Refusal {
    InsufficientFunds { balance: u64, requested: u64 },
}

impl Event for AccountEvent {}

impl Aggregate for Account {
    const KIND: &'static str = "account";
    type Id = u64;
    type Command = Command;
    type Event = AccountEvent;
    type Refusal = Refusal;

    fn decide(&self, command: Command, cx: &mut Context<AccountEvent>) -> Result<(), Refusal> {
        match command {
            Command::Deposit(amount) => cx.record(AccountEvent::Deposited { amount }),
            Command::Withdraw(requested) if requested > self.balance => {
                return Err(Refusal::InsufficientFunds { balance: self.balance, requested });
            }
            Command::Withdraw(amount) => cx.record(AccountEvent::Withdrawn { amount }),
            Command::Touch => {}
            Command::PanicInDecide => panic!("decide was told to"),
            Command::PanicInEvolve => {
                cx.record(AccountEvent::Deposited { amount: 1 });
                cx.record(AccountEvent::Exploded {});
            }
            Command::Fill { events, bytes } => {
                (0..events)
                    .for_each(|_| cx.record(AccountEvent::Filled { text: "x".repeat(bytes) }));
            }
        }
        Ok(())
    }

    fn evolve(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Deposited { amount } => self.balance += amount,
            AccountEvent::Withdrawn { amount } => self.balance -= amount,
            AccountEvent::Exploded {} => panic!("evolve was told to"),
            AccountEvent::Filled { .. } => {}
        }
    }
}

/// Moves money, in one commit.
#[derive(Serialize, Clone, Copy)]
pub struct Transfer {
    pub from: u64,
    pub to: u64,
    pub amount: u64,
}

impl Transaction for Transfer {
    const NAME: &'static str = "transfer";
    type Refusal = Refusal;

    fn decide(self, tx: &mut Transacting<'_, '_>) -> Result<(), Refusal> {
        tx.execute::<Account>(self.to, Command::Deposit(self.amount))?;
        tx.execute::<Account>(self.from, Command::Withdraw(self.amount))?;
        Ok(())
    }
}

/// The money in all accounts, and how often it moved.
#[derive(Default, Clone, Debug, PartialEq)]
pub struct Total {
    pub money: u64,
    pub events: u64,
}

impl View<Account> for Total {
    fn project(&mut self, recorded: &Recorded<Account>) {
        self.events += 1;
        match &recorded.event {
            AccountEvent::Deposited { amount } => self.money += amount,
            AccountEvent::Withdrawn { amount } => self.money -= amount,
            AccountEvent::Exploded {} | AccountEvent::Filled { .. } => {}
        }
    }
}

/// Balances by account.
#[derive(Default)]
pub struct Balances;

impl Table<Account> for Balances {
    type Key = u64;
    type Row = u64;

    fn project(&mut self, recorded: &Recorded<Account>, rows: &Rows<u64, u64>) {
        rows.update(recorded.id, |before| {
            let before = before.copied().unwrap_or(0);
            match &recorded.event {
                AccountEvent::Deposited { amount } => before + amount,
                AccountEvent::Withdrawn { amount } => before - amount,
                AccountEvent::Exploded {} | AccountEvent::Filled { .. } => before,
            }
        });
    }
}

/// The usual engine: accounts, their total and their balances, small segments.
pub fn usual(builder: Builder) -> Builder {
    builder
        .aggregate::<Account>()
        .view::<Total, Account>()
        .table::<Balances, Account>()
        .segment_bytes(4 << 20, 4 << 20)
}

/// All rows of the balances table, in order.
pub fn rows(balances: &hotledger::TableReader<u64, u64>) -> BTreeMap<u64, u64> {
    let mut rows = BTreeMap::new();
    balances.for_each(|key, row| {
        rows.insert(*key, *row);
    });
    rows
}

/// What the work gives back; fails when it takes longer than anything healthy could.
pub fn in_time<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    let outcome = outcome.recv_timeout(Duration::from_secs(30));
    outcome.unwrap_or_else(|_| panic!("{what} never came to an end"))
}
