//! What is said about an entry and about an event, apart from the payload.

use std::fmt;

/// What is said about one command, ahead of its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryHead {
    /// Nanoseconds since 1970 by the writer's clock.
    pub time: i64,
    /// The command's idempotency key, where it came with one.
    pub key: Option<EntryKey>,
    /// Identifies the conversation this command belongs to.
    pub correlation: Option<[u8; 16]>,
    /// Identifies what caused this command.
    pub causation: Option<[u8; 16]>,
}

/// An idempotency key with a fingerprint of the command it first came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryKey {
    /// The key as chosen by the caller.
    pub key: [u8; 16],
    /// Tells a repeated command from another command under the same key.
    pub fingerprint: u64,
    /// The stream's version after the command, for an entry without events to say it.
    pub version: u64,
}

/// What is said about one event, ahead of its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventHead<'a> {
    /// Name of the stream's kind.
    pub kind: NameId,
    /// Name of the event's type.
    pub event_type: NameId,
    /// Version of the event type's schema.
    pub schema: u16,
    /// Which stream of its kind.
    pub id: StreamId<'a>,
    /// The stream's version once this event is applied.
    pub version: u64,
}

/// Index into [`Options::names`](crate::Options::names), and the same number on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(pub u16);

/// Identifies one stream of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamId<'a> {
    /// A 64-bit number.
    U64(u64),
    /// A 128-bit number.
    U128(u128),
    /// A UUID, as the number whose hexadecimal digits are printed. As bytes it would be copied byte
    /// by byte.
    Uuid(u128),
    /// At most 255 bytes of UTF-8.
    Text(&'a str),
}

impl fmt::Display for StreamId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamId::U64(number) => number.fmt(f),
            StreamId::U128(number) => number.fmt(f),
            StreamId::Uuid(number) => uuid::Uuid::from_u128(*number).hyphenated().fmt(f),
            StreamId::Text(text) => text.fmt(f),
        }
    }
}
