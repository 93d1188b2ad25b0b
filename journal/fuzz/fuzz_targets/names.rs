//! Any bytes as the name table of an opening.
#![no_main]

use hotledger_journal::fuzzing::NAMES;
use hotledger_journal_fuzz::bounded::bounded;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(NAMES, input));
