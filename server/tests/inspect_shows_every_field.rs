//! `journal inspect` shows every field of every event.

mod support;

use serde_json::{Value, json};
use support::{Data, deposit};

#[test]
fn an_event_is_shown_with_all_that_is_known_of_it() {
    let data = Data::new();
    let key = "0190c3b4-0000-7000-8000-000000000001";
    let line = deposit(7, 5);
    let line = format!("{},\"key\":\"{key}\"}}", line.strip_suffix('}').expect("an object"));
    let answers = data.apply(&[&line]);
    let events = data.inspect();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(event["kind"], "account");
    assert_eq!(event["id"], "00000000-0000-0000-0000-000000000007");
    assert_eq!(event["type"], "Deposited");
    assert_eq!(event["schema"], 1);
    assert_eq!(event["version"], 1);
    assert_eq!(event["position"], 0);
    assert_eq!(event["payload"], json!({"amount": 5}));
    assert_eq!(event["key"], key);
    assert_eq!(event["correlation"], Value::Null);
    assert_eq!(event["causation"], Value::Null);
    assert_eq!(event["chain"], answers[0]["chain"], "the chain the receipt gave");
    assert!(event["time_ns"].as_i64().is_some_and(|time| time > 1_700_000_000_000_000_000));
    assert!(event["time"].as_str().is_some_and(|time| time.ends_with('Z')));
    assert!(event["event_id"].as_str().is_some_and(|id| id.ends_with(":0") && id.len() == 38));
    for number in ["batch", "epoch", "segment", "offset"] {
        assert!(event[number].is_u64(), "{number} is missing: {event}");
    }
}

#[test]
fn positions_and_versions_have_no_gap() {
    let data = Data::new();
    let transfer = r#"{"transact":{"Transfer":{"from":1,"to":2,"amount":3}}}"#;
    data.apply(&[&deposit(1, 9), transfer, &deposit(2, 1)]);
    data.apply(&[transfer, transfer]);
    let events = data.inspect();
    let positions: Vec<u64> =
        events.iter().map(|event| event["position"].as_u64().expect("a position")).collect();
    assert_eq!(positions, (0..8).collect::<Vec<u64>>());
    for account in 1..=2 {
        let id = format!("00000000-0000-0000-0000-{account:012}");
        let versions: Vec<u64> = events
            .iter()
            .filter(|event| event["id"] == id)
            .map(|event| event["version"].as_u64().expect("a version"))
            .collect();
        assert_eq!(versions, (1..=4).collect::<Vec<u64>>());
    }
    let journal = |index: usize| events[index]["event_id"].as_str().map(|id| &id[..36]);
    assert_eq!(journal(0), journal(7), "one journal, whoever opened it");
}

#[test]
fn an_empty_journal_has_no_events() {
    let data = Data::new();
    data.apply(&[]);
    assert!(data.inspect().is_empty());
}
