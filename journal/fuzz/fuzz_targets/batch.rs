//! Any bytes as a batch, and what it holds.
#![no_main]

use hotledger_journal::fuzzing::BATCH;
use hotledger_journal_fuzz::bounded::bounded;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(BATCH, input));
