//! The program at its third version: other names, other units, other shapes than `v1.rs`.
#![allow(dead_code, reason = "each promise uses its own part")]

use std::collections::BTreeMap;
use std::path::Path;

use hotledger::{Aggregate, Builder, Context, Durability, Engine, Event, Recorded};
use hotledger::{SnapshotPolicy, Upcasters, View};
use serde::{Deserialize, Serialize};

/// What was `Account`: money in cents, and why it was closed.
#[derive(Default, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wallet {
    pub(crate) owner: String,
    pub(crate) cents: u64,
    pub(crate) closed: Option<String>,
}

#[derive(Serialize, Clone, Debug)]
pub(crate) enum Command {
    PayIn(u64),
    Close(String),
    Touch,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) enum WalletEvent {
    /// Still at version 1: a field with a default came.
    Opened {
        owner: String,
        #[serde(default)]
        premium: bool,
    },
    /// Was `PaidIn`, in euros; then `Deposited`, in cents; now with a currency.
    Deposited { cents: u64, currency: String },
    /// Was `PaidOut`, in euros.
    Withdrawn { cents: u64 },
    /// Had no fields.
    Closed { reason: String },
}

#[derive(Deserialize)]
pub(crate) struct InEuros {
    pub(crate) sum: u64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct InCents {
    pub(crate) cents: u64,
}

#[derive(Serialize)]
struct DepositedV3 {
    cents: u64,
    currency: String,
}

#[derive(Serialize)]
struct ClosedV2 {
    reason: String,
}

pub(crate) fn to_cents(old: InEuros) -> InCents {
    InCents { cents: old.sum * 100 }
}

impl Event for WalletEvent {
    const VERSIONS: &'static [(&'static str, u16)] =
        &[("Deposited", 3), ("Withdrawn", 2), ("Closed", 2)];

    fn upcasters() -> Upcasters {
        Upcasters::new()
            .rename("PaidIn", 1, "Deposited")
            .step("Deposited", 1, to_cents)
            .step("Deposited", 2, |old: InCents| {
                let currency = "EUR".to_owned();
                DepositedV3 { cents: old.cents, currency }
            })
            .rename("PaidOut", 1, "Withdrawn")
            .step("Withdrawn", 1, to_cents)
            .step("Closed", 1, |(): ()| ClosedV2 { reason: "not said".to_owned() })
    }
}

impl Aggregate for Wallet {
    const KIND: &'static str = "account";
    const STATE_VERSION: u16 = 2;
    type Id = u64;
    type Command = Command;
    type Event = WalletEvent;
    type Refusal = ();

    fn decide(&self, command: Command, cx: &mut Context<WalletEvent>) -> Result<(), ()> {
        match command {
            Command::PayIn(euros) => {
                let currency = "EUR".to_owned();
                cx.record(WalletEvent::Deposited { cents: euros * 100, currency });
            }
            Command::Close(reason) => cx.record(WalletEvent::Closed { reason }),
            Command::Touch => {}
        }
        Ok(())
    }

    fn evolve(&mut self, event: &WalletEvent) {
        match event {
            WalletEvent::Opened { owner, .. } => self.owner.clone_from(owner),
            WalletEvent::Deposited { cents, .. } => self.cents += cents,
            WalletEvent::Withdrawn { cents } => self.cents -= cents,
            WalletEvent::Closed { reason } => self.closed = Some(reason.clone()),
        }
    }
}

/// What was `Note`.
#[derive(Default, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Remarks {
    pub(crate) words: Vec<Vec<String>>,
}

/// What was `Noted`, with its text in one piece.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct Remarked {
    pub(crate) words: Vec<String>,
}

#[derive(Deserialize)]
struct NotedV1 {
    text: String,
}

impl Event for Remarked {
    const VERSIONS: &'static [(&'static str, u16)] = &[("Remarked", 2)];

    fn upcasters() -> Upcasters {
        Upcasters::new()
            .rename("Noted", 1, "Remarked")
            .step("Remarked", 1, |old: NotedV1| Self { words: words(&old.text) })
    }
}

impl Aggregate for Remarks {
    const KIND: &'static str = "note";
    const STATE_VERSION: u16 = 2;
    type Id = String;
    type Command = String;
    type Event = Remarked;
    type Refusal = ();

    fn decide(&self, text: String, cx: &mut Context<Remarked>) -> Result<(), ()> {
        cx.record(Remarked { words: words(&text) });
        Ok(())
    }

    fn evolve(&mut self, event: &Remarked) {
        self.words.push(event.words.clone());
    }
}

pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// The cents in every wallet.
#[derive(Default, Clone, Debug, PartialEq)]
pub(crate) struct Cents(pub(crate) BTreeMap<u64, u64>);

impl View<Wallet> for Cents {
    fn project(&mut self, recorded: &Recorded<Wallet>) {
        let cents = self.0.entry(recorded.id).or_default();
        match &recorded.event {
            WalletEvent::Deposited { cents: more, .. } => *cents += more,
            WalletEvent::Withdrawn { cents: less } => *cents -= less,
            WalletEvent::Opened { .. } | WalletEvent::Closed { .. } => {}
        }
    }
}

/// The engine as this version opens it.
pub(crate) fn builder(directory: &Path) -> Builder {
    Engine::builder(directory)
        .aggregate::<Wallet>()
        .aggregate::<Remarks>()
        .view::<Cents, Wallet>()
        .durability(Durability::Buffered)
        .snapshots(SnapshotPolicy::Never)
        .segment_bytes(1 << 20, 1 << 20)
}
