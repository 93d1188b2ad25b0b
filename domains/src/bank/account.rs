//! The account: what it knows, what it accepts, and how its events change it.

use hotledger::{Aggregate, Context};
use serde::{Deserialize, Serialize};

use super::{AccountId, Command, Event, Refusal};

/// An account and the money in it, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    status: Status,
    balance: u64,
}

/// Where an account stands in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Nothing has happened to it yet.
    #[default]
    Absent,
    /// It takes and gives money.
    Open,
    /// It refuses everything, for good.
    Closed,
}

impl Account {
    /// The money in the account, in minor units.
    #[must_use]
    pub const fn balance(&self) -> u64 {
        self.balance
    }

    /// Where the account stands in its life.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    fn open(&self) -> Result<Event, Refusal> {
        match self.status {
            Status::Absent => Ok(Event::Opened),
            _ => Err(Refusal::AlreadyOpen),
        }
    }

    fn deposit(&self, amount: u64) -> Result<Event, Refusal> {
        check_amount(amount)?;
        match self.balance.checked_add(amount) {
            Some(_) => Ok(Event::Deposited { amount }),
            None => Err(Refusal::Overflow { balance: self.balance, amount }),
        }
    }

    fn withdraw(&self, requested: u64) -> Result<Event, Refusal> {
        check_amount(requested)?;
        if requested > self.balance {
            return Err(Refusal::InsufficientFunds { balance: self.balance, requested });
        }
        Ok(Event::Withdrawn { amount: requested })
    }

    fn close(&self) -> Result<Event, Refusal> {
        match (self.status, self.balance) {
            (Status::Absent, _) => Err(Refusal::NotOpen),
            (_, 0) => Ok(Event::Closed),
            (_, balance) => Err(Refusal::BalanceNotZero { balance }),
        }
    }
}

impl Aggregate for Account {
    const KIND: &'static str = "account";

    type Id = AccountId;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, cx: &mut Context<Event>) -> Result<(), Refusal> {
        if self.status == Status::Closed {
            return Err(Refusal::Closed);
        }
        let event = match command {
            Command::Open => self.open(),
            Command::Deposit { amount } => self.deposit(amount),
            Command::Withdraw { amount } => self.withdraw(amount),
            Command::Close => self.close(),
        }?;
        cx.record(event);
        Ok(())
    }

    fn evolve(&mut self, event: &Event) {
        match *event {
            Event::Opened => self.status = Status::Open,
            Event::Deposited { amount } => {
                self.status = Status::Open;
                self.balance += amount;
            }
            Event::Withdrawn { amount } => self.balance -= amount,
            Event::Closed => self.status = Status::Closed,
        }
    }
}

const fn check_amount(amount: u64) -> Result<(), Refusal> {
    if amount == 0 { Err(Refusal::ZeroAmount) } else { Ok(()) }
}
