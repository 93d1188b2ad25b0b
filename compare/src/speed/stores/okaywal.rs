//! OkayWAL, a bare write-ahead log: an entry is a commit, a chunk a record.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use okaywal::{
    Configuration, Entry, EntryId, LogManager, ReadChunkResult, SegmentReader, WriteAheadLog,
};

use super::{Client, Kept, Known, Peer, Place};
use crate::speed::deposit::{Deposit, PAYLOAD_BYTES};
use crate::speed::way::Way;
use crate::stores::{Begin, locked_version};

pub(super) const KNOWN: Known = Known {
    name: "okaywal",
    version: || locked_version("okaywal"),
    settings: "a log and nothing else; an entry a commit, a chunk a record, one preallocated file \
               that is never checkpointed, since a checkpoint drops what it holds; threads share \
               syncs; read by its recovery",
    kept: Kept::OnDisk,
    many: Some(Way::threads(64)),
    best: &[Way::batches(1024), Way { clients: 4, in_flight: 1, batch: 1024 }],
    open: |place, begin| Ok(Box::new(open(place, begin)?)),
};

/// The log is open for writing, or only found: to read it is to recover it, every time anew.
enum OkayWal {
    Open(WriteAheadLog),
    Found(PathBuf),
}

fn open(place: &Place<'_>, begin: Begin) -> Result<OkayWal> {
    if begin == Begin::Existing {
        ensure!(place.directory.is_dir(), "there is no log");
        return Ok(OkayWal::Found(place.directory.to_owned()));
    }
    let room = place.room_bytes.min(u64::from(u32::MAX >> 1));
    let configuration = Configuration::default_for(place.directory)
        .preallocate_bytes(u32::try_from(room)?)
        .checkpoint_after_bytes(u64::MAX);
    let log = configuration.open(Keeper::default())?;
    // The zeros that it preallocates would go to disk with the first commit, and be timed.
    for file in std::fs::read_dir(place.directory)? {
        std::fs::File::open(file?.path())?.sync_all()?;
    }
    Ok(OkayWal::Open(log))
}

impl Peer for OkayWal {
    fn client(&self, _: Way) -> Result<Box<dyn Client + '_>> {
        let Self::Open(log) = self else { anyhow::bail!("the log was opened to be read") };
        Ok(Box::new(Entries(log)))
    }

    fn read(&self, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let Self::Found(directory) = self else { anyhow::bail!("the log is being written") };
        let payloads = recovered(directory)?;
        payloads.chunks_exact(PAYLOAD_BYTES).for_each(each);
        Ok(())
    }
}

/// Every payload in a row: recovery hands them to an owner of its own, so they are kept first.
fn recovered(directory: &Path) -> Result<Vec<u8>> {
    let keeper = Keeper::default();
    let payloads = Arc::clone(&keeper.payloads);
    let configuration = Configuration::default_for(directory).checkpoint_after_bytes(u64::MAX);
    configuration.open(keeper)?.shutdown()?;
    let mut payloads = payloads.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *payloads))
}

struct Entries<'a>(&'a WriteAheadLog);

impl Client for Entries<'_> {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        let mut entry = self.0.begin_entry()?;
        for deposit in deposits {
            entry.write_chunk(&deposit.payload)?;
        }
        entry.commit()?;
        Ok(())
    }
}

/// Keeps what recovery finds.
#[derive(Debug, Default)]
struct Keeper {
    payloads: Arc<Mutex<Vec<u8>>>,
}

impl LogManager for Keeper {
    fn recover(&mut self, entry: &mut Entry<'_>) -> io::Result<()> {
        let mut payloads = self.payloads.lock().unwrap_or_else(PoisonError::into_inner);
        let before = payloads.len();
        loop {
            match entry.read_chunk()? {
                ReadChunkResult::Chunk(mut chunk) => {
                    let mut payload = [0; PAYLOAD_BYTES];
                    chunk.read_exact(&mut payload)?;
                    if !chunk.check_crc()? {
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                    payloads.extend_from_slice(&payload);
                }
                ReadChunkResult::EndOfEntry => return Ok(()),
                ReadChunkResult::AbortedEntry => {
                    // It was never committed.
                    payloads.truncate(before);
                    return Ok(());
                }
            }
        }
    }

    fn checkpoint_to(
        &mut self,
        _: EntryId,
        _: &mut SegmentReader,
        _: &WriteAheadLog,
    ) -> io::Result<()> {
        Err(io::Error::other("nothing is to be checkpointed"))
    }
}
