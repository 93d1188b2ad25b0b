//! fjall with every write synced, data and metadata.

use std::path::Path;

use anyhow::{Result, ensure};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Begin, Known, Store, locked_version};
use crate::record::Record;

const DEPOSITS: &str = "deposits";

pub(super) const KNOWN: Known = Known {
    name: "fjall",
    version: || locked_version("fjall"),
    settings: "one batch a record, committed with `PersistMode::SyncAll`; a keyspace that is \
               missing at open counts as a refusal. It has no stricter mode of recovery than \
               its default, `TolerateCorruptTail`",
    promises: "It discards a last batch that is corrupt, and promises an error on any other \
               inconsistency of the journal (`RecoveryMode`)",
    derived: &[],
    open: |directory, begin| Ok(Box::new(open(directory, begin)?)),
};

struct Fjall {
    database: Database,
    deposits: Keyspace,
}

fn open(directory: &Path, begin: Begin) -> Result<Fjall> {
    if begin == Begin::Existing {
        // Its builder would begin a new database.
        ensure!(directory.is_dir(), "there is no database");
    }
    let database = Database::builder(directory).open()?;
    if begin == Begin::Existing {
        ensure!(database.keyspace_exists(DEPOSITS), "the keyspace is missing");
    }
    let deposits = database.keyspace(DEPOSITS, KeyspaceCreateOptions::default)?;
    Ok(Fjall { database, deposits })
}

impl Store for Fjall {
    fn append(&mut self, record: &Record) -> Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        batch.insert(&self.deposits, record.key.to_be_bytes(), record.payload.as_slice());
        Ok(batch.commit()?)
    }

    fn read_all(&mut self) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for row in self.deposits.iter() {
            let (key, payload) = row.into_inner()?;
            ensure!(key.len() == 8, "a key of {} bytes", key.len());
            let key = u64::from_be_bytes(key[..].try_into().expect("eight bytes"));
            records.push(Record { key, payload: payload.to_vec() });
        }
        Ok(records)
    }
}
