//! The proof that a batch is where it was promised to be; answers and the feed accept nothing else.

use hotledger_journal::{Batch, Chain, Durability, Journal, Proof, Written};

/// A batch together with the journal's proof that it is durable.
///
/// Only the journal crate can make the [`Proof`], and only the writer puts the two together, so a
/// path that answers or publishes too early does not compile.
#[derive(Clone, Copy)]
pub(crate) struct Durable<'a> {
    batch: &'a Batch,
    proof: Proof,
}

impl<'a> Durable<'a> {
    pub(crate) fn new(written: Written<'a>) -> Self {
        Self { batch: written.batch, proof: written.proof }
    }

    pub(crate) fn batch(&self) -> &'a Batch {
        self.batch
    }

    pub(crate) fn line(&self) -> DurableLine {
        DurableLine {
            sequence: self.batch.sequence(),
            chain: self.batch.chain(),
            durability: self.proof.durability(),
        }
    }
}

/// How far the journal is durable: up to and including batch `sequence`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DurableLine {
    sequence: u64,
    chain: Chain,
    durability: Durability,
}

impl DurableLine {
    /// What recovery found (and, where it had to, wrote again) is durable before anything else.
    pub(crate) fn recovered(journal: &Journal) -> Self {
        let (sequence, chain, proof) = journal.durable_end();
        Self { sequence, chain, durability: proof.durability() }
    }

    /// Whether everything up to batch `sequence` is durable.
    pub(crate) fn covers(&self, sequence: u64) -> bool {
        sequence <= self.sequence
    }

    pub(crate) fn chain(&self) -> Chain {
        self.chain
    }

    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }
}
