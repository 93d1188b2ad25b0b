//! The bare disk: one block of 4 KiB after the other, each written through.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};

use super::{Client, Kept, Known, Peer};
use crate::speed::deposit::{Deposit, PAYLOAD_BYTES};
use crate::speed::way::Way;
use crate::stores::Begin;

/// The file that is written round and round, filled with zeros before.
const FILE_BYTES: u64 = 64 << 20;

const BLOCK_BYTES: usize = 4096;

pub(super) const KNOWN: Known = Known {
    name: "raw",
    version: || "write".to_owned(),
    settings: "`pwrite` of 4 KiB with `O_DIRECT` and `O_DSYNC`, round and round in a file of \
               64 MiB that was filled with zeros: no store, the least a durable answer costs",
    kept: Kept::Reference,
    many: None,
    best: &[],
    open: |place, begin| Ok(Box::new(open(place.directory, begin)?)),
};

struct Raw {
    file: File,
    offset: AtomicU64,
}

/// `O_DIRECT` takes whole blocks from addresses that are multiples of one.
#[repr(align(4096))]
struct Block([u8; BLOCK_BYTES]);

fn open(directory: &Path, begin: Begin) -> Result<Raw> {
    let path = directory.join("blocks");
    if begin == Begin::New {
        std::fs::create_dir_all(directory)?;
        let file = File::create(&path)?;
        let zeros = vec![0; 1 << 20];
        for offset in (0..FILE_BYTES).step_by(zeros.len()) {
            file.write_all_at(&zeros, offset)?;
        }
        file.sync_all()?;
    }
    let direct = libc::O_DIRECT | libc::O_DSYNC;
    let file = OpenOptions::new().write(true).custom_flags(direct).open(&path);
    let file = file.context("no direct writes here; name another directory with --dir")?;
    Ok(Raw { file, offset: AtomicU64::new(0) })
}

impl Peer for Raw {
    fn client(&self, _: Way) -> Result<Box<dyn Client + '_>> {
        Ok(Box::new(Blocks { raw: self, block: Box::new(Block([0; BLOCK_BYTES])) }))
    }

    fn read(&self, _: &mut dyn FnMut(&[u8])) -> Result<()> {
        bail!("blocks are written over");
    }
}

struct Blocks<'a> {
    raw: &'a Raw,
    block: Box<Block>,
}

impl Client for Blocks<'_> {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        for (room, deposit) in self.block.0.chunks_exact_mut(PAYLOAD_BYTES).zip(deposits) {
            room.copy_from_slice(&deposit.payload);
        }
        let offset = self.raw.offset.fetch_add(BLOCK_BYTES as u64, Ordering::Relaxed) % FILE_BYTES;
        Ok(self.raw.file.write_all_at(&self.block.0, offset)?)
    }
}
