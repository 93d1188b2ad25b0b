//! Tells which type an event is, without serialising it.

use std::fmt::Display;

use serde::ser::{self, Impossible, Serialize, Serializer};

use crate::codec::EncodeError;
use crate::codec::refuse::no_events;

/// The variant of an event by its place in the enum and by name; a struct is variant 0.
///
/// Costs a jump: the serializer behind it gives up before the first field.
#[inline]
pub(super) fn tag_of<E: Serialize>(event: &E) -> Result<(u32, &'static str), EncodeError> {
    match event.serialize(Tag) {
        Err(Tagged::Variant(index, name)) => Ok((index, name)),
        Err(Tagged::Refused(what)) => Err(EncodeError::Content { what }),
        Ok(never) => match never {},
    }
}

/// Serialises nothing: what it is after arrives as the error.
struct Tag;

enum Never {}

#[derive(Debug, thiserror::Error)]
enum Tagged {
    #[error("variant {0}, `{1}`")]
    Variant(u32, &'static str),
    #[error("{0}")]
    Refused(String),
}

impl ser::Error for Tagged {
    fn custom<T: Display>(what: T) -> Self {
        Self::Refused(what.to_string())
    }
}

impl Serializer for Tag {
    type Ok = Never;
    type Error = Tagged;
    type SerializeSeq = Impossible<Never, Tagged>;
    type SerializeTuple = Impossible<Never, Tagged>;
    type SerializeTupleStruct = Impossible<Never, Tagged>;
    type SerializeTupleVariant = Impossible<Never, Tagged>;
    type SerializeMap = Impossible<Never, Tagged>;
    type SerializeStruct = Impossible<Never, Tagged>;
    type SerializeStructVariant = Impossible<Never, Tagged>;

    no_events!();

    fn serialize_unit_struct(self, name: &'static str) -> Result<Never, Tagged> {
        Err(Tagged::Variant(0, name))
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<Never, Tagged> {
        Err(Tagged::Variant(index, variant))
    }

    fn serialize_newtype_struct<T>(self, name: &'static str, _: &T) -> Result<Never, Tagged>
    where
        T: Serialize + ?Sized,
    {
        Err(Tagged::Variant(0, name))
    }

    fn serialize_newtype_variant<T>(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<Never, Tagged>
    where
        T: Serialize + ?Sized,
    {
        Err(Tagged::Variant(index, variant))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Tagged> {
        Err(Tagged::Variant(0, name))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Tagged> {
        Err(Tagged::Variant(index, variant))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStruct, Tagged> {
        Err(Tagged::Variant(0, name))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Tagged> {
        Err(Tagged::Variant(index, variant))
    }
}
