//! The laboratory: where the measured engine keeps its data, and for how long.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use hotledger::{Durability, Engine};
use hotledger_journal::{BLOCK_BYTES, Disk, FileDisk, MemoryDisk};
use tempfile::TempDir;

use super::bare::{Bare, Records};
use super::machine;
use super::slice::{Measured, Tally};
use super::watch::WatchedDisk;
use crate::args::{BenchArgs, snapshot_policy};
use crate::kinds;
use crate::latency::Percentiles;

/// How long the raw disk is probed.
const PROBE: Duration = Duration::from_millis(200);

/// A disk for the engine and one beside it for the bare loop.
pub(super) struct Lab {
    place: Place,
    /// The same disk, where there is one.
    watched: Option<Arc<WatchedDisk>>,
    disk: Arc<dyn Disk>,
}

enum Place {
    /// In memory: nothing is kept at all.
    Memory,
    /// A directory that stays.
    Kept(PathBuf),
    /// A directory that goes when the laboratory does.
    Passing(TempDir),
}

impl Lab {
    /// Finds a place on a real disk, unless the run is to be volatile.
    pub(super) fn open(args: &BenchArgs) -> anyhow::Result<Self> {
        let place = match (&args.data, Durability::from(args.durability)) {
            (_, Durability::Volatile) => Place::Memory,
            (Some(directory), _) => Place::Kept(directory.clone()),
            (None, _) => Place::Passing(passing()?),
        };
        let Some(directory) = place.directory() else {
            return Ok(Self { place, watched: None, disk: Arc::new(MemoryDisk::forgetful()) });
        };
        let disk = FileDisk::open(directory)
            .with_context(|| format!("cannot open {}", directory.display()))?;
        let watched = Arc::new(match args.blocking_writes {
            true => WatchedDisk::new(disk.without_io_uring()),
            false => WatchedDisk::new(disk),
        });
        let disk: Arc<dyn Disk> = watched.clone();
        Ok(Self { place, watched: Some(watched), disk })
    }

    /// Opens the engine that is measured. Batches are followed.
    pub(super) fn engine(&self, args: &BenchArgs) -> anyhow::Result<Engine> {
        let builder = Engine::builder_on(Arc::clone(&self.disk));
        kinds::register(builder)
            .durability(args.durability.into())
            .fill(args.fill.into())
            .snapshots(snapshot_policy(args.snapshot_every))
            .batch_times(followed(args.durability.into()))
            .open()
            .with_context(|| format!("cannot open {}", self.describe()))
    }

    /// Lets the engine finish filling its next segment; how long that took.
    pub(super) fn rest(&self) -> Duration {
        self.watched.as_ref().map_or(Duration::ZERO, |disk| disk.rest())
    }

    /// The disk under the engine.
    pub(super) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Where the data is kept, unless in memory.
    pub(super) fn directory(&self) -> Option<&Path> {
        self.place.directory()
    }

    /// How long a raw synced write of 4 KiB takes; `None` in memory.
    pub(super) fn probe(&self) -> anyhow::Result<Option<Percentiles>> {
        if self.directory().is_none() {
            return Ok(None);
        }
        let mut tally = Tally::new()?;
        let block = Records::of(BLOCK_BYTES);
        Bare::closed(&self.disk, Durability::Synced, block)?.run(PROBE, &mut tally)?;
        Ok(Some(Percentiles::of(&tally.latency_ns)))
    }

    /// The place in words: file system, device, how it is written.
    pub(super) fn describe(&self) -> String {
        let Some(directory) = self.place.directory() else { return "memory".to_owned() };
        let system = machine::file_system(directory).unwrap_or_else(|| "unknown".to_owned());
        let warning = match machine::is_in_memory(directory) {
            true => " (memory, not a disk: use --data)",
            false => "",
        };
        format!("{system}, {}{warning}", self.disk.describe())
    }
}

/// One batch in so many is followed: those of a second of single commands are no more than the
/// engine holds.
fn followed(durability: Durability) -> NonZeroU32 {
    let every = match durability {
        Durability::Synced => 1,
        Durability::Buffered => 2,
        Durability::Volatile => 8,
    };
    NonZeroU32::new(every).expect("it is not zero")
}

impl Place {
    fn directory(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::Kept(directory) => Some(directory),
            Self::Passing(directory) => Some(directory.path()),
        }
    }
}

/// A directory that is removed afterwards, here if here is a disk, else where the system keeps
/// temporary files. Ctrl-C removes it too.
fn passing() -> anyhow::Result<TempDir> {
    let prefix = ".hotledger-bench-";
    let here = Path::new(".");
    let made = match machine::is_in_memory(here) {
        true => Err(std::io::ErrorKind::Unsupported.into()),
        false => tempfile::Builder::new().prefix(prefix).tempdir_in(here),
    };
    let directory = made
        .or_else(|_| tempfile::Builder::new().prefix(prefix).tempdir())
        .context("cannot make a temporary directory; name one with --data")?;
    let path = directory.path().to_owned();
    ctrlc::set_handler(move || {
        // The engine still writes: a file made behind our back asks for another round. What
        // cannot be removed is left; the process ends either way.
        let _ = (0..8).find(|_| std::fs::remove_dir_all(&path).is_ok());
        std::process::exit(crate::exit::INTERRUPTED.into());
    })
    .context("cannot handle signals")?;
    Ok(directory)
}
