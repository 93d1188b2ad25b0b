//! Any bytes as a snapshot.
#![no_main]

use hotledger::fuzzing::SNAPSHOT;
use hotledger_journal_fuzz::bounded::bounded;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(SNAPSHOT, input));
