//! The segment header: block 0 of every segment file, and the file's name.

use super::{FORMAT_VERSION, Fields, Flaw, Footer, is_zero};
use crate::{
    chain::Chain,
    limits::{BLOCK_BYTES, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN},
};

const MAGIC: [u8; 8] = *b"HLSEGMNT";
const CRC_AT: usize = 168;

/// File name of the segment with this number.
///
/// # Panics
/// On 0, which no segment has.
pub fn segment_name(number: u64) -> String {
    assert!(number > 0, "segments are numbered from 1");
    format!("segment-{number:010}.hl")
}

/// Number of the segment with this file name; `None` for any other file.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("segment-")?.strip_suffix(".hl")?.parse().ok()?;
    (number > 0 && segment_name(number) == name).then_some(number)
}

/// Who a segment is, and how the one before it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) number: u64,
    pub(crate) salt: [u8; 16],
    pub(crate) journal: [u8; 16],
    pub(crate) file_bytes: u64,
    pub(crate) first_sequence: u64,
    pub(crate) first_position: u64,
    pub(crate) first_entry: u64,
    pub(crate) epoch: u64,
    pub(crate) created: i64,
    /// Where the segment before has its footer; 0 for the first segment.
    pub(crate) previous_footer: u64,
    /// Chain of the footer before; zero for the first segment.
    pub(crate) previous_chain: Chain,
    /// What that footer counts; zero for the first segment.
    pub(crate) previous: Footer,
}

impl SegmentHeader {
    /// Writes block 0.
    pub(crate) fn encode(&self, block: &mut [u8]) {
        assert_eq!(block.len(), BLOCK_BYTES, "a segment header is one block");
        let end = self.previous.end_position;
        assert_eq!(end, self.first_position, "a segment goes on where the one before ended");
        assert!(self.is_plausible(), "a header is built from what was written before");
        block.fill(0);
        let mut put = |at: usize, field: &[u8]| block[at..at + field.len()].copy_from_slice(field);
        put(0, &MAGIC);
        put(8, &FORMAT_VERSION.to_le_bytes());
        put(16, &self.number.to_le_bytes());
        put(24, &self.salt);
        put(40, &self.journal);
        put(56, &self.file_bytes.to_le_bytes());
        put(64, &self.first_sequence.to_le_bytes());
        put(72, &self.first_position.to_le_bytes());
        put(80, &self.epoch.to_le_bytes());
        put(88, &self.created.to_le_bytes());
        put(96, &self.previous_footer.to_le_bytes());
        put(104, &self.previous_chain.0);
        put(136, &self.previous.batches.to_le_bytes());
        put(144, &self.previous.entries.to_le_bytes());
        put(152, &self.previous.events.to_le_bytes());
        put(160, &self.first_entry.to_le_bytes());
        let crc = crc32c::crc32c(&block[..CRC_AT]);
        block[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        let read = SegmentHeader::read(block, self.number);
        assert_eq!(read, Ok(*self), "what goes to disk reads back as what was meant");
    }

    /// Reads block 0 of the segment with this number.
    pub(crate) fn read(block: &[u8], number: u64) -> Result<SegmentHeader, Flaw> {
        if block.len() != BLOCK_BYTES || block[..8] != MAGIC {
            return Err(Flaw::Invalid("no segment header"));
        }
        let fields = Fields(block);
        if crc32c::crc32c(&block[..CRC_AT]) != fields.u32(CRC_AT) {
            return Err(Flaw::Invalid("checksum of the segment header does not match"));
        }
        if fields.u32(8) != FORMAT_VERSION || fields.u32(12) != 0 {
            return Err(Flaw::Unknown("segment of another format version"));
        }
        if !is_zero(&block[CRC_AT + 4..]) {
            return Err(Flaw::Invalid("bytes behind the segment header are not zero"));
        }
        if fields.u64(16) != number {
            return Err(Flaw::Invalid("the header of another segment"));
        }
        let header = SegmentHeader {
            number,
            salt: fields.array(24),
            journal: fields.array(40),
            file_bytes: fields.u64(56),
            first_sequence: fields.u64(64),
            first_position: fields.u64(72),
            first_entry: fields.u64(160),
            epoch: fields.u64(80),
            created: i64::from_le_bytes(fields.array(88)),
            previous_footer: fields.u64(96),
            previous_chain: Chain(fields.array(104)),
            previous: Footer {
                batches: fields.u64(136),
                entries: fields.u64(144),
                events: fields.u64(152),
                end_position: fields.u64(72),
            },
        };
        let sound = header.is_plausible();
        if sound { Ok(header) } else { Err(Flaw::Invalid("segment header out of bounds")) }
    }

    /// Whether a block 0 was written as the header of some segment, this one or another.
    pub(crate) fn is_any(block: &[u8]) -> bool {
        block.len() == BLOCK_BYTES
            && block[..8] == MAGIC
            && crc32c::crc32c(&block[..CRC_AT]) == Fields(block).u32(CRC_AT)
    }

    fn is_plausible(&self) -> bool {
        let first = self.number == 1;
        let bounds = SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX;
        self.number > 0
            && bounds.contains(&self.file_bytes)
            && self.file_bytes.is_multiple_of(BLOCK_BYTES as u64)
            && self.previous_footer < SEGMENT_BYTES_MAX
            && self.previous_footer.is_multiple_of(BLOCK_BYTES as u64)
            && first == (self.previous_footer == 0)
            && first == (self.first_sequence == 0)
            && (!first || self.previous_chain == Chain::ZERO)
            && (!first || self.first_position == 0 && self.first_entry == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_names_are_segments() {
        assert_eq!(segment_number("segment-0000000001.hl"), Some(1));
        assert_eq!(segment_number("segment-99999999999.hl"), Some(99_999_999_999));
        for other in
            ["segment-1.hl", "segment-0000000000.hl", "segment-+000000001.hl", "segment-0000000001"]
        {
            assert_eq!(segment_number(other), None, "{other}");
        }
    }
}
