//! The protocols between the threads of the engine, each run in every order that loom finds.
//!
//! The files under test are those of the engine and of the journal, as they are. What they import
//! from their crate stands here in their place: loom's locks and atomics in `sync`, and of
//! everything else as little as they need.
#![cfg(test)]
#![allow(dead_code, reason = "of each file only the protocol is used")]

// The journal that `feed.rs` names is the small one here.
extern crate self as hotledger_journal;

#[path = "../../journal/src/cursor.rs"]
mod cursor;
#[path = "../../src/write/doorbell.rs"]
mod doorbell;
#[path = "../../src/feed.rs"]
mod feed;
#[path = "../../journal/src/read/durable.rs"]
mod line;
#[path = "../../src/position.rs"]
mod position;
#[path = "../../src/read/progress.rs"]
mod progress;

mod stand_ins;
mod sync;

pub use stand_ins::journal::{Batch, Error, JournalReads, Reader};
use stand_ins::{chain, clock, durable, error, figures, limits, wait};

mod a_durable_line_is_never_torn;
mod a_ring_is_never_lost;
mod no_batch_passes_a_reader_unseen;
mod who_waits_for_a_position_is_woken;
