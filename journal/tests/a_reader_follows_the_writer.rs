//! A reader beside the writer sees every durable batch once, in order, and nothing above.

mod support;

use std::{sync::Arc, thread};

use hotledger_journal::{Error, FileDisk, MemoryDisk, Recovery};
use support::*;

#[test]
fn nothing_above_the_durable_position() {
    let disk = MemoryDisk::new().with_writes_in_flight(2);
    let (mut journal, ..) = open(&disk).unwrap();
    let reads = journal.reads();
    let mut reader = reads.reader_from(0).unwrap();
    assert!(drain(&mut reader).unwrap().is_empty());
    for _ in 0..2 {
        add(&mut journal, b"in flight").unwrap();
        journal.submit().unwrap();
    }
    assert!(drain(&mut reader).unwrap().is_empty(), "nothing is durable yet");
    // The disk completes the second first: it is held back until the first is durable.
    assert_eq!(journal.complete(true).unwrap().unwrap().batch.first_position(), 0);
    assert_eq!(journal.complete(true).unwrap().unwrap().batch.first_position(), 1);
    assert!(journal.complete(true).unwrap().is_none());
    assert_eq!(drain(&mut reader).unwrap().len(), 2);
    assert_eq!((reads.durable_position(), reader.cursor()), (2, reads.durable_cursor()));
    assert!(reader.next().unwrap().is_none());
}

#[test]
fn what_is_written_and_not_yet_answered_is_not_shown() {
    // This disk writes when a batch is handed in, and is asked only later how it went.
    let disk = traced::TracedDisk::new(MemoryDisk::new());
    let (mut journal, ..) = open(&disk).unwrap();
    append(&mut journal, 2);
    let mut reader = journal.reads().reader_from(0).unwrap();
    assert_eq!(drain(&mut reader).unwrap().len(), 2);
    add(&mut journal, b"written").unwrap();
    journal.submit().unwrap();
    assert!(drain(&mut reader).unwrap().is_empty(), "nobody knows yet whether it is durable");
    assert_eq!(drain(&mut journal.reads().reader_from(0).unwrap()).unwrap().len(), 2);
    assert_eq!(journal.complete(true).unwrap().unwrap().batch.end_position(), 3);
    assert_eq!(drain(&mut reader).unwrap().len(), 1);
}

#[test]
fn many_in_flight_complete_in_order() {
    for slots in 2..9 {
        let disk = MemoryDisk::new().with_writes_in_flight(slots);
        let (mut journal, ..) = open(&disk).unwrap();
        let mut next = 0;
        for round in 0..40 {
            add(&mut journal, &[1; 40_000]).unwrap();
            journal.submit().unwrap();
            while !journal.can_submit() || (round % 5 == 4 && journal.in_flight() > 0) {
                let Some(written) = journal.complete(true).unwrap() else { continue };
                assert_eq!(written.batch.first_position(), next);
                next = written.batch.end_position();
            }
        }
        while let Some(written) = journal.complete(true).unwrap() {
            assert_eq!(written.batch.first_position(), next);
            next = written.batch.end_position();
        }
        assert_eq!(next, 40);
        drop(journal);
        assert_eq!(read_all(&disk).unwrap().len(), 40);
    }
}

#[test]
fn on_another_thread_across_segments_on_real_files() {
    let home = tempfile::tempdir().unwrap();
    let disk = Arc::new(FileDisk::open(home.path().join("journal")).unwrap());
    let recovery = Recovery::begin(disk, options()).unwrap();
    let reader = recovery.reader_at(None).unwrap();
    let (mut journal, _) = recovery.finish(reader).unwrap();
    let reads = journal.reads();
    let follower = thread::spawn(move || {
        let mut reader = reads.reader_from(0).unwrap();
        let mut seen = Vec::new();
        while seen.len() < 300 {
            match reader.next().unwrap() {
                Some(batch) => see(&batch, &mut seen).unwrap(),
                None => thread::yield_now(),
            }
            assert!(seen.len() as u64 <= reads.durable_position());
        }
        seen
    });
    for at in 0..300_u32 {
        add(&mut journal, &at.to_le_bytes().repeat(2500)).unwrap();
        commit(&mut journal).unwrap();
    }
    let seen = follower.join().unwrap();
    assert!(journal.segment_count() > 2);
    for (at, event) in seen.iter().enumerate() {
        assert_eq!(event.position, at as u64);
        assert_eq!(event.payload[..4], (at as u32).to_le_bytes());
    }
}

#[test]
fn from_a_cursor_behind_the_footer_of_a_segment() {
    let disk = MemoryDisk::new();
    let (mut journal, ..) = open(&disk).unwrap();
    let mut cursors = vec![journal.reads().durable_cursor()];
    while journal.segment_count() < 3 {
        add(&mut journal, &[8; 200 << 10]).unwrap();
        cursors.push(commit(&mut journal).unwrap().cursor_after());
    }
    let reads = journal.reads();
    for (at, cursor) in cursors.iter().enumerate() {
        let seen = drain(&mut reads.reader_at(*cursor).unwrap()).unwrap();
        assert_eq!(seen.len(), cursors.len() - 1 - at);
    }
    let mut beyond = reads.durable_cursor();
    beyond.sequence += 1;
    assert!(matches!(reads.reader_at(beyond), Err(Error::NotInJournal { .. })));
    let mut elsewhere = reads.durable_cursor();
    elsewhere.chain.0[0] ^= 1;
    assert!(matches!(reads.reader_at(elsewhere), Err(Error::NotInJournal { .. })));
}

#[test]
fn damage_below_the_durable_position_is_an_error_and_never_the_end() {
    let disk = MemoryDisk::new();
    let (mut journal, ..) = open(&disk).unwrap();
    append(&mut journal, 1);
    add(&mut journal, b"rots").unwrap();
    let last = commit(&mut journal).unwrap();
    flip(&disk, &segment(1), last.offset() + 161, 1);
    let mut reader = journal.reads().reader_from(0).unwrap();
    assert!(is_corrupt(&drain(&mut reader)));
    flip(&disk, &segment(1), last.offset() + 161, 1);
}

#[test]
fn a_forgetful_disk_takes_everything_and_gives_nothing_back() {
    let disk = MemoryDisk::forgetful();
    let (mut journal, ..) = open(&disk).unwrap();
    for _ in 0..40 {
        add(&mut journal, &[8; 200 << 10]).unwrap();
        let batch = commit(&mut journal).unwrap();
        let payloads = batch.entries().map(|entry| {
            let entry = entry.unwrap();
            entry.events().next().unwrap().unwrap().payload == [8; 200 << 10]
        });
        assert_eq!(payloads.collect::<Vec<_>>(), [true], "who follows the writer reads it all");
    }
    assert!(journal.segment_count() > 5);
    assert!(matches!(journal.reads().reader_from(0), Err(Error::Io { .. })));
}
