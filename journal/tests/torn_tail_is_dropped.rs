//! A batch that a crash tore is dropped with what follows it, and everything before it stays.

mod support;

use std::sync::Arc;

use hotledger_journal::{Error, MemoryDisk, Recovery};
use support::*;

#[test]
fn the_last_batch_torn_at_every_sector() {
    let disk = MemoryDisk::new();
    let (mut journal, ..) = open(&disk).unwrap();
    append(&mut journal, 3);
    add(&mut journal, &[7; 10_000]).unwrap();
    let last = commit(&mut journal).unwrap();
    drop(journal);
    assert_eq!(last.stored_bytes(), 3 * BLOCK);

    for sector in (0..last.stored_bytes()).step_by(512) {
        let torn = disk.copy();
        let lost = vec![0; (last.stored_bytes() - sector) as usize];
        overwrite(&torn, &segment(1), last.offset() + sector, &lost);
        let (journal, report, seen) = open(&torn).unwrap();
        assert_eq!(seen.len(), 3, "torn at {sector}");
        assert_eq!(report.torn_bytes, sector.next_multiple_of(BLOCK));
        assert_eq!(journal.next_position(), 3);
        drop(journal);
        assert_eq!(open(&torn).unwrap().1.torn_bytes, 0);
    }
    for sector in (0..last.stored_bytes()).step_by(512) {
        let torn = disk.copy();
        overwrite(&torn, &segment(1), last.offset() + sector, &[0; 512]);
        let written = &last.stored()[sector as usize..sector as usize + 512];
        let expected = if written.iter().all(|byte| *byte == 0) { 4 } else { 3 };
        assert_eq!(open(&torn).unwrap().2.len(), expected, "sector {sector} lost");
    }
}

#[test]
fn two_in_flight_and_the_first_torn() {
    let disk = MemoryDisk::new().with_writes_in_flight(2);
    let (mut journal, ..) = open(&disk).unwrap();
    append(&mut journal, 2);
    for payload in [b"torn", b"kept"] {
        add(&mut journal, payload).unwrap();
        journal.submit().unwrap();
    }
    while journal.complete(true).unwrap().is_some() {}
    drop(journal);
    let all = data_batches(&disk);
    assert_eq!(all[3].watermark(), all[2].sequence(), "built before the other was durable");
    tear(&disk, &all[2]);

    let (mut journal, report, seen) = open(&disk).unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(report.torn_bytes, 2 * BLOCK);
    append(&mut journal, 1);
    drop(journal);
    assert_eq!(read_all(&disk).unwrap().len(), 3);
}

#[test]
fn sound_batches_above_the_watermark_are_written_again() {
    let disk = traced::TracedDisk::new(crashed(3));
    let last = data_batches(&disk).pop().unwrap();
    let (_journal, report, seen) = open(&disk).unwrap();
    assert_eq!((seen.len(), report.rewritten_batches), (3, 1));
    let rewrites = disk.changes().into_iter().filter(|change| match change {
        traced::Change::Write { name, offset, bytes, .. } => {
            *name == last_name(&last) && *offset == last.offset() && bytes == last.stored()
        }
        _ => false,
    });
    assert_eq!(rewrites.count(), 1, "the last batch, the same bytes to the same place");
}

fn last_name(batch: &hotledger_journal::Batch) -> String {
    segment(batch.segment())
}

#[test]
fn reading_only_says_what_is_torn_and_changes_nothing() {
    let disk = crashed(3);
    let last = data_batches(&disk).pop().unwrap();
    tear(&disk, &last);
    let before = contents(&disk);
    let recovery = Recovery::begin_read_only(Arc::new(disk.clone())).unwrap();
    let mut reader = recovery.reader_at(None).unwrap();
    assert_eq!(drain(&mut reader).unwrap().len(), 2);
    assert_eq!(reader.torn_bytes(), BLOCK);
    assert!(reader.next().unwrap().is_none());
    assert_eq!(contents(&disk), before);
}

#[test]
fn what_changed_is_not_torn() {
    let last = data_batches(&crashed(3)).pop().unwrap();
    for (at, what) in [(20, "header"), (170, "body"), (3000, "padding"), (4090, "trailer")] {
        let disk = crashed(3);
        flip(&disk, &segment(1), last.offset() + at, 1);
        let before = contents(&disk);
        match open(&disk).map(drop) {
            Err(Error::Corrupt { offset, position, .. }) => {
                assert_eq!((offset, position), (last.offset(), 2), "{what}");
            }
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(contents(&disk), before);
    }
}

#[test]
fn a_copy_of_a_batch_where_the_next_should_be_is_refused() {
    let disk = crashed(3);
    let last = data_batches(&disk).pop().unwrap();
    overwrite(&disk, &segment(1), last.offset() + BLOCK, last.stored());
    // It is sound, but its header names another place.
    let Err(Error::Corrupt { what, .. }) = open(&disk).map(drop) else { panic!("it was taken") };
    assert!(what.contains("header"), "{what}");
}

#[test]
fn a_batch_of_another_journal_behind_the_end_proves_nothing() {
    let (disk, other) = (crashed(3), crashed(6));
    let leftover = data_batches(&other).pop().unwrap();
    overwrite(&disk, &segment(1), leftover.offset(), leftover.stored());
    let (_journal, report, seen) = open(&disk).unwrap();
    assert_eq!((seen.len(), report.torn_bytes), (3, 3 * BLOCK), "as if the file had been used");
}
