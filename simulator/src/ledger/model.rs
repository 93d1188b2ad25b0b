//! The application that the seeds run: accounts and notes that use everything an engine can do.

use hotledger::{Aggregate, Context, Event, Recorded, Rows, Table, Transacting, Transaction, View};
use serde::{Deserialize, Serialize};

use crate::dice::mix;

/// An account that may not be overdrawn and remembers which command it saw last.
#[derive(Default, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) balance: i64,
    pub(crate) seen: u64,
}

/// What can be asked of an account. The tag tells every command from every other.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Order {
    pub(crate) tag: u64,
    pub(crate) what: What,
    /// Which part of its command the first event is, and how many parts there are in all.
    pub(crate) part: u32,
    pub(crate) parts: u32,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) enum What {
    /// Moves so much, in as many events as there are parts, each with so many bytes beside it.
    Move {
        by: i64,
        events: u32,
        pad: u32,
    },
    /// Is accepted and does nothing.
    Touch,
    PanicInDecide,
    PanicInEvolve,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum AccountEvent {
    Moved { tag: u64, part: u32, parts: u32, by: i64, pad: String },
    Exploded { tag: u64 },
}

/// There is not so much in the account; `seen` says what the refusal rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Insufficient {
    pub(crate) balance: i64,
    pub(crate) seen: u64,
}

impl Event for AccountEvent {}

impl Aggregate for Account {
    const KIND: &'static str = "account";
    type Id = u64;
    type Command = Order;
    type Event = AccountEvent;
    type Refusal = Insufficient;

    fn decide(&self, order: Order, cx: &mut Context<AccountEvent>) -> Result<(), Insufficient> {
        let Order { tag, what, part, parts } = order;
        match what {
            What::Move { by, events, pad } => {
                if self.balance + by * i64::from(events) < 0 {
                    return Err(Insufficient { balance: self.balance, seen: self.seen });
                }
                for at in part..part + events {
                    let pad = "~".repeat(pad as usize);
                    cx.record(AccountEvent::Moved { tag, part: at, parts, by, pad });
                }
            }
            What::Touch => {}
            What::PanicInDecide => panic!("decide was told to"),
            What::PanicInEvolve => cx.record(AccountEvent::Exploded { tag }),
        }
        Ok(())
    }

    fn evolve(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Moved { tag, by, .. } => {
                self.balance += by;
                self.seen = *tag;
            }
            AccountEvent::Exploded { .. } => panic!("evolve was told to"),
        }
    }
}

/// A page of lines, found by a text.
#[derive(Default, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    lines: u64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    tag: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum NoteEvent {
    Written { tag: u64 },
}

impl Event for NoteEvent {}

impl Aggregate for Note {
    const KIND: &'static str = "note";
    type Id = String;
    type Command = Line;
    type Event = NoteEvent;
    type Refusal = ();

    fn decide(&self, line: Line, cx: &mut Context<NoteEvent>) -> Result<(), ()> {
        cx.record(NoteEvent::Written { tag: line.tag });
        Ok(())
    }

    fn evolve(&mut self, _: &NoteEvent) {
        self.lines += 1;
    }
}

/// Moves money between two accounts and notes it down, in one commit.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Transfer {
    pub(crate) tag: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) amount: i64,
}

impl Transaction for Transfer {
    const NAME: &'static str = "transfer";
    type Refusal = Insufficient;

    fn decide(self, tx: &mut Transacting<'_, '_>) -> Result<(), Insufficient> {
        let Self { tag, from, to, amount } = self;
        let order = |part, by| {
            let what = What::Move { by, events: 1, pad: 0 };
            Order { tag, what, part, parts: 2 }
        };
        // The note first, so that a refusal has something to take back.
        let written = tx.execute::<Note>(format!("note {}", from % 3), Line { tag });
        written.unwrap_or_else(|()| unreachable!("a note takes every line"));
        tx.execute::<Account>(to, order(0, amount))?;
        tx.execute::<Account>(from, order(1, -amount))?;
        Ok(())
    }
}

/// All events of accounts in one number, which says where in the journal they stood.
#[derive(Default, Clone, Debug, PartialEq)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) sum: u64,
}

impl Tally {
    /// Counts the event that has this index, and is this version of its account.
    pub(crate) fn count(&mut self, index: u64, version: u64) {
        self.events += 1;
        self.sum = mix(self.sum ^ (index << 20) ^ version);
    }
}

impl View<Account> for Tally {
    fn project(&mut self, recorded: &Recorded<Account>) {
        let index = recorded.position.index().expect("an event has an index");
        self.count(index, recorded.version.0);
    }
}

/// Balances by account.
#[derive(Default)]
pub(crate) struct Balances;

impl Table<Account> for Balances {
    type Key = u64;
    type Row = (i64, u64);

    fn project(&mut self, recorded: &Recorded<Account>, rows: &Rows<u64, (i64, u64)>) {
        let by = match &recorded.event {
            AccountEvent::Moved { by, .. } => *by,
            AccountEvent::Exploded { .. } => 0,
        };
        rows.update(recorded.id, |before| {
            (before.map_or(0, |(balance, _)| *balance) + by, recorded.version.0)
        });
    }
}

impl Order {
    /// Whether events follow when it is accepted.
    pub(crate) fn moves(&self) -> bool {
        matches!(self.what, What::Move { .. })
    }
}
