//! Events of every schema there ever was come back as the present one.

use serde::{Deserialize, Serialize};

use crate::codec::Event;
use crate::codec::{DecodeError, EventCodec, Route, Upcasters, decode_event, encode_event};

/// First `PaidIn { sum }`; at version 2 `PaidIn { cents }`; renamed to `Deposited` then; today, at
/// version 3, `Deposited { cents, currency }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Account {
    Opened,
    Deposited { cents: u64, currency: String },
    Closed { reason: String },
}

#[derive(Serialize, Deserialize)]
struct PaidInV1 {
    sum: u64,
}

#[derive(Serialize, Deserialize)]
struct DepositedV2 {
    cents: u64,
}

#[derive(Serialize)]
struct DepositedV3 {
    cents: u64,
    currency: &'static str,
}

#[derive(Serialize)]
struct ClosedV2 {
    reason: &'static str,
}

impl Event for Account {
    const VERSIONS: &'static [(&'static str, u16)] = &[("Deposited", 3), ("Closed", 2)];

    fn upcasters() -> Upcasters {
        Upcasters::new()
            .rename("PaidIn", 1, "Deposited")
            .rename("PaidIn", 2, "Deposited")
            .step("Deposited", 1, |old: PaidInV1| DepositedV2 { cents: old.sum * 100 })
            .step("Deposited", 2, |old: DepositedV2| DepositedV3 {
                cents: old.cents,
                currency: "EUR",
            })
            .step("Closed", 1, |(): ()| ClosedV2 { reason: "unknown" })
    }
}

fn deposited(cents: u64) -> Account {
    Account::Deposited { cents, currency: "EUR".into() }
}

#[test]
fn a_chain_leads_across_a_rename_to_the_present() {
    let v1 = rmp_serde::to_vec_named(&PaidInV1 { sum: 7 }).unwrap();
    let v2 = rmp_serde::to_vec_named(&DepositedV2 { cents: 7 }).unwrap();
    assert_eq!(decode_event("PaidIn", 1, &v1), Ok(deposited(700)));
    assert_eq!(decode_event("PaidIn", 2, &v2), Ok(deposited(7)));
    assert_eq!(decode_event("Deposited", 1, &v1), Ok(deposited(700)));
    assert_eq!(decode_event("Deposited", 2, &v2), Ok(deposited(7)));
    let stored = encode_event(&deposited(7)).unwrap();
    assert_eq!((stored.name, stored.schema), ("Deposited", 3));
    assert_eq!(decode_event("Deposited", 3, &stored.payload), Ok(deposited(7)));
}

#[test]
fn a_step_may_come_before_the_rename() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Deposited {
        cents: u64,
    }
    impl Event for Deposited {
        const VERSIONS: &'static [(&'static str, u16)] = &[("Deposited", 2)];

        fn upcasters() -> Upcasters {
            Upcasters::new()
                .step("PaidIn", 1, |old: PaidInV1| DepositedV2 { cents: old.sum * 100 })
                .rename("PaidIn", 2, "Deposited")
                .step("Deposited", 1, |old: PaidInV1| DepositedV2 { cents: old.sum })
        }
    }
    let v1 = rmp_serde::to_vec_named(&PaidInV1 { sum: 7 }).unwrap();
    assert_eq!(decode_event("PaidIn", 1, &v1), Ok(Deposited { cents: 700 }));
    assert_eq!(decode_event("Deposited", 1, &v1), Ok(Deposited { cents: 7 }));
}

#[test]
fn a_variant_without_fields_can_gain_some() {
    let expected = Account::Closed { reason: "unknown".into() };
    assert_eq!(decode_event("Closed", 1, &[0xc0]), Ok(expected));
    assert_eq!(decode_event("Opened", 1, &[0xc0]), Ok(Account::Opened));
}

#[test]
fn the_present_schema_needs_no_step() {
    let codec = EventCodec::<Account>::new().unwrap();
    assert_eq!(codec.resolve("Deposited", 3), Ok(Route::Current(1)));
    assert!(matches!(codec.resolve("Deposited", 2), Ok(Route::Upcast(_))));
}

#[test]
fn what_nobody_knows_is_said_to_be_so() {
    let read = |name, schema| decode_event::<Account>(name, schema, &[0xc0]);
    let unknown =
        |name: &str, schema| Err(DecodeError::UnknownType { name: name.to_owned(), schema });
    assert_eq!(read("Merged", 1), unknown("Merged", 1));
    assert_eq!(read("Opened", 0), unknown("Opened", 0));
    let newer = |name: &str, schema, known| {
        Err(DecodeError::NewerSchema { name: name.to_owned(), schema, known })
    };
    assert_eq!(read("Opened", 2), newer("Opened", 2, 1));
    assert_eq!(read("Deposited", 4), newer("Deposited", 4, 3));
    assert_eq!(read("PaidIn", 3), newer("PaidIn", 3, 2));
}

#[test]
fn an_old_payload_that_is_not_what_its_step_takes_is_refused() {
    let v2 = rmp_serde::to_vec_named(&DepositedV2 { cents: 7 }).unwrap();
    let refused = decode_event::<Account>("PaidIn", 1, &v2).unwrap_err().to_string();
    assert_eq!(refused, "not a readable `Deposited` schema 1: missing field `sum`");
}
