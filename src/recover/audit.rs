//! The audit of snapshot files: everything they say of themselves, checked without their kinds.

use std::io;
use std::sync::Arc;

use hotledger_journal::{
    Access, AlignedBuffer, BLOCK_BYTES, CURSOR_BYTES, Cursor, Disk, DiskFile, StreamId,
};
use uuid::Uuid;

use crate::position::Position;
use crate::recover::shelf::{Shelf, name_of};
use crate::recover::snapshot::{FORMAT, HASH_BYTES, MAGIC};
use crate::state::{StateDigest, hash_framed};

/// Bytes of a snapshot that are in memory at once, whatever its size.
const PIECE_BYTES: usize = 1 << 20;

const _: () = assert!(PIECE_BYTES.is_multiple_of(BLOCK_BYTES), "direct reads take whole blocks");

/// What a sound snapshot says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotFacts {
    /// The journal it belongs to.
    pub journal_id: Uuid,
    /// The place in that journal it was taken at: the snapshot fits a journal in which a batch
    /// has exactly this [`cursor_after`](hotledger_journal::Batch::cursor_after).
    pub cursor: Cursor,
    /// The position it was taken at.
    pub position: Position,
    /// The digest over its aggregates: the one it was written with, taken again.
    pub digest: StateDigest,
    /// How many aggregates it holds.
    pub aggregates: u64,
    /// How many command keys it holds.
    pub keys: u64,
}

/// What is wrong with a snapshot. The journal is replayed from further back instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotFlaw {
    /// Its bytes are not those that were written, or contradict each other.
    /// **Do:** remove it; it is derived, and the next one takes its place.
    #[error("the snapshot is damaged: {0}")]
    Damaged(&'static str),
    /// It is of a format that this version does not know.
    /// **Do:** read it with the version that wrote it, or remove it.
    #[error("the snapshot is of format {0}, which this version does not know")]
    UnknownFormat(u32),
    /// The disk does not give it out.
    /// **Do:** see to the disk.
    #[error("the snapshot cannot be read: {0}")]
    Unreadable(Arc<str>),
}

/// One snapshot file and the judgement on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditedSnapshot {
    /// Its name in the directory.
    pub file: String,
    /// The position that its name says.
    pub position: Position,
    /// What it holds, or what is wrong with it.
    pub found: Result<SnapshotFacts, SnapshotFlaw>,
}

/// Checks every snapshot file on a disk, newest first: hash over the whole, format, shape, and
/// state digest. No kind needs to be registered.
///
/// Reads past the page cache, a piece at a time, and changes nothing. Whether the snapshot fits
/// the journal is for the caller to see, from [`SnapshotFacts::cursor`].
///
/// # Errors
/// The directory cannot be listed.
pub fn audit_snapshots(disk: &Arc<dyn Disk>) -> io::Result<Vec<AuditedSnapshot>> {
    let listed = Shelf::new(Arc::clone(disk)).list()?;
    let audited = listed.into_iter().map(|position| {
        let file = name_of(position);
        let found =
            audit(disk.as_ref(), &file).and_then(|facts| match facts.position == position {
                true => Ok(facts),
                false => Err(SnapshotFlaw::Damaged("its name says another position")),
            });
        AuditedSnapshot { file, position, found }
    });
    Ok(audited.collect())
}

fn audit(disk: &dyn Disk, name: &str) -> Result<SnapshotFacts, SnapshotFlaw> {
    let mut pieces = Pieces::open(disk, name)?;
    let facts = read(&mut pieces);
    // Only bytes that are as they were written are worth a word about their meaning.
    match facts {
        Err(SnapshotFlaw::Unreadable(_)) => facts,
        _ if !pieces.hash_matches()? => Err(SnapshotFlaw::Damaged("its hash does not match")),
        _ => facts,
    }
}

/// Reads all there is before the hash.
fn read(pieces: &mut Pieces) -> Result<SnapshotFacts, SnapshotFlaw> {
    if pieces.array::<8>()? != MAGIC {
        return Err(SnapshotFlaw::Damaged("it is not a snapshot"));
    }
    match u32::from_le_bytes(pieces.array()?) {
        FORMAT => {}
        other => return Err(SnapshotFlaw::UnknownFormat(other)),
    }
    let journal_id = Uuid::from_bytes(pieces.array()?);
    let cursor = Cursor::decode(&pieces.array::<CURSOR_BYTES>()?);
    let cursor = cursor.ok_or(SnapshotFlaw::Damaged("its cursor makes no sense"))?;
    let position = Position::after(pieces.u64()?);
    let _time = pieces.u64()?;
    let digest = StateDigest(pieces.array()?);
    if cursor.position != position.events() {
        return Err(SnapshotFlaw::Damaged("its cursor is at another position"));
    }
    let (aggregates, taken) = read_kinds(pieces)?;
    if taken != digest {
        return Err(SnapshotFlaw::Damaged("its state does not have the digest it says"));
    }
    let keys = read_keys(pieces, &cursor)?;
    if pieces.left > 0 {
        return Err(SnapshotFlaw::Damaged("it goes on behind its end"));
    }
    assert_eq!(cursor.position, position.events(), "checked above");
    Ok(SnapshotFacts { journal_id, cursor, position, digest, aggregates, keys })
}

/// Counts the aggregates and takes their digest, as [`State::digest`](crate::state::State::digest)
/// does: kinds and aggregates are stored in the order in which it goes through them.
fn read_kinds(pieces: &mut Pieces) -> Result<(u64, StateDigest), SnapshotFlaw> {
    let mut digest = blake3::Hasher::new();
    let mut aggregates = 0;
    let mut before: Option<String> = None;
    for _ in 0..u32::from_le_bytes(pieces.array()?) {
        let name = pieces.text()?;
        let _state_version = pieces.array::<2>()?;
        let count = pieces.u64()?;
        if before.as_ref().is_some_and(|before| *before >= name) {
            return Err(SnapshotFlaw::Damaged("its kinds are out of order"));
        }
        if count > 0 {
            hash_framed(&mut digest, name.as_bytes());
        }
        for _ in 0..count {
            read_aggregate(pieces, &mut digest)?;
            aggregates += 1;
        }
        before = Some(name);
    }
    Ok((aggregates, StateDigest(*digest.finalize().as_bytes())))
}

fn read_aggregate(pieces: &mut Pieces, digest: &mut blake3::Hasher) -> Result<(), SnapshotFlaw> {
    let id = match pieces.array::<1>()?[0] {
        1 => StreamId::U64(pieces.u64()?).to_string(),
        2 => StreamId::U128(u128::from_le_bytes(pieces.array()?)).to_string(),
        3 => StreamId::Uuid(u128::from_be_bytes(pieces.array()?)).to_string(),
        4 => pieces.text()?,
        _ => return Err(SnapshotFlaw::Damaged("an id is of no known type")),
    };
    hash_framed(digest, id.as_bytes());
    digest.update(&pieces.array::<8>()?);
    let mut length = u64::from(u32::from_le_bytes(pieces.array()?));
    digest.update(&length.to_le_bytes());
    while length > 0 {
        let piece = pieces.some(length)?;
        assert!(!piece.is_empty(), "every piece gets on");
        digest.update(piece);
        length -= piece.len() as u64;
    }
    Ok(())
}

fn read_keys(pieces: &mut Pieces, cursor: &Cursor) -> Result<u64, SnapshotFlaw> {
    let keys = pieces.u64()?;
    for _ in 0..keys {
        let _key_and_fingerprint = pieces.array::<24>()?;
        let (sequence, position) = (pieces.u64()?, pieces.u64()?);
        let _events_and_version = pieces.array::<12>()?;
        if sequence >= cursor.sequence || position > cursor.position {
            return Err(SnapshotFlaw::Damaged("a key is ahead of its position"));
        }
    }
    for _ in 0..pieces.u64()? {
        let sequence = pieces.u64()?;
        let _chain = pieces.array::<32>()?;
        if sequence >= cursor.sequence {
            return Err(SnapshotFlaw::Damaged("a chain is ahead of its position"));
        }
    }
    Ok(keys)
}

/// A file taken in pieces, each hashed as it is taken.
struct Pieces {
    file: Arc<dyn DiskFile>,
    piece: AlignedBuffer,
    /// What of the piece is not taken yet.
    from: usize,
    to: usize,
    /// Byte in the file behind the piece.
    offset: u64,
    /// Bytes before the hash that are not taken yet.
    left: u64,
    hasher: blake3::Hasher,
}

impl Pieces {
    fn open(disk: &dyn Disk, name: &str) -> Result<Self, SnapshotFlaw> {
        let opened = disk.open(name, Access::ReadDirect).and_then(|file| Ok((file.bytes()?, file)));
        let (bytes, file) = opened.map_err(|error| unreadable(&error))?;
        let left = bytes.checked_sub(HASH_BYTES as u64);
        let left = left.ok_or(SnapshotFlaw::Damaged("it is too short"))?;
        let (piece, hasher) = (AlignedBuffer::new(PIECE_BYTES), blake3::Hasher::new());
        Ok(Self { file, piece, from: 0, to: 0, offset: 0, left, hasher })
    }

    /// The next bytes before the hash, at least one and at most so many.
    fn some(&mut self, wanted: u64) -> Result<&[u8], SnapshotFlaw> {
        assert!(wanted > 0, "ask for something");
        if self.left == 0 {
            return Err(SnapshotFlaw::Damaged("it ends too early"));
        }
        let (from, to) = self.advance(wanted.min(self.left))?;
        self.left -= (to - from) as u64;
        let taken = &self.piece.all_mut()[from..to];
        self.hasher.update(taken);
        Ok(taken)
    }

    /// Moves over bytes of the piece, which is filled again where nothing of it is left.
    fn advance(&mut self, wanted: u64) -> Result<(usize, usize), SnapshotFlaw> {
        if self.from == self.to {
            let read = self.file.read_at(self.offset, self.piece.all_mut());
            let read = read.map_err(|error| unreadable(&error))?;
            if read == 0 {
                return Err(unreadable(&io::ErrorKind::UnexpectedEof.into()));
            }
            (self.from, self.to) = (0, read);
            self.offset += read as u64;
        }
        let from = self.from;
        self.from = self.to.min(from.saturating_add(usize::try_from(wanted).unwrap_or(usize::MAX)));
        assert!(from < self.from && self.from <= self.to, "a piece is taken from front to back");
        Ok((from, self.from))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotFlaw> {
        let mut array = [0; N];
        self.fill(&mut array)?;
        Ok(array)
    }

    fn u64(&mut self) -> Result<u64, SnapshotFlaw> {
        self.array().map(u64::from_le_bytes)
    }

    /// A text with its length in two bytes before it.
    fn text(&mut self) -> Result<String, SnapshotFlaw> {
        let mut bytes = vec![0; u16::from_le_bytes(self.array()?).into()];
        self.fill(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| SnapshotFlaw::Damaged("a name is not UTF-8"))
    }

    fn fill(&mut self, mut into: &mut [u8]) -> Result<(), SnapshotFlaw> {
        while !into.is_empty() {
            let taken = self.some(into.len() as u64)?;
            let (filled, rest) = into.split_at_mut(taken.len());
            filled.copy_from_slice(taken);
            into = rest;
        }
        Ok(())
    }

    /// Takes what is left and compares the hash at the end of the file.
    fn hash_matches(&mut self) -> Result<bool, SnapshotFlaw> {
        while self.left > 0 {
            self.some(self.left)?;
        }
        assert_eq!(self.left, 0, "everything before the hash is hashed");
        let mut stored = [0; HASH_BYTES];
        let mut filled = 0;
        while filled < HASH_BYTES {
            let (from, to) = self.advance((HASH_BYTES - filled) as u64)?;
            stored[filled..filled + to - from].copy_from_slice(&self.piece.all_mut()[from..to]);
            filled += to - from;
        }
        assert_eq!(filled, HASH_BYTES, "the whole hash is read");
        Ok(*self.hasher.finalize().as_bytes() == stored)
    }
}

fn unreadable(error: &io::Error) -> SnapshotFlaw {
    SnapshotFlaw::Unreadable(error.to_string().into())
}
