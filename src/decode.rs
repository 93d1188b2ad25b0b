//! Turns stored events of one kind back into the user's type.

use std::sync::Arc;

use hotledger_journal::{Entry, Event as StoredEvent, NameId, Names};
use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::codec::{DecodeError, EventCodec, Route};
use crate::error::OpenError;
use crate::identity::{AggregateId, CommandKey};
use crate::position::{Position, Timestamp, Version};
use crate::view::Recorded;

/// Decodes the events of one kind. Names are resolved once per name table, not once per event.
pub(crate) struct Decoder<A: Aggregate> {
    codec: EventCodec<A::Event>,
    names: Option<Arc<Names>>,
    kind: Option<NameId>,
    /// By the id of the event type: the schema last met and the way to the present one.
    routes: Vec<Option<(u16, Route)>>,
}

impl<A: Aggregate> Decoder<A> {
    pub(crate) fn new() -> Result<Self, OpenError> {
        let codec =
            EventCodec::new().map_err(|source| OpenError::Events { kind: A::KIND, source })?;
        Ok(Self { codec, names: None, kind: None, routes: Vec::new() })
    }

    pub(crate) fn codec(&self) -> &EventCodec<A::Event> {
        &self.codec
    }

    /// Takes up the name table of the batch whose events follow.
    pub(crate) fn use_names(&mut self, names: &Arc<Names>) {
        if self.names.as_ref().is_some_and(|held| Arc::ptr_eq(held, names)) {
            return;
        }
        self.kind = names.iter().find(|(_, name)| *name == A::KIND).map(|(id, _)| id);
        self.routes.clear();
        self.names = Some(Arc::clone(names));
    }

    /// The event, or `None` when it belongs to another kind.
    pub(crate) fn decode(
        &mut self,
        stored: &StoredEvent<'_>,
    ) -> Result<Option<A::Event>, OpenError> {
        if self.kind != Some(stored.kind) {
            return Ok(None);
        }
        match self.decode_own(stored) {
            Ok(event) => Ok(Some(event)),
            Err(source) => Err(OpenError::Event {
                kind: A::KIND,
                id: stored.id.to_string(),
                position: Position::at(stored.position),
                source,
            }),
        }
    }

    /// The event with all that is known of it, or `None` when it belongs to another kind.
    #[inline]
    pub(crate) fn decode_recorded(
        &mut self,
        entry: &Entry<'_>,
        stored: &StoredEvent<'_>,
    ) -> Result<Option<Recorded<A>>, OpenError> {
        let Some(event) = self.decode(stored)? else { return Ok(None) };
        let head = entry.head();
        Ok(Some(Recorded {
            id: Self::id_of(stored)?,
            version: Version(stored.version),
            position: Position::at(stored.position),
            time: Timestamp(head.time),
            key: head.key.as_ref().map(|key| CommandKey(key.key)),
            correlation: head.correlation.map(Uuid::from_bytes),
            causation: head.causation.map(Uuid::from_bytes),
            event,
        }))
    }

    /// The aggregate's id in the user's type.
    pub(crate) fn id_of(stored: &StoredEvent<'_>) -> Result<A::Id, OpenError> {
        A::Id::from_stream(stored.id).ok_or_else(|| OpenError::Event {
            kind: A::KIND,
            id: stored.id.to_string(),
            position: Position::at(stored.position),
            source: DecodeError::WrongIdType,
        })
    }

    fn decode_own(&mut self, stored: &StoredEvent<'_>) -> Result<A::Event, DecodeError> {
        let slot = usize::from(stored.event_type.0);
        match self.routes.get(slot) {
            Some(Some((schema, route))) if *schema == stored.schema => {
                self.codec.decode_by(route, stored.payload)
            }
            _ => {
                let route = self.resolve(stored)?;
                let event = self.codec.decode_by(&route, stored.payload);
                if self.routes.len() <= slot {
                    self.routes.resize_with(slot + 1, || None);
                }
                self.routes[slot] = Some((stored.schema, route));
                event
            }
        }
    }

    fn resolve(&self, stored: &StoredEvent<'_>) -> Result<Route, DecodeError> {
        let names = self.names.as_ref().expect("use_names comes before decode");
        let name = names.get(stored.event_type).unwrap_or("(no name)");
        self.codec.resolve(name, stored.schema)
    }
}
