//! Any bytes as the entries of a batch.
#![no_main]

use hotledger_journal::fuzzing::ENTRIES;
use hotledger_journal_fuzz::bounded::bounded;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(ENTRIES, input));
