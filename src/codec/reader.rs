//! Reads MessagePack from a slice: the shapes that events are made of at once, all others through
//! rmp-serde.
//!
//! Replay decodes every event there ever was, and rmp-serde takes some 250 instructions for a
//! field, behind a walk over the structure that has to come before it. Here one pass does both:
//! nothing is taken at its word, and what is accepted is what that walk and rmp-serde accept
//! together, value for value.

mod fault;
mod inside;

use rmp_serde::decode::Error;
use serde::de::{self, Deserializer, Visitor};

use crate::codec::library::{Library, read_one};
use crate::codec::structure::{self, DEPTH_MAX};

pub(super) use self::fault::Fault;
use self::inside::{Elements, Unit};

/// One value and all that is in it, being read.
pub(super) struct ContentReader<'de> {
    rest: &'de [u8],
    /// Arrays and maps that may still be opened inside each other.
    levels_left: usize,
    /// Whether the bytes were found to be no sound value, be the finder's error heeded or not.
    unsound: bool,
}

const UNSOUND: &str = "its structure is unsound";

#[cold]
fn failed(what: &'static str) -> Fault {
    de::Error::custom(what)
}

/// Whether two texts of one length are the same. Names are short: a call to the machine's own
/// comparison takes longer than they do.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    match one.len() {
        4..=8 => ends::<4>(one) == ends(other),
        9..=16 => ends::<8>(one) == ends(other),
        _ => one == other,
    }
}

/// So many bytes from either end; they overlap where there are fewer than twice as many.
#[inline]
fn ends<const N: usize>(text: &[u8]) -> (Option<&[u8; N]>, Option<&[u8; N]>) {
    (text.first_chunk(), text.last_chunk())
}

impl<'de> ContentReader<'de> {
    pub(super) const fn new(payload: &'de [u8]) -> Self {
        Self { rest: payload, levels_left: DEPTH_MAX, unsound: payload.is_empty() }
    }

    /// Whether a map comes next.
    #[inline]
    pub(super) fn at_map(&self) -> bool {
        matches!(self.rest.first(), Some(0x80..=0x8f | 0xde | 0xdf))
    }

    /// Fails where something was left unread.
    #[inline]
    pub(super) fn end(&self) -> Result<(), Fault> {
        if self.unsound {
            return Err(failed(UNSOUND));
        }
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(failed("its type leaves a part of the bytes unread"))
    }

    /// Fails where a value is to come and nothing does.
    #[inline]
    fn there_is_more(&mut self) -> Result<(), Fault> {
        if self.rest.is_empty() { Err(self.unsound()) } else { Ok(()) }
    }

    #[cold]
    fn unsound(&mut self) -> Fault {
        self.unsound = true;
        failed(UNSOUND)
    }

    /// Reads one value with rmp-serde, once its structure is known to be sound.
    #[cold]
    fn by_library<T>(
        &mut self,
        read: impl FnOnce(&mut Library<'de>) -> Result<T, Error>,
    ) -> Result<T, Fault> {
        let Some(length) = structure::length_of_first(self.rest, self.levels_left) else {
            return Err(self.unsound());
        };
        let (value, rest) = self.rest.split_at(length);
        self.rest = rest;
        read_one(value, read).map_err(Fault::from)
    }

    /// The number behind a marker, in big endian.
    #[inline]
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (number, rest) = self.rest.get(1..)?.split_first_chunk()?;
        self.rest = rest;
        Some(*number)
    }

    #[inline]
    fn number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        match self.rest.first() {
            Some(small @ 0..=0x7f) => {
                self.rest = &self.rest[1..];
                visitor.visit_u8(*small)
            }
            Some(0xcf) => match self.take() {
                Some(number) => visitor.visit_u64(u64::from_be_bytes(number)),
                None => Err(self.unsound()),
            },
            Some(0xce) => match self.take() {
                Some(number) => visitor.visit_u32(u32::from_be_bytes(number)),
                None => Err(self.unsound()),
            },
            Some(0xcd) => match self.take() {
                Some(number) => visitor.visit_u16(u16::from_be_bytes(number)),
                None => Err(self.unsound()),
            },
            Some(0xcc) => match self.take() {
                Some([number]) => visitor.visit_u8(number),
                None => Err(self.unsound()),
            },
            Some(negative @ 0xe0..=0xff) => {
                self.rest = &self.rest[1..];
                visitor.visit_i8(*negative as i8)
            }
            _ => self.by_library(|reader| reader.deserialize_i64(visitor)),
        }
    }

    /// The bytes of the text that comes next, when it is one of a usual length, and what follows.
    #[inline]
    fn peek_text(&self) -> Option<(&'de [u8], &'de [u8])> {
        let (&marker, rest) = self.rest.split_first()?;
        let (length, rest) = match marker {
            0xa0..=0xbf => (usize::from(marker & 0x1f), rest),
            0xd9 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
            _ => return None,
        };
        rest.split_at_checked(length)
    }

    /// The text that comes next, when it is one and valid.
    #[inline]
    fn text(&mut self) -> Option<&'de str> {
        let (text, rest) = self.peek_text()?;
        let text = std::str::from_utf8(text).ok()?;
        self.rest = rest;
        Some(text)
    }

    /// Steps over a text when it is this one, written as short as it can be.
    #[inline]
    fn step_over(&mut self, expected: &str) -> bool {
        match self.rest.split_first() {
            Some((marker, rest))
                if expected.len() < 32 && usize::from(*marker) == 0xa0 + expected.len() =>
            {
                match rest.split_at_checked(expected.len()) {
                    Some((text, rest)) if same(text, expected.as_bytes()) => {
                        self.rest = rest;
                        true
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// The count of a container's elements, each of so many values, of which each takes a byte.
    #[inline]
    fn count(&mut self, few: u8, marker_16: u8, each: usize) -> Option<usize> {
        let (&marker, rest) = self.rest.split_first()?;
        let (count, rest) = if marker & 0xf0 == few {
            (usize::from(marker & 0x0f), rest)
        } else if marker == marker_16 {
            let (count, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*count)), rest)
        } else {
            return None;
        };
        if count * each > rest.len() || self.levels_left == 0 {
            return None;
        }
        self.rest = rest;
        Some(count)
    }

    /// Reads a container's elements, all of them.
    #[inline]
    fn inside<T>(
        &mut self,
        count: usize,
        fields: &'static [&'static str],
        read: impl FnOnce(&mut Elements<'_, 'de>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        // An empty container opens nothing, as in the walk over the structure.
        let levels = usize::from(count > 0);
        self.levels_left -= levels;
        let mut elements = Elements { reader: self, left: count, fields: fields.iter() };
        let value = read(&mut elements)?;
        if elements.left > 0 {
            return Err(Error::LengthMismatch((count - elements.left) as u32).into());
        }
        self.levels_left += levels;
        Ok(value)
    }

    #[inline]
    fn sequence<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        match self.count(0x90, 0xdc, 1) {
            Some(count) => self.inside(count, &[], |elements| visitor.visit_seq(elements)),
            None => self.by_library(|reader| reader.deserialize_seq(visitor)),
        }
    }

    #[inline]
    fn fields<V: Visitor<'de>>(
        &mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.count(0x80, 0xde, 2) {
            Some(count) => self.inside(count, fields, |elements| visitor.visit_map(elements)),
            None => self.by_library(|reader| reader.deserialize_map(visitor)),
        }
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        self.fields(&[], visitor)
    }

    /// What comes next, when it is written as bytes: a UUID is.
    #[inline]
    fn bytes(&mut self) -> Option<&'de [u8]> {
        let (&marker, rest) = self.rest.split_first()?;
        let (length, rest) = match marker {
            0xc4 => rest.split_first().map(|(length, rest)| (u32::from(*length), rest))?,
            0xc5 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u32::from(u16::from_be_bytes(*length)), rest)
            }
            0xc6 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u32::from_be_bytes(*length), rest)
            }
            _ => return None,
        };
        let (bytes, rest) = rest.split_at_checked(length as usize)?;
        self.rest = rest;
        Some(bytes)
    }

    #[inline]
    fn binary<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        match self.bytes() {
            Some(bytes) => visitor.visit_borrowed_bytes(bytes),
            None => self.by_library(|reader| reader.deserialize_bytes(visitor)),
        }
    }

    #[inline]
    fn string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        match self.text() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => self.by_library(|reader| reader.deserialize_str(visitor)),
        }
    }
}

macro_rules! through {
    ($way:ident: $($method:ident)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.$way(visitor)
        })*
    };
}

macro_rules! by_library {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self $(, $argument: $type)*, visitor: V)
            -> Result<V::Value, Fault> {
            self.by_library(|reader| reader.$method($($argument,)* visitor))
        })*
    };
}

impl<'de> Deserializer<'de> for &mut ContentReader<'de> {
    type Error = Fault;

    fn is_human_readable(&self) -> bool {
        false
    }

    through! {
        number: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_i8
        deserialize_i16 deserialize_i32 deserialize_i64
    }
    through! { string: deserialize_str deserialize_string deserialize_identifier }
    through! { sequence: deserialize_seq }
    through! { map: deserialize_map }
    through! { binary: deserialize_bytes deserialize_byte_buf }

    by_library! {
        deserialize_any();
        deserialize_i128();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.rest.split_first() {
            Some((marker @ (0xc2 | 0xc3), rest)) => {
                self.rest = rest;
                visitor.visit_bool(*marker == 0xc3)
            }
            _ => self.by_library(|reader| reader.deserialize_bool(visitor)),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.rest.split_first() {
            Some((0xc0, rest)) => {
                self.rest = rest;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == rmp_serde::MSGPACK_EXT_STRUCT_NAME {
            return self.by_library(|reader| reader.deserialize_newtype_struct(name, visitor));
        }
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.sequence(visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.sequence(visitor)
    }

    /// A map by names, or an array in the order of the fields.
    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if self.at_map() { self.fields(fields, visitor) } else { self.sequence(visitor) }
    }

    /// A variant without content is its name; all others are left to the library.
    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.text() {
            Some(variant) => visitor.visit_enum(Unit(variant)),
            None => self.by_library(|reader| reader.deserialize_enum(name, variants, visitor)),
        }
    }

    /// Whatever it is, its structure is all that is looked at.
    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match structure::length_of_first(self.rest, self.levels_left) {
            Some(length) => {
                self.rest = &self.rest[length..];
                visitor.visit_unit()
            }
            None => Err(self.unsound()),
        }
    }
}
