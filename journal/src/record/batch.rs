//! The batch: header, body, zero padding and trailer in whole blocks.

use super::{FORMAT_VERSION, Fields, Flaw, is_zero};
use crate::{
    chain::Chain,
    limits::{
        BATCH_BYTES_MAX, BATCH_HEADER_BYTES, BATCH_TRAILER_BYTES, BLOCK_BYTES, SECTOR_BYTES,
        WRITES_IN_FLIGHT_MAX,
    },
};

const MAGIC: [u8; 8] = *b"HLBATCH\0";
const CRC_AT: usize = BATCH_HEADER_BYTES - 4;

/// What a batch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BatchKind {
    /// Entries of the writer.
    Data,
    /// The name table in force from here on; the first of every segment and of every opening.
    Opening,
    /// Nothing but its watermark.
    Watermark,
    /// Written by a clean close.
    Close,
    /// The last of a sealed segment.
    Footer,
}

impl BatchKind {
    fn code(self) -> u16 {
        match self {
            BatchKind::Data => 1,
            BatchKind::Opening => 2,
            BatchKind::Watermark => 3,
            BatchKind::Close => 4,
            BatchKind::Footer => 5,
        }
    }

    fn from_code(code: u16) -> Option<BatchKind> {
        use BatchKind::{Close, Data, Footer, Opening, Watermark};
        [Data, Opening, Watermark, Close, Footer].into_iter().find(|kind| kind.code() == code)
    }
}

/// The fields of a batch header that differ from batch to batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) kind: BatchKind,
    pub(crate) segment: u64,
    pub(crate) salt: [u8; 16],
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    pub(crate) first_position: u64,
    pub(crate) entry_count: u32,
    pub(crate) event_count: u32,
    /// Length as stored, whole blocks.
    pub(crate) byte_length: u32,
    /// Header and body, without padding and trailer.
    pub(crate) used_bytes: u32,
    pub(crate) offset: u64,
    /// Every batch with a lower sequence was durable when this one was built.
    pub(crate) watermark: u64,
    /// Where in this segment the opening in force begins.
    pub(crate) opening: u64,
    /// Chain of the batch before, or of the segment header.
    pub(crate) previous: Chain,
    /// Number of its first entry, gapless from 0 over the journal.
    pub(crate) first_entry: u64,
    pub(crate) body_crc: u32,
}

/// Where a batch is looked for: one that is sound but from elsewhere is no batch here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) segment: u64,
    /// Unknown where the segment's header is lost.
    pub(crate) salt: Option<[u8; 16]>,
    pub(crate) offset: u64,
    /// Bytes from the offset to the end of the segment.
    pub(crate) room: u64,
}

/// Length as stored of a batch with so many bytes of header and body.
pub(crate) fn stored_length(used_bytes: usize) -> usize {
    (used_bytes + BATCH_TRAILER_BYTES).next_multiple_of(BLOCK_BYTES)
}

impl BatchHeader {
    /// Position behind its last event.
    pub(crate) fn end_position(&self) -> u64 {
        self.first_position + u64::from(self.event_count)
    }

    /// The body within the whole batch.
    pub(crate) fn body<'a>(&self, stored: &'a [u8]) -> &'a [u8] {
        &stored[BATCH_HEADER_BYTES..self.used_bytes as usize]
    }

    /// Number behind its last entry.
    pub(crate) fn end_entry(&self) -> u64 {
        self.first_entry + u64::from(self.entry_count)
    }

    /// Byte in the segment behind it.
    pub(crate) fn end_offset(&self) -> u64 {
        self.offset + u64::from(self.byte_length)
    }

    /// Completes the batch in `stored`, whose body is in place: lengths, checksums, header,
    /// zero padding and trailer. Returns the length as stored.
    pub(crate) fn seal(&mut self, stored: &mut [u8], used_bytes: usize) -> usize {
        let length = self.measure(used_bytes);
        assert!(stored.len() >= length, "the buffer holds the whole batch");
        self.body_crc = crc32c::crc32c(&stored[BATCH_HEADER_BYTES..used_bytes]);
        let trailer = length - BATCH_TRAILER_BYTES;
        stored[used_bytes..trailer].fill(0);
        stored[trailer..length].copy_from_slice(&self.trailer());
        let header = self.encode();
        stored[..BATCH_HEADER_BYTES].copy_from_slice(&header);
        let read = BatchHeader::read(&stored[..length], &self.place());
        assert_eq!(read, Ok(*self), "what goes to disk reads back as what was meant");
        length
    }

    /// Says how long the batch is, with so many bytes of header and body: all that a batch needs
    /// that no disk keeps. Returns the length as stored.
    pub(crate) fn measure(&mut self, used_bytes: usize) -> usize {
        let length = stored_length(used_bytes);
        assert!(used_bytes >= BATCH_HEADER_BYTES, "the body is behind the header");
        assert!(length <= BATCH_BYTES_MAX, "a batch accepts entries only while it has room");
        assert!(self.watermark <= self.sequence, "only earlier batches can be durable");
        let unacknowledged = self.sequence - self.watermark;
        assert!(unacknowledged <= WRITES_IN_FLIGHT_MAX as u64, "the tail of a crash is bounded");
        assert!(self.opening <= self.offset, "the opening in force is not ahead");
        assert!(self.offset.is_multiple_of(BLOCK_BYTES as u64), "batches start on a block");
        self.byte_length = length as u32;
        self.used_bytes = used_bytes as u32;
        assert!(used_bytes + BATCH_TRAILER_BYTES <= length, "the trailer is behind the body");
        length
    }

    /// The place this header says it is for.
    fn place(&self) -> Place {
        let room = u64::from(self.byte_length);
        Place { segment: self.segment, salt: Some(self.salt), offset: self.offset, room }
    }

    fn encode(&self) -> [u8; BATCH_HEADER_BYTES] {
        let mut bytes = [0; BATCH_HEADER_BYTES];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &MAGIC);
        put(8, &FORMAT_VERSION.to_le_bytes());
        put(12, &self.kind.code().to_le_bytes());
        put(16, &self.segment.to_le_bytes());
        put(24, &self.salt);
        put(40, &self.epoch.to_le_bytes());
        put(48, &self.sequence.to_le_bytes());
        put(56, &self.first_position.to_le_bytes());
        put(64, &self.entry_count.to_le_bytes());
        put(68, &self.event_count.to_le_bytes());
        put(72, &self.byte_length.to_le_bytes());
        put(76, &self.used_bytes.to_le_bytes());
        put(80, &self.offset.to_le_bytes());
        put(88, &self.watermark.to_le_bytes());
        put(96, &self.opening.to_le_bytes());
        put(104, &self.previous.0);
        put(136, &self.first_entry.to_le_bytes());
        put(152, &self.body_crc.to_le_bytes());
        assert!(bytes[144..152] == [0; 8], "reserved bytes are zero");
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn trailer(&self) -> [u8; BATCH_TRAILER_BYTES] {
        let mut bytes = [0; BATCH_TRAILER_BYTES];
        bytes[..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.byte_length.to_le_bytes());
        bytes[12..].copy_from_slice(&self.body_crc.to_le_bytes());
        bytes
    }

    /// Reads the header at the start of `block` if it belongs to this place. Its lengths are
    /// within the segment; its body is not looked at.
    pub(crate) fn read(block: &[u8], place: &Place) -> Result<BatchHeader, Flaw> {
        if block.len() < BATCH_HEADER_BYTES || block[..8] != MAGIC {
            return Err(Flaw::Invalid("no batch begins here"));
        }
        let fields = Fields(block);
        if crc32c::crc32c(&block[..CRC_AT]) != fields.u32(CRC_AT) {
            return Err(Flaw::Invalid("checksum of the batch header does not match"));
        }
        let salt = fields.array(24);
        if fields.u64(16) != place.segment
            || fields.u64(80) != place.offset
            || place.salt.is_some_and(|expected| expected != salt)
        {
            return Err(Flaw::Invalid("a batch from another place"));
        }
        if fields.u32(8) != FORMAT_VERSION {
            return Err(Flaw::Unknown("batch of another format version"));
        }
        let kind = BatchKind::from_code(fields.u16(12)).ok_or(Flaw::Unknown("batch kind"))?;
        if fields.u16(14) != 0 || !is_zero(&block[144..152]) {
            return Err(Flaw::Unknown("batch flags"));
        }
        let header = BatchHeader {
            kind,
            segment: place.segment,
            salt,
            epoch: fields.u64(40),
            sequence: fields.u64(48),
            first_position: fields.u64(56),
            entry_count: fields.u32(64),
            event_count: fields.u32(68),
            byte_length: fields.u32(72),
            used_bytes: fields.u32(76),
            offset: place.offset,
            watermark: fields.u64(88),
            opening: fields.u64(96),
            previous: Chain(fields.array(104)),
            first_entry: fields.u64(136),
            body_crc: fields.u32(152),
        };
        header.check_bounds(place).map(|()| header)
    }

    /// Whether the header of some batch was written here, wherever it belongs.
    pub(crate) fn is_any(block: &[u8]) -> bool {
        block.len() >= BATCH_HEADER_BYTES
            && block[..8] == MAGIC
            && crc32c::crc32c(&block[..CRC_AT]) == Fields(block).u32(CRC_AT)
    }

    /// Watermark of the header at the start of `block`, if it is a sound one of this segment,
    /// wherever it should be: even a misplaced batch proves what was durable when it was built.
    pub(crate) fn watermark_in(block: &[u8], segment: u64, salt: [u8; 16]) -> Option<u64> {
        if block.len() < BATCH_HEADER_BYTES || block[..8] != MAGIC {
            return None;
        }
        let offset = Fields(block).u64(80);
        let place = Place { segment, salt: Some(salt), offset, room: BATCH_BYTES_MAX as u64 };
        BatchHeader::read(block, &place).ok().map(|header| header.watermark)
    }

    fn check_bounds(&self, place: &Place) -> Result<(), Flaw> {
        let (length, used) = (self.byte_length as usize, self.used_bytes as usize);
        let sound = used >= BATCH_HEADER_BYTES
            && length <= BATCH_BYTES_MAX
            && length as u64 <= place.room
            && used <= length
            && stored_length(used) == length
            && self.watermark <= self.sequence
            && self.sequence - self.watermark <= WRITES_IN_FLIGHT_MAX as u64
            && self.opening > 0
            && self.opening <= self.offset
            && self.opening.is_multiple_of(BLOCK_BYTES as u64)
            && self.first_position.checked_add(u64::from(self.event_count)).is_some()
            && self.first_entry.checked_add(u64::from(self.entry_count)).is_some()
            && self.sequence < u64::MAX
            && (self.kind == BatchKind::Data || self.entry_count == 0 && self.event_count == 0);
        if sound { Ok(()) } else { Err(Flaw::Invalid("batch header out of bounds")) }
    }

    /// Whether a crash can have left a batch with this header so: some sector that held bytes is
    /// still as it was prepared, zero. Otherwise all of it was written, and has changed since.
    pub(crate) fn may_be_torn(&self, stored: &[u8]) -> bool {
        assert_eq!(stored.len(), self.byte_length as usize, "hand in the whole batch");
        let (used, trailer) = (self.used_bytes as usize, stored.len() - BATCH_TRAILER_BYTES);
        assert!(used <= trailer, "bounds are checked with the header");
        stored.chunks(SECTOR_BYTES).enumerate().any(|(at, sector)| {
            let (start, end) = (at * SECTOR_BYTES, (at + 1) * SECTOR_BYTES);
            (start < used || end > trailer) && is_zero(sector)
        })
    }

    /// Checks everything behind the header: body, padding and trailer.
    pub(crate) fn check_body(&self, stored: &[u8]) -> Result<(), Flaw> {
        assert_eq!(stored.len(), self.byte_length as usize, "hand in the whole batch");
        let used = self.used_bytes as usize;
        assert!(used + BATCH_TRAILER_BYTES <= stored.len(), "bounds are checked with the header");
        let trailer = stored.len() - BATCH_TRAILER_BYTES;
        if stored[trailer..] != self.trailer() {
            return Err(Flaw::Invalid("batch trailer does not match its header"));
        }
        if crc32c::crc32c(&stored[BATCH_HEADER_BYTES..used]) != self.body_crc {
            return Err(Flaw::Invalid("checksum of the batch body does not match"));
        }
        if !is_zero(&stored[used..trailer]) {
            return Err(Flaw::Invalid("batch padding is not zero"));
        }
        Ok(())
    }
}
