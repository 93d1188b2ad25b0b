//! Zeros are written ahead of small batches; for large ones room is only set aside. What is
//! answered and what is read is the same.

mod support;

use std::sync::Arc;

use hotledger_journal::{Disk, Durability, Fill, Journal, MemoryDisk, Options, verify::verify};
use support::{
    traced::{Change, TracedDisk},
    *,
};

const ALL: u64 = 2 << 20;

fn filling(fill: Fill) -> Options {
    Options { fill, segment_bytes_first: ALL, segment_bytes_max: ALL, ..options() }
}

/// Appends batches of so many events of 200 KiB until so many segments are begun.
fn append_until(journal: &mut Journal, segments: u64, events: u64) {
    while journal.segment_count() < segments {
        for _ in 0..events {
            add(journal, &[8; 200 << 10]).unwrap();
        }
        commit(journal).unwrap();
    }
}

/// Bytes of zeros that each segment was made of.
fn zeros(disk: &TracedDisk) -> Vec<u64> {
    let is_segment = |name: &String| name.starts_with("segment-");
    let mut zeros = vec![0; disk.list().unwrap().iter().filter(|name| is_segment(name)).count()];
    for change in disk.changes() {
        let Change::Write { name, bytes, .. } = change else { continue };
        // Setting room aside is traced as the write of one byte.
        if bytes.len() > 1 && bytes.iter().all(|byte| *byte == 0) {
            zeros[name[8..18].parse::<usize>().unwrap() - 1] += bytes.len() as u64;
        }
    }
    zeros
}

/// Every event is there, in order, and nothing is wrong with any byte.
fn assert_sound(disk: &TracedDisk, events: u64) {
    let positions: Vec<_> = read_all(disk).unwrap().iter().map(|event| event.position).collect();
    assert_eq!(positions, (0..events).collect::<Vec<_>>());
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut findings = Vec::new();
    verify(&disk, &mut |finding| findings.push(finding)).unwrap();
    assert_eq!(findings, []);
}

#[test]
fn large_batches_go_where_nothing_was_written_and_small_ones_into_zeros() {
    let disk = TracedDisk::new(MemoryDisk::new());
    let (mut journal, ..) = open_with(&disk, filling(Fill::ForSmallBatches)).unwrap();
    append_until(&mut journal, 4, 3);
    append_until(&mut journal, 7, 1);
    let events = journal.next_position();
    journal.close().unwrap();
    assert_eq!(zeros(&disk), [ALL, ALL, 0, 0, 0, ALL, ALL], "two segments later it shows");
    assert_sound(&disk, events);
}

#[test]
fn always_and_never_are_that() {
    for (fill, expected) in [(Fill::Always, [ALL; 3]), (Fill::Never, [0; 3])] {
        for events in [1, 3] {
            let disk = TracedDisk::new(MemoryDisk::new());
            let (mut journal, ..) = open_with(&disk, filling(fill)).unwrap();
            append_until(&mut journal, 3, events);
            assert_eq!(zeros(&disk), expected, "{fill:?}");
            let events = journal.next_position();
            drop(journal);
            assert_sound(&disk, events);
        }
    }
}

#[test]
fn what_is_not_synced_is_not_filled_for() {
    let disk = TracedDisk::new(MemoryDisk::new());
    let options = Options { durability: Durability::Buffered, ..filling(Fill::default()) };
    let (mut journal, ..) = open_with(&disk, options).unwrap();
    append_until(&mut journal, 2, 1);
    assert_eq!(zeros(&disk), [0; 2]);
}

#[test]
fn where_no_room_can_be_set_aside_every_segment_is_filled() {
    let disk = || TracedDisk::new(MemoryDisk::new());
    for disk in [disk().without_reserving(), disk().lying_about_reserving()] {
        let (mut journal, ..) = open_with(&disk, filling(Fill::Never)).unwrap();
        append_until(&mut journal, 3, 3);
        assert_eq!(zeros(&disk), [ALL; 3]);
    }
}

#[test]
fn a_restart_goes_by_the_segment_it_finds() {
    for (events, expected) in [(1, ALL), (3, 0)] {
        let disk = TracedDisk::new(MemoryDisk::new());
        let (mut journal, ..) = open_with(&disk, filling(Fill::Always)).unwrap();
        append_until(&mut journal, 2, events);
        drop(journal);
        let (mut journal, ..) = open_with(&disk, filling(Fill::default())).unwrap();
        append_until(&mut journal, 3, events);
        assert_eq!(zeros(&disk), [ALL, ALL, expected], "batches of {events} events");
    }
}
