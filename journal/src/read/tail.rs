//! The judgement on the first place without a batch: a torn tail, or damage.

use super::Chunk;
use crate::{
    error::Error,
    limits::{BLOCK_BYTES, CHUNK_BYTES},
    record::{BatchHeader, Flaw, Place, is_zero, segment_name},
    tip::Tip,
};

/// What a crash left behind the last sound batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TornTail {
    /// From the end of the journal to the last byte block that is not zero.
    pub(crate) bytes: u64,
}

/// Looks through the rest of the segment. A batch that was built when the missing one was
/// already durable proves that it was there: then it is damage, and an error.
pub(crate) fn judge_tail(
    chunk: &mut Chunk,
    tip: &Tip,
    what: &'static str,
) -> Result<TornTail, Error> {
    let (segment, start) = (&tip.segment, tip.cursor.offset);
    let end = segment.file_bytes;
    assert!(!tip.sealed, "a sealed segment has no tail");
    let mut torn_end = start;
    let mut offset = start;
    while offset < end {
        let count = (end - offset).min(CHUNK_BYTES as u64) as usize;
        let at = chunk.load(offset, count, end)?;
        for block in chunk.buffer()[at..at + count].chunks(BLOCK_BYTES) {
            let (number, salt) = (segment.number, Some(segment.salt));
            let place = Place { segment: number, salt, offset, room: end - offset };
            if let Err(Flaw::Unknown(what)) = BatchHeader::read(block, &place) {
                let file = segment_name(number);
                return Err(Error::UnknownFormat { file, offset, what: what.to_owned() });
            }
            let watermark = BatchHeader::watermark_in(block, number, segment.salt);
            if watermark.is_some_and(|watermark| watermark > tip.cursor.sequence) {
                return Err(Error::Corrupt {
                    file: segment_name(number),
                    offset: start,
                    position: tip.cursor.position,
                    what: format!("{what}, yet the batch at {offset} was built upon it"),
                });
            }
            offset += BLOCK_BYTES as u64;
            if !is_zero(block) {
                torn_end = offset;
            }
        }
    }
    assert!(offset == end && torn_end <= end, "the whole segment was looked at");
    Ok(TornTail { bytes: torn_end - start })
}
