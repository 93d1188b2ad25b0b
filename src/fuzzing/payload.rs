//! Any bytes as the payload of an event: what is decoded is encoded, and decoded again the same.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::codec::{DecodeError, Event, EventCodec, Upcasters, decode_state, encode_state};

/// Every form that a variant can have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Opened,
    Deposited {
        amount: u64,
        note: String,
        #[serde(default)]
        by: Option<u32>,
    },
    Split(Vec<u64>),
    Placed {
        at: i64,
        id: u128,
        sides: [u16; 4],
        letter: char,
        marks: (bool, i8),
    },
    Grown(Tree),
    Moved(Leg),
    Both(u8, Leg),
}

impl Event for Shape {}

/// Nests as deep as its bytes say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Box<Tree>),
    Fork { left: Box<Tree>, right: Option<Box<Tree>> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leg {
    from: u32,
    to: u32,
}

impl Event for Leg {}

/// A state, as a snapshot holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ledger {
    last: Option<Shape>,
    legs: Vec<Leg>,
}

pub(super) fn decode(input: &[u8]) {
    static SHAPES: LazyLock<EventCodec<Shape>> = LazyLock::new(codec);
    static LEGS: LazyLock<EventCodec<Leg>> = LazyLock::new(codec);
    let Some((&choice, payload)) = input.split_first() else { return };
    let types = SHAPES.types();
    match types.get(usize::from(choice) % (types.len() + 2)) {
        Some(chosen) => read(&SHAPES, (chosen.name, 1), payload),
        None if choice % 2 == 0 => read(&LEGS, ("Leg", 1), payload),
        None => read_state(payload),
    }
}

/// A payload of version 3; each version before it lacked something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Paid {
    Deposited { amount: u64, currency: String, fee: i32 },
    Closed,
}

#[derive(Deserialize)]
struct DepositedV1 {
    amount: u32,
}

#[derive(Serialize, Deserialize)]
struct DepositedV2 {
    amount: u64,
    currency: String,
}

#[derive(Serialize)]
struct DepositedV3 {
    amount: u64,
    currency: String,
    fee: i32,
}

impl Event for Paid {
    const VERSIONS: &'static [(&'static str, u16)] = &[("Deposited", 3), ("Closed", 2)];

    fn upcasters() -> Upcasters {
        Upcasters::new()
            .rename("PaidIn", 1, "Deposited")
            .step("Deposited", 1, |old: DepositedV1| DepositedV2 {
                amount: old.amount.into(),
                currency: "EUR".to_owned(),
            })
            .step("Deposited", 2, |old: DepositedV2| DepositedV3 {
                amount: old.amount,
                currency: old.currency,
                fee: 0,
            })
            .step("Closed", 1, |_: Option<u64>| ())
    }
}

/// Names and schemas that a journal may hold.
const STORED: [(&str, u16); 8] = [
    ("PaidIn", 1),
    ("Deposited", 1),
    ("Deposited", 2),
    ("Deposited", 3),
    ("Deposited", 4),
    ("Closed", 1),
    ("Closed", 2),
    ("Gone", 1),
];

pub(super) fn upcast(input: &[u8]) {
    static PAID: LazyLock<EventCodec<Paid>> = LazyLock::new(codec);
    let Some((&choice, payload)) = input.split_first() else { return };
    read(&PAID, STORED[usize::from(choice) % STORED.len()], payload);
}

fn codec<E: Event>() -> EventCodec<E> {
    EventCodec::new().expect("the events can be stored")
}

fn read<E: Event>(codec: &EventCodec<E>, (name, schema): (&str, u16), payload: &[u8]) {
    let decoded = codec.resolve(name, schema).and_then(|route| codec.decode_by(&route, payload));
    let event = match decoded {
        Ok(event) => event,
        Err(error) => return check(&error, payload),
    };
    let kind = codec.types()[codec.type_index(&event).expect("it is one of them") as usize];
    let mut again = Vec::new();
    codec.encode(&event, &mut again).expect("what was decoded can be encoded");
    let route = codec.resolve(kind.name, kind.version).expect("the present one is known");
    let back = codec.decode_by(&route, &again).expect("what was encoded can be decoded");
    assert_eq!(back, event, "an event comes back as it was");
}

fn read_state(payload: &[u8]) {
    match decode_state::<Ledger>(payload) {
        Ok(state) => {
            let mut again = Vec::new();
            encode_state(&state, &mut again).expect("what was decoded can be encoded");
            assert_eq!(decode_state(&again).as_ref(), Ok(&state), "a state comes back as it was");
        }
        Err(error) => check(&error, payload),
    }
}

/// A refusal of the bytes points into them.
fn check(error: &DecodeError, payload: &[u8]) {
    if let DecodeError::Structure { at, .. } = error {
        assert!(*at <= payload.len(), "a place is named that is there");
    }
}
