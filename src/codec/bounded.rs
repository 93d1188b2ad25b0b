//! A serializer around another one that refuses what nests deeper than can be read back.

use serde::ser::{self, Error as _, Serialize, Serializer};

use crate::codec::structure::DEPTH_MAX;

/// Hands everything to the serializer inside and counts the arrays and maps that are open.
pub(super) struct Bounded<S> {
    inner: S,
    levels_left: usize,
}

impl<S> Bounded<S> {
    pub(super) const fn new(inner: S) -> Self {
        Self { inner, levels_left: DEPTH_MAX }
    }
}

impl<S: Serializer> Bounded<S> {
    /// Opens `levels` arrays or maps inside each other.
    fn nest(self, levels: usize) -> Result<(S, usize), S::Error> {
        match self.levels_left.checked_sub(levels) {
            Some(left) => Ok((self.inner, left)),
            None => Err(S::Error::custom(format_args!(
                "it nests deeper than {DEPTH_MAX} arrays and maps, which could not be read back"
            ))),
        }
    }
}

/// A value inside a container: it may open only the levels that are left.
struct Inside<'a, T: ?Sized> {
    value: &'a T,
    levels_left: usize,
}

impl<T: Serialize + ?Sized> Serialize for Inside<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Bounded { inner: serializer, levels_left: self.levels_left })
    }
}

/// An open container.
pub(super) struct Open<C> {
    inner: C,
    levels_left: usize,
}

impl<C> Open<C> {
    const fn inside<'a, T: ?Sized>(&self, value: &'a T) -> Inside<'a, T> {
        Inside { value, levels_left: self.levels_left }
    }
}

macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {
        $(#[inline]
        fn $method(self, $($argument: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($argument),*)
        })*
    };
}

macro_rules! open {
    ($($method:ident($($argument:ident: $type:ty),*) -> $open:ident, $levels:literal;)*) => {
        $(#[inline]
        fn $method(self, $($argument: $type),*) -> Result<Open<S::$open>, S::Error> {
            let (inner, levels_left) = self.nest($levels)?;
            Ok(Open { inner: inner.$method($($argument),*)?, levels_left })
        })*
    };
}

impl<S: Serializer> Serializer for Bounded<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Open<S::SerializeSeq>;
    type SerializeTuple = Open<S::SerializeTuple>;
    type SerializeTupleStruct = Open<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Open<S::SerializeTupleVariant>;
    type SerializeMap = Open<S::SerializeMap>;
    type SerializeStruct = Open<S::SerializeStruct>;
    type SerializeStructVariant = Open<S::SerializeStructVariant>;

    forward! {
        serialize_bool(v: bool);
        serialize_i8(v: i8);
        serialize_i16(v: i16);
        serialize_i32(v: i32);
        serialize_i64(v: i64);
        serialize_i128(v: i128);
        serialize_u8(v: u8);
        serialize_u16(v: u16);
        serialize_u32(v: u32);
        serialize_u64(v: u64);
        serialize_u128(v: u128);
        serialize_f32(v: f32);
        serialize_f64(v: f64);
        serialize_char(v: char);
        serialize_str(v: &str);
        serialize_bytes(v: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    // A variant with content is a map from its name to the content, hence two levels.
    open! {
        serialize_seq(len: Option<usize>) -> SerializeSeq, 1;
        serialize_tuple(len: usize) -> SerializeTuple, 1;
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct, 1;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> SerializeTupleVariant, 2;
        serialize_map(len: Option<usize>) -> SerializeMap, 1;
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct, 1;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
            -> SerializeStructVariant, 2;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(&Inside { value, levels_left: self.levels_left })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Inside { value, levels_left: self.levels_left };
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let (inner, levels_left) = self.nest(1)?;
        inner.serialize_newtype_variant(name, index, variant, &Inside { value, levels_left })
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! elements {
    ($($container:ident::$method:ident;)*) => {
        $(impl<C: ser::$container> ser::$container for Open<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                let value = self.inside(value);
                self.inner.$method(&value)
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! fields {
    ($($container:ident;)*) => {
        $(impl<C: ser::$container> ser::$container for Open<C> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                let value = self.inside(value);
                self.inner.serialize_field(key, &value)
            }

            #[inline]
            fn skip_field(&mut self, key: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(key)
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        })*
    };
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

impl<C: ser::SerializeMap> ser::SerializeMap for Open<C> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        let key = self.inside(key);
        self.inner.serialize_key(&key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let value = self.inside(value);
        self.inner.serialize_value(&value)
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}
