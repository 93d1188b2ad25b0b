//! A full segment is sealed and the next one goes on, with nothing lost between them.

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use hotledger_journal::{
    Access, BatchKind, Disk, Error, MemoryDisk, Options, Recovery, verify::verify,
};
use support::*;

/// Events of 200 KiB: a segment of 1 MiB takes few.
fn large(disk: &MemoryDisk, events: u64) {
    let (mut journal, ..) = open(disk).unwrap();
    for _ in 0..events {
        let expected = journal.next_sequence();
        add(&mut journal, &[8; 200 << 10]).unwrap();
        assert_eq!(journal.next_sequence(), expected, "a roll is foretold");
        assert_eq!(commit(&mut journal).unwrap().sequence(), expected);
    }
}

fn three_segments() -> MemoryDisk {
    let disk = MemoryDisk::new();
    large(&disk, 9);
    assert!(disk.list().unwrap().contains(&segment(3)));
    disk
}

#[test]
fn all_events_in_order_and_every_sealed_segment_has_its_footer() {
    let disk = three_segments();
    let seen = read_all(&disk).unwrap();
    assert_eq!(seen.iter().map(|e| e.position).collect::<Vec<_>>(), (0..9).collect::<Vec<_>>());
    let all = batches(&disk).unwrap();
    let sequences: Vec<_> = all.iter().map(|batch| batch.sequence()).collect();
    assert_eq!(sequences, (0..all.len() as u64).collect::<Vec<_>>());
    for pair in all.windows(2).filter(|pair| pair[0].segment() != pair[1].segment()) {
        assert_eq!(pair[0].kind(), BatchKind::Footer);
        assert_eq!((pair[1].kind(), pair[1].offset()), (BatchKind::Opening, BLOCK));
    }
    let mut findings = Vec::new();
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let summary = verify(&disk, &mut |finding| findings.push(finding)).unwrap();
    assert_eq!(findings, []);
    assert_eq!((summary.segments, summary.entries, summary.events), (3, 9, 9));
    assert_eq!((summary.last_position, summary.torn_bytes), (Some(8), 0));
    assert_eq!(summary.chain, all.last().unwrap().chain());
}

#[test]
fn sizes_double_up_to_the_limit() {
    let disk = MemoryDisk::new();
    let options = Options { segment_bytes_max: 4 << 20, ..options() };
    let (mut journal, ..) = open_with(&disk, options).unwrap();
    while journal.segment_count() < 5 {
        add(&mut journal, &[1; 250 << 10]).unwrap();
        commit(&mut journal).unwrap();
    }
    let sizes: Vec<_> = (1..=5).map(|n| file(&disk, &segment(n)).len() >> 20).collect();
    assert_eq!(sizes, [1, 2, 4, 4, 4]);
}

#[test]
fn a_reader_can_start_in_any_segment_and_at_any_cursor() {
    let disk = three_segments();
    let recovery = Recovery::begin_read_only(Arc::new(disk.clone())).unwrap();
    for position in 0..12 {
        let mut reader = recovery.reader_from(position).unwrap();
        let first = reader.next().unwrap().unwrap();
        assert!(first.first_position() <= position && first.offset() == BLOCK);
        let seen = drain(&mut reader).unwrap();
        assert_eq!(seen.last().unwrap().position, 8);
    }
    for batch in batches(&disk).unwrap() {
        let mut reader = recovery.reader_at(Some(batch.cursor_after())).unwrap();
        assert_eq!(reader.cursor(), batch.cursor_after());
        assert_eq!(drain(&mut reader).unwrap().len() as u64, 9 - batch.end_position());
    }
}

#[test]
fn missing_extra_and_foreign_segments_are_refused() {
    let sound = three_segments();
    for missing in 1..=2 {
        let disk = sound.copy();
        disk.remove(&segment(missing)).unwrap();
        assert!(is_corrupt(&open(&disk)), "segment {missing} is missing");
    }
    let last = sound.copy();
    last.remove(&segment(3)).unwrap();
    assert!(is_corrupt(&open(&last)), "the last segment with data is missing");

    let foreign = sound.copy();
    foreign.remove(&segment(3)).unwrap();
    let other = three_segments();
    let file_of = file(&other, &segment(3));
    let file = foreign.create(&segment(3), Access::Write).unwrap();
    file.write_all_at(0, &file_of).unwrap();
    assert!(is_corrupt(&open(&foreign)));

    let renamed = sound.copy();
    renamed.rename(&segment(3), &segment(4)).unwrap();
    assert!(is_corrupt(&open(&renamed)));
}

#[test]
fn damage_in_a_sealed_segment_is_refused_to_its_last_batch() {
    let sound = three_segments();
    for batch in batches(&sound).unwrap().iter().filter(|batch| batch.segment() < 3) {
        let disk = sound.copy();
        flip(&disk, &segment(batch.segment()), batch.offset() + 100, 1);
        let Err(Error::Corrupt { file, offset, .. }) = open(&disk) else {
            panic!("batch {} was dropped in silence", batch.sequence())
        };
        assert_eq!((file, offset), (segment(batch.segment()), batch.offset()));
    }
}

#[test]
fn a_cursor_hides_no_damage_in_a_footer_before_it() {
    let sound = three_segments();
    let all = batches(&sound).unwrap();
    let cursor = all.last().unwrap().cursor_after();
    let mut footers = 0;
    for footer in all.iter().filter(|batch| batch.kind() == BatchKind::Footer) {
        let disk = sound.copy();
        flip(&disk, &segment(footer.segment()), footer.offset() + 100, 1);
        let recovery = Recovery::begin(Arc::new(disk), options());
        let begun = recovery.and_then(|recovery| recovery.reader_at(Some(cursor)).map(drop));
        let Err(Error::Corrupt { file, offset, .. }) = begun else {
            panic!("the footer of segment {} was not looked at", footer.segment())
        };
        assert_eq!((file, offset), (segment(footer.segment()), footer.offset()));
        footers += 1;
    }
    assert_eq!(footers, 2);
}

fn count_in(counter: &Arc<AtomicU64>) -> Box<dyn Fn() + Send> {
    let counter = counter.clone();
    Box::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    })
}

#[test]
fn a_prepared_segment_is_used_whether_whole_or_half_made() {
    for kept in [1 << 20, 8192, 100, 0] {
        let disk = crashed(2);
        let (mut journal, ..) = open(&disk).unwrap();
        let wakes = Arc::new(AtomicU64::new(0));
        let mut preparer = journal.preparer(count_in(&wakes));
        assert!(preparer.step().unwrap(), "it makes the spare");
        assert!(!preparer.step().unwrap(), "and only one");
        drop(journal);
        truncate(&disk, &segment(2), kept);
        large(&disk, 4);
        assert_eq!(read_all(&disk).unwrap().len(), 6);
        assert_eq!(wakes.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn taking_the_spare_wakes_the_preparer() {
    let disk = MemoryDisk::new();
    let (mut journal, ..) = open(&disk).unwrap();
    let wakes = Arc::new(AtomicU64::new(0));
    let mut preparer = journal.preparer(count_in(&wakes));
    let mut made = u64::from(preparer.step().unwrap());
    while journal.segment_count() < 4 {
        add(&mut journal, &[8; 200 << 10]).unwrap();
        commit(&mut journal).unwrap();
        made += u64::from(preparer.step().unwrap());
    }
    assert_eq!((wakes.load(Ordering::Relaxed), made), (3, 4));
}

#[test]
fn a_rotten_bit_in_a_spare_is_harmless_and_a_lost_header_is_not() {
    let disk = crashed(2);
    let (mut journal, ..) = open(&disk).unwrap();
    journal.preparer(Box::new(|| {})).step().unwrap();
    drop(journal);
    flip(&disk, &segment(2), 70_000, 1);
    flip(&disk, &segment(2), 3, 1);
    large(&disk, 5);
    assert_eq!(read_all(&disk).unwrap().len(), 7);
    assert!(disk.list().unwrap().contains(&segment(2)));
    overwrite(&disk, &segment(2), 0, &[0; BLOCK as usize]);
    assert!(is_corrupt(&open(&disk)), "batches follow the lost header");
}

#[test]
fn reopening_for_ever_never_runs_out_of_room_for_the_fence() {
    let disk = MemoryDisk::new();
    let mut expected = 0;
    while !disk.list().unwrap().contains(&segment(3)) {
        let (mut journal, report, seen) = open(&disk).unwrap();
        assert_eq!((seen.len() as u64, report.next_position), (expected, expected));
        add(&mut journal, b"one").unwrap();
        if expected % 3 == 0 {
            commit(&mut journal).unwrap();
            journal.close().unwrap();
            expected += 1;
        }
    }
    assert_eq!(read_all(&disk).unwrap().len() as u64, expected);
}
