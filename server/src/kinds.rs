//! The kinds of aggregate that this command line serves.

use hotledger::{Aggregate, Builder};
use hotledger_domains::bank::Account;
use hotledger_domains::exchange::Book;

use crate::shelf::Shelf;

/// The names of those that take commands from outside.
pub(crate) const KINDS: [&str; 2] = [Account::KIND, Book::KIND];

/// Registers them all, and the kind that `bench --payload` leaves behind with `--data`.
pub(crate) fn register(builder: Builder) -> Builder {
    builder.aggregate::<Account>().aggregate::<Book>().aggregate::<Shelf>()
}

/// What to say of a kind that is not among them.
pub(crate) fn unknown(kind: &str) -> String {
    let known = KINDS.map(|kind| format!("`{kind}`")).join(" and ");
    format!("unknown kind `{kind}`: there are {known}")
}
