//! The lines that `journal inspect` prints: everything that is stored, by name.

use hotledger_journal::{Batch, Chain, Entry, EntryKey, Event, NameId, Names, StreamId};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::payload::Payload;
use crate::moment;

/// One event with everything that is stored about it.
#[derive(Serialize)]
pub(super) struct EventLine<'a> {
    event_id: String,
    position: u64,
    kind: &'a str,
    id: Id<'a>,
    version: u64,
    #[serde(rename = "type")]
    event_type: &'a str,
    schema: u16,
    #[serde(flatten)]
    head: Head,
    payload: Payload<'a>,
    #[serde(flatten)]
    place: Place,
}

impl<'a> EventLine<'a> {
    pub(super) fn new(
        journal: Uuid,
        batch: &'a Batch,
        entry: &Entry<'a>,
        event: &Event<'a>,
    ) -> Self {
        let names = batch.names();
        Self {
            event_id: format!("{journal}:{}", event.position),
            position: event.position,
            kind: name(names, event.kind),
            id: Id(event.id),
            version: event.version,
            event_type: name(names, event.event_type),
            schema: event.schema,
            head: Head::of(entry),
            payload: Payload::decode(event.payload),
            place: Place::of(batch),
        }
    }
}

/// A command that was decided and left no event: its key is remembered.
#[derive(Serialize)]
pub(super) struct DecisionLine {
    event: Option<()>,
    position: Option<u64>,
    /// The position it was decided at: that of the last event before it.
    behind: Option<u64>,
    /// Of the aggregate, as the command found and left it.
    version: Option<u64>,
    #[serde(flatten)]
    head: Head,
    #[serde(flatten)]
    place: Place,
}

impl DecisionLine {
    pub(super) fn new(batch: &Batch, entry: &Entry<'_>) -> Self {
        Self {
            event: None,
            position: None,
            behind: entry.first_position().checked_sub(1),
            version: entry.key().map(|key| key.version),
            head: Head::of(entry),
            place: Place::of(batch),
        }
    }

    /// It belongs to the event before it.
    pub(super) fn is_within(&self, (from, to): (u64, u64)) -> bool {
        (from..=to).contains(&self.behind.unwrap_or(0))
    }
}

/// What is said about the command.
#[derive(Serialize)]
struct Head {
    time_ns: i64,
    time: String,
    key: Option<Uuid>,
    key_fingerprint: Option<String>,
    correlation: Option<Uuid>,
    causation: Option<Uuid>,
}

impl Head {
    fn of(entry: &Entry<'_>) -> Self {
        let head = entry.head();
        Self {
            time_ns: head.time,
            time: moment::rfc3339(head.time),
            key: head.key.as_ref().map(|EntryKey { key, .. }| Uuid::from_bytes(*key)),
            key_fingerprint: head.key.as_ref().map(|key| format!("{:016x}", key.fingerprint)),
            correlation: head.correlation.map(Uuid::from_bytes),
            causation: head.causation.map(Uuid::from_bytes),
        }
    }
}

/// Where it lies.
#[derive(Serialize)]
struct Place {
    batch: u64,
    epoch: u64,
    segment: u64,
    offset: u64,
    chain: Text<Chain>,
}

impl Place {
    fn of(batch: &Batch) -> Self {
        Self {
            batch: batch.sequence(),
            epoch: batch.epoch(),
            segment: batch.segment(),
            offset: batch.offset(),
            chain: Text(batch.chain()),
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hotledger_journal::{EntryHead, EntryKey, MemoryDisk, Options, Recovery};
    use serde_json::{Value, json};

    use super::super::Printer;

    #[test]
    fn a_command_without_events_is_a_line_of_its_own() {
        let disk = Arc::new(MemoryDisk::new());
        let recovery = Recovery::begin(disk, Options::default()).expect("a journal");
        let reader = recovery.reader_at(None).expect("a reader");
        let (mut journal, _) = recovery.finish(reader).expect("it opens");
        let key = Some(EntryKey { key: [1; 16], fingerprint: 2, version: 3 });
        let head = EntryHead { time: 4, key, ..EntryHead::default() };
        journal.begin_entry(&head).expect("an entry");
        journal.finish_entry();
        journal.submit().expect("a batch");
        let journal_id = journal.journal_id();
        let written = journal.complete(true).expect("a disk").expect("a batch");
        let mut printer = Printer { out: Vec::new(), journal: journal_id, range: (0, 0) };
        printer.batch(written.batch).expect("memory");
        let line: Value = serde_json::from_slice(&printer.out).expect("one line of JSON");
        let expected = [
            ("event", Value::Null),
            ("position", Value::Null),
            ("behind", Value::Null),
            ("version", json!(3)),
            ("key", json!("01010101-0101-0101-0101-010101010101")),
            ("time_ns", json!(4)),
            ("chain", json!(written.batch.chain().to_string())),
        ];
        for (name, value) in expected {
            assert_eq!(line.get(name), Some(&value), "{name}");
        }
    }
}
