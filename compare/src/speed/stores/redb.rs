//! redb with a durable commit for each record.

use std::path::Path;

use anyhow::Result;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use super::{Client, Kept, Known, Peer};
use crate::speed::deposit::Deposit;
use crate::speed::way::Way;
use crate::stores::{Begin, locked_version};

const DEPOSITS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("deposits");

pub(super) const KNOWN: Known = Known {
    name: "redb",
    version: || locked_version("redb"),
    settings: "`Durability::Immediate`, one-phase commit as by default; threads wait for each \
               other in `begin_write`, since it has one writer at a time",
    kept: Kept::OnDisk,
    many: Some(Way::threads(64)),
    best: &[Way::batches(1024)],
    open: |place, begin| Ok(Box::new(Redb(open(place.directory, begin)?))),
};

struct Redb(Database);

fn open(directory: &Path, begin: Begin) -> Result<Database> {
    let file = directory.join("deposits.redb");
    match begin {
        Begin::New => {
            std::fs::create_dir_all(directory)?;
            Ok(Database::create(file)?)
        }
        Begin::Existing => Ok(Database::open(file)?),
    }
}

impl Peer for Redb {
    fn client(&self, _: Way) -> Result<Box<dyn Client + '_>> {
        Ok(Box::new(Writes(&self.0)))
    }

    fn read(&self, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let transaction = self.0.begin_read()?;
        for row in transaction.open_table(DEPOSITS)?.iter()? {
            each(row?.1.value());
        }
        Ok(())
    }
}

struct Writes<'a>(&'a Database);

impl Client for Writes<'_> {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut table = transaction.open_table(DEPOSITS)?;
            for deposit in deposits {
                table.insert(deposit.key, &deposit.payload[..])?;
            }
        }
        Ok(transaction.commit()?)
    }
}
