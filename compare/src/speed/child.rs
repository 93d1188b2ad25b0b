//! What runs inside a child process: one peer, written or read.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::deposit::Checksum;
use super::plan::{length, room_bytes};
use super::slice::{Figures, drive};
use super::stores::{Kept, Place, named};
use super::way::Way;
use crate::stores::Begin;

#[derive(Args)]
pub(crate) struct TurnArgs {
    #[arg(long)]
    peer: String,
    #[arg(long)]
    directory: PathBuf,
    #[arg(long)]
    postgres: Option<String>,
    /// Seconds for each slice.
    #[arg(long)]
    seconds: f64,
    /// The records that were acknowledged, for a child that reads.
    #[arg(long, default_value_t = 0)]
    acknowledged: u64,
    /// Where the figures go: peers print what they like.
    #[arg(long)]
    out: PathBuf,
}

/// What the child that writes has to tell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Written {
    pub(crate) one: Figures,
    pub(crate) many: Option<Figures>,
    /// Each of the ways that were tried.
    pub(crate) best: Vec<Figures>,
    /// The version of the server that answered, if it was one.
    pub(crate) server: Option<String>,
    /// All records that were acknowledged, those of the warm-up too.
    pub(crate) acknowledged: u64,
}

/// What the child that reads has to tell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReadBack {
    /// How often all of them were read after the first time.
    pub(crate) passes: u32,
    pub(crate) records_per_s: f64,
}

impl Written {
    /// The fastest of the ways that were tried.
    pub(crate) fn best_per_s(&self) -> Option<f64> {
        self.best.iter().map(|it| it.records_per_s).max_by(f64::total_cmp)
    }

    pub(crate) fn many_per_s(&self) -> Option<f64> {
        self.many.map(|it| it.records_per_s)
    }
}

/// Makes the peer and writes in its three shapes.
///
/// # Errors
/// The peer refused, or lost what went through it.
pub(crate) fn write(args: &TurnArgs) -> Result<()> {
    let known = named(&args.peer)?;
    let peer = known.open(&args.place(), Begin::New)?;
    let (keys, length) = (AtomicU64::new(0), length(args.seconds));
    let run = |way| drive(peer.as_ref(), way, &keys, length);
    let one = run(Way::ONE)?;
    let many = known.many.map(run).transpose()?;
    let best = known.best.iter().copied().map(run).collect::<Result<_>>()?;
    let server = peer.server().map(str::to_owned);
    let acknowledged = keys.load(Ordering::Relaxed);
    if known.kept == Kept::InMemory {
        let passed = peer.passed();
        ensure!(passed == Some(Checksum::below(acknowledged)), "not all came through: {passed:?}");
    }
    drop(peer);
    args.tell(&Written { one, many, best, server, acknowledged })
}

/// Opens the peer anew, checks that all is there, and reads it again and again.
///
/// # Errors
/// The peer refused, or something is missing, changed or invented.
pub(crate) fn read(args: &TurnArgs) -> Result<()> {
    let peer = named(&args.peer)?.open(&args.place(), Begin::Existing)?;
    let read_all = || -> Result<Checksum> {
        let mut sum = Checksum::default();
        peer.read(&mut |payload| sum.add(payload))?;
        Ok(sum)
    };
    // The first time is for the check, and leaves everything in memory that fits there.
    let (found, expected) = (read_all()?, Checksum::below(args.acknowledged));
    ensure!(found == expected, "{expected:?} was acknowledged, {found:?} came back");
    let (begun, seconds) = (Instant::now(), Duration::from_secs_f64(args.seconds));
    let mut passes = 0;
    while passes == 0 || begun.elapsed() < seconds {
        ensure!(read_all()? == expected, "it came back once, and not again");
        passes += 1;
    }
    let records = expected.records as f64 * f64::from(passes);
    args.tell(&ReadBack { passes, records_per_s: records / begun.elapsed().as_secs_f64() })
}

impl TurnArgs {
    fn place(&self) -> Place<'_> {
        let (directory, postgres) = (self.directory.as_path(), self.postgres.as_deref());
        Place { directory, postgres, room_bytes: room_bytes(self.seconds) }
    }

    fn tell(&self, figures: &impl Serialize) -> Result<()> {
        Ok(std::fs::write(&self.out, serde_json::to_vec(figures)?)?)
    }
}
