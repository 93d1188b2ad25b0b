//! Commands that any aggregate takes at any time: bank deposits, and events of a given size.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use hotledger::{CommandKey, Engine, Request};
use hotledger_domains::bank::{Account, AccountId, Command, Refusal};

use super::random::Random;
use super::workload::{Stream, Workload, pass};
use crate::shelf::{Content, Put, Shelf};

/// Commands in a sample, and about how many bytes of payload there are in it at most.
const SAMPLE: u64 = 16_384;
const SAMPLE_BYTES: u64 = 32 << 20;

/// Deposits of one minor unit into bank accounts.
pub(super) struct Deposits {
    /// How many accounts.
    pub(super) accounts: u64,
    /// What the commands carry besides.
    pub(super) keys: Keys,
}

/// Whether commands are to take effect once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// They carry no key.
    None,
    /// Each carries one that was never used before.
    Fresh,
}

/// Deposits into accounts picked at random.
pub(super) struct Depositor {
    picks: Picks,
    keys: Option<FreshKeys>,
}

/// Keys that no other client and no other run has.
struct FreshKeys {
    next: u128,
}

impl FreshKeys {
    /// Begins at a number that the standard library draws anew for every map.
    fn new() -> Self {
        let draw = || u128::from(RandomState::new().hash_one(0));
        Self { next: draw() << 64 }
    }

    fn next(&mut self) -> CommandKey {
        self.next += 1;
        CommandKey::from(self.next)
    }
}

impl Workload for Deposits {
    type Kind = Account;
    type Stream = Depositor;

    fn name(&self) -> String {
        match self.keys {
            Keys::None => "bank deposits".to_owned(),
            Keys::Fresh => "bank deposits, each with a fresh command key".to_owned(),
        }
    }

    fn aggregates(&self) -> u64 {
        self.accounts
    }

    fn stream(&self, client: u64) -> Depositor {
        let keys = (self.keys == Keys::Fresh).then(FreshKeys::new);
        Depositor { picks: Picks::at_random(client, self.accounts), keys }
    }

    /// Gives every account its first event, so that none is new while it is measured.
    fn prepare(&self, engine: &Engine, _: &mut [Depositor]) -> anyhow::Result<()> {
        pass::<Self>(engine, &mut Depositor { picks: Picks::in_turn(), keys: None }, self.accounts)
    }

    fn sample(&self) -> u64 {
        SAMPLE
    }

    fn foresees(_: &Refusal) -> bool {
        false
    }
}

impl Stream<Account> for Depositor {
    fn next(&mut self) -> Request<Account> {
        let (id, command) = (AccountId::from(self.picks.next()), Command::Deposit { amount: 1 });
        let key = self.keys.as_mut().map(FreshKeys::next);
        Request { key, ..Request::new(id, command) }
    }
}

/// Parcels of a given size, each kept as one event.
pub(super) struct Parcels {
    aggregates: u64,
    content: Content,
}

/// Parcels onto shelves picked at random.
pub(super) struct Sender {
    picks: Picks,
    content: Content,
}

impl Parcels {
    /// Parcels of this many bytes.
    pub(super) fn new(aggregates: u64, bytes: u32) -> Self {
        Self { aggregates, content: Content::of(bytes as usize) }
    }

    fn sender(&self, picks: Picks) -> Sender {
        Sender { picks, content: self.content.clone() }
    }
}

impl Workload for Parcels {
    type Kind = Shelf;
    type Stream = Sender;

    fn name(&self) -> String {
        format!("events with {} bytes of payload", self.content.bytes())
    }

    fn aggregates(&self) -> u64 {
        self.aggregates
    }

    fn stream(&self, client: u64) -> Sender {
        self.sender(Picks::at_random(client, self.aggregates))
    }

    /// As with accounts.
    fn prepare(&self, engine: &Engine, _: &mut [Sender]) -> anyhow::Result<()> {
        pass::<Self>(engine, &mut self.sender(Picks::in_turn()), self.aggregates)
    }

    fn sample(&self) -> u64 {
        (SAMPLE_BYTES / self.content.bytes() as u64).min(SAMPLE)
    }

    fn foresees((): &()) -> bool {
        false
    }
}

impl Stream<Shelf> for Sender {
    fn next(&mut self) -> Request<Shelf> {
        Request::new(self.picks.next(), Put { content: self.content.clone() })
    }
}

/// Which aggregate is next.
enum Picks {
    InTurn(u64),
    AtRandom(Random, u64),
}

impl Picks {
    fn in_turn() -> Self {
        Self::InTurn(0)
    }

    /// Picks among that many, in an order of this client's own.
    fn at_random(client: u64, among: u64) -> Self {
        Self::AtRandom(Random::new(client), among)
    }

    fn next(&mut self) -> u64 {
        match self {
            Self::InTurn(next) => {
                *next += 1;
                *next - 1
            }
            Self::AtRandom(random, among) => random.below(*among),
        }
    }
}
