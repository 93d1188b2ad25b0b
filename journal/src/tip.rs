//! Where the journal stands after some batch: what the next one must say of itself.

use crate::{
    chain::Chain,
    cursor::Cursor,
    limits::BLOCK_BYTES,
    record::{BatchHeader, BatchKind, Footer, SegmentHeader},
};

/// The writer builds every batch from it and the reader holds every batch against it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tip {
    pub(crate) segment: SegmentHeader,
    pub(crate) cursor: Cursor,
    pub(crate) epoch: u64,
    /// Number of the next entry.
    pub(crate) entry: u64,
    /// Whether the batch before is the segment's footer.
    pub(crate) sealed: bool,
}

/// How a sound batch fails to be the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// Left over from before a recovery dropped it: it ends the journal like torn bytes.
    Stale,
    /// Nothing but damage or tampering puts it there.
    Foreign(&'static str),
}

impl Tip {
    /// Ahead of the first batch of a segment whose header block has this chain.
    pub(crate) fn at_start_of(segment: SegmentHeader, block: Chain) -> Tip {
        assert!(segment.file_bytes >= BLOCK_BYTES as u64, "a segment has room for its header");
        let cursor = Cursor {
            segment: segment.number,
            offset: BLOCK_BYTES as u64,
            last: 0,
            opening: 0,
            sequence: segment.first_sequence,
            position: segment.first_position,
            chain: block,
        };
        let (epoch, entry) = (segment.epoch, segment.first_entry);
        Tip { segment, cursor, epoch, entry, sealed: false }
    }

    /// Bytes left in the segment.
    pub(crate) fn room(&self) -> u64 {
        assert!(self.cursor.offset <= self.segment.file_bytes, "batches end inside the segment");
        self.segment.file_bytes - self.cursor.offset
    }

    /// What the segment holds so far. Saturates: behind damage the numbers may not be ours.
    pub(crate) fn counts(&self) -> Footer {
        Footer {
            batches: self.cursor.sequence.saturating_sub(self.segment.first_sequence),
            entries: self.entry.saturating_sub(self.segment.first_entry),
            events: self.cursor.position.saturating_sub(self.segment.first_position),
            end_position: self.cursor.position,
        }
    }

    /// What the segment held before the footer that seals it.
    pub(crate) fn sealed_counts(&self) -> Footer {
        assert!(self.sealed, "only a footer ends the counting");
        let counts = self.counts();
        Footer { batches: counts.batches.saturating_sub(1), ..counts }
    }

    /// Bytes of the segment's batches so far, on average, those without entries counted in.
    pub(crate) fn batch_bytes_mean(&self) -> u64 {
        self.cursor.offset / self.counts().batches.max(1)
    }

    /// The next batch's header, apart from what sealing adds.
    pub(crate) fn next_header(&self, kind: BatchKind, epoch: u64, watermark: u64) -> BatchHeader {
        let cursor = &self.cursor;
        let opening = if kind == BatchKind::Opening { cursor.offset } else { cursor.opening };
        BatchHeader {
            kind,
            segment: self.segment.number,
            salt: self.segment.salt,
            epoch,
            sequence: cursor.sequence,
            first_position: cursor.position,
            entry_count: 0,
            event_count: 0,
            byte_length: 0,
            used_bytes: 0,
            offset: cursor.offset,
            watermark,
            opening,
            previous: cursor.chain,
            first_entry: self.entry,
            body_crc: 0,
        }
    }

    /// Whether a sound batch at this place is the next one.
    pub(crate) fn check(&self, header: &BatchHeader) -> Result<(), Misfit> {
        assert_eq!(header.offset, self.cursor.offset, "only what was read here is checked here");
        if header.epoch < self.epoch {
            return Err(Misfit::Stale);
        }
        let fences = matches!(header.kind, BatchKind::Opening | BatchKind::Footer);
        let expected = self.next_header(header.kind, header.epoch, header.watermark);
        let what = if header.epoch - self.epoch > u64::from(fences) {
            "a batch of an epoch that was never opened"
        } else if header.sequence != expected.sequence {
            "a batch out of sequence"
        } else if header.previous != expected.previous {
            "a batch that does not continue the hash chain"
        } else if header.first_position != expected.first_position
            || header.first_entry != expected.first_entry
        {
            "a batch with a gap in its positions"
        } else if header.opening != expected.opening {
            "a batch of another opening"
        } else if self.cursor.opening == 0 && header.kind != BatchKind::Opening {
            "a segment that does not begin with an opening"
        } else {
            return Ok(());
        };
        Err(Misfit::Foreign(what))
    }

    /// Moves behind a batch that fits.
    pub(crate) fn advance(&mut self, header: &BatchHeader, chain: Chain) {
        assert_eq!(self.check(header), Ok(()), "only the next batch can follow");
        assert!(!self.sealed, "nothing follows a footer in its segment");
        let before = self.cursor;
        self.cursor = cursor_after(header, chain);
        assert!(self.cursor.is_plausible(), "a cursor that is given out can be taken back");
        assert!(self.cursor.offset > before.offset, "every batch takes room");
        assert_eq!(self.cursor.sequence, before.sequence + 1, "sequences have no gap");
        self.epoch = header.epoch;
        self.entry = header.end_entry();
        self.sealed = header.kind == BatchKind::Footer;
    }
}

/// The place behind a batch.
pub(crate) fn cursor_after(header: &BatchHeader, chain: Chain) -> Cursor {
    assert!(header.byte_length > 0, "a header is completed before it is followed");
    Cursor {
        segment: header.segment,
        offset: header.end_offset(),
        last: header.offset,
        opening: header.opening,
        sequence: header.sequence + 1,
        position: header.end_position(),
        chain,
    }
}
