//! Writes values as MessagePack with named fields; of an event, its content alone.

use std::io::Write;

use rmp_serde::config::{DefaultConfig, StructMapConfig};
use rmp_serde::encode::Error;
use serde::ser::{self, Impossible, Serialize, Serializer};

use crate::codec::EncodeError;
use crate::codec::bounded::Bounded;
use crate::codec::refuse::no_events;

type Named<W> = rmp_serde::Serializer<W, StructMapConfig<DefaultConfig>>;

/// Writes any value as MessagePack with named fields, as deep as it is.
pub(super) fn write_unbounded<T, W>(value: &T, out: &mut W) -> Result<(), EncodeError>
where
    T: Serialize + ?Sized,
    W: Write,
{
    value.serialize(&mut named(out)).map_err(EncodeError::from)
}

/// Writes any value as MessagePack with named fields, no deeper than can be read back.
pub(super) fn write_value<T, W>(value: &T, out: &mut W) -> Result<(), EncodeError>
where
    T: Serialize + ?Sized,
    W: Write,
{
    value.serialize(Bounded::new(&mut named(out))).map_err(EncodeError::from)
}

/// Writes the content of an event: the fields of its variant, without the name of the variant.
#[inline]
pub(super) fn write_content<E, W>(event: &E, out: &mut W) -> Result<(), EncodeError>
where
    E: Serialize,
    W: Write,
{
    event.serialize(Content(Bounded::new(&mut named(out)))).map_err(EncodeError::from)
}

fn named<W: Write>(out: &mut W) -> Named<&mut W> {
    rmp_serde::Serializer::new(out).with_struct_map()
}

/// Serialises an event as if its variant were a struct of its own.
struct Content<S>(S);

impl<S: Serializer<Ok = (), Error = Error>> Serializer for Content<S> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Impossible<(), Error>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = S::SerializeTupleStruct;
    type SerializeTupleVariant = Fields<S::SerializeTupleStruct>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = S::SerializeStruct;
    type SerializeStructVariant = Fields<S::SerializeStruct>;

    no_events!();

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.0.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Error> {
        self.0.serialize_unit()
    }

    fn serialize_newtype_struct<T>(self, _: &'static str, value: &T) -> Result<(), Error>
    where
        T: Serialize + ?Sized,
    {
        value.serialize(self.0)
    }

    fn serialize_newtype_variant<T>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error>
    where
        T: Serialize + ?Sized,
    {
        value.serialize(self.0)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        self.0.serialize_tuple_struct(name, len)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        self.0.serialize_tuple_struct(variant, len).map(Fields)
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, Error> {
        self.0.serialize_struct(name, len)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        self.0.serialize_struct(variant, len).map(Fields)
    }
}

/// The fields of a variant, written as those of a struct.
struct Fields<C>(C);

impl<C: ser::SerializeTupleStruct> ser::SerializeTupleVariant for Fields<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.0.serialize_field(value)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.0.end()
    }
}

impl<C: ser::SerializeStruct> ser::SerializeStructVariant for Fields<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), C::Error> {
        self.0.serialize_field(key, value)
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.0.end()
    }
}
