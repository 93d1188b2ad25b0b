//! States and fingerprints: what is written is read back, and is the same for ever.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use twox_hash::XxHash3_64;

use super::hex;
use crate::codec::{DecodeError, EncodeError, decode_state, encode_state};
use crate::codec::{earlier_fingerprint, fingerprint};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Book {
    open: BTreeMap<u64, Order>,
    last: Option<i64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Order {
    Limit { price: i64, quantity: u32 },
    Market(u32),
}

fn book() -> Book {
    let open = [(1, Order::Limit { price: -5, quantity: 10 }), (300, Order::Market(1))];
    Book { open: open.into(), last: Some(70_000) }
}

#[test]
fn a_state_reads_back_from_exactly_its_bytes() {
    let mut bytes = vec![0xee];
    encode_state(&book(), &mut bytes).unwrap();
    assert_eq!(bytes[0], 0xee, "appended, not overwritten");
    assert_eq!(decode_state(&bytes[1..]), Ok(book()));
    let refused = decode_state::<Book>(&bytes[1..bytes.len() - 1]);
    assert!(matches!(refused, Err(DecodeError::Structure { .. })), "{refused:?}");
    bytes.push(0);
    let refused = decode_state::<Book>(&bytes[1..]);
    assert!(matches!(refused, Err(DecodeError::Structure { .. })), "{refused:?}");
    let refused = decode_state::<Book>(&[0x01]).unwrap_err().to_string();
    assert!(refused.contains("Book"), "{refused}");
}

#[test]
fn the_bytes_of_a_state_never_change() {
    let mut bytes = Vec::new();
    encode_state(&book(), &mut bytes).unwrap();
    assert_eq!(
        hex(&bytes),
        "82a46f70656e820181a54c696d697482a57072696365fba87175616e746974790acd012c81a64d61726b65\
         7401a46c617374ce00011170"
    );
}

struct Broken;

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("broken"))
    }
}

#[test]
fn what_cannot_be_serialised_is_an_error_but_has_a_fingerprint() {
    let refused = encode_state(&Broken, &mut Vec::new());
    assert!(matches!(refused, Err(EncodeError::Content { .. })), "{refused:?}");
    assert_eq!(fingerprint(&(1, Broken)), fingerprint(&(1, Broken)));
    assert_ne!(fingerprint(&(1, Broken)), fingerprint(&(2, Broken)));
}

#[test]
fn a_fingerprint_is_the_hash_of_the_named_bytes() {
    for bytes in [0, 1, 200, 255, 256, 257, 5_000] {
        let order = ("x".repeat(bytes), Order::Limit { price: 1, quantity: 2 }, "y".repeat(bytes));
        let named = rmp_serde::to_vec_named(&order).unwrap();
        assert_eq!(fingerprint(&order), XxHash3_64::oneshot(&named));
        let earlier = earlier_fingerprint(&order).to_le_bytes();
        assert_eq!(earlier, blake3::hash(&named).as_bytes()[..8]);
    }
    // Journaled beside every command key: other numbers here break every journal there is.
    let order = Order::Limit { price: 1, quantity: 2 };
    assert_eq!(fingerprint(&order), 0xf45f_1e50_a2fa_4ccb);
    assert_eq!(earlier_fingerprint(&order), 0x409d_a85f_390a_2d41);
}

/// Takes a fingerprint while one is taken of it.
struct Nested(u64);

impl Serialize for Nested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(fingerprint(&self.0))
    }
}

#[test]
fn a_command_may_take_a_fingerprint_itself_and_be_of_any_length() {
    assert_eq!(fingerprint(&("a", Nested(1))), fingerprint(&("a", fingerprint(&1_u64))));
    let long = "x".repeat(1 << 20);
    let (before, of_long) = (fingerprint(&"short"), fingerprint(&long));
    assert_eq!(fingerprint(&"short"), before, "nothing of a longer one is left");
    assert_eq!(fingerprint(&long), of_long);
}
