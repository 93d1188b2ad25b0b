//! Accounts that are booked on: a command is 128 bytes in the journal, and none on the heap.

use hotledger::{Aggregate, Builder, Context, Event, Recorded, Rows};
use hotledger::{SnapshotPolicy, Table, Timestamp, View};
use serde::{Deserialize, Serialize};

/// Bytes of one entry in the journal: 44 of heads and id, 84 of payload.
pub const ENTRY_BYTES: u64 = 128;

/// Above 32 bits, so that MessagePack takes nine bytes for a number from the first event on.
const LARGE: u64 = 1 << 40;

#[derive(Default, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub balance: u64,
    pub bookings: u64,
}

#[derive(Serialize, Clone, Copy, Debug)]
pub enum Command {
    Book(u64),
    /// So many events at once.
    BookEach(u64),
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum Booking {
    Booked { amount: u64, balance: u64, reference: u64, booked_at: u64, branch: u32 },
}

impl Event for Booking {}

impl Account {
    fn booking(&self, amount: u64, cx: &Context<Booking>) -> Booking {
        Booking::Booked {
            amount: LARGE + amount,
            balance: LARGE + self.balance + amount,
            reference: LARGE + self.bookings,
            booked_at: LARGE + cx.now().0.unsigned_abs(),
            branch: u32::MAX,
        }
    }
}

impl Aggregate for Account {
    const KIND: &'static str = "account";
    type Id = u64;
    type Command = Command;
    type Event = Booking;
    type Refusal = ();

    fn decide(&self, command: Command, cx: &mut Context<Booking>) -> Result<(), ()> {
        let (amount, events) = match command {
            Command::Book(amount) => (amount, 1),
            Command::BookEach(events) => (1, events),
        };
        for _ in 0..events {
            cx.record(self.booking(amount, cx));
        }
        Ok(())
    }

    fn evolve(&mut self, event: &Booking) {
        let Booking::Booked { amount, .. } = event;
        self.balance += amount - LARGE;
        self.bookings += 1;
    }
}

/// All the money, and how often it moved.
#[derive(Default, Clone, Debug, PartialEq)]
pub struct Sum {
    pub money: u64,
    pub events: u64,
}

impl View<Account> for Sum {
    fn project(&mut self, recorded: &Recorded<Account>) {
        let Booking::Booked { amount, .. } = &recorded.event;
        self.money += amount - LARGE;
        self.events += 1;
    }
}

/// The balance of each account.
#[derive(Default)]
pub struct Balances;

impl Table<Account> for Balances {
    type Key = u64;
    type Row = u64;

    fn project(&mut self, recorded: &Recorded<Account>, rows: &Rows<u64, u64>) {
        let Booking::Booked { balance, .. } = &recorded.event;
        rows.insert(recorded.id, balance - LARGE);
    }
}

/// An event as `decide` records it.
pub fn an_event() -> Booking {
    Account::default().booking(1, &Context::new(Timestamp(1)))
}

/// Accounts alone: no view, no table, no snapshot.
pub fn bare(builder: Builder) -> Builder {
    builder.aggregate::<Account>().snapshots(SnapshotPolicy::Never)
}
