//! What the bench asks the engine to do: bank deposits, or events of a given size.

use anyhow::bail;
use hotledger::{Aggregate, Engine};
use hotledger_domains::bank::{Account, AccountId, Command};

use crate::shelf::{Content, Put, Shelf};

/// Commands on their way while the aggregates are made.
const POPULATE_IN_FLIGHT: usize = 4_096;

/// A stream of commands over a number of aggregates of one kind.
pub(super) trait Workload: Sync {
    /// The kind they are for.
    type Kind: Aggregate;
    /// What it is called in the report.
    fn name(&self) -> String;
    /// How many aggregates there are.
    fn aggregates(&self) -> u64;
    /// The id of one of them.
    fn id(&self, index: u64) -> <Self::Kind as Aggregate>::Id;
    /// The next command.
    fn command(&self) -> <Self::Kind as Aggregate>::Command;
}

/// Deposits of one minor unit into bank accounts.
pub(super) struct Deposits {
    /// How many accounts.
    pub(super) accounts: u64,
}

impl Workload for Deposits {
    type Kind = Account;

    fn name(&self) -> String {
        "bank deposits".to_owned()
    }

    fn aggregates(&self) -> u64 {
        self.accounts
    }

    fn id(&self, index: u64) -> AccountId {
        AccountId::from(index)
    }

    fn command(&self) -> Command {
        Command::Deposit { amount: 1 }
    }
}

/// Parcels of a given size, each kept as one event.
pub(super) struct Parcels {
    aggregates: u64,
    content: Content,
}

impl Parcels {
    /// Parcels of this many bytes.
    pub(super) fn new(aggregates: u64, bytes: u32) -> Self {
        Self { aggregates, content: Content::of(bytes as usize) }
    }
}

impl Workload for Parcels {
    type Kind = Shelf;

    fn name(&self) -> String {
        format!("events with {} bytes of payload", self.content.bytes())
    }

    fn aggregates(&self) -> u64 {
        self.aggregates
    }

    fn id(&self, index: u64) -> u64 {
        index
    }

    fn command(&self) -> Put {
        Put { content: self.content.clone() }
    }
}

/// Gives every aggregate its first event, so that none is new while it is measured.
pub(super) fn populate<W: Workload>(engine: &Engine, workload: &W) -> anyhow::Result<()> {
    let mut session = engine.session::<W::Kind>(POPULATE_IN_FLIGHT);
    let mut index = 0;
    while index < workload.aggregates() || session.in_flight() > 0 {
        while index < workload.aggregates()
            && session.submit(workload.id(index), workload.command()).is_ok()
        {
            index += 1;
        }
        if let Some(Err(error)) = session.reap_wait() {
            bail!("cannot prepare the aggregates: {error}");
        }
    }
    Ok(())
}

/// Picks aggregates at random, the same ones in every run.
pub(super) struct Picks {
    state: u64,
    among: u64,
}

impl Picks {
    /// Picks among that many, in an order of this seed's own.
    pub(super) fn new(seed: u64, among: u64) -> Self {
        Self { state: 0x9e37_79b9_7f4a_7c15 ^ (seed + 1), among }
    }

    /// The next one: xorshift64* (Vigna 2016), scaled instead of divided.
    pub(super) fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d);
        ((u128::from(random) * u128::from(self.among)) >> 64) as u64
    }
}
