//! The reader: understands one line after the other and submits what it finds.

use std::io::{self, BufRead};
use std::sync::Weak;

use crossbeam_channel::Sender;
use hotledger::{
    Aggregate, CommandKey, Engine, Pending, Receipt, TransactReceipt, Transaction, Version,
};
use hotledger_domains::bank::{Account, Transfer};
use hotledger_domains::exchange::Book;

use super::answer::Outcome;
use super::lines::{LINE_BYTES_MAX, Line, Lines};
use super::order::{Addressed, Invalid, Order, Work, parse};

/// What the reader hands to the printer, in the order of the input.
pub(super) enum Item {
    /// The answer to this line, or the wait for it.
    Answer(u64, Awaited),
    /// The input ended.
    End,
    /// The input could not be read any further.
    Unreadable(io::Error),
    /// A signal asked to stop here.
    Stop,
}

/// An answer that is there or will be.
pub(super) enum Awaited {
    /// It needs no disk.
    Known(Outcome),
    /// From an account.
    Account(Pending<Receipt, <Account as Aggregate>::Refusal>),
    /// From an order book.
    Book(Pending<Receipt, <Book as Aggregate>::Refusal>),
    /// From a transfer.
    Transfer(Pending<TransactReceipt, <Transfer as Transaction>::Refusal>),
}

/// Reads, understands and submits.
pub(super) struct Reader {
    engine: Weak<Engine>,
    items: Sender<Item>,
}

impl Reader {
    /// A reader that submits to this engine for as long as it is there.
    pub(super) fn new(engine: Weak<Engine>, items: Sender<Item>) -> Self {
        Self { engine, items }
    }

    /// Reads to the end of the input, or until nobody wants the answers.
    pub(super) fn run(&self, input: impl BufRead) {
        let mut lines = Lines::new(input);
        loop {
            let item = match lines.next() {
                Ok(Some((number, line))) => match self.take_up(&line) {
                    Some(awaited) => Item::Answer(number, awaited),
                    None => return,
                },
                Ok(None) => Item::End,
                Err(error) => Item::Unreadable(error),
            };
            let last = !matches!(item, Item::Answer(..));
            // A printer that is gone has closed the engine or is about to.
            if self.items.send(item).is_err() || last {
                return;
            }
        }
    }

    /// Submits one line; `None` when the engine is gone.
    fn take_up(&self, line: &Line<'_>) -> Option<Awaited> {
        let order = match line {
            Line::Whole(bytes) => parse(bytes),
            Line::TooLong => Err(Invalid {
                column: LINE_BYTES_MAX + 1,
                message: format!("the line is longer than {LINE_BYTES_MAX} bytes"),
            }),
        };
        match order {
            Ok(order) => Some(submit(&*self.engine.upgrade()?, order)),
            Err(invalid) => Some(Awaited::Known(invalid.into())),
        }
    }
}

fn submit(engine: &Engine, order: Order) -> Awaited {
    let Order { work, key, expect } = order;
    match work {
        Work::Account(to) => Awaited::Account(send(engine, to, key, expect)),
        Work::Book(to) => Awaited::Book(send(engine, to, key, expect)),
        Work::Transfer(transfer) => {
            let transact = engine.transact(transfer);
            Awaited::Transfer(match key {
                Some(key) => transact.key(key).submit(),
                None => transact.submit(),
            })
        }
    }
}

fn send<A: Aggregate>(
    engine: &Engine,
    to: Addressed<A>,
    key: Option<CommandKey>,
    expect: Option<Version>,
) -> Pending<Receipt, A::Refusal> {
    let mut execute = engine.aggregate::<A>(to.id).execute(to.command);
    if let Some(key) = key {
        execute = execute.key(key);
    }
    if let Some(version) = expect {
        execute = execute.expecting(version);
    }
    execute.submit()
}
