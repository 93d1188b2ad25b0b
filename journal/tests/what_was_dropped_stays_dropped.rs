//! What one recovery dropped no later recovery brings back.

mod support;

use hotledger_journal::{BatchKind, MemoryDisk};
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
    flip(&disk, &segment(1), all[2].offset() + 200, 1);
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
fn the_torn_batch_made_whole_again_does_not_come_back() {
    let (disk, dropped_at, _) = torn_in_the_middle();
    let torn_at = dropped_at - BLOCK;
    let mut torn = file(&disk, &segment(1))[torn_at as usize..dropped_at as usize].to_vec();
    torn[200] ^= 1;
    let (mut journal, ..) = open(&disk).unwrap();
    append(&mut journal, 3);
    drop(journal);
    // It was overwritten by the fence; put where the journal now ends, it is from elsewhere.
    let end = batches(&disk).unwrap().pop().unwrap().cursor_after().offset;
    overwrite(&disk, &segment(1), end, &torn);
    let (_, report, seen) = open(&disk).unwrap();
    assert_eq!((seen.len(), report.torn_bytes), (5, BLOCK));
}
