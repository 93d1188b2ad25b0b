//! On a full disk the journal can be opened and closed for ever, at no cost in room, and takes
//! entries again as soon as there is room.

#[path = "support/scarce.rs"]
mod scarce;
mod support;

use std::sync::Arc;

use hotledger_journal::{BatchKind, Disk, Error, Journal, MemoryDisk, Options, verify::verify};
use rustix::io::Errno;
use scarce::ScarceDisk;
use support::*;

const BLOCKS: u64 = (1 << 20) / BLOCK;
/// The longest payload of an entry with one event: its batch takes 65 blocks.
const LONGEST: usize = (256 << 10) - 44;

fn full() -> ScarceDisk {
    let disk = ScarceDisk::new(MemoryDisk::new());
    open(&disk).unwrap().0.close().unwrap();
    disk.refuse_to_create(Errno::NOSPC);
    disk
}

fn fill(journal: &mut Journal, payload: usize) -> u64 {
    let mut added = 0;
    while !is_full(&add(journal, &vec![7; payload])) {
        commit(journal).unwrap();
        added += 1;
    }
    added
}

fn is_full(result: &Result<u64, Error>) -> bool {
    match result {
        Ok(_) => false,
        Err(Error::Full { .. }) => true,
        Err(other) => panic!("{other}"),
    }
}

fn assert_sound(disk: &ScarceDisk) {
    let mut findings = Vec::new();
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let summary = verify(&disk, &mut |finding| findings.push(finding)).unwrap();
    assert_eq!((findings, summary.torn_bytes), (vec![], 0));
}

#[test]
fn a_thousand_openings_cost_what_is_left_in_the_segment_and_then_nothing() {
    let disk = full();
    let (mut journal, ..) = open(&disk).unwrap();
    let events = fill(&mut journal, 30_000);
    journal.close().unwrap();
    let mut written = 0;
    for round in 0..1_000 {
        let before = contents(&disk);
        let (mut journal, report, seen) = open(&disk).unwrap();
        assert_eq!((seen.len() as u64, report.next_position), (events, events));
        assert!(is_full(&add(&mut journal, b"refused")), "in round {round}");
        assert!(!journal.submit_watermark().unwrap(), "there is nothing it could say");
        let awaits_room = journal.awaits_room();
        // Every other one crashes.
        if round % 2 == 0 {
            journal.close().unwrap();
        }
        let changed = contents(&disk) != before;
        assert_eq!(changed, !awaits_room, "without room for its first batch it writes nothing");
        assert!(!changed || written == round, "once there is no room, there is none");
        written += u64::from(changed);
    }
    assert!((10..BLOCKS / 2).contains(&written), "it used what was left: {written} openings");
    assert_sound(&disk);

    let (mut journal, report, _) = open(&disk).unwrap();
    disk.has_everything();
    let foretold = journal.next_sequence();
    assert_eq!(add(&mut journal, b"there is room again").unwrap(), events + 1);
    assert_eq!(commit(&mut journal).unwrap().sequence(), foretold);
    assert_eq!((journal.epoch(), journal.awaits_room()), (report.epoch + 1, false));
    journal.close().unwrap();
    assert_eq!(read_all(&disk).unwrap().len() as u64, events + 1);
    assert_sound(&disk);
}

/// A segment filled to the last byte that entries may have, and its journal.
fn brimful(disk: &ScarceDisk) -> (Journal, u64) {
    let (mut journal, ..) = open(disk).unwrap();
    // The header, two openings and a close before; a batch of 65 blocks and the seal of two behind.
    let small = BLOCKS - 4 - 65 - 2;
    append(&mut journal, small);
    add(&mut journal, &[7; LONGEST]).unwrap();
    commit(&mut journal).unwrap();
    assert_eq!(journal.reads().durable_cursor().offset, (BLOCKS - 2) * BLOCK, "to the brim");
    assert!(is_full(&add(&mut journal, b"refused")));
    (journal, small + 1)
}

#[test]
fn behind_the_last_entry_there_is_room_to_say_that_it_is_durable() {
    for says in [BatchKind::Watermark, BatchKind::Close] {
        let disk = full();
        let (mut journal, events) = brimful(&disk);
        if says == BatchKind::Watermark {
            assert!(journal.submit_watermark().unwrap());
            assert!(journal.complete(true).unwrap().is_none(), "it holds no entry");
        }
        journal.close().unwrap();
        let all = batches(&disk).unwrap();
        let last = all.last().unwrap();
        assert_eq!((last.kind(), last.watermark()), (says, last.sequence()));
        let (journal, _, seen) = open(&disk).unwrap();
        assert_eq!((seen.len() as u64, journal.awaits_room()), (events, true));
        journal.close().unwrap();
        assert_sound(&disk);
    }
}

#[test]
fn a_crash_at_the_brim_leaves_room_for_one_opening() {
    let disk = full();
    let (journal, events) = brimful(&disk);
    drop(journal);
    for awaits_room in [false, true] {
        let (journal, _, seen) = open(&disk).unwrap();
        assert_eq!((seen.len() as u64, journal.awaits_room()), (events, awaits_room));
    }
    assert_sound(&disk);
}

#[test]
fn what_was_dropped_without_room_for_a_fence_does_not_come_back() {
    let disk = full();
    let (journal, events) = brimful(&disk);
    journal.close().unwrap();
    // A write that was under way when the process was killed: its second half is there.
    overwrite(&disk, &segment(1), (BLOCKS - 1) * BLOCK + 2048, &[0xab; 2048]);
    let (_, report, seen) = open(&disk).unwrap();
    assert_eq!((seen.len() as u64, report.torn_bytes), (events, BLOCK));
    let (mut journal, report, seen) = open(&disk).unwrap();
    assert_eq!((seen.len() as u64, report.torn_bytes), (events, 0));
    disk.has_everything();
    append(&mut journal, 1);
    drop(journal);
    assert_eq!(read_all(&disk).unwrap().len() as u64, events + 1);
    assert_sound(&disk);
}

/// A crash between a footer and the header of the next segment, whose file has a rotten byte, and
/// other options than before: the file is the only room there is.
#[test]
fn a_sealed_segment_goes_on_in_the_file_prepared_for_it() {
    for (rot, segment_bytes_max) in [(0, 1 << 20), (0, 2 << 20), (9, 1 << 20), (9, 2 << 20)] {
        let disk = ScarceDisk::new(MemoryDisk::new());
        let (mut journal, ..) = open(&disk).unwrap();
        while journal.segment_count() < 2 {
            append(&mut journal, 1);
        }
        drop(journal);
        overwrite(&disk, &segment(2), 0, &[0; 4 * BLOCK as usize]);
        overwrite(&disk, &segment(2), 5 * BLOCK + 7, &[rot]);
        let events = read_all(&disk).unwrap().len();
        disk.refuse_to_create(Errno::NOSPC);
        let options = Options { segment_bytes_max, ..options() };
        let (mut journal, ..) = open_with(&disk, options).unwrap();
        assert_eq!((journal.segment_count(), journal.awaits_room()), (2, false));
        append(&mut journal, 1);
        journal.close().unwrap();
        assert_eq!(read_all(&disk).unwrap().len(), events + 1);
        assert_sound(&disk);
    }
}

#[test]
fn a_name_table_that_leaves_no_room_for_entries_is_no_obstacle() {
    let disk = MemoryDisk::new();
    let names = (0..4_096).map(|number| format!("{number:0100}")).collect();
    let options = Options { names, ..options() };
    for opening in 0..8 {
        let (mut journal, _, seen) = open_with(&disk, options.clone()).unwrap();
        assert_eq!(seen.len(), opening);
        let foretold = journal.next_sequence();
        add(&mut journal, b"one").unwrap();
        assert_eq!(commit(&mut journal).unwrap().sequence(), foretold);
        if opening % 2 == 0 {
            journal.close().unwrap();
        }
    }
}
