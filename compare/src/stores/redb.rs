//! redb with two-phase commits, its checksums verified at every open.

use std::path::Path;

use anyhow::{Result, ensure};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use super::{Begin, Known, Store, locked_version};
use crate::record::Record;

const DEPOSITS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("deposits");

pub(super) const KNOWN: Known = Known {
    name: "redb",
    version: || locked_version("redb"),
    settings: "`Durability::Immediate`, two-phase commit, one commit a record; after \
               `Database::open` also `check_integrity`, whose `false` counts as a refusal",
    promises: "It checksums all data, to tell commits that are whole, and says nothing of bit rot \
               (docs/design.md of its sources)",
    derived: &[],
    open: |directory, begin| Ok(Box::new(Redb(open(directory, begin)?))),
};

struct Redb(Database);

fn open(directory: &Path, begin: Begin) -> Result<Database> {
    let file = directory.join("deposits.redb");
    match begin {
        Begin::New => {
            std::fs::create_dir_all(directory)?;
            Ok(Database::create(file)?)
        }
        Begin::Existing => {
            let mut database = Database::open(file)?;
            ensure!(database.check_integrity()?, "check_integrity found damage and repaired it");
            Ok(database)
        }
    }
}

impl Store for Redb {
    fn append(&mut self, record: &Record) -> Result<()> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.set_two_phase_commit(true);
        transaction.open_table(DEPOSITS)?.insert(record.key, record.payload.as_slice())?;
        Ok(transaction.commit()?)
    }

    fn read_all(&mut self) -> Result<Vec<Record>> {
        let transaction = self.0.begin_read()?;
        let table = transaction.open_table(DEPOSITS)?;
        let mut records = Vec::new();
        for row in table.iter()? {
            let (key, payload) = row?;
            records.push(Record { key: key.value(), payload: payload.value().to_vec() });
        }
        Ok(records)
    }
}
