//! Whatever bytes are on disk, with checksums recomputed over them too, answers are values.

mod support;

use std::sync::Arc;

use hotledger_journal::{Cursor, Disk, Journal, MemoryDisk, Recovery, verify::verify};
use proptest::prelude::*;
use support::*;

fn sound() -> MemoryDisk {
    let disk = MemoryDisk::new();
    for _ in 0..2 {
        let (mut journal, ..): (Journal, _, _) = open(&disk).unwrap();
        add_every_shape(&mut journal).unwrap();
        commit(&mut journal).unwrap();
        for _ in 0..3 {
            add(&mut journal, &[1; 200 << 10]).unwrap();
            commit(&mut journal).unwrap();
        }
        append(&mut journal, 2);
    }
    disk
}

/// Makes all checksums of the batch right again.
fn reseal(stored: &mut [u8]) {
    let end = stored.len();
    let used = u32::from_le_bytes(stored[76..80].try_into().unwrap()) as usize;
    if (160..=end - 16).contains(&used) {
        let body = crc32c::crc32c(&stored[160..used]).to_le_bytes();
        stored[152..156].copy_from_slice(&body);
    }
    let trailer = [&stored[48..56], &stored[72..76], &stored[152..156]].concat();
    stored[end - 16..].copy_from_slice(&trailer);
    let header = crc32c::crc32c(&stored[..156]).to_le_bytes();
    stored[156..160].copy_from_slice(&header);
}

fn ask_everything(disk: &MemoryDisk, cursors: &[Cursor]) {
    drop(read_all(disk));
    for cursor in cursors {
        let recovery = Recovery::begin_read_only(Arc::new(disk.clone()));
        let reader = recovery.and_then(|recovery| recovery.reader_at(Some(*cursor)));
        drop(reader.and_then(|mut reader| drain(&mut reader)));
    }
    let shared: Arc<dyn Disk> = Arc::new(disk.copy());
    drop(verify(&shared, &mut drop));
    if let Ok((mut journal, ..)) = open(disk) {
        append(&mut journal, 1);
        journal.close().unwrap();
        read_all(disk).unwrap();
    }
}

#[test]
fn two_lengths_that_agree_and_both_lie() {
    let sound = sound();
    let all = batches(&sound).unwrap();
    let cursors: Vec<_> = all.iter().map(|batch| batch.cursor_after()).collect();
    // Within the segment, beyond its end, and beyond what any batch may have.
    for (batch, blocks) in
        all.iter().flat_map(|batch| [2, 255, 256, 257, 0xf_ffff].map(|b| (batch, b)))
    {
        let disk = sound.copy();
        let length: u32 = blocks * BLOCK as u32;
        let mut header = batch.stored()[..160].to_vec();
        header[72..76].copy_from_slice(&length.to_le_bytes());
        header[76..80].copy_from_slice(&(length - 16).to_le_bytes());
        let crc = crc32c::crc32c(&header[..156]).to_le_bytes();
        header[156..].copy_from_slice(&crc);
        overwrite(&disk, &segment(batch.segment()), batch.offset(), &header);
        ask_everything(&disk, &cursors);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn batches_that_lie_under_right_checksums(
        victim in 0..16_usize,
        changes in prop::collection::vec((0..230_usize, any::<u8>()), 1..4),
    ) {
        let disk = sound();
        let all = batches(&disk).unwrap();
        let cursors: Vec<_> = all.iter().map(|batch| batch.cursor_after()).collect();
        let victim = &all[victim % all.len()];
        let mut stored = victim.stored().to_vec();
        for (at, value) in changes {
            stored[at] = value;
        }
        reseal(&mut stored);
        overwrite(&disk, &segment(victim.segment()), victim.offset(), &stored);
        ask_everything(&disk, &cursors);
    }

    #[test]
    fn segment_headers_that_lie_under_right_checksums(
        number in 1..3_u64,
        changes in prop::collection::vec((8..168_u64, any::<u8>()), 1..4),
    ) {
        let disk = sound();
        for (at, value) in changes {
            overwrite(&disk, &segment(number), at, &[value]);
        }
        let crc = crc32c::crc32c(&file(&disk, &segment(number))[..168]);
        overwrite(&disk, &segment(number), 168, &crc.to_le_bytes());
        ask_everything(&disk, &[]);
    }

    #[test]
    fn any_bytes_anywhere(
        number in 1..3_u64,
        at in 0..(1_u64 << 20) - 300,
        bytes in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let disk = sound();
        overwrite(&disk, &segment(number), at, &bytes);
        drop(read_all(&disk));
        ask_everything(&disk, &[]);
    }
}
