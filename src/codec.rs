//! Turns events into named bytes and back, across every schema they ever had.
//!
//! An event on disk is a type name, a schema version and a payload. The name is serde's name of the
//! variant (of the struct, if the event is one); the payload is MessagePack, a map of the variant's
//! named fields without the variant's name. Fields can be reordered, and added with
//! `#[serde(default)]`; what goes beyond that is a new version and a step in [`Upcasters`].
//!
//! ```text
//! enum Event { Deposited { amount: u64 }, .. }     Event::Deposited { amount: 5 }
//!
//! name "Deposited"   schema 1   payload 81              a6 61 6d 6f 75 6e 74   05
//!                                       map of 1 entry  text of 6: "amount"    5
//! ```
//!
//! Trade-offs: field names cost bytes (about as many as the values) and buy safety, since in the
//! compact form two swapped fields of one type decode silently. Floats and maps in random order
//! are taken as they are; amounts belong into integers. This is no general serde format: an event
//! is an externally tagged enum or a struct.

mod bounded;
mod decode;
mod encode;
mod error;
mod event;
mod library;
mod reader;
mod refuse;
mod structure;
mod tag;
#[cfg(test)]
mod tests;
mod trace;
mod upcast;
mod value;

use std::io::Write;
use std::marker::PhantomData;

pub use self::error::{CodecError, DecodeError, EncodeError};
pub use self::event::Event;
pub(crate) use self::upcast::Route;
pub use self::upcast::Upcasters;
pub(crate) use self::value::earlier_fingerprint;
pub use self::value::{decode_state, encode_state, fingerprint};

use self::upcast::Chain;

/// An event outside an engine, as the journal would hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The event type's name on disk.
    pub name: &'static str,
    /// The event type's schema version.
    pub schema: u16,
    /// The fields, as MessagePack.
    pub payload: Vec<u8>,
}

/// Encodes one event as the journal would hold it; for tests and tools, as it allocates.
///
/// # Errors
/// When the event type cannot be stored, or this value of it cannot be serialised.
pub fn encode_event<E: Event>(event: &E) -> Result<Encoded, EncodeError> {
    let codec = EventCodec::new()?;
    let EventType { name, version } = codec.types()[codec.type_index(event)? as usize];
    let mut payload = Vec::new();
    codec.encode(event, &mut payload)?;
    Ok(Encoded { name, schema: version, payload })
}

/// Decodes one event, of whatever schema it is; for tests and tools.
///
/// # Errors
/// When the type is unknown or newer, or the payload is not what its type says.
pub fn decode_event<E: Event>(name: &str, schema: u16, payload: &[u8]) -> Result<E, DecodeError> {
    let codec = EventCodec::new()?;
    codec.decode_by(&codec.resolve(name, schema)?, payload)
}

/// The names of an event's types on disk, each with its present schema version.
///
/// # Errors
/// When the event type cannot be stored.
pub fn event_types<E: Event>() -> Result<Vec<(&'static str, u16)>, CodecError> {
    let codec = EventCodec::<E>::new()?;
    Ok(codec.types().iter().map(|kind| (kind.name, kind.version)).collect())
}

/// One type of event: a variant of the enum, or the whole struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventType {
    pub(crate) name: &'static str,
    pub(crate) version: u16,
}

/// Encodes and decodes the events of one kind of aggregate. Made once; checks all there is to.
pub(crate) struct EventCodec<E> {
    types: Vec<EventType>,
    chain: Chain,
    event: PhantomData<fn(E) -> E>,
}

impl<E: Event> EventCodec<E> {
    pub(crate) fn new() -> Result<Self, CodecError> {
        let types = versioned(&trace::names_of::<E>()?, E::VERSIONS)?;
        let chain = Chain::new(&types, E::upcasters())?;
        Ok(Self { types, chain, event: PhantomData })
    }

    /// The types; the place in this list is the type's index.
    pub(crate) fn types(&self) -> &[EventType] {
        &self.types
    }

    /// Which of the types an event is. A few nanoseconds; nothing is serialised.
    #[inline]
    pub(crate) fn type_index(&self, event: &E) -> Result<u32, EncodeError> {
        let (index, name) = tag::tag_of(event)?;
        match self.types.get(index as usize) {
            Some(expected) if expected.name == name => Ok(index),
            _ => self.index_of(name),
        }
    }

    /// Writes the payload of an event; its type is told by [`Self::type_index`].
    #[inline]
    pub(crate) fn encode(&self, event: &E, out: &mut impl Write) -> Result<(), EncodeError> {
        encode::write_content(event, out)
    }

    /// The way from a stored name and schema to an event.
    pub(crate) fn resolve(&self, name: &str, schema: u16) -> Result<Route, DecodeError> {
        self.chain.resolve(&self.types, name, schema)
    }

    /// Reads a payload that was stored under the name and schema of the route.
    #[inline]
    pub(crate) fn decode_by(&self, route: &Route, payload: &[u8]) -> Result<E, DecodeError> {
        match *route {
            Route::Current(index) => self.decode_current(index, payload),
            Route::Upcast(_) => self.decode_older(*route, payload),
        }
    }

    #[inline]
    fn decode_current(&self, index: u32, payload: &[u8]) -> Result<E, DecodeError> {
        decode::read_content(index, payload, || {
            let EventType { name, version } = self.types[index as usize];
            upcast::schema(name, version)
        })
    }

    #[cold]
    fn decode_older(&self, route: Route, payload: &[u8]) -> Result<E, DecodeError> {
        let (index, payload) = self.chain.upcast(route, payload)?;
        self.decode_current(index, &payload)
    }

    /// serde counts a variant that is only written (`skip_deserializing`) in one direction alone;
    /// those behind it are found here.
    #[cold]
    fn index_of(&self, name: &'static str) -> Result<u32, EncodeError> {
        let found = (0_u32..).zip(&self.types).find(|(_, known)| known.name == name);
        found.map(|(index, _)| index).ok_or(EncodeError::UnknownType { name })
    }
}

fn versioned(
    names: &[&'static str],
    versions: &'static [(&'static str, u16)],
) -> Result<Vec<EventType>, CodecError> {
    for (at, &(name, version)) in versions.iter().enumerate() {
        if !names.contains(&name) {
            return Err(CodecError::VersionOfNothing { name, known: names.to_vec() });
        }
        if version == 0 || versions[..at].iter().any(|(earlier, _)| *earlier == name) {
            return Err(CodecError::VersionUnclear { name });
        }
    }
    let version_of = |name| versions.iter().find(|(of, _)| *of == name).map_or(1, |(_, v)| *v);
    Ok(names.iter().map(|&name| EventType { name, version: version_of(name) }).collect())
}
