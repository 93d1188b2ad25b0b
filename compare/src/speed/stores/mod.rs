//! The peers, each as fast as it is under settings that make every answer durable.

mod disruptor;
mod fjall;
mod hotledger;
mod okaywal;
mod planted;
mod postgres;
mod raw;
mod redb;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod sqlite;
mod tephra;
mod umadb;

use std::path::Path;

use anyhow::{Context, Result};

use super::deposit::{Checksum, Deposit};
use super::way::Way;
use crate::stores::Begin;

/// A peer that is open.
pub(crate) trait Peer: Sync {
    /// One that hands over records on a thread of its own.
    ///
    /// # Errors
    /// The peer takes no more clients.
    fn client(&self, way: Way) -> Result<Box<dyn Client + '_>>;

    /// Hands every payload there is to `each`, in any order.
    ///
    /// # Errors
    /// The peer refused, or keeps nothing.
    fn read(&self, each: &mut dyn FnMut(&[u8])) -> Result<()>;

    /// The version of a server that the peer is only the client of.
    fn server(&self) -> Option<&str> {
        None
    }

    /// What went through a peer that keeps nothing.
    fn passed(&self) -> Option<Checksum> {
        None
    }
}

/// One client of a peer.
pub(crate) trait Client {
    /// Hands over one commit. A peer whose calls return once the commit is durable waits here.
    ///
    /// # Errors
    /// The peer refused.
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()>;

    /// Waits until the oldest commit on its way is durable; gives how many are, that one included,
    /// oldest first. A peer that waited in `submit` has exactly one.
    ///
    /// # Errors
    /// A commit failed.
    fn reap(&mut self) -> Result<usize> {
        Ok(1)
    }
}

/// What becomes of a peer's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// They are on disk before they are answered, and can be read.
    OnDisk,
    /// They go through memory and are gone.
    InMemory,
    /// Blocks are written over and over: what ratios are taken to.
    Reference,
}

/// Where a peer is to keep its records.
pub(crate) struct Place<'a> {
    pub(crate) directory: &'a Path,
    /// A server that was named, for a peer that is one.
    pub(crate) postgres: Option<&'a str>,
    /// Bytes that a log with one preallocated file is to have room for.
    pub(crate) room_bytes: u64,
}

/// What is known of a peer before it is opened.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) version: fn() -> String,
    /// What it is, and the settings it runs under.
    pub(crate) settings: &'static str,
    pub(crate) kept: Kept,
    /// 64 records in flight, as the peer would have it.
    pub(crate) many: Option<Way>,
    /// Many records in a commit, or many commits on their way; the fastest of these is told.
    pub(crate) best: &'static [Way],
    open: fn(&Place<'_>, Begin) -> Result<Box<dyn Peer>>,
}

impl Known {
    /// # Errors
    /// The peer refused.
    pub(crate) fn open(&self, place: &Place<'_>, begin: Begin) -> Result<Box<dyn Peer>> {
        (self.open)(place, begin).with_context(|| format!("cannot open {}", self.name))
    }

    /// Whether it runs without anything that must be named.
    pub(crate) fn is_embedded(&self) -> bool {
        self.name != postgres::KNOWN.name
    }
}

/// The raw write, which every ratio is taken to.
pub(crate) const RAW: &Known = &raw::KNOWN;

/// The peers in the order of the table.
pub(crate) const PEERS: &[&Known] = &[
    RAW,
    &hotledger::KNOWN,
    &tephra::KNOWN,
    &umadb::KNOWN,
    &okaywal::KNOWN,
    &fjall::KNOWN,
    &redb::KNOWN,
    #[cfg(feature = "rocksdb")]
    &rocksdb::KNOWN,
    &sqlite::KNOWN,
    &postgres::KNOWN,
    &disruptor::KNOWN,
];

/// Those that are measured only when they are named.
pub(crate) use self::planted::PLANTED;

/// # Errors
/// There is none of this name.
pub(crate) fn named(name: &str) -> Result<&'static Known> {
    let mut all = PEERS.iter().chain(PLANTED).copied();
    all.find(|known| known.name == name).with_context(|| {
        let names: Vec<_> = PEERS.iter().map(|known| known.name).collect();
        let hint = if name == "rocksdb" { "; build it with --features rocksdb" } else { "" };
        format!("no peer is called {name}; there are {}{hint}", names.join(", "))
    })
}

#[cfg(test)]
mod tests;
