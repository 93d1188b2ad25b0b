//! Events of any kind as they are stored, for whoever does not know their types.

use std::fmt;
use std::sync::Arc;

use hotledger_journal::{Batch, Entry, Event as StoredEvent, NameId, Names, StreamId};
use uuid::Uuid;

use crate::error::OpenError;
use crate::identity::CommandKey;
use crate::position::{Position, Timestamp, Version};
use crate::read::subscription::Selection;

/// An event of any kind, its payload as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct RawRecorded {
    /// The aggregate's kind. Events that follow each other share the text of a name.
    pub kind: Arc<str>,
    /// The aggregate's id.
    pub id: RawId,
    /// The event's type; shared like the kind.
    pub event_type: Arc<str>,
    /// The schema version its payload was written with.
    pub schema: u16,
    /// The version of the aggregate after the event.
    pub version: Version,
    /// The position of the event in the whole journal.
    pub position: Position,
    /// When its command was taken up.
    pub time: Timestamp,
    /// The key of its command.
    pub key: Option<CommandKey>,
    /// MessagePack, a map with named fields.
    pub payload: Vec<u8>,
}

/// An aggregate's id whose type nobody has said. It shows itself as the id would.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RawId {
    /// A `u64`.
    U64(u64),
    /// A `u128`.
    U128(u128),
    /// A [`Uuid`].
    Uuid(Uuid),
    /// A text.
    Text(Box<str>),
}

impl RawId {
    /// What [`AggregateId::from_stream`](crate::AggregateId::from_stream) makes the id itself of.
    #[must_use]
    pub fn stream(&self) -> StreamId<'_> {
        match self {
            Self::U64(number) => StreamId::U64(*number),
            Self::U128(number) => StreamId::U128(*number),
            Self::Uuid(uuid) => StreamId::Uuid(uuid.as_u128()),
            Self::Text(text) => StreamId::Text(text),
        }
    }
}

impl From<StreamId<'_>> for RawId {
    #[inline]
    fn from(stream: StreamId<'_>) -> Self {
        match stream {
            StreamId::U64(number) => Self::U64(number),
            StreamId::U128(number) => Self::U128(number),
            StreamId::Uuid(number) => Self::Uuid(Uuid::from_u128(number)),
            StreamId::Text(text) => Self::Text(text.into()),
        }
    }
}

impl fmt::Display for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream().fmt(f)
    }
}

/// Every event of every kind.
#[derive(Default)]
pub(crate) struct All {
    names: Option<Arc<Names>>,
    /// The same names, to be shared by the events.
    texts: Vec<Arc<str>>,
}

impl All {
    fn name(&self, id: NameId) -> Arc<str> {
        let text = self.texts.get(usize::from(id.0));
        Arc::clone(text.expect("the names of an event are in the table of its batch"))
    }
}

impl Selection for All {
    type Item = RawRecorded;

    fn use_names(&mut self, batch: &Batch) {
        let names = batch.names();
        if self.names.as_ref().is_none_or(|held| !Arc::ptr_eq(held, names)) {
            self.texts = names.iter().map(|(_, name)| name.into()).collect();
            self.names = Some(Arc::clone(names));
        }
    }

    fn select(
        &mut self,
        entry: &Entry<'_>,
        event: &StoredEvent<'_>,
    ) -> Result<Option<RawRecorded>, OpenError> {
        Ok(Some(RawRecorded {
            kind: self.name(event.kind),
            id: event.id.into(),
            event_type: self.name(event.event_type),
            schema: event.schema,
            version: Version(event.version),
            position: Position::at(event.position),
            time: Timestamp(entry.time()),
            key: entry.key().map(|key| CommandKey(key.key)),
            payload: event.payload.to_vec(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::identity::AggregateId;

    use super::*;

    #[track_caller]
    fn keeps<I: AggregateId + fmt::Display>(id: I) {
        let raw = RawId::from(id.stream());
        assert_eq!(raw.to_string(), id.to_string());
        assert_eq!(I::from_stream(raw.stream()), Some(id));
    }

    #[test]
    fn an_id_of_each_type_comes_back_and_shows_itself_as_it_is() {
        [0, 1, u64::MAX].into_iter().for_each(keeps);
        [0, 1 << 64, u128::MAX].into_iter().for_each(keeps);
        [Uuid::nil(), Uuid::from_bytes(*b"0123456789abcdef")].into_iter().for_each(keeps);
        ["".to_owned(), "straße 5".to_owned()].into_iter().for_each(keeps);
        assert_eq!(u64::from_stream(RawId::U128(1).stream()), None);
    }
}
