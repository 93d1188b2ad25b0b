//! The entry: one command's head, then its events.

use super::{Fields, Flaw};
use crate::{
    head::{EntryHead, EntryKey, EventHead, NameId, StreamId},
    limits::{ENTRY_BYTES_MAX, ENTRY_HEADER_BYTES, EVENT_HEADER_BYTES, TEXT_ID_BYTES_MAX},
};

const KIND_COMMAND: u8 = 1;

const HAS_KEY: u8 = 1;
const HAS_CORRELATION: u8 = 2;
const HAS_CAUSATION: u8 = 4;
const FLAGS_KNOWN: u8 = HAS_KEY | HAS_CORRELATION | HAS_CAUSATION;

const TAG_U64: u8 = 1;
const TAG_U128: u8 = 2;
const TAG_UUID: u8 = 3;
const TAG_TEXT: u8 = 4;

/// Writes an entry's head, its length and event count left open; returns the bytes used.
#[inline]
pub(crate) fn encode_entry_head(head: &EntryHead, into: &mut [u8]) -> usize {
    let mut flags = 0;
    let mut used = ENTRY_HEADER_BYTES;
    if let Some(key) = &head.key {
        flags |= HAS_KEY;
        into[used..used + 16].copy_from_slice(&key.key);
        into[used + 16..used + 24].copy_from_slice(&key.fingerprint.to_le_bytes());
        into[used + 24..used + 32].copy_from_slice(&key.version.to_le_bytes());
        used += 32;
    }
    for (flag, id) in [(HAS_CORRELATION, &head.correlation), (HAS_CAUSATION, &head.causation)] {
        if let Some(id) = id {
            flags |= flag;
            into[used..used + 16].copy_from_slice(id);
            used += 16;
        }
    }
    // Straight into their places: put together elsewhere and copied, they would be waited for.
    let fixed = &mut into[..ENTRY_HEADER_BYTES];
    fixed[..8].copy_from_slice(&[0, 0, 0, 0, KIND_COMMAND, flags, 0, 0]);
    fixed[8..16].copy_from_slice(&head.time.to_le_bytes());
    used
}

/// Fills in what only the end of an entry knows.
#[inline]
pub(crate) fn finish_entry(entry: &mut [u8], event_count: u16) {
    assert!(entry.len() >= ENTRY_HEADER_BYTES, "an entry begins with its head");
    assert!(entry.len() <= ENTRY_BYTES_MAX, "events are refused beyond the entry's limit");
    let length = entry.len() as u32;
    entry[..4].copy_from_slice(&length.to_le_bytes());
    entry[6..8].copy_from_slice(&event_count.to_le_bytes());
}

/// Writes an event's head with an open payload length; the bytes used, or `None` where `into`
/// is too short. The text of an id is within its limit.
#[inline]
pub(crate) fn encode_event_head(head: &EventHead<'_>, into: &mut [u8]) -> Option<usize> {
    match head.id {
        StreamId::U64(id) => encode_with_id(head, TAG_U64, &id.to_le_bytes(), into),
        StreamId::U128(id) => encode_with_id(head, TAG_U128, &id.to_le_bytes(), into),
        StreamId::Uuid(id) => encode_with_id(head, TAG_UUID, &id, into),
        StreamId::Text(text) => encode_with_id(head, TAG_TEXT, text.as_bytes(), into),
    }
}

/// Inlined once for each tag, so that the length of a number is known where it is copied.
#[inline(always)]
fn encode_with_id(head: &EventHead<'_>, tag: u8, id: &[u8], into: &mut [u8]) -> Option<usize> {
    assert!(id.len() <= TEXT_ID_BYTES_MAX, "the text's length is checked before");
    let used = EVENT_HEADER_BYTES + id.len();
    let (fixed, id_place) = into.get_mut(..used)?.split_at_mut(EVENT_HEADER_BYTES);
    // The fields go straight into their places: put together elsewhere and copied, they would be
    // waited for.
    fixed[..4].fill(0);
    fixed[4..6].copy_from_slice(&head.kind.0.to_le_bytes());
    fixed[6..8].copy_from_slice(&head.event_type.0.to_le_bytes());
    fixed[8..10].copy_from_slice(&head.schema.to_le_bytes());
    fixed[10] = tag;
    fixed[11] = id.len() as u8;
    fixed[12..20].copy_from_slice(&head.version.to_le_bytes());
    id_place.copy_from_slice(id);
    Some(used)
}

/// A decoded entry head and the undecoded events behind it.
pub(crate) struct EntryFrame<'a> {
    pub(crate) head: EntryHead,
    pub(crate) event_count: u16,
    pub(crate) events: &'a [u8],
    /// Bytes of the whole entry.
    pub(crate) length: usize,
}

impl<'a> EntryFrame<'a> {
    /// Reads the entry at the start of `body`.
    pub(crate) fn read(body: &'a [u8]) -> Result<EntryFrame<'a>, Flaw> {
        let fixed = body.get(..ENTRY_HEADER_BYTES).ok_or(Flaw::Invalid("entry cut short"))?;
        let fields = Fields(fixed);
        let length = fields.u32(0) as usize;
        if !(ENTRY_HEADER_BYTES..=ENTRY_BYTES_MAX).contains(&length) || length > body.len() {
            return Err(Flaw::Invalid("entry length out of bounds"));
        }
        if fixed[4] != KIND_COMMAND {
            return Err(Flaw::Unknown("entry kind"));
        }
        let flags = fixed[5];
        if flags & !FLAGS_KNOWN != 0 {
            return Err(Flaw::Unknown("entry flags"));
        }
        let mut rest = &body[ENTRY_HEADER_BYTES..length];
        let key = match flags & HAS_KEY {
            0 => None,
            _ => Some(EntryKey {
                key: take(&mut rest)?,
                fingerprint: u64::from_le_bytes(take(&mut rest)?),
                version: u64::from_le_bytes(take(&mut rest)?),
            }),
        };
        let mut id = |flag| match flags & flag {
            0 => Ok(None),
            _ => take(&mut rest).map(Some),
        };
        let (correlation, causation) = (id(HAS_CORRELATION)?, id(HAS_CAUSATION)?);
        let time = i64::from_le_bytes(fields.array(8));
        let head = EntryHead { time, key, correlation, causation };
        assert!(rest.len() < length, "the events are inside the entry");
        Ok(EntryFrame { head, event_count: fields.u16(6), events: rest, length })
    }
}

/// A decoded event.
pub(crate) struct EventFrame<'a> {
    pub(crate) head: EventHead<'a>,
    pub(crate) payload: &'a [u8],
    /// Bytes of the whole event.
    pub(crate) length: usize,
}

impl<'a> EventFrame<'a> {
    /// Reads the event at the start of `events`.
    pub(crate) fn read(events: &'a [u8]) -> Result<EventFrame<'a>, Flaw> {
        let mut rest = events;
        let fixed: [u8; EVENT_HEADER_BYTES] = take(&mut rest)?;
        let fields = Fields(&fixed);
        let id = take_slice(&mut rest, usize::from(fixed[11]))?;
        let head = EventHead {
            kind: NameId(fields.u16(4)),
            event_type: NameId(fields.u16(6)),
            schema: fields.u16(8),
            id: read_id(fixed[10], id)?,
            version: fields.u64(12),
        };
        let payload = take_slice(&mut rest, fields.u32(0) as usize)?;
        let length = events.len() - rest.len();
        assert!(length > payload.len(), "a decoded event always gets on");
        Ok(EventFrame { head, payload, length })
    }
}

fn read_id(tag: u8, id: &[u8]) -> Result<StreamId<'_>, Flaw> {
    const LENGTH: Flaw = Flaw::Invalid("stream id of another length than its tag says");
    match tag {
        TAG_U64 => Ok(StreamId::U64(u64::from_le_bytes(id.try_into().map_err(|_| LENGTH)?))),
        TAG_U128 => Ok(StreamId::U128(u128::from_le_bytes(id.try_into().map_err(|_| LENGTH)?))),
        TAG_UUID => Ok(StreamId::Uuid(id.try_into().map_err(|_| LENGTH)?)),
        TAG_TEXT => std::str::from_utf8(id)
            .map(StreamId::Text)
            .map_err(|_| Flaw::Invalid("text stream id is not UTF-8")),
        _ => Err(Flaw::Unknown("stream id tag")),
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Flaw> {
    let (taken, after) = rest.split_first_chunk().ok_or(Flaw::Invalid("entry cut short"))?;
    *rest = after;
    Ok(*taken)
}

fn take_slice<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Flaw> {
    let (taken, after) = rest.split_at_checked(count).ok_or(Flaw::Invalid("event cut short"))?;
    *rest = after;
    Ok(taken)
}
