//! Any bytes as the payload of an older schema.
#![no_main]

use hotledger::fuzzing::UPCAST;
use hotledger_journal_fuzz::bounded::bounded;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(UPCAST, input));
