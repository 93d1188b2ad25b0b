//! SQLite in WAL mode, synced at every commit.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};
use rusqlite::{Connection, OpenFlags};

use super::{Client, Kept, Known, Peer};
use crate::speed::deposit::Deposit;
use crate::speed::way::Way;
use crate::stores::{Begin, locked_version};

pub(super) const KNOWN: Known = Known {
    name: "sqlite",
    version: || format!("{} (rusqlite {})", rusqlite::version(), locked_version("rusqlite")),
    settings: "`journal_mode=WAL`, `synchronous=FULL`, a prepared `INSERT`; one connection, which \
               threads share behind a mutex, since it has one writer at a time",
    kept: Kept::OnDisk,
    many: Some(Way::threads(64)),
    best: &[Way::batches(1024)],
    open: |place, begin| Ok(Box::new(Sqlite(Mutex::new(open(place.directory, begin)?)))),
};

struct Sqlite(Mutex<Connection>);

fn open(directory: &Path, begin: Begin) -> Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if begin == Begin::New {
        std::fs::create_dir_all(directory)?;
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection = Connection::open_with_flags(directory.join("deposits.db"), flags)?;
    let mode: String = connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    ensure!(mode == "wal", "the journal mode is {mode}");
    connection.execute_batch("PRAGMA synchronous=FULL;")?;
    if begin == Begin::New {
        connection.execute_batch(
            "CREATE TABLE deposits (key INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT",
        )?;
    }
    Ok(connection)
}

impl Peer for Sqlite {
    fn client(&self, _: Way) -> Result<Box<dyn Client + '_>> {
        Ok(Box::new(Writes(self)))
    }

    fn read(&self, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut select = connection.prepare_cached("SELECT payload FROM deposits")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            each(row.get_ref(0)?.as_blob()?);
        }
        Ok(())
    }
}

struct Writes<'a>(&'a Sqlite);

impl Client for Writes<'_> {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        let mut connection = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO deposits (key, payload) VALUES (?1, ?2)")?;
            for deposit in deposits {
                insert.execute((deposit.key.cast_signed(), &deposit.payload[..]))?;
            }
        }
        Ok(transaction.commit()?)
    }
}
