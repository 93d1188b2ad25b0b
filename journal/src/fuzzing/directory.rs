//! Any directory: a sound journal, edited as the input says, must be recovered or refused.

use std::sync::Arc;

use super::{
    disk::{Files, SparseDisk},
    edits::{Edits, rechain},
    sound::{append, options, sound},
};
use crate::{
    cursor::Cursor,
    disk::Disk,
    error::Error,
    head::{EntryHead, StreamId},
    read::{Batch, Reader},
    recover::Recovery,
    verify::verify,
};

/// An input asks for no more edits than this: more of them only hide each other.
const EDITS_MAX: usize = 12;

/// The lowest bit of an input's first byte; the others choose where a reader starts.
const RECHAIN: u8 = 1;

pub(super) fn recover_anything(input: &[u8]) {
    let Some((&mend, edits)) = input.split_first() else { return };
    let sound = sound();
    let mut files = sound.files.clone();
    let start = usize::from(mend / 2).checked_sub(1);
    let start = start.map(|at| sound.batches[at % sound.batches.len()].cursor_after);
    let mut edits = Edits { left: edits, start };
    for _ in 0..EDITS_MAX {
        if edits.left.is_empty() {
            break;
        }
        edits.next(&mut files, &sound.batches);
    }
    if mend & RECHAIN != 0 {
        rechain(&mut files);
    }
    ask(&files, edits.start);
}

/// Everything that opens a directory answers, and changes nothing unless it succeeds.
fn ask(files: &Files, start: Option<Cursor>) {
    let disk = SparseDisk::of(files);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut findings = 0;
    let summary = verify(&shared, &mut |_| findings += 1);
    let summary = summary.expect("a disk without faults is read to its end");
    assert_eq!(summary.findings, findings, "every finding is told");
    let looked = look(&shared, start);
    assert!(disk.files() == *files, "looking changes no byte");
    match reopen(&shared) {
        Ok(opened) => {
            let looked = looked.expect("what can be opened can be read");
            assert!(start.is_some() || looked == opened, "recovery and reading see the same");
            if findings == 0 {
                assert_eq!(opened.events, summary.events, "verification sees the same events");
                assert_eq!(opened.entries, summary.entries, "verification sees the same entries");
            }
            let again = look(&shared, None).expect("what was opened and closed can be read");
            assert_eq!(again.events, opened.events + 1, "what was read is there, and one more");
        }
        Err(refused) => {
            let spent = refused.to_string().contains("epoch is the last");
            assert!(findings > 0 || spent, "verification finds what recovery refuses: {refused}");
            assert!(disk.files() == *files, "a refusal changes no byte");
        }
    }
}

/// Reads from a cursor, where it is one of this journal's, or from the beginning.
fn look(disk: &Arc<dyn Disk>, start: Option<Cursor>) -> Result<Read, Error> {
    let recovery = Recovery::begin_read_only(disk.clone())?;
    let reader = match recovery.reader_at(start) {
        Err(Error::NotInJournal { .. }) => recovery.reader_from(u64::MAX),
        other => other,
    };
    drain(&mut reader?)
}

/// What a reader came by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Read {
    entries: u64,
    events: u64,
    position: u64,
}

fn drain(reader: &mut Reader) -> Result<Read, Error> {
    let mut read = Read::default();
    while let Some(batch) = reader.next()? {
        count(&batch, &mut read)?;
        read.position = batch.end_position();
    }
    Ok(read)
}

fn count(batch: &Batch, read: &mut Read) -> Result<(), Error> {
    super::records::contents(batch);
    for entry in batch.entries() {
        for event in entry?.events() {
            event?;
            read.events += 1;
        }
        read.entries += 1;
    }
    Ok(())
}

/// Recovers, appends one event, and closes.
fn reopen(disk: &Arc<dyn Disk>) -> Result<Read, Error> {
    let recovery = Recovery::begin(disk.clone(), options())?;
    let mut reader = recovery.reader_at(None)?;
    let read = drain(&mut reader)?;
    let before = recovery.segment_count();
    let (mut journal, report) = recovery.finish(reader)?;
    assert_eq!(report.next_position, read.position, "it goes on where it ended");
    assert!(report.segments >= before, "no segment is given up");
    append(&mut journal, EntryHead::default(), StreamId::U64(1), b"again");
    journal.close().expect("a disk without faults takes it");
    Ok(read)
}
