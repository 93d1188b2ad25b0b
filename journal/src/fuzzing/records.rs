//! Any bytes as one record: what a decoder accepts is what the encoder makes of it again.

use std::sync::{Arc, OnceLock};

use crate::{
    chain::Chain,
    cursor::{CURSOR_BYTES, Cursor},
    disk::AlignedBuffer,
    head::EventHead,
    limits::{BATCH_BYTES_MAX, BATCH_HEADER_BYTES, BATCH_TRAILER_BYTES, BLOCK_BYTES},
    names::Names,
    read::{Batch, Entry},
    record::{
        BatchHeader, BatchKind, Fields, Footer, Place, SegmentHeader, encode_entry_head,
        encode_event_head, finish_entry, segment_name, segment_number, stored_length,
    },
};

/// Bits of an input's first byte: what is made right before anything is read, so that the checks
/// behind it are reached.
const LENGTHS: u8 = 1;
const PLACE: u8 = 2;
const CHECKSUMS: u8 = 4;

const SEGMENT: u64 = 3;
const SALT: [u8; 16] = [7; 16];
const OFFSET: u64 = 2 * BLOCK_BYTES as u64;

/// Longest header and body that a batch has room for.
const USED_BYTES_MAX: usize = BATCH_BYTES_MAX - BATCH_TRAILER_BYTES;

pub(super) fn batch(input: &[u8]) {
    let Some((&mend, bytes)) = input.split_first() else { return };
    let bytes = &bytes[..bytes.len().min(USED_BYTES_MAX)];
    let mut stored = padded(bytes);
    mend_batch(&mut stored, bytes.len(), mend);
    let place =
        Place { segment: SEGMENT, salt: Some(SALT), offset: OFFSET, room: stored.len() as u64 };
    let watermark = BatchHeader::watermark_in(&stored, SEGMENT, SALT);
    let Ok(header) = BatchHeader::read(&stored, &place) else { return };
    assert_eq!(watermark, Some(header.watermark), "a sound header is one anywhere");
    let stored = &stored[..header.byte_length as usize];
    if header.check_body(stored).is_ok() {
        let (mut sealed, mut again) = (stored.to_vec(), header);
        sealed[..BATCH_HEADER_BYTES].fill(0);
        again.seal(&mut sealed, header.used_bytes as usize);
        assert!(sealed == stored, "a batch is accepted in the one form it is written in");
        contents(&shared(stored, header));
    }
}

pub(super) fn segment_header(input: &[u8]) {
    let Some((&mend, bytes)) = input.split_first() else { return };
    if let Some(number) = std::str::from_utf8(bytes).ok().and_then(segment_number) {
        assert_eq!(segment_name(number).as_bytes(), bytes, "a segment has one name");
    }
    let mut block = vec![0; BLOCK_BYTES];
    let count = bytes.len().min(BLOCK_BYTES);
    block[..count].copy_from_slice(&bytes[..count]);
    if mend & PLACE != 0 {
        block[..12].copy_from_slice(b"HLSEGMNT\x01\0\0\0");
    }
    if mend & CHECKSUMS != 0 {
        reseal_segment(&mut block);
    }
    let number = Fields(&block).u64(16);
    let Ok(header) = SegmentHeader::read(&block, number) else { return };
    let mut again = vec![0xff; BLOCK_BYTES];
    header.encode(&mut again);
    assert!(again == block, "a segment header is accepted in the one form it is written in");
}

pub(super) fn entries(input: &[u8]) {
    let Some((&[entry_count, event_count], body)) = input.split_first_chunk() else { return };
    let body = &body[..body.len().min(USED_BYTES_MAX - BATCH_HEADER_BYTES)];
    let mut bytes = padded(&[&[0; BATCH_HEADER_BYTES], body].concat());
    let used_bytes = BATCH_HEADER_BYTES + body.len();
    mend_batch(&mut bytes, used_bytes, LENGTHS);
    let header = BatchHeader {
        kind: BatchKind::Data,
        segment: SEGMENT,
        salt: SALT,
        epoch: 1,
        sequence: 9,
        first_position: 100,
        entry_count: entry_count.into(),
        event_count: event_count.into(),
        byte_length: bytes.len() as u32,
        used_bytes: used_bytes as u32,
        offset: OFFSET,
        watermark: 8,
        opening: BLOCK_BYTES as u64,
        previous: Chain::ZERO,
        first_entry: 50,
        body_crc: 0,
    };
    contents(&Batch::new(Arc::new(bytes), 0, header, Chain::ZERO, some_names().clone()));
}

pub(super) fn names(input: &[u8]) {
    let Ok(names) = Names::decode(input) else { return };
    let mut again = vec![0; input.len()];
    let used = names.encode(&mut again);
    assert_eq!((used, again.as_slice()), (input.len(), input), "a name table has one form");
}

pub(super) fn cursor(input: &[u8]) {
    let Some(bytes) = input.first_chunk::<CURSOR_BYTES>() else { return };
    let Some(cursor) = Cursor::decode(bytes) else { return };
    assert!(cursor.is_plausible(), "what is taken back could have been given out");
    assert_eq!(cursor.encode(), *bytes, "a cursor has one form");
}

/// Reads what a sound batch holds, to its last byte.
pub(super) fn contents(batch: &Batch) {
    match batch.kind() {
        BatchKind::Data => {
            let mut again = vec![0; batch.body().len()];
            let mut used = 0;
            for entry in batch.entries() {
                match entry.ok().and_then(|entry| write_again(&entry, &mut again[used..])) {
                    Some(bytes) => used += bytes,
                    None => return,
                }
            }
            assert!(again[..used] == *batch.body(), "entries have one form");
        }
        BatchKind::Opening => names(batch.body()),
        BatchKind::Footer => {
            if let Ok(footer) = Footer::decode(batch.body()) {
                assert_eq!(footer.encode(), batch.body(), "a footer has one form");
            }
        }
        BatchKind::Watermark | BatchKind::Close => {}
    }
}

/// Writes an entry as the writer would; its bytes, or `None` where one of its events is refused.
fn write_again(entry: &Entry<'_>, room: &mut [u8]) -> Option<usize> {
    let mut used = encode_entry_head(&entry.head(), room);
    for event in entry.events() {
        let event = event.ok()?;
        let head = EventHead {
            kind: event.kind,
            event_type: event.event_type,
            schema: event.schema,
            id: event.id,
            version: event.version,
        };
        let start = used;
        used += encode_event_head(&head, &mut room[start..]).expect("it was read from here");
        let payload_bytes = event.payload.len();
        room[start..start + 4].copy_from_slice(&(payload_bytes as u32).to_le_bytes());
        room[used..used + payload_bytes].copy_from_slice(event.payload);
        used += payload_bytes;
    }
    finish_entry(&mut room[..used], entry.event_count() as u16);
    Some(used)
}

/// The bytes in whole blocks, with their last ones where a trailer belongs.
fn padded(bytes: &[u8]) -> AlignedBuffer {
    let length = stored_length(bytes.len().max(BATCH_HEADER_BYTES));
    let mut buffer = AlignedBuffer::new(length);
    buffer.all_mut()[..bytes.len()].copy_from_slice(bytes);
    if let Some(trailer) = bytes.last_chunk::<BATCH_TRAILER_BYTES>() {
        buffer.all_mut()[length - BATCH_TRAILER_BYTES..].copy_from_slice(trailer);
    }
    buffer.set_filled(length);
    buffer
}

fn shared(stored: &[u8], header: BatchHeader) -> Batch {
    let mut buffer = AlignedBuffer::new(stored.len());
    buffer.all_mut().copy_from_slice(stored);
    buffer.set_filled(stored.len());
    Batch::new(Arc::new(buffer), 0, header, Chain::of(stored), some_names().clone())
}

fn some_names() -> &'static Arc<Names> {
    static NAMES: OnceLock<Arc<Names>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let names = ["account", "opened", "paid in", "closed"].map(str::to_owned);
        Arc::new(Names::from_options(&names).expect("four short names"))
    })
}

fn mend_batch(stored: &mut AlignedBuffer, used_bytes: usize, mend: u8) {
    let stored = stored.all_mut();
    let length = stored.len() as u32;
    let mut put = |at: usize, field: &[u8]| stored[at..at + field.len()].copy_from_slice(field);
    if mend & PLACE != 0 {
        put(0, b"HLBATCH\0\x01\0\0\0");
        put(16, &SEGMENT.to_le_bytes());
        put(24, &SALT);
        put(80, &OFFSET.to_le_bytes());
    }
    if mend & LENGTHS != 0 {
        put(72, &length.to_le_bytes());
        put(76, &(used_bytes.max(BATCH_HEADER_BYTES) as u32).to_le_bytes());
    }
    if mend & CHECKSUMS != 0 {
        reseal_batch(stored);
    }
}

/// Makes all checksums of a batch right again, and its trailer with them.
pub(super) fn reseal_batch(stored: &mut [u8]) {
    let trailer = stored.len() - BATCH_TRAILER_BYTES;
    let used = Fields(stored).u32(76) as usize;
    if (BATCH_HEADER_BYTES..=trailer).contains(&used) {
        let body = crc32c::crc32c(&stored[BATCH_HEADER_BYTES..used]);
        stored[152..156].copy_from_slice(&body.to_le_bytes());
        stored[used..trailer].fill(0);
    }
    for (to, from, count) in [(0, 48, 8), (8, 72, 4), (12, 152, 4)] {
        stored.copy_within(from..from + count, trailer + to);
    }
    let header = crc32c::crc32c(&stored[..156]);
    stored[156..160].copy_from_slice(&header.to_le_bytes());
}

/// Makes the checksum of a segment header right again.
pub(super) fn reseal_segment(block: &mut [u8]) {
    let crc = crc32c::crc32c(&block[..168]);
    block[168..172].copy_from_slice(&crc.to_le_bytes());
}
