//! Memory that starts on a block boundary, as writing past the page cache demands.

use std::ops::Deref;

use crate::limits::BLOCK_BYTES;

/// Block-aligned bytes of fixed capacity; dereferences to the filled part.
///
/// Made of an ordinary vector with one block to spare that is never grown, so that the aligned
/// part stays where it is.
pub struct AlignedBuffer {
    bytes: Vec<u8>,
    start: usize,
    capacity: usize,
    filled: usize,
}

impl AlignedBuffer {
    /// Zeroed memory for `capacity` bytes, nothing filled.
    ///
    /// # Panics
    /// When the capacity is not whole blocks.
    pub fn new(capacity: usize) -> AlignedBuffer {
        assert!(
            capacity.is_multiple_of(BLOCK_BYTES) && capacity > 0,
            "ask for whole blocks of {BLOCK_BYTES} bytes, not {capacity}"
        );
        let bytes = vec![0; capacity + BLOCK_BYTES];
        let start = bytes.as_ptr().align_offset(BLOCK_BYTES);
        assert!(start <= BLOCK_BYTES, "a byte pointer can always be aligned");
        assert!(start + capacity <= bytes.len(), "the aligned part is inside");
        AlignedBuffer { bytes, start, capacity, filled: 0 }
    }

    /// Holds no memory: stands in while the real buffer is lent out.
    pub(crate) fn hollow() -> AlignedBuffer {
        AlignedBuffer { bytes: Vec::new(), start: 0, capacity: 0, filled: 0 }
    }

    /// Most bytes it can hold.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Says how much of it counts as filled.
    ///
    /// # Panics
    /// When that is more than its capacity.
    pub fn set_filled(&mut self, filled: usize) {
        assert!(filled <= self.capacity, "fill at most the {} bytes there are", self.capacity);
        self.filled = filled;
    }

    /// All of the memory, filled or not.
    #[inline]
    pub fn all_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.capacity]
    }
}

impl Deref for AlignedBuffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.filled]
    }
}

impl std::fmt::Debug for AlignedBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AlignedBuffer({} of {} bytes)", self.filled, self.capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_on_a_block_boundary() {
        for blocks in 1..9 {
            let mut buffer = AlignedBuffer::new(blocks * BLOCK_BYTES);
            assert_eq!(buffer.all_mut().as_ptr().align_offset(BLOCK_BYTES), 0);
            assert_eq!(buffer.all_mut().len(), blocks * BLOCK_BYTES);
            assert!(buffer.is_empty());
        }
    }
}
