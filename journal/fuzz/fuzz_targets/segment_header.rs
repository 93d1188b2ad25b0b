//! Any bytes as a segment header, or as the name of a segment file.
#![no_main]

use hotledger_journal::fuzzing::SEGMENT_HEADER;
use hotledger_journal_fuzz::bounded::bounded;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(SEGMENT_HEADER, input));
