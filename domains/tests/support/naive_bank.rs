//! An account as one would keep it on paper: three fields, and a `match` over what is asked.

use hotledger_domains::bank::{Command, Refusal};

/// An account and what it is worth.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Purse {
    pub(crate) known: bool,
    pub(crate) closed: bool,
    pub(crate) money: u64,
}

impl Purse {
    /// Does what is asked, which is always one event, or changes nothing.
    pub(crate) fn execute(&mut self, command: &Command) -> Result<u32, Refusal> {
        if self.closed {
            return Err(Refusal::Closed);
        }
        let balance = self.money;
        match *command {
            Command::Open if self.known => return Err(Refusal::AlreadyOpen),
            Command::Deposit { amount: 0 } | Command::Withdraw { amount: 0 } => {
                return Err(Refusal::ZeroAmount);
            }
            Command::Withdraw { amount } if amount > balance => {
                return Err(Refusal::InsufficientFunds { balance, requested: amount });
            }
            Command::Close if !self.known => return Err(Refusal::NotOpen),
            Command::Close if balance > 0 => return Err(Refusal::BalanceNotZero { balance }),
            Command::Open => {}
            Command::Deposit { amount } => {
                let sum = u128::from(balance) + u128::from(amount);
                self.money =
                    u64::try_from(sum).map_err(|_| Refusal::Overflow { balance, amount })?;
            }
            Command::Withdraw { amount } => self.money = balance - amount,
            Command::Close => self.closed = true,
        }
        self.known = true;
        Ok(1)
    }
}
