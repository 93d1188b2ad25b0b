//! Reads MessagePack back into values: sound structure, the right type, nothing left over.

use serde::de::value::U32Deserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};

use crate::codec::DecodeError;
use crate::codec::library::read_one;
use crate::codec::reader::{ContentReader, Fault};
use crate::codec::structure;

/// Reads any value from exactly these bytes; `of` says in a refusal what it was to be.
pub(super) fn read_value<T: DeserializeOwned>(
    payload: &[u8],
    of: impl FnOnce() -> String,
) -> Result<T, DecodeError> {
    structure::check(payload)?;
    read_one(payload, |reader| T::deserialize(reader)).map_err(|error| content(of(), &error.into()))
}

/// Reads an event from the content of the variant with this index.
#[inline]
pub(super) fn read_content<E: DeserializeOwned>(
    index: u32,
    payload: &[u8],
    of: impl FnOnce() -> String,
) -> Result<E, DecodeError> {
    let mut reader = ContentReader::new(payload);
    let read = E::deserialize(TypedPayload { index, content: &mut reader });
    match read.and_then(|event| reader.end().map(|()| event)) {
        Ok(event) => Ok(event),
        Err(error) => Err(refused(payload, of, &error)),
    }
}

/// Why a content was not read: its structure, or else what its type says of it.
#[cold]
fn refused(payload: &[u8], of: impl FnOnce() -> String, error: &Fault) -> DecodeError {
    match structure::check(payload) {
        Err(unsound) => unsound,
        Ok(()) => content(of(), error),
    }
}

#[cold]
fn content(of: String, error: &Fault) -> DecodeError {
    DecodeError::Content { of, what: error.to_string() }
}

/// Supplies the variant from its index, and its content from the payload.
struct TypedPayload<'a, 'de> {
    index: u32,
    content: &'a mut ContentReader<'de>,
}

impl<'a, 'de> TypedPayload<'a, 'de> {
    /// The content, if its fields have names: without them, swapped fields would go unnoticed.
    fn named(self) -> Result<&'a mut ContentReader<'de>, Fault> {
        if self.content.at_map() {
            return Ok(self.content);
        }
        Err(de::Error::custom("the payload is not a map of named fields"))
    }
}

impl<'de> Deserializer<'de> for TypedPayload<'_, 'de> {
    type Error = Fault;

    #[cold]
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(de::Error::custom("an event is an enum or a struct"))
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(self)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.named()?.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.content.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.content.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.content.deserialize_tuple_struct(name, len, visitor)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit seq tuple map identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for TypedPayload<'_, 'de> {
    type Error = Fault;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let index = U32Deserializer::<Fault>::new(self.index);
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for TypedPayload<'_, 'de> {
    type Error = Fault;

    #[inline]
    fn unit_variant(self) -> Result<(), Fault> {
        <()>::deserialize(self.content)
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self.content)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.content.deserialize_tuple(len, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.named()?.deserialize_struct("", fields, visitor)
    }
}
