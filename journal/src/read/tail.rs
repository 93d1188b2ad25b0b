//! The judgement on the first place without a batch: a torn tail, or damage.

use super::Chunk;
use crate::{
    error::Error,
    limits::{BLOCK_BYTES, CHUNK_BYTES, SECTOR_BYTES},
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
    if let Some(what) = changed(chunk, tip)? {
        let (file, position) = (segment_name(segment.number), tip.cursor.position);
        return Err(Error::Corrupt { file, offset: start, position, what: what.to_owned() });
    }
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

/// What no crash can have left where the next batch should be.
///
/// Everything behind the end is zero before it is written to: it was prepared so, and a recovery
/// makes it so again. A sector is written whole or not at all, so each is zero or what was sealed.
/// The header lies in one sector: if it is there it is right.
fn changed(chunk: &mut Chunk, tip: &Tip) -> Result<Option<&'static str>, Error> {
    let (segment, offset) = (&tip.segment, tip.cursor.offset);
    let end = segment.file_bytes;
    if offset + BLOCK_BYTES as u64 > end {
        return Ok(None);
    }
    let place =
        Place { segment: segment.number, salt: Some(segment.salt), offset, room: end - offset };
    let at = chunk.load(offset, BLOCK_BYTES, end)?;
    let block = &chunk.buffer()[at..at + BLOCK_BYTES];
    if is_zero(&block[..SECTOR_BYTES]) {
        return Ok(None);
    }
    let header = match BatchHeader::read(block, &place) {
        Ok(header) => header,
        Err(Flaw::Unknown(_)) => return Ok(None),
        Err(Flaw::Invalid(_)) => {
            return Ok(Some("a batch header that changed after it was written"));
        }
    };
    if header.epoch < tip.epoch {
        // Left over from before a recovery that was killed while it wiped.
        return Ok(None);
    }
    let length = header.byte_length as usize;
    let at = chunk.load(offset, length, end)?;
    let torn = header.may_be_torn(&chunk.buffer()[at..at + length]);
    Ok((!torn).then_some("a batch that changed after it was written"))
}
