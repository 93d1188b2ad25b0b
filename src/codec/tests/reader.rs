//! The reader accepts what the walk over the structure and rmp-serde accept together, and reads the
//! same from it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::prelude::*;
use serde::de::{DeserializeOwned, Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codec::library::read_one;
use crate::codec::reader::ContentReader;
use crate::codec::structure;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sample {
    small: u8,
    signed: i16,
    large: u64,
    negative: i64,
    wide: i128,
    exact: f64,
    sure: bool,
    letter: char,
    text: String,
    maybe: Option<u32>,
    doubt: Option<Option<Box<Sample>>>,
    list: Vec<Shape>,
    pair: (u32, String),
    named: BTreeMap<String, i32>,
    wrapped: Wrapped,
    nothing: (),
    #[serde(default)]
    late: u16,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapped(u64);

/// Written as bytes; keeps what it was read from.
#[derive(Debug, Clone, PartialEq)]
enum Blob {
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<u8>),
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => list.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BlobVisitor)
    }
}

struct BlobVisitor;

impl<'de> Visitor<'de> for BlobVisitor {
    type Value = Blob;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Blob, E> {
        Ok(Blob::Bytes(bytes.to_owned()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Blob, E> {
        Ok(Blob::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Blob, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Blob::List(list))
    }
}

fn blob() -> impl Strategy<Value = Blob> {
    let bytes = |lengths| prop::collection::vec(any::<u8>(), lengths);
    prop_oneof![
        4 => bytes(0..300).prop_map(Blob::Bytes),
        1 => (65_530_usize..65_545).prop_map(|length| Blob::Bytes(vec![7; length])),
        1 => ".{0,40}".prop_map(Blob::Text),
        1 => bytes(0..20).prop_map(Blob::List),
    ]
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(u32),
    Line(u32, i32),
    Box { width: u16, height: u16 },
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Point),
        any::<u32>().prop_map(Shape::Circle),
        any::<(u32, i32)>().prop_map(|(x, y)| Shape::Line(x, y)),
        any::<(u16, u16)>().prop_map(|(width, height)| Shape::Box { width, height }),
    ]
}

prop_compose! {
    fn flat()(
        (small, signed, large, negative) in any::<(u8, i16, u64, i64)>(),
        (wide, exact, sure, letter) in any::<(i128, i32, bool, char)>(),
        text in ".{0,40}",
        maybe in any::<Option<u32>>(),
        list in prop::collection::vec(shape(), 0..18),
        pair in (any::<u32>(), "[a-z]{0,300}"),
        named in prop::collection::btree_map("[a-z]{1,8}", any::<i32>(), 0..4),
        (wrapped, late) in any::<(u64, u16)>(),
    ) -> Sample {
        let (exact, wrapped, doubt, nothing) = (f64::from(exact), Wrapped(wrapped), None, ());
        Sample {
            small, signed, large, negative, wide, exact, sure, letter, text, maybe, doubt, list,
            pair, named, wrapped, nothing, late,
        }
    }
}

fn sample() -> impl Strategy<Value = Sample> {
    flat().prop_recursive(3, 4, 1, |inner| {
        (flat(), inner)
            .prop_map(|(outer, inner)| Sample { doubt: Some(Some(Box::new(inner))), ..outer })
    })
}

/// Reads both ways; what they agree on.
#[track_caller]
fn agreed<T: DeserializeOwned + PartialEq + Debug>(payload: &[u8]) -> Option<T> {
    let mut reader = ContentReader::new(payload);
    let read = T::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value)).ok();
    let sound = structure::check(payload).is_ok();
    let expected = read_one(payload, |reader| T::deserialize(reader)).ok().filter(|_| sound);
    assert_eq!(read, expected, "{payload:02x?}");
    read
}

proptest! {
    #[test]
    fn values_come_back_by_name_and_in_order(sample in sample()) {
        let named = rmp_serde::to_vec_named(&sample).unwrap();
        prop_assert_eq!(agreed(&named), Some(sample.clone()));
        let in_order = rmp_serde::to_vec(&sample).unwrap();
        prop_assert_eq!(agreed(&in_order), Some(sample));
    }

    #[test]
    fn bytes_come_back_whole_cut_and_changed(
        blobs in prop::collection::vec(blob(), 0..4),
        (at, byte) in any::<(prop::sample::Index, u8)>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut payload = rmp_serde::to_vec(&(&blobs, 5)).unwrap();
        prop_assert_eq!(agreed(&payload), Some((blobs, 5)));
        agreed::<(Vec<Blob>, u8)>(&payload[..cut.index(payload.len())]);
        let at = at.index(payload.len().min(8));
        payload[at] = byte;
        agreed::<(Vec<Blob>, u8)>(&payload);
    }

    #[test]
    fn changed_bytes_are_read_alike(
        sample in flat(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut payload = rmp_serde::to_vec_named(&sample).unwrap();
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
            agreed::<Sample>(&payload);
        }
        agreed::<Sample>(&payload[..cut.index(payload.len())]);
    }

    #[test]
    fn bytes_that_nobody_wrote_are_read_alike(
        payload in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        agreed::<Sample>(&payload);
        agreed::<Vec<Shape>>(&payload);
        agreed::<BTreeMap<String, Option<(u64, i8)>>>(&payload);
        agreed::<Vec<Vec<Vec<Wrapped>>>>(&payload);
        agreed::<(bool, f32, char, String)>(&payload);
        agreed::<Vec<Blob>>(&payload);
    }
}

#[test]
fn every_byte_of_a_value_changed_is_read_alike() {
    let shapes = vec![
        Shape::Point,
        Shape::Circle(70_000),
        Shape::Line(1, -2),
        Shape::Box { width: 3, height: 400 },
    ];
    let payload = rmp_serde::to_vec_named(&(shapes, Some(-5), "text", true)).unwrap();
    for at in 0..payload.len() {
        for byte in 0..=u8::MAX {
            let mut payload = payload.clone();
            payload[at] = byte;
            agreed::<(Vec<Shape>, Option<i64>, String, bool)>(&payload);
        }
    }
}

#[test]
fn as_many_levels_are_opened_as_before() {
    let nested = |levels: usize, inside: &[u8]| [&vec![0x91; levels], inside].concat();
    for levels in structure::DEPTH_MAX - 2..=structure::DEPTH_MAX + 2 {
        for inside in [b"\x90".as_slice(), b"\x91\x01", b"\x01", b"\x80"] {
            agreed::<Nested>(&nested(levels, inside));
        }
    }
}

/// A list in a list, as deep as it goes.
#[derive(Debug, PartialEq)]
struct Nested(usize);

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Levels;
        impl<'de> serde::de::Visitor<'de> for Levels {
            type Value = Nested;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<Nested, A::Error> {
                let inner = seq.next_element::<Nested>()?;
                Ok(Nested(inner.map_or(1, |inner| inner.0 + 1)))
            }
        }
        deserializer.deserialize_seq(Levels)
    }
}

/// Its names are newtypes, as in hand-written readers of open sets.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Name(String);

/// A variant that the type need not know.
#[derive(Debug, PartialEq)]
struct Open(Name);

impl<'de> Deserialize<'de> for Open {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyName;
        impl<'de> serde::de::Visitor<'de> for AnyName {
            type Value = Open;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a variant")
            }
            fn visit_enum<A: serde::de::EnumAccess<'de>>(self, data: A) -> Result<Open, A::Error> {
                let (name, content) = data.variant::<Name>()?;
                serde::de::VariantAccess::unit_variant(content).map(|()| Open(name))
            }
        }
        deserializer.deserialize_enum("Open", &[], AnyName)
    }
}

/// A map by hand that names its fields, and reads their names as newtypes or options.
#[derive(Debug, PartialEq)]
struct ByHand<K: Ord>(BTreeMap<K, u8>);

impl<'de, K: Ord + Deserialize<'de>> Deserialize<'de> for ByHand<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<K>(std::marker::PhantomData<K>);
        impl<'de, K: Ord + Deserialize<'de>> serde::de::Visitor<'de> for Fields<K> {
            type Value = ByHand<K>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("fields")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<ByHand<K>, A::Error> {
                let mut read = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    read.insert(name, value);
                }
                Ok(ByHand(read))
            }
        }
        deserializer.deserialize_struct("ByHand", &["one", "two"], Fields(std::marker::PhantomData))
    }
}

#[test]
fn names_are_read_as_whatever_a_type_takes_them_for() {
    for payload in [b"\xa4Open".as_slice(), b"\x81\xa4Open\xc0", b"\x07"] {
        agreed::<Open>(payload);
    }
    for payload in [b"\x82\xa3one\x01\xa3two\x02".as_slice(), b"\x81\xa5three\x03", b"\x80"] {
        assert!(agreed::<ByHand<Name>>(payload).is_some());
        assert!(agreed::<ByHand<Option<String>>>(payload).is_some());
        assert!(agreed::<ByHand<String>>(payload).is_some());
    }
}

/// Takes whatever goes wrong for nothing.
#[derive(Debug, PartialEq, Deserialize)]
struct Lenient {
    #[serde(deserialize_with = "or_none")]
    x: Option<u64>,
}

fn or_none<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::deserialize(deserializer).unwrap_or(None))
}

#[test]
fn an_error_that_its_type_swallows_is_found_all_the_same() {
    for payload in [b"\x81\xa1x".as_slice(), b"\x81\xa1x\xcd\x01", b"\x81\xa1x\xc1", b""] {
        assert_eq!(agreed::<Lenient>(payload), None, "{payload:02x?}");
    }
    assert_eq!(agreed(b"\x81\xa1x\x05"), Some(Lenient { x: Some(5) }));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    #[serde(alias = "b")]
    a: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, Tagged>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is")]
enum Tagged {
    One { x: u8 },
    Two { y: Option<Untagged> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u64),
    Text(String),
    Both(u64, String),
}

#[test]
fn what_serde_derives_for_tags_and_flattened_fields_is_read_alike() {
    let both = Untagged::Both(300, "three".into());
    let rest =
        [("p".to_owned(), Tagged::One { x: 1 }), ("q".into(), Tagged::Two { y: Some(both) })];
    let payload = rmp_serde::to_vec_named(&Flat { a: 7, rest: rest.into() }).unwrap();
    assert!(agreed::<Flat>(&payload).is_some());
    for at in 0..payload.len() {
        for byte in 0..=u8::MAX {
            let mut payload = payload.clone();
            payload[at] = byte;
            agreed::<Flat>(&payload);
        }
    }
}
