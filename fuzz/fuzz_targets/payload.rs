//! Any bytes as an event's payload.
#![no_main]

use hotledger::fuzzing::PAYLOAD;
use hotledger_journal_fuzz::bounded::bounded;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(PAYLOAD, input));
