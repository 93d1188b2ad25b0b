//! Any bytes as a cursor.
#![no_main]

use hotledger_journal::fuzzing::CURSOR;
use hotledger_journal_fuzz::bounded::bounded;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(CURSOR, input));
