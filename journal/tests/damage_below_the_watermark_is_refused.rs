//! A damaged batch that a later one was built upon is reported with its place, never dropped.

mod support;

use std::sync::Arc;

use hotledger_journal::{Error, MemoryDisk, Recovery};
use support::*;

#[test]
fn every_batch_but_the_last() {
    let disk = crashed(5);
    let all = batches(&disk).unwrap();
    for (batch, lost) in all[..all.len() - 1].iter().flat_map(|it| [(it, false), (it, true)]) {
        let damaged = disk.copy();
        if lost {
            // By itself it looks like a torn write.
            tear(&damaged, batch);
        } else {
            flip(&damaged, &segment(1), batch.offset() + 161, 1);
        }
        let Err(Error::Corrupt { file, offset, position, .. }) = open(&damaged) else {
            panic!("batch {} was dropped in silence", batch.sequence());
        };
        assert_eq!((file, offset), (segment(1), batch.offset()));
        assert_eq!(position, batch.first_position());
    }
}

#[test]
fn a_lost_and_a_misplaced_batch() {
    let disk = crashed(5);
    let all = data_batches(&disk);
    let lost = disk.copy();
    overwrite(&lost, &segment(1), all[1].offset(), &[0; BLOCK as usize]);
    assert!(is_corrupt(&open(&lost)));
    let misplaced = disk.copy();
    overwrite(&misplaced, &segment(1), all[1].offset(), all[2].stored());
    assert!(is_corrupt(&open(&misplaced)));
}

#[test]
fn a_watermark_batch_protects_the_last_batch() {
    let disk = MemoryDisk::new();
    let (mut journal, ..) = open(&disk).unwrap();
    append(&mut journal, 2);
    assert!(journal.submit_watermark().unwrap());
    assert!(journal.complete(true).unwrap().is_none());
    assert!(!journal.submit_watermark().unwrap(), "said once, there is nothing more to say");
    drop(journal);
    let last = data_batches(&disk).pop().unwrap();
    flip(&disk, &segment(1), last.offset() + 161, 1);
    assert!(is_corrupt(&open(&disk)));
}

#[test]
fn a_clean_close_protects_the_last_batch() {
    let disk = MemoryDisk::new();
    let (mut journal, ..) = open(&disk).unwrap();
    append(&mut journal, 2);
    journal.close().unwrap();
    let last = data_batches(&disk).pop().unwrap();
    flip(&disk, &segment(1), last.offset() + 161, 1);
    assert!(is_corrupt(&open(&disk)));
}

#[test]
fn a_batch_of_the_same_epoch_that_breaks_the_chain() {
    // Two journals with the same salt part ways; the tail of one is put behind the other.
    let disk = crashed(2);
    let (one, other) = (disk.copy(), disk.copy());
    let (mut journal, ..) = open(&one).unwrap();
    append(&mut journal, 2);
    drop(journal);
    let (mut journal, ..) = open(&other).unwrap();
    add(&mut journal, b"parts ways").unwrap();
    commit(&mut journal).unwrap();
    append(&mut journal, 1);
    drop(journal);
    let graft = data_batches(&other).pop().unwrap();
    overwrite(&one, &segment(1), graft.offset(), graft.stored());
    let opened = open(&one);
    assert!(matches!(opened, Err(Error::Corrupt { what, .. }) if what.contains("chain")));
}

#[test]
fn a_cursor_is_only_taken_where_the_batch_before_it_is_the_same() {
    let disk = crashed(4);
    let all = data_batches(&disk);
    let cursor = all[2].cursor_after();
    let rest = |disk: &MemoryDisk| {
        let recovery = Recovery::begin(Arc::new(disk.clone()), options())?;
        let mut reader = recovery.reader_at(Some(cursor))?;
        drain(&mut reader)
    };
    assert_eq!(rest(&disk).unwrap().len(), 1);
    assert_eq!(rest(&disk).unwrap()[0].kind, "account", "the opening in force is loaded");
    flip(&disk, &segment(1), all[2].offset() + 161, 1);
    assert!(matches!(rest(&disk), Err(Error::NotInJournal { .. })));
    assert!(matches!(rest(&MemoryDisk::new()), Err(Error::NotInJournal { .. })));
    assert!(matches!(rest(&crashed(4)), Err(Error::NotInJournal { .. })), "another journal's");
}
