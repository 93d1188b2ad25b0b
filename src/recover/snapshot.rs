//! The snapshot file: a state written down at one position, and everything needed to trust it.
//!
//! ```text
//! magic "HLSNAPSH" · format u32 · journal id 16 · cursor 80 · position u64 · time i64 · digest 32
//! kinds u32, each: name (u16 length) · state version u16 · count u64, each aggregate:
//!     id (tag u8, then 8, 16, 16 or u16 length and text) · version u64 · state (u32 length)
//! keys u64, each: key 16 · fingerprint u64 · sequence u64 · position u64 · events u32 ·
//!     version u64
//! chains u64, each: sequence u64 · chain 32
//! BLAKE3 of everything before, 32
//! ```
//! Numbers are little-endian. A snapshot is derived: whatever is wrong with it, the journal has it.

use hotledger_journal::{CURSOR_BYTES, Chain, Cursor, StreamId};
use uuid::Uuid;

use crate::ease::breathe;
use crate::identity::CommandKey;
use crate::keys::{Keys, Known};
use crate::position::{Position, Timestamp, Version};
use crate::recover::bytes::{Cut, Take};
use crate::recover::fold::Folded;
use crate::state::{Blueprint, StateDigest};

pub(super) const MAGIC: [u8; 8] = *b"HLSNAPSH";
pub(super) const FORMAT: u32 = 1;
pub(super) const HASH_BYTES: usize = 32;

/// An empty text as id, the version, an empty state.
const AGGREGATE_BYTES_MIN: usize = 3 + 8 + 4;

/// Some 20 µs of work.
const HASHED_AT_ONCE: usize = 1 << 16;

/// Why a snapshot is not used. The journal is replayed from further back instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    #[error("it is of snapshot format {0}")]
    Format(u32),
    #[error("it belongs to another journal")]
    Foreign,
    #[error("the state of kind `{0}` has another shape, or the kind is not registered")]
    Shape(String),
    #[error("its state does not have the digest it was written with")]
    Digest,
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl From<Cut> for Unusable {
    fn from(_: Cut) -> Self {
        Self::Damaged("it ends too early")
    }
}

/// Writes a state down. `None` before the first batch, or while an aggregate is quarantined.
pub(crate) fn encode(folded: &Folded, journal: Uuid) -> Option<Vec<u8>> {
    let cursor = folded.cursor?;
    if folded.state.quarantined() > 0 {
        return None;
    }
    let mut out = Vec::new();
    out.extend(MAGIC);
    out.extend(FORMAT.to_le_bytes());
    out.extend(journal.as_bytes());
    out.extend(cursor.encode());
    out.extend(folded.position.events().to_le_bytes());
    out.extend(folded.time.0.to_le_bytes());
    out.extend(folded.state.digest().0);
    encode_kinds(folded, &mut out);
    encode_keys(&folded.keys, &mut out);
    let hash = hash_of(&out);
    out.extend(hash.as_bytes());
    Some(out)
}

fn encode_kinds(folded: &Folded, out: &mut Vec<u8>) {
    let kinds = folded.state.kinds();
    out.extend(u32::try_from(kinds.len()).expect("few kinds").to_le_bytes());
    for kind in kinds {
        put_text(out, kind.name());
        out.extend(kind.state_version().to_le_bytes());
        out.extend((kind.aggregates() as u64).to_le_bytes());
        kind.visit(&mut |id, version, state| {
            put_id(out, id);
            out.extend(version.to_le_bytes());
            let length = u32::try_from(state.len()).expect("a state stays below 4 GiB");
            out.extend(length.to_le_bytes());
            out.extend(state);
        });
    }
}

fn encode_keys(keys: &Keys, out: &mut Vec<u8>) {
    out.extend((keys.len() as u64).to_le_bytes());
    for (key, known) in keys.iter() {
        breathe();
        out.extend(key.0);
        out.extend(known.fingerprint.to_le_bytes());
        out.extend(known.sequence.to_le_bytes());
        out.extend(known.position.events().to_le_bytes());
        out.extend(known.events.to_le_bytes());
        out.extend(known.version.0.to_le_bytes());
    }
    out.extend((keys.chains().len() as u64).to_le_bytes());
    for (sequence, chain) in keys.chains() {
        out.extend(sequence.to_le_bytes());
        out.extend(chain.0);
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).expect("names and ids stay below 64 KiB");
    out.extend(length.to_le_bytes());
    out.extend(text.as_bytes());
}

fn put_id(out: &mut Vec<u8>, id: StreamId<'_>) {
    match id {
        StreamId::U64(id) => {
            out.push(1);
            out.extend(id.to_le_bytes());
        }
        StreamId::U128(id) => {
            out.push(2);
            out.extend(id.to_le_bytes());
        }
        StreamId::Uuid(id) => {
            out.push(3);
            out.extend(id.to_be_bytes());
        }
        StreamId::Text(id) => {
            out.push(4);
            put_text(out, id);
        }
    }
}

fn hash_of(bytes: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for piece in bytes.chunks(HASHED_AT_ONCE) {
        hasher.update(piece);
        breathe();
    }
    hasher.finalize()
}

/// Checks the hash over the whole: bytes that passed are the bytes that were written.
pub(crate) fn check(bytes: &[u8]) -> Result<&[u8], Unusable> {
    let body = bytes.len().checked_sub(HASH_BYTES).ok_or(Unusable::Damaged("it is too short"))?;
    let (body, hash) = bytes.split_at(body);
    if hash_of(body).as_bytes() != hash {
        return Err(Unusable::Damaged("its hash does not match"));
    }
    Ok(body)
}

/// Reads a state back and proves it: hash, journal, shape and state digest.
pub(crate) fn decode(
    bytes: &[u8],
    journal: Uuid,
    blueprint: &Blueprint,
    keys_max: usize,
) -> Result<Folded, Unusable> {
    let (folded, digest) = read(bytes, journal, blueprint, keys_max)?;
    if folded.state.digest() != digest {
        return Err(Unusable::Digest);
    }
    Ok(folded)
}

/// Reads a state back, with the digest that it has to have.
pub(crate) fn read(
    bytes: &[u8],
    journal: Uuid,
    blueprint: &Blueprint,
    keys_max: usize,
) -> Result<(Folded, StateDigest), Unusable> {
    let mut take = Take::new(check(bytes)?);
    if take.array::<8>()? != MAGIC {
        return Err(Unusable::Damaged("it is not a snapshot"));
    }
    match take.u32()? {
        FORMAT => {}
        other => return Err(Unusable::Format(other)),
    }
    if take.array::<16>()? != *journal.as_bytes() {
        return Err(Unusable::Foreign);
    }
    let cursor = Cursor::decode(&take.array::<CURSOR_BYTES>()?);
    let cursor = cursor.ok_or(Unusable::Damaged("its cursor makes no sense"))?;
    let unregistered = |error| Unusable::Unreadable(format!("{error}"));
    let mut folded = Folded::empty(blueprint, keys_max).map_err(unregistered)?;
    folded.cursor = Some(cursor);
    folded.position = Position::after(take.u64()?);
    folded.time = Timestamp(take.i64()?);
    let digest = StateDigest(take.array()?);
    decode_kinds(&mut take, &mut folded)?;
    decode_keys(&mut take, &mut folded.keys)?;
    if !take.is_empty() {
        return Err(Unusable::Damaged("it goes on behind its end"));
    }
    Ok((folded, digest))
}

fn decode_kinds(take: &mut Take<'_>, folded: &mut Folded) -> Result<(), Unusable> {
    for _ in 0..take.u32()? {
        let name = take.text()?;
        let state_version = take.u16()?;
        let count = take.u64()?;
        let mut kinds = folded.state.kinds_mut().iter_mut();
        let kind = kinds.find(|kind| kind.name() == name);
        let kind = match kind {
            Some(kind) if kind.state_version() == state_version => kind,
            // A kind without aggregates may come and go.
            _ if count == 0 => continue,
            _ => return Err(Unusable::Shape(name.to_owned())),
        };
        let possible = take.left() / AGGREGATE_BYTES_MIN;
        kind.reserve(usize::try_from(count).map_or(possible, |count| count.min(possible)));
        for _ in 0..count {
            breathe();
            let id = take_id(take)?;
            let version = take.u64()?;
            let length = take.u32()? as usize;
            if !kind.restore(id, version, take.bytes(length)?) {
                return Err(Unusable::Shape(name.to_owned()));
            }
        }
    }
    Ok(())
}

fn decode_keys(take: &mut Take<'_>, keys: &mut Keys) -> Result<(), Unusable> {
    for _ in 0..take.u64()? {
        breathe();
        let key = CommandKey(take.array()?);
        let known = Known {
            fingerprint: take.u64()?,
            sequence: take.u64()?,
            position: Position::after(take.u64()?),
            events: take.u32()?,
            version: Version(take.u64()?),
        };
        keys.record(key, keys.tag(&key), known);
    }
    for _ in 0..take.u64()? {
        let sequence = take.u64()?;
        keys.restore_chain(sequence, Chain(take.array()?));
    }
    Ok(())
}

fn take_id<'a>(take: &mut Take<'a>) -> Result<StreamId<'a>, Unusable> {
    Ok(match take.u8()? {
        1 => StreamId::U64(take.u64()?),
        2 => StreamId::U128(u128::from_le_bytes(take.array()?)),
        3 => StreamId::Uuid(u128::from_be_bytes(take.array()?)),
        4 => StreamId::Text(take.text()?),
        _ => return Err(Unusable::Damaged("an id is of no known type")),
    })
}
