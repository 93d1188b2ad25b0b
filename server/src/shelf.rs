//! A shelf for parcels of any size: the aggregate behind `bench --payload`.

use std::borrow::Cow;

use hotledger::{Aggregate, Context, Event};
use serde::{Deserialize, Serialize, Serializer};

/// Where parcels are put: it counts them.
#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct Shelf {
    parcels: u64,
    bytes: u64,
}

/// Puts one parcel on the shelf.
#[derive(Serialize)]
pub(crate) struct Put {
    /// What is in it.
    pub(crate) content: Content,
}

/// What happened to a shelf.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Shelved {
    /// A parcel was put on it.
    ParcelPut { content: Content },
}

/// Bytes that many commands share, on every core: without a count of who has them, which client
/// and writer would take from each other with every command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Content(Cow<'static, [u8]>);

impl Content {
    /// This many bytes, all the same. They stay until the process ends.
    pub(crate) fn of(bytes: usize) -> Self {
        Self(Cow::Borrowed(vec![0x5a; bytes].leak()))
    }

    /// How many there are.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len()
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Content;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Content, E> {
                Ok(Content(Cow::Owned(bytes.to_vec())))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

impl Event for Shelved {}

impl Aggregate for Shelf {
    const KIND: &'static str = "shelf";
    type Id = u64;
    type Command = Put;
    type Event = Shelved;
    type Refusal = ();

    fn decide(&self, command: Put, cx: &mut Context<Shelved>) -> Result<(), ()> {
        cx.record(Shelved::ParcelPut { content: command.content });
        Ok(())
    }

    fn evolve(&mut self, event: &Shelved) {
        let Shelved::ParcelPut { content } = event;
        self.parcels += 1;
        self.bytes += content.0.len() as u64;
    }
}
