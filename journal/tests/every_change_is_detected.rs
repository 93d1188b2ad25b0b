//! Any changed byte, lost block or cut file is detected, or nothing that was written is missing.

mod support;

use std::{panic::AssertUnwindSafe, sync::Arc};

use hotledger_journal::{Disk, Error, MemoryDisk, verify::verify};
use support::*;

/// Three segments, two openings, every entry shape, a watermark and a close.
fn journal() -> (MemoryDisk, Vec<Seen>) {
    let disk = MemoryDisk::new();
    let (mut journal, ..) = open(&disk).unwrap();
    add_every_shape(&mut journal).unwrap();
    commit(&mut journal).unwrap();
    for _ in 0..4 {
        add(&mut journal, &[5; 240 << 10]).unwrap();
        commit(&mut journal).unwrap();
    }
    drop(journal);
    let (mut journal, ..) = open(&disk).unwrap();
    add_every_shape(&mut journal).unwrap();
    commit(&mut journal).unwrap();
    for _ in 0..4 {
        add(&mut journal, &[5; 240 << 10]).unwrap();
        commit(&mut journal).unwrap();
    }
    append(&mut journal, 3);
    assert!(journal.submit_watermark().unwrap());
    journal.complete(true).unwrap();
    append(&mut journal, 1);
    journal.close().unwrap();
    let seen = read_all(&disk).unwrap();
    assert!(disk.list().unwrap().contains(&segment(3)));
    (disk, seen)
}

/// Whether recovery noticed; it must not panic, nor give out anything else than was written.
fn noticed(disk: &MemoryDisk, expected: &[Seen], what: &str) -> bool {
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| read_all(disk)));
    match read.unwrap_or_else(|_| panic!("{what}: panicked")) {
        Ok(seen) => {
            assert!(seen == expected, "{what}: {} events, silently", seen.len());
            false
        }
        Err(Error::Corrupt { .. } | Error::UnknownFormat { .. }) => true,
        Err(other) => panic!("{what}: {other}"),
    }
}

fn findings(disk: &MemoryDisk, what: &str) -> u64 {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let verified = std::panic::catch_unwind(AssertUnwindSafe(|| verify(&disk, &mut drop)));
    verified.unwrap_or_else(|_| panic!("{what}: verify panicked")).unwrap().findings
}

#[test]
fn every_byte_of_every_header_and_small_batch_and_samples_of_the_rest() {
    let (disk, seen) = journal();
    let mut flips = 0;
    for number in 1..=3 {
        let name = segment(number);
        let mut places: Vec<u64> = (0..200).chain((200..BLOCK).step_by(37)).collect();
        for batch in batches(&disk).unwrap().iter().filter(|batch| batch.segment() == number) {
            let (start, end) = (batch.offset(), batch.offset() + batch.stored_bytes());
            places.extend((start..start + 400).chain((start + 400..end - 20).step_by(1021)));
            places.extend(end - 20..end);
        }
        for place in places {
            let mask = 1 << (place % 8);
            flip(&disk, &name, place, mask);
            let what = format!("{name} byte {place} mask {mask}");
            assert!(noticed(&disk, &seen, &what), "{what}");
            if flips % 16 == 0 {
                assert!(findings(&disk, &what) > 0, "{what}: verify missed it");
            }
            flip(&disk, &name, place, mask);
            flips += 1;
        }
    }
    assert!(flips > 5_000, "{flips}");
    assert!(!noticed(&disk, &seen, "unchanged"));
    assert_eq!(findings(&disk, "unchanged"), 0);
}

#[test]
fn every_block_zeroed_or_swapped_with_the_next() {
    let (disk, seen) = journal();
    let last = batches(&disk).unwrap().pop().unwrap();
    for number in 1..=3 {
        let name = segment(number);
        let bytes = file(&disk, &name);
        let blocks: Vec<_> = bytes.chunks(BLOCK as usize).collect();
        for (at, block) in blocks.iter().enumerate() {
            let place = at as u64 * BLOCK;
            let harmless = number == 3 && place >= last.offset();
            if block.iter().any(|byte| *byte != 0) {
                overwrite(&disk, &name, place, &[0; BLOCK as usize]);
                let what = format!("{name} block {at} zeroed");
                assert_eq!(noticed(&disk, &seen, &what), !harmless, "{what}");
                overwrite(&disk, &name, place, block);
            }
            let Some(next) = blocks.get(at + 1).filter(|next| *next != block) else { continue };
            overwrite(&disk, &name, place, &[*next, *block].concat());
            let what = format!("{name} blocks {at} and next swapped");
            assert_eq!(noticed(&disk, &seen, &what), !harmless, "{what}");
            overwrite(&disk, &name, place, &[*block, *next].concat());
        }
    }
}

#[test]
fn every_truncation() {
    let (disk, seen) = journal();
    for number in 1..=3 {
        let name = segment(number);
        let length = file(&disk, &name).len();
        for cut in (0..length).step_by(4096 * 3).chain([1, 100, 4095, length - 1]) {
            let cut_short = disk.copy();
            truncate(&cut_short, &name, cut);
            let what = format!("{name} cut to {cut}");
            assert!(noticed(&cut_short, &seen, &what), "{what}");
            assert!(findings(&cut_short, &what) > 0, "{what}: verify missed it");
        }
    }
}

#[test]
fn verify_goes_on_behind_damage() {
    let (disk, seen) = journal();
    let all = data_batches(&disk);
    for batch in [&all[1], &all[4]] {
        flip(&disk, &segment(batch.segment()), batch.offset() + 5000, 1);
    }
    let mut findings = Vec::new();
    let shared: Arc<dyn Disk> = Arc::new(disk);
    let summary = verify(&shared, &mut |finding| findings.push(finding)).unwrap();
    assert_eq!(summary.findings, 2);
    let lost: u64 = [&all[1], &all[4]].iter().map(|b| b.end_position() - b.first_position()).sum();
    assert_eq!(summary.events, seen.len() as u64 - lost);
    for (finding, batch) in findings.iter().zip([&all[1], &all[4]]) {
        assert_eq!((&finding.file, finding.kind), (&segment(batch.segment()), "batch"));
        assert_eq!(finding.offset, batch.offset());
        assert_eq!(finding.positions, Some((batch.first_position(), batch.end_position())));
    }
    assert_eq!(summary.last_position, Some(seen.len() as u64 - 1));
}
