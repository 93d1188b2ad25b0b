//! Changes a header and makes its checksum right again.

/// A segment header of block 0 with this byte in this place.
pub(crate) fn segment_header(block: &[u8], at: usize, byte: u8) -> Vec<u8> {
    with_crc(block, 168, at, byte)
}

/// A batch header with this byte in this place.
pub(crate) fn batch_header(block: &[u8], at: usize, byte: u8) -> Vec<u8> {
    with_crc(block, 156, at, byte)
}

fn with_crc(block: &[u8], crc_at: usize, at: usize, byte: u8) -> Vec<u8> {
    assert!(at < crc_at, "the checksum follows by itself");
    let mut header = block[..crc_at + 4].to_vec();
    header[at] = byte;
    let crc = crc32c::crc32c(&header[..crc_at]);
    header[crc_at..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// A snapshot with this byte in this place and its hash made anew.
pub(crate) fn snapshot(bytes: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut forged = bytes[..bytes.len() - 32].to_vec();
    forged[at] = byte;
    let hash = blake3::hash(&forged);
    forged.extend(hash.as_bytes());
    forged
}
