//! fjall with every commit synced, data and metadata.

use std::path::Path;

use anyhow::{Result, ensure};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Client, Kept, Known, Peer};
use crate::speed::deposit::Deposit;
use crate::speed::way::Way;
use crate::stores::{Begin, locked_version};

const DEPOSITS: &str = "deposits";

pub(super) const KNOWN: Known = Known {
    name: "fjall",
    version: || locked_version("fjall"),
    settings: "one batch a commit with `PersistMode::SyncAll`; threads wait for each other's sync, \
               which it does with its journal locked",
    kept: Kept::OnDisk,
    many: Some(Way::threads(64)),
    best: &[Way::batches(1024)],
    open: |place, begin| Ok(Box::new(open(place.directory, begin)?)),
};

struct Fjall {
    database: Database,
    deposits: Keyspace,
}

fn open(directory: &Path, begin: Begin) -> Result<Fjall> {
    let database = Database::builder(directory).open()?;
    let found = database.keyspace_exists(DEPOSITS);
    ensure!(begin == Begin::New || found, "the keyspace is missing");
    let deposits = database.keyspace(DEPOSITS, KeyspaceCreateOptions::default)?;
    Ok(Fjall { database, deposits })
}

impl Peer for Fjall {
    fn client(&self, _: Way) -> Result<Box<dyn Client + '_>> {
        Ok(Box::new(Writes(self)))
    }

    fn read(&self, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        for row in self.deposits.iter() {
            each(&row.value()?);
        }
        Ok(())
    }
}

struct Writes<'a>(&'a Fjall);

impl Client for Writes<'_> {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        let Fjall { database, deposits: keyspace } = self.0;
        let mut batch = database.batch().durability(Some(PersistMode::SyncAll));
        for deposit in deposits {
            batch.insert(keyspace, deposit.key.to_be_bytes(), &deposit.payload[..]);
        }
        Ok(batch.commit()?)
    }
}
