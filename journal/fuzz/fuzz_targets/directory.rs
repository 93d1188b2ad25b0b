//! Any edits of a sound journal directory.
#![no_main]

use hotledger_journal::fuzzing::DIRECTORY;
use hotledger_journal_fuzz::bounded::bounded;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(DIRECTORY, input));
