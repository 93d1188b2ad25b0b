//! A place between two batches that can be kept elsewhere and come back to.

use crate::{chain::Chain, limits::BLOCK_BYTES};

/// Bytes of an encoded [`Cursor`].
pub const CURSOR_BYTES: usize = 80;

/// Where the next batch begins, and proof of what lies before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Number of the segment file.
    pub segment: u64,
    /// Byte in the segment at which the next batch begins.
    pub offset: u64,
    /// Byte in the segment at which the batch before begins; 0 where that is the segment header.
    pub last: u64,
    /// Byte in the segment of the opening in force; 0 where no batch came before.
    pub opening: u64,
    /// Sequence of the next batch.
    pub sequence: u64,
    /// Position of the next event.
    pub position: u64,
    /// Chain of the batch (or the segment header) before.
    pub chain: Chain,
}

impl Cursor {
    /// Fixed little-endian form: the six numbers in the order declared, then the chain.
    pub fn encode(&self) -> [u8; CURSOR_BYTES] {
        let mut bytes = [0; CURSOR_BYTES];
        for (at, number) in self.numbers().into_iter().enumerate() {
            bytes[at * 8..at * 8 + 8].copy_from_slice(&number.to_le_bytes());
        }
        bytes[48..].copy_from_slice(&self.chain.0);
        assert!(self.segment > 0, "segments are numbered from 1");
        bytes
    }

    /// Reads back what [`encode`](Cursor::encode) made; `None` where no cursor can look so.
    pub fn decode(bytes: &[u8; CURSOR_BYTES]) -> Option<Cursor> {
        let number = |at: usize| {
            let field = bytes[at * 8..at * 8 + 8].try_into();
            u64::from_le_bytes(field.expect("eight bytes"))
        };
        let chain = Chain(bytes[48..].try_into().expect("thirty-two bytes"));
        let cursor = Cursor {
            segment: number(0),
            offset: number(1),
            last: number(2),
            opening: number(3),
            sequence: number(4),
            position: number(5),
            chain,
        };
        if !cursor.is_plausible() {
            return None;
        }
        assert_eq!(cursor.encode(), *bytes, "decoding loses nothing");
        Some(cursor)
    }

    /// Whether the places can follow one another in a segment.
    pub(crate) fn is_plausible(&self) -> bool {
        let block = BLOCK_BYTES as u64;
        let places = [self.offset, self.last, self.opening];
        self.segment > 0
            && places.iter().all(|place| place.is_multiple_of(block))
            && self.last < self.offset
            && self.opening <= self.last
            && (self.last == 0) == (self.opening == 0)
    }

    fn numbers(&self) -> [u64; 6] {
        [self.segment, self.offset, self.last, self.opening, self.sequence, self.position]
    }
}
