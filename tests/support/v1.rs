//! The program at its first version, and the journal that it wrote: never change either.
#![allow(dead_code, reason = "each promise uses its own part")]

use std::path::Path;
use std::sync::Arc;

use hotledger::{Aggregate, Builder, Context, Durability, Engine, Event, ManualClock};
use hotledger::{SnapshotPolicy, Timestamp, Transacting, Transaction};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Money in whole euros.
#[derive(Default, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) owner: String,
    pub(crate) euros: u64,
    pub(crate) closed: bool,
}

#[derive(Serialize, Clone, Debug)]
pub(crate) enum Command {
    Open(String),
    PayIn(u64),
    PayOut(u64),
    Close,
    /// Accepted, and nothing happens.
    Touch,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) enum AccountEvent {
    Opened { owner: String },
    PaidIn { sum: u64 },
    PaidOut { sum: u64 },
    Closed,
}

impl Event for AccountEvent {}

#[derive(Serialize, Clone, Debug, PartialEq)]
pub(crate) struct TooMuch;

impl Aggregate for Account {
    const KIND: &'static str = "account";
    type Id = u64;
    type Command = Command;
    type Event = AccountEvent;
    type Refusal = TooMuch;

    fn decide(&self, command: Command, cx: &mut Context<AccountEvent>) -> Result<(), TooMuch> {
        match command {
            Command::Open(owner) => cx.record(AccountEvent::Opened { owner }),
            Command::PayIn(sum) => cx.record(AccountEvent::PaidIn { sum }),
            Command::PayOut(sum) if sum > self.euros => return Err(TooMuch),
            Command::PayOut(sum) => cx.record(AccountEvent::PaidOut { sum }),
            Command::Close if self.euros > 0 => {
                cx.record(AccountEvent::PaidOut { sum: self.euros });
                cx.record(AccountEvent::Closed);
            }
            Command::Close => cx.record(AccountEvent::Closed),
            Command::Touch => {}
        }
        Ok(())
    }

    fn evolve(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { owner } => self.owner.clone_from(owner),
            AccountEvent::PaidIn { sum } => self.euros += sum,
            AccountEvent::PaidOut { sum } => self.euros -= sum,
            AccountEvent::Closed => self.closed = true,
        }
    }
}

/// What was written down about something; its one event is a plain struct.
#[derive(Default, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) texts: Vec<String>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct Noted {
    pub(crate) text: String,
}

impl Event for Noted {}

impl Aggregate for Note {
    const KIND: &'static str = "note";
    type Id = String;
    type Command = String;
    type Event = Noted;
    type Refusal = ();

    fn decide(&self, text: String, cx: &mut Context<Noted>) -> Result<(), ()> {
        cx.record(Noted { text });
        Ok(())
    }

    fn evolve(&mut self, event: &Noted) {
        self.texts.push(event.text.clone());
    }
}

/// Moves money, in one commit.
#[derive(Serialize)]
struct Transfer {
    from: u64,
    to: u64,
    sum: u64,
}

impl Transaction for Transfer {
    const NAME: &'static str = "transfer";
    type Refusal = TooMuch;

    fn decide(self, tx: &mut Transacting<'_, '_>) -> Result<(), TooMuch> {
        tx.execute::<Account>(self.from, Command::PayOut(self.sum))?;
        tx.execute::<Account>(self.to, Command::PayIn(self.sum)).map(|_| ())
    }
}

/// The key of the command without events, on account 3.
pub(crate) const TOUCH_KEY: u128 = 999;

/// The engine as this version opened it.
pub(crate) fn builder(directory: &Path) -> Builder {
    Engine::builder(directory)
        .aggregate::<Account>()
        .aggregate::<Note>()
        .durability(Durability::Buffered)
        .snapshots(SnapshotPolicy::Events(100))
        .segment_bytes(1 << 20, 1 << 20)
}

/// Writes the journal of the fixture: two segments, one of them sealed, and a snapshot.
pub(crate) fn write(directory: &Path) {
    let clock = Arc::new(ManualClock::default());
    let engine = builder(directory).clock(clock.clone()).open().unwrap();
    for n in 1..=12_u64 {
        clock.set(Timestamp(1_700_000_000_000_000_000 + n as i64));
        let open = Command::Open(format!("owner {n}"));
        engine.aggregate::<Account>(n).execute(open).wait().unwrap();
    }
    for n in 0..200_u64 {
        clock.set(Timestamp(1_700_000_001_000_000_000 + n as i64 * 1_000_000));
        let account = engine.aggregate::<Account>(n % 10 + 1);
        let command = if n % 3 == 2 { Command::PayOut(n / 10) } else { Command::PayIn(n) };
        let trace = Uuid::from_u128(n.into());
        // Some have a key; some, others, are tied to what set them off; a few are refused.
        let execute = account.execute(command);
        let _refused = match n % 4 {
            0 => execute.key(u128::from(n)).wait(),
            1 => execute.correlation(trace).causation(trace).wait(),
            _ => execute.wait(),
        };
        if n % 20 == 0 {
            let note = engine.aggregate::<Note>(format!("account {}", n % 10 + 1));
            note.execute(format!("after {n} payments")).wait().unwrap();
        }
    }
    engine.aggregate::<Account>(3_u64).execute(Command::Touch).key(TOUCH_KEY).wait().unwrap();
    engine.transact(Transfer { from: 1, to: 2, sum: 7 }).key(1_000_u128).wait().unwrap();
    engine.aggregate::<Account>(9_u64).execute(Command::Close).wait().unwrap();
    engine.aggregate::<Account>(12_u64).execute(Command::Close).wait().unwrap();
    engine.close().unwrap();
}
