//! What the fuzzers look for, in small: every seed, and some thousands of changed ones.

#[expect(unreachable_pub, reason = "the fuzz targets use it too")]
#[path = "../../fuzz/src/bounded.rs"]
mod bounded;
#[expect(unreachable_pub, reason = "the tests of the engine use it too")]
#[path = "../../fuzz/src/mutate.rs"]
mod mutate;

use std::path::Path;

use super::Target;

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
