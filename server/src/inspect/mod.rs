//! `hotledger journal inspect`: every field of every event, one JSON line each.

mod payload;

use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use hotledger_journal::{
    Batch, Chain, Entry, EntryKey, Error, Event, FileDisk, NameId, Names, Recovery, StreamId,
};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use self::payload::Payload;
use crate::args::DirArgs;
use crate::{moment, out};

/// Runs the command.
pub(crate) fn run(args: &DirArgs) -> anyhow::Result<()> {
    let failed = || format!("cannot read {}", args.dir.display());
    let recovery = FileDisk::open_existing(&args.dir)
        .and_then(|disk| Recovery::begin_read_only(Arc::new(disk)))
        .with_context(failed)?;
    let Some(journal) = recovery.journal_id() else { return Ok(()) };
    let mut reader = recovery.reader_at(None).with_context(failed)?;
    let mut out = out::stdout();
    loop {
        // What was read before damage is printed before the damage is reported.
        let batch = match reader.next() {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(error) => {
                out.flush()?;
                return Err(error).with_context(failed);
            }
        };
        print_batch(&mut out, journal, &batch)?;
    }
    Ok(out.flush()?)
}

fn print_batch(out: &mut impl Write, journal: Uuid, batch: &Batch) -> anyhow::Result<()> {
    for entry in batch.entries() {
        let entry = entry?;
        for event in entry.events() {
            let line = EventLine::new(journal, batch, &entry, &event?)?;
            out::json_line(out, &line)?;
        }
    }
    Ok(())
}

/// One event with everything that is stored about it.
#[derive(Serialize)]
struct EventLine<'a> {
    event_id: String,
    position: u64,
    kind: &'a str,
    id: Id<'a>,
    version: u64,
    #[serde(rename = "type")]
    event_type: &'a str,
    schema: u16,
    time_ns: i64,
    time: String,
    key: Option<Uuid>,
    key_fingerprint: Option<String>,
    correlation: Option<Uuid>,
    causation: Option<Uuid>,
    payload: Payload<'a>,
    batch: u64,
    epoch: u64,
    segment: u64,
    offset: u64,
    chain: Text<Chain>,
}

impl<'a> EventLine<'a> {
    fn new(
        journal: Uuid,
        batch: &'a Batch,
        entry: &Entry<'a>,
        event: &Event<'a>,
    ) -> Result<Self, Error> {
        let head = entry.head();
        let names = batch.names();
        Ok(Self {
            event_id: format!("{journal}:{}", event.position),
            position: event.position,
            kind: name(names, event.kind),
            id: Id(event.id),
            version: event.version,
            event_type: name(names, event.event_type),
            schema: event.schema,
            time_ns: head.time,
            time: moment::rfc3339(head.time),
            key: head.key.as_ref().map(|EntryKey { key, .. }| Uuid::from_bytes(*key)),
            key_fingerprint: head.key.as_ref().map(|key| format!("{:016x}", key.fingerprint)),
            correlation: head.correlation.map(Uuid::from_bytes),
            causation: head.causation.map(Uuid::from_bytes),
            payload: Payload::decode(event.payload),
            batch: batch.sequence(),
            epoch: batch.epoch(),
            segment: batch.segment(),
            offset: batch.offset(),
            chain: Text(batch.chain()),
        })
    }
}

/// The name behind an index. The reader has checked the batch; a name that is missing all the
/// same is shown, not hidden.
fn name(names: &Names, id: NameId) -> &str {
    names.get(id).unwrap_or("?")
}

/// A stream id: a number where JSON can hold it, else text.
struct Id<'a>(StreamId<'a>);

impl Serialize for Id<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            StreamId::U64(number) => serializer.serialize_u64(number),
            other => serializer.collect_str(&other),
        }
    }
}

/// A value shown as its text.
struct Text<T>(T);

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
