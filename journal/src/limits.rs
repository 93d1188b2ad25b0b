//! Every bound of the journal, with the relations between them checked at compile time.

/// How much smaller than usual the world of the fuzzers is: a directory is then read in the tenth
/// of a millisecond, and they come by every limit. 1 in every build but theirs.
const SCALE: usize = if cfg!(fuzzing) { 16 } else { 1 };

/// Unit of all writing: each write starts on a block and is whole blocks long.
pub const BLOCK_BYTES: usize = 4096;

/// What a disk writes whole or not at all.
pub(crate) const SECTOR_BYTES: usize = 512;

/// Longest batch as stored, and the capacity of an append buffer.
pub const BATCH_BYTES_MAX: usize = (1 << 20) / SCALE;

/// Longest entry as stored: one command with all of its events.
pub const ENTRY_BYTES_MAX: usize = (256 << 10) / SCALE;

/// Bytes of the header that opens a batch.
pub(crate) const BATCH_HEADER_BYTES: usize = 160;

/// Bytes of the trailer that ends a batch's last block.
pub(crate) const BATCH_TRAILER_BYTES: usize = 16;

/// Bytes of an entry's fixed part.
pub(crate) const ENTRY_HEADER_BYTES: usize = 16;

/// Bytes of an event's fixed part, before the stream id.
pub(crate) const EVENT_HEADER_BYTES: usize = 20;

/// Smallest segment file.
pub const SEGMENT_BYTES_MIN: u64 = (1 << 20) / SCALE as u64;

/// Largest segment file; recovery reads at most this much behind the last batch.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// Most names a journal can be opened with. The fuzzers' are fewer than by scale: a block is as
/// large as ever, and their smallest segment must take the table and a batch.
pub const NAMES_MAX: usize = if cfg!(fuzzing) { 128 } else { 4096 };

/// Longest name, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 126;

/// Longest text stream id, in bytes of UTF-8: its length is stored in one byte.
pub const TEXT_ID_BYTES_MAX: usize = 255;

/// Bytes of the longest opening batch: all names at their longest, each with its length.
pub(crate) const OPENING_BYTES_MAX: usize =
    (BATCH_HEADER_BYTES + 2 + NAMES_MAX * (2 + NAME_BYTES_MAX) + BATCH_TRAILER_BYTES)
        .next_multiple_of(BLOCK_BYTES);

/// Bytes kept free at the end of every segment, so that it can always be sealed.
pub(crate) const FOOTER_BYTES: usize = BLOCK_BYTES;

/// Bytes kept free behind every batch of entries: a watermark or close that says that they are
/// durable, then the footer. Neither ever needs another segment.
pub(crate) const SEAL_BYTES: usize = BLOCK_BYTES + FOOTER_BYTES;

/// Room a batch must have left for one more entry of any size to be begun.
pub(crate) const ENTRY_ROOM_BYTES: usize = ENTRY_BYTES_MAX + BATCH_TRAILER_BYTES;

/// Room a segment must have left, besides [`SEAL_BYTES`], for another batch to be opened in it.
pub(crate) const BATCH_ROOM_BYTES: usize =
    (BATCH_HEADER_BYTES + ENTRY_ROOM_BYTES).next_multiple_of(BLOCK_BYTES);

/// Retired append buffers kept for the next batches; those above are left to their last reader.
pub(crate) const POOL_BUFFERS_MAX: usize = 32;

/// How many batches are retired after a buffer before it is filled again, where the disk reads it.
/// Memory that a device has read a moment ago is slow to write: see docs/decisions/0013.
pub(crate) const POOL_BUFFERS_RESTING: usize = 8;

/// Most writes a disk may hold in flight: bounds the unacknowledged tail a crash can leave.
pub(crate) const WRITES_IN_FLIGHT_MAX: usize = 64;

/// Zeros written at once where a file is filled and somebody waits for it.
pub(crate) const FILL_BYTES: usize = (256 << 10) / SCALE;

/// Zeros written at once where a file is filled at ease: a journal write waits behind one such
/// write. With pieces of 256 KiB one client's p99 was 2.4x of the raw write, with these 1.5x.
pub(crate) const FILL_AT_EASE_BYTES: usize = (64 << 10) / SCALE;

/// Mean length of a segment's batches from which the one after the next is not filled with zeros.
pub(crate) const LARGE_BATCH_BYTES: u64 = (256 << 10) / SCALE as u64;

/// Bytes a reader or a scan asks the disk for at once, past the page cache; a batch always fits.
/// One that begins in a piece and ends behind it is read again from its beginning: of pieces as
/// large as the largest batch, half of all bytes were read twice.
pub(crate) const CHUNK_BYTES: usize = 2 * BATCH_BYTES_MAX;

/// Bytes a reader asks for at least where they come from the page cache. They and those they are a
/// copy of go through the processor's cache (2 MiB here) and are to be there still when they are
/// verified: with 2 MiB at once that took 1.2 times as long. Batches half as long are copied twice,
/// longer ones and much shorter ones once.
pub(crate) const READ_CACHED_BYTES: usize = (256 << 10) / SCALE;

/// Bytes from the present place on that a recovery has read ahead, where they come from the page
/// cache. By itself the kernel reads ahead as well, but begins small in every segment: a cold
/// replay waited a third of its time for the disk, and with these a tenth.
pub(crate) const READ_AHEAD_BYTES: u64 = (4 << 20) / SCALE as u64;

/// Such pieces that a reader has given away and takes again once their batches are done with: as
/// many as may wait between two threads, and some that are in use at either end. With one too few a
/// sixth of the time in which history is verified went into zeroing new ones.
pub(crate) const CHUNKS_KEPT: usize = 12;

/// Bytes a reader that nobody waits for asks for at once.
pub(crate) const READ_AT_EASE_BYTES: usize = (128 << 10) / SCALE;

const _: () = {
    assert!(BLOCK_BYTES.is_power_of_two(), "places are rounded with a mask");
    assert!(BLOCK_BYTES.is_multiple_of(SECTOR_BYTES), "a block is whole sectors");
    assert!(BATCH_HEADER_BYTES <= SECTOR_BYTES, "a batch header is whole or not there");
    assert!(BATCH_BYTES_MAX.is_multiple_of(BLOCK_BYTES), "batches are whole blocks");
    assert!(SEGMENT_BYTES_MIN.is_multiple_of(BLOCK_BYTES as u64), "segments are whole blocks");
    assert!(BATCH_BYTES_MAX <= u32::MAX as usize, "batch lengths are stored in 32 bits");
    assert!(BATCH_ROOM_BYTES <= BATCH_BYTES_MAX, "an empty batch takes any entry");
    assert!(OPENING_BYTES_MAX <= BATCH_BYTES_MAX, "any name table fits one opening");
    assert!(NAMES_MAX <= u16::MAX as usize, "a name id is 16 bits");
    assert!(TEXT_ID_BYTES_MAX <= u8::MAX as usize, "a text id's length is one byte");
    assert!(CHUNK_BYTES >= BATCH_BYTES_MAX, "a chunk holds any batch whole");
    assert!(LARGE_BATCH_BYTES < BATCH_BYTES_MAX as u64, "batches can be as large as that");
    assert!(POOL_BUFFERS_RESTING < POOL_BUFFERS_MAX, "the pool keeps buffers that have rested");
    assert!(READ_CACHED_BYTES <= CHUNK_BYTES, "no more is read at once than a chunk holds");
    assert!(READ_CACHED_BYTES.is_multiple_of(BLOCK_BYTES), "a reader asks for whole blocks");
    assert!(READ_AHEAD_BYTES / 2 >= CHUNK_BYTES as u64, "no piece comes before it is read ahead");
    assert!(READ_AT_EASE_BYTES.is_multiple_of(BLOCK_BYTES), "direct reads take whole blocks");
    assert!(
        ENTRY_BYTES_MAX / (EVENT_HEADER_BYTES + 1) <= u16::MAX as usize,
        "an entry's events are counted in 16 bits"
    );
    let smallest_use = BLOCK_BYTES + OPENING_BYTES_MAX + BATCH_ROOM_BYTES + SEAL_BYTES;
    assert!(smallest_use as u64 <= SEGMENT_BYTES_MIN, "a fresh segment takes any entry");
};
