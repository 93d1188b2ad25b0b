//! What the fuzzers look for, in small: every seed, and some thousands of changed ones.

#[expect(unreachable_pub, reason = "the fuzz targets use it too")]
#[path = "../../journal/fuzz/src/bounded.rs"]
mod bounded;
#[expect(unreachable_pub, reason = "the tests of the journal use it too")]
#[path = "../../journal/fuzz/src/mutate.rs"]
mod mutate;

use std::path::Path;

use super::Target;

fn hold(target: Target, name: &str) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    mutate::run_seeds_and_mutants(&seeds, 20_000, |input| bounded::bounded(target, input));
}

#[test]
fn any_bytes_are_an_event_or_none() {
    hold(super::PAYLOAD, "payload");
}

#[test]
fn any_bytes_are_an_older_event_or_none() {
    hold(super::UPCAST, "upcast");
}

#[test]
fn any_bytes_are_a_snapshot_or_none() {
    hold(super::SNAPSHOT, "snapshot");
}
