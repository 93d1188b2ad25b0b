//! A bank: accounts that hold money in minor units, and transfers between two of them.
//!
//! ```
//! use hotledger::{Aggregate, Context, Timestamp};
//! use hotledger_domains::bank::{Account, Command, Refusal};
//!
//! let account = Account::default();
//! let mut cx = Context::new(Timestamp(0));
//! let refused = account.decide(Command::Withdraw { amount: 5 }, &mut cx);
//! assert_eq!(refused, Err(Refusal::InsufficientFunds { balance: 0, requested: 5 }));
//! ```
//!
//! An account comes into being with its first [`Command::Open`] or [`Command::Deposit`]; money
//! that arrives is never turned away for want of a form. What it is not: there are no currencies,
//! no overdrafts and no holds.

mod account;
mod balances;
mod command;
mod event;
mod id;
mod movements;
mod refusal;
mod total_money;
mod transfer;

pub use account::{Account, Status};
pub use balances::{Balance, Balances};
pub use command::Command;
pub use event::Event;
pub use id::{AccountId, AccountIdError};
pub use movements::{MOVEMENTS_MAX, Movement, MovementKind, Movements};
pub use refusal::Refusal;
pub use total_money::TotalMoney;
pub use transfer::{Transfer, TransferRefusal};
