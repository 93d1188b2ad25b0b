//! Any bytes as the lines that `hotledger apply` reads.
//!
//! The binary has no library to depend on: the files that understand a line are taken as they are.
#![no_main]
#![allow(dead_code, reason = "of each file only what reads a line is used")]

#[path = "../../server/src/apply/hostile.rs"]
mod hostile;
#[path = "../../server/src/kinds.rs"]
mod kinds;
#[path = "../../server/src/apply/lines.rs"]
mod lines;
#[path = "../../server/src/apply/order.rs"]
mod order;
#[path = "../../server/src/shelf.rs"]
mod shelf;

use hotledger_journal_fuzz::bounded::bounded;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(hostile::COMMANDS, input));
