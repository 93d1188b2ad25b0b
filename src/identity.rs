//! What names things: aggregate ids, command keys and correlation ids.

use std::fmt;
use std::hash::Hash;

use hotledger_journal::StreamId;
use uuid::Uuid;

/// An aggregate id: what it is on disk, and what it looks like to a person.
///
/// Implemented for `u64`, `u128`, [`Uuid`] and `String`. A newtype implements it by handing both
/// ways to the type inside.
pub trait AggregateId: Clone + Eq + Ord + Hash + fmt::Debug + Send + Sync + 'static {
    /// The id as the journal stores it.
    fn stream(&self) -> StreamId<'_>;

    /// The id back from the journal; `None` when the stored id is of another type.
    fn from_stream(stream: StreamId<'_>) -> Option<Self>;
}

impl AggregateId for u64 {
    fn stream(&self) -> StreamId<'_> {
        StreamId::U64(*self)
    }

    fn from_stream(stream: StreamId<'_>) -> Option<Self> {
        match stream {
            StreamId::U64(id) => Some(id),
            _ => None,
        }
    }
}

impl AggregateId for u128 {
    fn stream(&self) -> StreamId<'_> {
        StreamId::U128(*self)
    }

    fn from_stream(stream: StreamId<'_>) -> Option<Self> {
        match stream {
            StreamId::U128(id) => Some(id),
            _ => None,
        }
    }
}

impl AggregateId for Uuid {
    fn stream(&self) -> StreamId<'_> {
        StreamId::Uuid(self.as_u128())
    }

    fn from_stream(stream: StreamId<'_>) -> Option<Self> {
        match stream {
            StreamId::Uuid(number) => Some(Self::from_u128(number)),
            _ => None,
        }
    }
}

impl AggregateId for String {
    fn stream(&self) -> StreamId<'_> {
        StreamId::Text(self)
    }

    fn from_stream(stream: StreamId<'_>) -> Option<Self> {
        match stream {
            StreamId::Text(id) => Some(id.to_owned()),
            _ => None,
        }
    }
}

/// Names one intent for good: the same key is never taken up twice within the key window.
///
/// 16 bytes: a UUID as it is, or any text through [`CommandKey::named`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// Aligned, it is moved in whole words; byte by byte, each move would be waited for.
#[repr(align(8))]
pub struct CommandKey(pub [u8; 16]);

impl CommandKey {
    /// The key for a text. A text in UUID form is that UUID; any other is the first 16 bytes of
    /// its BLAKE3 hash.
    #[must_use]
    pub fn named(text: &str) -> Self {
        if let Ok(uuid) = Uuid::try_parse(text) {
            return Self(*uuid.as_bytes());
        }
        let mut key = [0; 16];
        key.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
        Self(key)
    }
}

impl From<Uuid> for CommandKey {
    fn from(uuid: Uuid) -> Self {
        Self(*uuid.as_bytes())
    }
}

impl From<u128> for CommandKey {
    fn from(number: u128) -> Self {
        Self(number.to_be_bytes())
    }
}

impl fmt::Display for CommandKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for CommandKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandKey({self})")
    }
}
