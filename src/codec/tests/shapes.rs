//! What stands on disk for each shape an event can have, and that it reads back.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{assert_round_trip, hex};
use crate::codec::Event;
use crate::codec::{DecodeError, decode_event, encode_event, event_types};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shapes {
    Unit,
    Newtype(u64),
    Wrapped(Deposited),
    Tuple(u8, String),
    Fields {
        a: u8,
        b: Option<u8>,
        c: Vec<Inner>,
    },
    #[serde(rename = "kept-name")]
    Renamed {
        at: i64,
    },
    Flat {
        id: u8,
        #[serde(flatten)]
        more: BTreeMap<String, u64>,
    },
    Nothing(()),
    Perhaps(Option<u8>),
}

impl Event for Shapes {}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Inner {
    Plain,
    One(u128),
    Two(f64, char),
    Named { host: Ipv4Addr },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Deposited {
    from: u32,
    to: u32,
}

impl Event for Deposited {}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ticked;

impl Event for Ticked {}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Amount(i64);

impl Event for Amount {}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair(u8, u8);

impl Event for Pair {}

#[test]
fn every_shape_reads_back() {
    let inner = [
        Inner::Plain,
        Inner::One(u128::MAX),
        Inner::Two(0.5, 'ß'),
        Inner::Named { host: Ipv4Addr::LOCALHOST },
    ];
    for event in [
        Shapes::Unit,
        Shapes::Newtype(u64::MAX),
        Shapes::Wrapped(Deposited { from: 1, to: 2 }),
        Shapes::Tuple(7, "seven".repeat(100)),
        Shapes::Fields { a: 1, b: None, c: inner.to_vec() },
        Shapes::Fields { a: 1, b: Some(2), c: vec![] },
        Shapes::Renamed { at: i64::MIN },
        Shapes::Flat { id: 1, more: [("x".to_owned(), 2)].into() },
        Shapes::Nothing(()),
        Shapes::Perhaps(None),
        Shapes::Perhaps(Some(0)),
    ] {
        assert_round_trip(&event);
    }
    assert_round_trip(&Deposited { from: 1, to: 2 });
    assert_round_trip(&Ticked);
    assert_round_trip(&Amount(-1));
    assert_round_trip(&Pair(1, 2));
}

#[test]
fn the_bytes_of_an_event_never_change() {
    let bytes = |event: &Shapes| hex(&encode_event(event).expect("encodes").payload);
    // 82 = map of two; a4 'from', 07; a2 'to', cd 0102 = 258.
    let deposited = Deposited { from: 7, to: 258 };
    assert_eq!(bytes(&Shapes::Wrapped(deposited.clone())), "82a466726f6d07a2746fcd0102");
    assert_eq!(hex(&encode_event(&deposited).unwrap().payload), "82a466726f6d07a2746fcd0102");
    assert_eq!(bytes(&Shapes::Unit), "c0");
    assert_eq!(bytes(&Shapes::Newtype(300)), "cd012c");
    assert_eq!(bytes(&Shapes::Tuple(1, "a".into())), "9201a161");
    assert_eq!(bytes(&Shapes::Renamed { at: -1 }), "81a26174ff");
    let inner = vec![Inner::Plain, Inner::One(1)];
    assert_eq!(
        bytes(&Shapes::Fields { a: 1, b: None, c: inner }),
        "83a16101a162c0a16392a5506c61696e81a34f6e65c41000000000000000000000000000000001"
    );
}

#[test]
fn an_event_type_is_called_by_its_serde_name() {
    let names: Vec<_> =
        event_types::<Shapes>().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "Unit",
            "Newtype",
            "Wrapped",
            "Tuple",
            "Fields",
            "kept-name",
            "Flat",
            "Nothing",
            "Perhaps"
        ]
    );
    assert_eq!(event_types::<Deposited>(), Ok(vec![("Deposited", 1)]));
    assert_eq!(event_types::<Ticked>(), Ok(vec![("Ticked", 1)]));
    assert_eq!(encode_event(&Shapes::Renamed { at: 0 }).unwrap().name, "kept-name");
}

#[test]
fn swapped_fields_of_one_type_are_told_apart() {
    #[derive(Serialize)]
    struct Swapped {
        to: u32,
        from: u32,
    }
    let payload = rmp_serde::to_vec_named(&Swapped { to: 2, from: 1 }).unwrap();
    let expected = Deposited { from: 1, to: 2 };
    assert_eq!(decode_event::<Deposited>("Deposited", 1, &payload), Ok(expected));
    // The compact form, fields without names, would give the wrong ones: it is refused.
    let payload = rmp_serde::to_vec(&Swapped { to: 2, from: 1 }).unwrap();
    let refused = decode_event::<Deposited>("Deposited", 1, &payload);
    assert!(matches!(refused, Err(DecodeError::Content { .. })), "{refused:?}");
    let refused = decode_event::<Shapes>("Fields", 1, &payload);
    assert!(matches!(refused, Err(DecodeError::Content { .. })), "{refused:?}");
}

#[test]
fn a_variant_that_is_only_written_does_not_shift_the_others() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Skipping {
        #[serde(skip_deserializing)]
        Gone,
        Kept(u8),
    }
    impl Event for Skipping {}
    assert_round_trip(&Skipping::Kept(1));
    let refused = encode_event(&Skipping::Gone).unwrap_err().to_string();
    assert!(refused.contains("no variant is read by that name"), "{refused}");
}
