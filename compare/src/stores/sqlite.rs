//! SQLite in WAL mode, synced at every commit.

use std::path::Path;

use anyhow::{Result, ensure};
use rusqlite::{Connection, OpenFlags};

use super::{Begin, Known, Store, locked_version};
use crate::record::Record;

pub(super) const KNOWN: Known = Known {
    name: "sqlite",
    version: || format!("{} (rusqlite {})", rusqlite::version(), locked_version("rusqlite")),
    settings: "`journal_mode=WAL`, `synchronous=FULL`, one commit a record, \
               `cell_size_check=ON`; opened without `SQLITE_OPEN_CREATE`, then \
               `PRAGMA integrity_check`, whose findings count as a refusal",
    promises: "It leaves bit errors to the hardware (sqlite.org/atomiccommit.html, section 2); \
               the WAL ends at the first frame whose checksum is wrong \
               (sqlite.org/fileformat2.html, section 4)",
    // The index of the WAL: the first connection makes it anew.
    derived: &["-shm"],
    open: |directory, begin| Ok(Box::new(Sqlite(open(directory, begin)?))),
};

struct Sqlite(Connection);

fn open(directory: &Path, begin: Begin) -> Result<Connection> {
    let file = directory.join("deposits.db");
    let found = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match begin {
        Begin::New => {
            std::fs::create_dir_all(directory)?;
            Connection::open_with_flags(file, found | OpenFlags::SQLITE_OPEN_CREATE)?
        }
        Begin::Existing => Connection::open_with_flags(file, found)?,
    };
    let mode: String = connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    ensure!(mode == "wal", "the journal mode is {mode}");
    connection.execute_batch("PRAGMA synchronous=FULL; PRAGMA cell_size_check=ON;")?;
    match begin {
        Begin::New => connection.execute_batch(
            "CREATE TABLE deposits (key INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT",
        )?,
        Begin::Existing => {
            let found: String =
                connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
            ensure!(found == "ok", "integrity_check: {found}");
        }
    }
    Ok(connection)
}

impl Store for Sqlite {
    fn append(&mut self, record: &Record) -> Result<()> {
        let mut insert =
            self.0.prepare_cached("INSERT INTO deposits (key, payload) VALUES (?1, ?2)")?;
        insert.execute((record.key.cast_signed(), &record.payload))?;
        Ok(())
    }

    fn read_all(&mut self) -> Result<Vec<Record>> {
        let mut select = self.0.prepare("SELECT key, payload FROM deposits")?;
        let rows = select.query_map([], |row| {
            Ok(Record { key: row.get::<_, i64>(0)?.cast_unsigned(), payload: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
