//! Every way to declare events wrongly is found when the codec is made, with the way to mend it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::codec::Event;
use crate::codec::{CodecError, EventCodec, EventType, Upcasters, trace, upcast, versioned};

#[track_caller]
fn refusal<E: Event>() -> CodecError {
    EventCodec::<E>::new().err().expect("refused")
}

#[test]
fn an_enum_has_to_be_externally_tagged() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Internal {
        A { b: u8 },
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type", content = "content")]
    enum Adjacent {
        A { b: u8 },
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        A { b: u8 },
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum PartlyUntagged {
        A {
            b: u8,
        },
        #[serde(untagged)]
        B(u8),
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Flattened {
        #[serde(flatten)]
        all: BTreeMap<String, u8>,
    }
    impl Event for Internal {}
    impl Event for Adjacent {}
    impl Event for Untagged {}
    impl Event for PartlyUntagged {}
    impl Event for Flattened {}
    for refusal in [
        refusal::<Internal>(),
        refusal::<Adjacent>(),
        refusal::<Untagged>(),
        refusal::<PartlyUntagged>(),
        refusal::<Flattened>(),
    ] {
        assert!(matches!(refusal, CodecError::UnsupportedForm { .. }), "{refusal}");
    }
    let number = trace::names_of::<u64>();
    assert!(matches!(number, Err(CodecError::UnsupportedForm { .. })), "{number:?}");
    assert!(refusal::<Internal>().to_string().contains("remove #[serde(tag, content, untagged)]"));
}

#[test]
#[allow(unreachable_patterns)] // In what is derived for `Twice`.
fn a_variant_has_one_name_of_its_own() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Aliased {
        #[serde(alias = "A")]
        B,
        C,
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum CatchAll {
        A,
        #[serde(other)]
        Unknown,
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Twice {
        A,
        #[serde(rename = "A")]
        B,
    }
    impl Event for Aliased {}
    impl Event for CatchAll {}
    impl Event for Twice {}
    let refused = refusal::<Aliased>();
    assert!(matches!(refused, CodecError::ManyNames { .. }), "{refused}");
    assert!(refused.to_string().contains(".rename(\"OldName\", 1, \"NewName\")"), "{refused}");
    assert!(matches!(refusal::<CatchAll>(), CodecError::ManyNames { .. }));
    assert_eq!(refusal::<Twice>(), CodecError::NameTwice { name: "A" });
}

#[test]
fn versions_name_types_of_the_event_once() {
    let refused = versioned(&["A", "B"], &[("C", 2)]).unwrap_err();
    assert_eq!(refused, CodecError::VersionOfNothing { name: "C", known: vec!["A", "B"] });
    let unclear = CodecError::VersionUnclear { name: "A" };
    assert_eq!(versioned(&["A"], &[("A", 2), ("A", 3)]), Err(unclear.clone()));
    assert_eq!(versioned(&["A"], &[("A", 0)]), Err(unclear));
    let types = [EventType { name: "A", version: 1 }, EventType { name: "B", version: 2 }];
    assert_eq!(versioned(&["A", "B"], &[("B", 2)]), Ok(types.to_vec()));
}

/// `Now` is at version 3.
fn chain(upcasters: Upcasters) -> Option<CodecError> {
    let types = [EventType { name: "Now", version: 3 }, EventType { name: "New", version: 1 }];
    upcast::Chain::new(&types, upcasters).err()
}

fn step(upcasters: Upcasters, name: &str, from: u16) -> Upcasters {
    upcasters.step(name, from, |(): ()| ())
}

fn sound() -> Upcasters {
    step(step(Upcasters::new(), "Now", 1), "Now", 2)
}

#[test]
fn every_old_version_has_one_step() {
    assert_eq!(chain(sound()), None);
    let missing = |name: &str, version| CodecError::StepMissing { name: name.into(), version };
    assert_eq!(chain(Upcasters::new()), Some(missing("Now", 1)));
    assert_eq!(chain(step(Upcasters::new(), "Now", 1)), Some(missing("Now", 2)));
    assert_eq!(chain(sound().rename("Old", 2, "Now")), Some(missing("Old", 1)));
    let twice = CodecError::StepTwice { name: "Now".into(), version: 1 };
    assert_eq!(chain(step(sound(), "Now", 1)), Some(twice.clone()));
    assert_eq!(chain(sound().rename("Now", 1, "New")), Some(twice));
    let message = missing("Now", 2).to_string();
    assert!(message.contains(".step::<Old, New>(\"Now\", 2, |old| ..)"), "{message}");
}

#[test]
fn no_step_starts_at_the_present_or_past_it() {
    let past = |name: &str, version, needed| {
        Some(CodecError::StepPastCurrent { name: name.into(), version, needed })
    };
    assert_eq!(chain(step(sound(), "Now", 3)), past("Now", 3, 4));
    assert_eq!(chain(step(sound(), "Now", 9)), past("Now", 9, 10));
    assert_eq!(chain(sound().rename("New", 1, "Now")), past("New", 1, 2));
    let lands_past = step(sound(), "Old", 1).rename("Old", 2, "New");
    assert_eq!(chain(lands_past), past("New", 2, 2));
    let zero = CodecError::StepFromZero { name: "Now".into() };
    assert_eq!(chain(step(sound(), "Now", 0)), Some(zero));
    assert!(chain(step(sound(), "Old", u16::MAX)).is_some());
}

#[test]
fn every_renamed_type_ends_at_a_present_one() {
    assert_eq!(chain(sound().rename("Old", 1, "New")), None);
    assert_eq!(chain(sound().rename("Older", 1, "Old").rename("Old", 1, "New")), None);
    let missing = CodecError::StepMissing { name: "Nowhere".into(), version: 1 };
    assert_eq!(chain(sound().rename("Old", 1, "Nowhere")), Some(missing));
    let circle = |name: &str| CodecError::RenameCircle { name: name.into(), version: 1 };
    assert_eq!(chain(sound().rename("Old", 1, "Old")), Some(circle("Old")));
    let round = sound().rename("A", 1, "B").rename("B", 1, "A");
    assert_eq!(chain(round), Some(circle("A")));
}

#[test]
fn a_struct_and_an_empty_enum_are_events_too() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "ticked")]
    struct Ticked {
        at: u64,
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Never {}
    assert_eq!(trace::names_of::<Ticked>(), Ok(vec!["ticked"]));
    assert_eq!(trace::names_of::<Never>(), Ok(vec![]));
}
