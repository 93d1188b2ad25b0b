//! Entry points for bytes that nobody wrote: each decoder, and the recovery of any directory.
//!
//! They are compiled for tests and under `--cfg fuzzing` alone, and each holds its decoder to more
//! than an answer: what is accepted is, byte for byte, what the writer would have written.

mod directory;
mod disk;
mod edits;
mod records;
mod sound;
#[cfg(test)]
mod tests;

use crate::limits::{BLOCK_BYTES, CHUNK_BYTES};

/// What takes an input, and the bytes it may hold at once besides sixteen times the input's.
pub type Target = (fn(&[u8]), usize);

/// A batch: header, body, padding and trailer; then its entries, names or counts. It is padded to
/// whole blocks and aligned, built again to compare, and shared as a batch is.
pub const BATCH: Target = (records::batch, 6 * BLOCK_BYTES);

/// A segment header, and the name of a segment file. Either is one block, twice.
pub const SEGMENT_HEADER: Target = (records::segment_header, 3 * BLOCK_BYTES);

/// The entries of a batch and their events. The batch around them takes an aligned block.
pub const ENTRIES: Target = (records::entries, 4 * BLOCK_BYTES);

/// The name table of an opening. What it may hold besides is the text of a refusal.
pub const NAMES: Target = (records::names, 256);

/// A cursor that was kept elsewhere.
pub const CURSOR: Target = (records::cursor, 256);

/// Verification, reading and recovery of a directory after the edits that the input lists. Each
/// open reader holds a chunk and those before it that batches still lie in, a few here; batches
/// that are not known to be durable keep theirs.
pub const DIRECTORY: Target = (directory::recover_anything, 8 * CHUNK_BYTES);
