//! What one recovery dropped no later recovery brings back.

mod support;

use hotledger_journal::{BatchKind, Error, MemoryDisk};
use support::*;

/// Two batches in flight, of which the first was torn: the second is sound and must go.
fn torn_in_the_middle() -> (MemoryDisk, u64, Vec<u8>) {
    let disk = MemoryDisk::new().with_writes_in_flight(2);
    let (mut journal, ..) = open(&disk).unwrap();
    append(&mut journal, 2);
    for payload in [b"torn", b"gone"] {
        add(&mut journal, payload).unwrap();
        journal.submit().unwrap();
    }
    while journal.complete(true).unwrap().is_some() {}
    drop(journal);
    let all = data_batches(&disk);
    tear(&disk, &all[2]);
    (disk, all[3].offset(), all[3].stored().to_vec())
}

#[test]
fn wiped_and_fenced() {
    let (disk, dropped_at, dropped) = torn_in_the_middle();
    let (journal, ..) = open(&disk).unwrap();
    drop(journal);
    let bytes = file(&disk, &segment(1));
    assert!(bytes[dropped_at as usize..].iter().all(|byte| *byte == 0), "wiped");

    // Even a disk that undoes the wiping cannot bring it back: the fence stands before it.
    overwrite(&disk, &segment(1), dropped_at, &dropped);
    let (mut journal, report, seen) = open(&disk).unwrap();
    assert_eq!((seen.len(), report.torn_bytes, report.epoch), (2, BLOCK, 3));
    append(&mut journal, 1);
    drop(journal);
    let seen = read_all(&disk).unwrap();
    assert_eq!(seen.last().unwrap().payload, b"2");
    assert!(seen.iter().all(|event| event.payload != b"gone"));
}

#[test]
fn a_fence_is_an_opening_of_a_new_epoch() {
    let (disk, ..) = torn_in_the_middle();
    drop(open(&disk).unwrap());
    let fence = batches(&disk).unwrap().pop().unwrap();
    assert_eq!((fence.kind(), fence.epoch()), (BatchKind::Opening, 2));
    assert_eq!(fence.watermark(), fence.sequence());
}

#[test]
fn a_dropped_batch_where_the_journal_now_ends_is_refused() {
    let (disk, _, dropped) = torn_in_the_middle();
    let (mut journal, ..) = open(&disk).unwrap();
    append(&mut journal, 3);
    drop(journal);
    // Only a write that went astray can put it there.
    let end = batches(&disk).unwrap().pop().unwrap().cursor_after().offset;
    overwrite(&disk, &segment(1), end, &dropped);
    assert!(matches!(open(&disk).map(drop), Err(Error::Corrupt { offset, .. }) if offset == end));
}
