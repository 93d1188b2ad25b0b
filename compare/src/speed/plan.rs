//! What a run of `speed` is asked for.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args as Arguments;
use tempfile::TempDir;

use super::slice::Length;
use super::stores::{Kept, Known, PEERS, PLANTED, RAW, named};

/// Bytes a second that a log with one preallocated file is given room for.
const ROOM_BYTES_PER_S: f64 = 512e6;

#[derive(Arguments)]
pub(crate) struct Args {
    /// Some peers instead of all; the raw write is always measured.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How often every peer takes its turn.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: u32,
    /// Seconds for each shape of each peer in each round, and as many for reading.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
    /// Where peers keep their records; the folder for temporary files unless said otherwise.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// A PostgreSQL server to measure as well, such as postgres://me@localhost/scratch. The table
    /// hotledger_compare_events is made anew there, and left.
    #[arg(long)]
    pub(crate) postgres: Option<String>,
    /// Writes every round and the machine to this file, as JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

impl Args {
    /// The raw write first, then all that are asked for, in the order of the table.
    ///
    /// # Errors
    /// There is no such peer, or nothing would be measured.
    pub(crate) fn peers(&self) -> Result<Vec<&'static Known>> {
        ensure!(self.rounds > 0, "there must be a round");
        ensure!(self.seconds > 0.0 && self.seconds < 600.0, "seconds are between 0 and 600");
        for name in &self.only {
            let known = named(name)?;
            let reachable = known.is_embedded() || self.postgres.is_some();
            ensure!(reachable, "{name} needs a server; name one with --postgres");
        }
        let is_named = |it: &&Known| self.only.iter().any(|name| name == it.name);
        let is_asked = |it: &&Known| match self.only.is_empty() {
            true => it.is_embedded() || self.postgres.is_some(),
            false => is_named(it) || it.kept == Kept::Reference,
        };
        let usual = PEERS.iter().copied().filter(is_asked);
        let peers: Vec<_> = usual.chain(PLANTED.iter().copied().filter(is_named)).collect();
        assert_eq!(peers[0].name, RAW.name, "ratios are taken to the first");
        Ok(peers)
    }

    /// A directory of its own for every turn.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn scratch(&self) -> Result<TempDir> {
        let mut new = tempfile::Builder::new();
        let new = new.prefix("hotledger-speed-");
        Ok(match &self.dir {
            Some(dir) => new.tempdir_in(dir)?,
            None => new.tempdir()?,
        })
    }
}

/// What a slice of so many seconds is.
pub(crate) fn length(seconds: f64) -> Length {
    let counted = Duration::from_secs_f64(seconds);
    Length { warm_up: counted / 4, counted }
}

/// Bytes that three such slices may come to.
pub(crate) fn room_bytes(seconds: f64) -> u64 {
    const ROOM_BYTES_MIN: u64 = 16 << 20;
    ((seconds * ROOM_BYTES_PER_S) as u64).max(ROOM_BYTES_MIN)
}
