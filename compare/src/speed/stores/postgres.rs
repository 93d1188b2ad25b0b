//! PostgreSQL with the SQL of an events table, on a server that was named.

use anyhow::{Context, Result, bail, ensure};
use postgres::fallible_iterator::FallibleIterator;
use postgres::{Client as Connection, NoTls, Statement};

use super::{Client, Kept, Known, Peer, Place};
use crate::speed::deposit::Deposit;
use crate::speed::way::Way;
use crate::stores::{Begin, locked_version};

const TABLE: &str = "hotledger_compare_events";

pub(super) const KNOWN: Known = Known {
    name: "postgres",
    version: || format!("(client {})", locked_version("postgres")),
    settings: "a table of events with a position and a unique pair of account and version; \
               `fsync=on`, `synchronous_commit=on`, prepared statements, a connection a thread; \
               commits of many rows by one `INSERT` over `unnest`",
    kept: Kept::OnDisk,
    many: Some(Way::threads(64)),
    best: &[Way::batches(1024), Way { clients: 4, in_flight: 1, batch: 1024 }],
    open: |place, begin| Ok(Box::new(open(place, begin)?)),
};

struct Postgres {
    url: String,
    version: String,
}

fn open(place: &Place<'_>, begin: Begin) -> Result<Postgres> {
    let url = place.postgres.context("no server was named; name one with --postgres")?.to_owned();
    let mut connection = connect(&url)?;
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        let row = connection.query_one(&format!("SHOW {setting}"), &[])?;
        let value: String = row.get(0);
        ensure!(value == "on", "{setting} is {value}: answers would not be durable");
    }
    if begin == Begin::New {
        connection.batch_execute(&format!(
            "DROP TABLE IF EXISTS {TABLE};
             CREATE TABLE {TABLE} (
                 position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 account bigint NOT NULL,
                 version bigint NOT NULL,
                 payload bytea NOT NULL,
                 UNIQUE (account, version)
             )"
        ))?;
    }
    let row = connection.query_one("SHOW server_version", &[])?;
    // Behind the number stands who packed it.
    let version = row.get::<_, &str>(0).split(' ').next().unwrap_or_default().to_owned();
    Ok(Postgres { url, version })
}

/// A connection whose commits are on disk before they are answered, whatever the server's default.
fn connect(url: &str) -> Result<Connection> {
    let mut connection = Connection::connect(url, NoTls).context("cannot connect")?;
    connection.batch_execute("SET synchronous_commit = on; SET client_min_messages = warning")?;
    Ok(connection)
}

impl Peer for Postgres {
    fn client(&self, way: Way) -> Result<Box<dyn Client + '_>> {
        let mut connection = connect(&self.url)?;
        let values = match way.batch {
            1 => "VALUES ($1::bigint, $2::bigint, $3::bytea)",
            _ => "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])",
        };
        let into = format!("INSERT INTO {TABLE} (account, version, payload) {values}");
        let insert = connection.prepare(&into)?;
        Ok(Box::new(Inserts { connection, insert }))
    }

    fn server(&self) -> Option<&str> {
        Some(&self.version)
    }

    fn read(&self, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut connection = connect(&self.url)?;
        let select = format!("SELECT payload FROM {TABLE} ORDER BY position");
        let none: [&str; 0] = [];
        let mut rows = connection.query_raw(&select, none)?;
        while let Some(row) = rows.next()? {
            each(row.get(0));
        }
        Ok(())
    }
}

struct Inserts {
    connection: Connection,
    insert: Statement,
}

impl Client for Inserts {
    fn submit(&mut self, deposits: &[Deposit]) -> Result<()> {
        let columns = |of: fn(&Deposit) -> u64| -> Vec<i64> {
            deposits.iter().map(|deposit| of(deposit).cast_signed()).collect()
        };
        let (accounts, versions) = (columns(Deposit::account), columns(Deposit::version));
        let inserted = match deposits {
            [] => bail!("nothing to insert"),
            [one] => {
                let payload = &one.payload[..];
                self.connection.execute(&self.insert, &[&accounts[0], &versions[0], &payload])?
            }
            _ => {
                let payloads: Vec<&[u8]> = deposits.iter().map(|it| &it.payload[..]).collect();
                self.connection.execute(&self.insert, &[&accounts, &versions, &payloads])?
            }
        };
        ensure!(inserted == deposits.len() as u64, "{inserted} rows were inserted");
        Ok(())
    }
}
