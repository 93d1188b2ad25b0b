//! RocksDB with every write synced.

use std::path::Path;

use anyhow::Result;
use rocksdb::{DB, Options, WriteBatch, WriteOptions};

use super::{Client, Kept, Known, Peer};
use crate::speed::deposit::Deposit;
use crate::speed::way::Way;
use crate::stores::{Begin, locked_version};

pub(super) const KNOWN: Known = Known {
    name: "rocksdb",
    version: || {
        let sources = locked_version("librocksdb-sys");
        let rocksdb = sources.rsplit('+').next().unwrap_or_default();
        format!("{rocksdb} (rocksdb {})", locked_version("rocksdb"))
    },
    settings: "`WriteOptions::set_sync(true)`, otherwise its defaults, built without compression; \
               threads share syncs",
    kept: Kept::OnDisk,
    many: Some(Way::threads(64)),
    best: &[Way::batches(1024), Way { clients: 4, in_flight: 1, batch: 1024 }],
    open: |place, begin| Ok(Box::new(Rocks(open(place.directory, begin)?))),
};

struct Rocks(DB);

fn open(directory: &Path, begin: Begin) -> Result<DB> {
    let mut options = Options::default();
    options.create_if_missing(begin == Begin::New);
    Ok(DB::open(&options, directory)?)
}

impl Peer for Rocks {
    fn client(&self, _: Way) -> Result<Box<dyn Client + '_>> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        Ok(Box::new(Writes { database: &self.0, options }))
    }

    fn read(&self, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut rows = self.0.raw_iterator();
        rows.seek_to_first();
        while let Some(payload) = rows.value() {
            each(payload);
            rows.next();
        }
        Ok(rows.status()?)
    }
}

struct Writes<'a> {
    database: &'a DB,
    options: WriteOptions,
}

impl Client for Writes<'_> {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        let mut batch = WriteBatch::default();
        for deposit in deposits {
            batch.put(deposit.key.to_be_bytes(), deposit.payload);
        }
        Ok(self.database.write_opt(batch, &self.options)?)
    }
}
