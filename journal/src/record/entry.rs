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
        StreamId::Uuid(id) => encode_with_id(head, TAG_UUID, &id.to_be_bytes(), into),
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

/// An entry whose lengths are known to hold, its head and its events not decoded yet.
///
/// It is passed on as it lies there, and decoded where it is looked at: a head put together here
/// and copied on would be waited for at each copy.
#[derive(Clone, Copy)]
pub(crate) struct EntryFrame<'a> {
    /// The whole entry.
    pub(crate) bytes: &'a [u8],
    /// The part behind the head.
    pub(crate) events: &'a [u8],
}

impl<'a> EntryFrame<'a> {
    /// Finds the entry at the start of `body`.
    #[inline]
    pub(crate) fn read(body: &'a [u8]) -> Result<EntryFrame<'a>, Flaw> {
        const CUT: Flaw = Flaw::Invalid("entry cut short");
        let fixed = body.get(..ENTRY_HEADER_BYTES).ok_or(CUT)?;
        let length = Fields(fixed).u32(0) as usize;
        if !(ENTRY_HEADER_BYTES..=ENTRY_BYTES_MAX).contains(&length) || length > body.len() {
            return Err(Flaw::Invalid("entry length out of bounds"));
        }
        if fixed[4] != KIND_COMMAND {
            return Err(Flaw::Unknown("entry kind"));
        }
        if fixed[5] & !FLAGS_KNOWN != 0 {
            return Err(Flaw::Unknown("entry flags"));
        }
        let bytes = &body[..length];
        let events = bytes.get(ENTRY_HEADER_BYTES + flagged_bytes(fixed[5])..).ok_or(CUT)?;
        Ok(EntryFrame { bytes, events })
    }

    #[inline]
    pub(crate) fn event_count(&self) -> u16 {
        Fields(self.bytes).u16(6)
    }

    #[inline]
    pub(crate) fn time(&self) -> i64 {
        i64::from_le_bytes(Fields(self.bytes).array(8))
    }

    #[inline]
    pub(crate) fn key(&self) -> Option<EntryKey> {
        let fields = self.flagged(HAS_KEY)?;
        Some(EntryKey {
            key: fields.array(0),
            fingerprint: fields.u64(16),
            version: fields.u64(24),
        })
    }

    #[inline]
    pub(crate) fn head(&self) -> EntryHead {
        let id = |flag| self.flagged(flag).map(|fields| fields.array(0));
        EntryHead {
            time: self.time(),
            key: self.key(),
            correlation: id(HAS_CORRELATION),
            causation: id(HAS_CAUSATION),
        }
    }

    /// From where on the part with this flag lies, if there is one: behind those with lower flags.
    #[inline]
    fn flagged(&self, flag: u8) -> Option<Fields<'a>> {
        let flags = self.bytes[5];
        let at = ENTRY_HEADER_BYTES + flagged_bytes(flags & (flag - 1));
        (flags & flag != 0).then(|| Fields(&self.bytes[at..]))
    }
}

/// Bytes of a head behind its fixed part.
#[inline]
fn flagged_bytes(flags: u8) -> usize {
    [(HAS_KEY, 32), (HAS_CORRELATION, 16), (HAS_CAUSATION, 16)]
        .into_iter()
        .map(|(flag, bytes)| if flags & flag == 0 { 0 } else { bytes })
        .sum()
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
    #[inline]
    pub(crate) fn read(events: &'a [u8]) -> Result<EventFrame<'a>, Flaw> {
        const CUT: Flaw = Flaw::Invalid("event cut short");
        // Field by field from where they lie: an array of them would be put together in memory
        // and waited for.
        let (fixed, rest) = events.split_at_checked(EVENT_HEADER_BYTES).ok_or(CUT)?;
        let fields = Fields(fixed);
        let (id, rest) = rest.split_at_checked(usize::from(fixed[11])).ok_or(CUT)?;
        let (payload, rest) = rest.split_at_checked(fields.u32(0) as usize).ok_or(CUT)?;
        let head = EventHead {
            kind: NameId(fields.u16(4)),
            event_type: NameId(fields.u16(6)),
            schema: fields.u16(8),
            id: read_id(fixed[10], id)?,
            version: fields.u64(12),
        };
        let length = events.len() - rest.len();
        assert!(length > payload.len(), "a decoded event always gets on");
        Ok(EventFrame { head, payload, length })
    }
}

#[inline]
fn read_id(tag: u8, id: &[u8]) -> Result<StreamId<'_>, Flaw> {
    const LENGTH: Flaw = Flaw::Invalid("stream id of another length than its tag says");
    match tag {
        TAG_U64 => Ok(StreamId::U64(u64::from_le_bytes(id.try_into().map_err(|_| LENGTH)?))),
        TAG_U128 => Ok(StreamId::U128(u128::from_le_bytes(id.try_into().map_err(|_| LENGTH)?))),
        TAG_UUID => Ok(StreamId::Uuid(u128::from_be_bytes(id.try_into().map_err(|_| LENGTH)?))),
        TAG_TEXT => std::str::from_utf8(id)
            .map(StreamId::Text)
            .map_err(|_| Flaw::Invalid("text stream id is not UTF-8")),
        _ => Err(Flaw::Unknown("stream id tag")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever stored an id finds it again for ever: these bytes are in journals.
    #[test]
    fn the_bytes_of_an_id_never_change() {
        let printed = *b"0123456789abcdef";
        let ids: [(StreamId<'_>, u8, &[u8]); 4] = [
            (StreamId::U64(0x0102), 1, &[2, 1, 0, 0, 0, 0, 0, 0]),
            (StreamId::U128(0x0102), 2, &[2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            (StreamId::Uuid(u128::from_be_bytes(printed)), 3, &printed),
            (StreamId::Text("straße"), 4, "straße".as_bytes()),
        ];
        for (id, tag, stored) in ids {
            let (kind, event_type) = (NameId(1), NameId(2));
            let head = EventHead { kind, event_type, schema: 3, id, version: 4 };
            let mut bytes = [0xee; 64];
            let used = encode_event_head(&head, &mut bytes).unwrap();
            assert_eq!((bytes[10], usize::from(bytes[11])), (tag, stored.len()));
            assert_eq!(&bytes[EVENT_HEADER_BYTES..used], stored);
            assert_eq!(read_id(tag, stored), Ok(id));
        }
    }
}
