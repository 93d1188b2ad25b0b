//! What the fuzzers look for, in small: every seed, and some thousands of changed ones.

#[expect(unreachable_pub, reason = "the fuzz targets use it too")]
#[path = "../../fuzz/src/bounded.rs"]
mod bounded;
#[expect(unreachable_pub, reason = "the tests of the engine use it too")]
#[path = "../../fuzz/src/mutate.rs"]
mod mutate;

use std::{path::Path, sync::Arc};

use super::{Target, disk::SparseDisk, records::reseal_segment, sound::sound};
use crate::{disk::Disk, limits::BLOCK_BYTES, verify::verify};

fn hold(target: Target, name: &str, mutants: usize) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    mutate::run_seeds_and_mutants(&seeds, mutants, |input| bounded::bounded(target, input));
}

#[test]
fn any_bytes_are_a_batch_or_none() {
    hold(super::BATCH, "batch", 20_000);
}

#[test]
fn any_bytes_are_a_segment_header_or_none() {
    hold(super::SEGMENT_HEADER, "segment_header", 20_000);
}

#[test]
fn any_bytes_are_entries_or_none() {
    hold(super::ENTRIES, "entries", 20_000);
}

#[test]
fn any_bytes_are_a_name_table_or_none() {
    hold(super::NAMES, "names", 20_000);
}

#[test]
fn any_bytes_are_a_cursor_or_none() {
    hold(super::CURSOR, "cursor", 20_000);
}

#[test]
fn any_directory_is_recovered_or_refused() {
    hold(super::DIRECTORY, "directory", 500);
}

/// Found by the fuzzer: what is behind damage has a higher sequence, and there is none.
#[test]
fn a_segment_may_say_that_it_begins_at_the_last_sequence() {
    let mut files = sound().files.clone();
    let file = files.values_mut().nth(1).unwrap();
    let mut header = file.read(0, BLOCK_BYTES);
    header[64..72].copy_from_slice(&u64::MAX.to_le_bytes());
    reseal_segment(&mut header);
    file.write(0, &header);
    file.write(BLOCK_BYTES as u64, &[7; 8]);
    let disk: Arc<dyn Disk> = Arc::new(SparseDisk::of(&files));
    assert!(verify(&disk, &mut |_| {}).unwrap().findings > 0);
}
