//! What the fuzzers look for, in small: every seed, and some thousands of changed ones.

#[expect(unreachable_pub, reason = "the fuzz targets use it too")]
#[path = "../../../../journal/fuzz/src/bounded.rs"]
mod bounded;
#[expect(unreachable_pub, reason = "the tests of the journal use it too")]
#[path = "../../../../journal/fuzz/src/mutate.rs"]
mod mutate;

use std::path::Path;

#[test]
fn any_bytes_are_commands_or_answered() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/command_line");
    mutate::run_seeds_and_mutants(&seeds, 20_000, |input| {
        bounded::bounded(super::COMMANDS, input);
    });
}
