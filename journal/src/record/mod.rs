//! The records on disk: how each is laid out, written and checked.

mod batch;
mod entry;
mod footer;
mod segment;

pub use batch::BatchKind;
#[cfg(any(test, fuzzing))]
pub(crate) use batch::stored_length;
pub(crate) use batch::{BatchHeader, Place};
pub(crate) use entry::{
    EntryFrame, EventFrame, encode_entry_head, encode_event_head, finish_entry,
};
pub(crate) use footer::Footer;
pub use segment::segment_name;
pub(crate) use segment::{SegmentHeader, segment_number};

use crate::limits::BLOCK_BYTES;

/// Version of the format this crate writes, and the only one it knows.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// Why bytes are not the record that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// They were never written, were cut, or have changed.
    Invalid(&'static str),
    /// They are sound and of a kind or version this program does not know.
    Unknown(&'static str),
}

/// Fixed-place little-endian fields of a record that is known to be long enough.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    // Inlined also where a program that embeds this is built without optimisation across crates.
    #[inline]
    pub(crate) fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0[at..at + N].try_into().expect("a slice of N bytes is an array of N bytes")
    }

    #[inline]
    pub(crate) fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    #[inline]
    pub(crate) fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    #[inline]
    pub(crate) fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }
}

/// Whether all bytes are zero: a comparison of memory, which is fast in an unoptimised build too.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    static ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];
    bytes.chunks(ZEROS.len()).all(|piece| piece == &ZEROS[..piece.len()])
}
