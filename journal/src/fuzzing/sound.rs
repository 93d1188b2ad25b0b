//! A sound journal as crashes left it: two segments, a spare, entries of every shape.

use std::{
    io::Write,
    sync::{Arc, OnceLock},
};

use super::disk::{Files, SparseDisk};
use crate::{
    append::Journal,
    cursor::Cursor,
    disk::Disk,
    head::{EntryHead, EntryKey, EventHead, NameId, StreamId},
    limits::{ENTRY_BYTES_MAX, SEGMENT_BYTES_MIN},
    options::Options,
    record::segment_name,
    recover::Recovery,
};

/// Its files, and where the batches are in them.
pub(super) struct Sound {
    pub(super) files: Files,
    pub(super) batches: Vec<BatchPlace>,
}

/// Where a batch is.
pub(super) struct BatchPlace {
    pub(super) file: String,
    pub(super) offset: u64,
    pub(super) bytes: usize,
    pub(super) cursor_after: Cursor,
}

/// Made once.
pub(super) fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let disk = SparseDisk::default();
        for _ in 0..2 {
            // Dropped, not closed: a crash.
            let mut journal = open_new(&disk);
            fill(&mut journal);
            let prepared = journal.preparer(Box::new(|| {})).step();
            assert!(prepared.expect("a disk without faults takes it"), "none was prepared yet");
        }
        let files = disk.files();
        let batches = batches(Arc::new(disk));
        assert!(files.len() >= 3, "it has a sealed segment, an active one and a spare");
        Sound { files, batches }
    })
}

fn open_new(disk: &SparseDisk) -> Journal {
    let recovery = Recovery::begin(Arc::new(disk.clone()), options()).expect("it is sound");
    let mut reader = recovery.reader_at(None).expect("it is sound");
    while reader.next().expect("it is sound").is_some() {}
    recovery.finish(reader).expect("it is sound").0
}

/// Entries of every shape, and enough of them to go on in another segment.
fn fill(journal: &mut Journal) {
    let key = Some(EntryKey { key: [3; 16], fingerprint: 4, version: 5 });
    let all = EntryHead { time: 9, key, correlation: Some([5; 16]), causation: Some([6; 16]) };
    append(journal, EntryHead::default(), StreamId::U64(7), b"ten");
    append(journal, all, StreamId::U128(8), b"");
    append(journal, EntryHead { key, ..EntryHead::default() }, StreamId::Text("nine"), b"twelve");
    journal.submit_watermark().expect("a disk without faults takes it");
    let none = journal.complete(true).expect("a disk without faults takes it");
    assert!(none.is_none(), "nobody waits for a watermark");
    for _ in 0..2 {
        let long = vec![0; ENTRY_BYTES_MAX - 1024];
        append(journal, EntryHead::default(), StreamId::Uuid(1), &long);
    }
}

fn batches(disk: Arc<dyn Disk>) -> Vec<BatchPlace> {
    let recovery = Recovery::begin_read_only(disk).expect("it is sound");
    let mut reader = recovery.reader_at(None).expect("it is sound");
    let mut places = Vec::new();
    while let Some(batch) = reader.next().expect("it is sound") {
        places.push(BatchPlace {
            file: segment_name(batch.segment()),
            offset: batch.offset(),
            bytes: batch.stored().len(),
            cursor_after: batch.cursor_after(),
        });
    }
    places
}

/// Appends one event, durable.
pub(super) fn append(journal: &mut Journal, head: EntryHead, id: StreamId<'_>, payload: &[u8]) {
    let event = EventHead { kind: NameId(0), event_type: NameId(1), schema: 1, id, version: 1 };
    journal.begin_entry(&head).expect("there is room");
    journal.event(&event, |room| room.write_all(payload)).expect("it is short enough");
    journal.finish_entry();
    journal.submit().expect("a disk without faults takes it");
    let written = journal.complete(true).expect("a disk without faults takes it");
    assert!(written.is_some(), "it was submitted");
}

/// The smallest segments there are.
pub(super) fn options() -> Options {
    Options {
        names: vec!["account".into(), "paid in".into()],
        segment_bytes_first: SEGMENT_BYTES_MIN,
        segment_bytes_max: SEGMENT_BYTES_MIN,
        ..Options::default()
    }
}
