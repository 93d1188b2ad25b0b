//! Builds journals for the tests and reads them back as plain values.
#![allow(dead_code, unreachable_pub)] // Every test file takes its own part.

pub mod traced;

use std::{io::Write, sync::Arc};

use hotledger_journal::{
    Access, Batch, BatchKind, Cursor, Disk, EntryHead, EntryKey, Error, EventHead, Journal,
    MemoryDisk, NameId, OpenReport, Options, Reader, Recovery, StreamId,
};

pub const BLOCK: u64 = 4096;

/// What an event is, after all of its bytes went to disk and came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub position: u64,
    pub time: i64,
    pub key: Option<EntryKey>,
    pub correlation: Option<[u8; 16]>,
    pub causation: Option<[u8; 16]>,
    pub kind: String,
    pub event_type: String,
    pub schema: u16,
    pub id: String,
    pub version: u64,
    pub payload: Vec<u8>,
}

pub fn options() -> Options {
    Options {
        names: vec!["account".into(), "deposited".into(), "closed".into()],
        segment_bytes_first: 1 << 20,
        segment_bytes_max: 1 << 20,
        time: 1,
        ..Options::default()
    }
}

pub fn open(disk: &(impl Disk + Clone)) -> Result<(Journal, OpenReport, Vec<Seen>), Error> {
    open_with(disk, options())
}

pub fn open_with(
    disk: &(impl Disk + Clone),
    options: Options,
) -> Result<(Journal, OpenReport, Vec<Seen>), Error> {
    let recovery = Recovery::begin(Arc::new(disk.clone()), options)?;
    let mut reader = recovery.reader_at(None)?;
    let seen = drain(&mut reader)?;
    let (journal, report) = recovery.finish(reader)?;
    Ok((journal, report, seen))
}

/// Everything in the journal, without changing it.
pub fn read_all(disk: &(impl Disk + Clone)) -> Result<Vec<Seen>, Error> {
    let recovery = Recovery::begin_read_only(Arc::new(disk.clone()))?;
    let mut reader = recovery.reader_at(None)?;
    drain(&mut reader)
}

pub fn drain(reader: &mut Reader) -> Result<Vec<Seen>, Error> {
    let mut seen = Vec::new();
    while let Some(batch) = reader.next()? {
        see(&batch, &mut seen)?;
    }
    Ok(seen)
}

pub fn batches(disk: &(impl Disk + Clone)) -> Result<Vec<Batch>, Error> {
    let recovery = Recovery::begin_read_only(Arc::new(disk.clone()))?;
    let mut reader = recovery.reader_at(None)?;
    let mut batches = Vec::new();
    while let Some(batch) = reader.next()? {
        batches.push(batch);
    }
    Ok(batches)
}

pub fn data_batches(disk: &(impl Disk + Clone)) -> Vec<Batch> {
    let all = batches(disk).expect("the journal is sound");
    all.into_iter().filter(|batch| batch.kind() == BatchKind::Data).collect()
}

pub fn see(batch: &Batch, seen: &mut Vec<Seen>) -> Result<(), Error> {
    let name = |id| batch.names().get(id).expect("a known name").to_owned();
    for entry in batch.entries() {
        let entry = entry?;
        let head = entry.head();
        for event in entry.events() {
            let event = event?;
            seen.push(Seen {
                position: event.position,
                time: head.time,
                key: head.key,
                correlation: head.correlation,
                causation: head.causation,
                kind: name(event.kind),
                event_type: name(event.event_type),
                schema: event.schema,
                id: event.id.to_string(),
                version: event.version,
                payload: event.payload.to_vec(),
            });
        }
    }
    Ok(())
}

pub fn deposited(id: StreamId<'_>, version: u64) -> EventHead<'_> {
    EventHead { kind: NameId(0), event_type: NameId(1), schema: 1, id, version }
}

/// One entry with one event of this payload, in the open batch.
pub fn add(journal: &mut Journal, payload: &[u8]) -> Result<u64, Error> {
    let position = journal.next_position();
    journal.begin_entry(&EntryHead { time: position as i64, ..EntryHead::default() })?;
    let head = deposited(StreamId::U64(position % 7), position);
    journal.event(&head, |room| room.write_all(payload)).expect("the payload fits");
    Ok(journal.finish_entry())
}

/// One entry of every shape, in the open batch.
pub fn add_every_shape(journal: &mut Journal) -> Result<(), Error> {
    let key = Some(EntryKey { key: [3; 16], fingerprint: 33, version: 34 });
    let heads = [
        EntryHead::default(),
        EntryHead { time: -5, key, ..EntryHead::default() },
        EntryHead { correlation: Some([4; 16]), ..EntryHead::default() },
        EntryHead { time: 9, key, correlation: Some([5; 16]), causation: Some([6; 16]) },
    ];
    let ids = [
        StreamId::U64(u64::MAX),
        StreamId::U128(1 << 100),
        StreamId::Uuid(u128::from_be_bytes(*b"0123456789abcdef")),
        StreamId::Text("straße 5"),
        StreamId::Text(""),
    ];
    for head in heads {
        journal.begin_entry(&head)?;
        for (version, id) in (1..).zip(ids) {
            let payload = id.to_string();
            journal
                .event(&deposited(id, version), |room| room.write_all(payload.as_bytes()))
                .expect("the payload fits");
        }
        journal.finish_entry();
    }
    journal.begin_entry(&EntryHead { key, ..EntryHead::default() })?;
    journal.finish_entry();
    Ok(())
}

/// Submits the open batch and waits until it is durable.
pub fn commit(journal: &mut Journal) -> Result<Batch, Error> {
    let sequence = journal.submit()?;
    let written = journal.complete(true)?.expect("a batch was submitted");
    assert_eq!(written.batch.sequence(), sequence);
    Ok(written.batch.clone())
}

/// So many batches of one event each, durable.
pub fn append(journal: &mut Journal, batches: u64) {
    for _ in 0..batches {
        let payload = journal.next_position().to_string();
        add(journal, payload.as_bytes()).expect("the journal takes an entry");
        commit(journal).expect("the disk takes a batch");
    }
}

/// A journal of so many single-event batches, left as a crash would.
pub fn crashed(batches: u64) -> MemoryDisk {
    let disk = MemoryDisk::new();
    let (mut journal, ..) = open(&disk).expect("a new journal");
    append(&mut journal, batches);
    disk
}

pub fn segment(number: u64) -> String {
    format!("segment-{number:010}.hl")
}

pub fn file(disk: &impl Disk, name: &str) -> Vec<u8> {
    let file = disk.open(name, Access::Read).expect("the file exists");
    let mut bytes = vec![0; file.bytes().expect("a size") as usize];
    let read = file.read_at(0, &mut bytes).expect("readable");
    assert_eq!(read, bytes.len());
    bytes
}

pub fn overwrite(disk: &impl Disk, name: &str, offset: u64, bytes: &[u8]) {
    let file = disk.open(name, Access::Write).expect("the file exists");
    file.write_all_at(offset, bytes).expect("writable");
}

/// Loses the last sector of a batch, as a crash may.
pub fn tear(disk: &impl Disk, batch: &Batch) {
    let last = batch.offset() + batch.stored_bytes() - 512;
    overwrite(disk, &segment(batch.segment()), last, &[0; 512]);
}

pub fn flip(disk: &impl Disk, name: &str, offset: u64, mask: u8) {
    let file = disk.open(name, Access::Write).expect("the file exists");
    let mut byte = [0];
    file.read_at(offset, &mut byte).expect("readable");
    file.write_all_at(offset, &[byte[0] ^ mask]).expect("writable");
}

/// Cuts a file to a length by writing it anew.
pub fn truncate(disk: &impl Disk, name: &str, length: usize) {
    let bytes = file(disk, name);
    disk.remove(name).expect("removable");
    let cut = disk.create(name, Access::Write).expect("creatable");
    cut.write_all_at(0, &bytes[..length]).expect("writable");
}

/// Every file and its bytes.
pub fn contents(disk: &impl Disk) -> Vec<(String, Vec<u8>)> {
    let mut names = disk.list().expect("listable");
    names.sort();
    names.into_iter().map(|name| (name.clone(), file(disk, &name))).collect()
}

pub fn is_corrupt(result: &Result<impl Sized, Error>) -> bool {
    matches!(result, Err(Error::Corrupt { .. }))
}

pub fn cursor_of(batch: &Batch) -> Cursor {
    batch.cursor_after()
}
