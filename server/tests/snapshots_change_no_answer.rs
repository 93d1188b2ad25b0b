//! With snapshots, without them, and from zero: the same state and the same digest.

mod support;

use serde_json::{Value, json};
use support::{Data, deposit};

fn commands() -> Vec<String> {
    let order = |order: u64, side: &str, price: u64| {
        let terms = format!(r#""order":{order},"side":"{side}","price":{price},"size":3"#);
        format!(r#"{{"kind":"book","id":"ACME","command":{{"Limit":{{{terms}}}}}}}"#)
    };
    (0..500)
        .map(|number| match number % 5 {
            0 => order(number, "Buy", 90 + number % 7),
            1 => order(number, "Sell", 93 + number % 7),
            _ => deposit(number % 11, number),
        })
        .collect()
}

fn filled(snapshot_every: &str) -> Data {
    let data = Data::new();
    let commands = commands();
    // Three runs, so that snapshots are loaded and not only written.
    for part in commands.chunks(200) {
        let lines: Vec<&str> = part.iter().map(String::as_str).collect();
        data.apply_with(&["--snapshot-every", snapshot_every], &lines);
    }
    data
}

#[test]
fn a_digest_is_the_same_however_it_is_reached() {
    let often = filled("50");
    let never = filled("0");
    let from_snapshot = often.digest(&[]);
    assert!(from_snapshot["snapshot_position"].is_u64(), "{from_snapshot}");
    let from_zero = often.digest(&["--from-zero"]);
    assert_eq!(from_zero["snapshot_position"], Value::Null);
    assert_eq!(from_snapshot["digest"], from_zero["digest"]);
    assert_eq!(from_snapshot["position"], from_zero["position"]);
    assert!(from_snapshot["tail_events"].as_u64() < from_zero["tail_events"].as_u64());
    assert_eq!(never.digest(&[])["snapshot_position"], Value::Null);
    assert_eq!(never.digest(&[])["digest"], from_zero["digest"], "the same commands");
}

#[test]
fn a_digest_of_then_is_the_same_with_and_without_snapshots() {
    let often = filled("50");
    let never = filled("0");
    for position in ["0", "199", "200", "333"] {
        let then = often.digest(&["--at", position]);
        assert_eq!(then["position"].to_string(), position);
        assert_eq!(then["digest"], never.digest(&["--at", position])["digest"]);
        assert_eq!(then["digest"], often.digest(&["--at", position, "--from-zero"])["digest"]);
    }
}

#[test]
fn a_state_is_the_same_with_and_without_snapshots() {
    let often = filled("50");
    let never = filled("0");
    for (kind, id) in [("account", "3"), ("account", "10"), ("book", "ACME")] {
        let state = often.state(kind, id, &[]);
        assert_eq!(state, never.state(kind, id, &[]));
        let version = state["version"].as_u64().expect("a version");
        for version in [1, version / 2, version] {
            let at = ["--at-version", &version.to_string()];
            let then = often.state(kind, id, &at);
            assert_eq!(then["version"], version);
            assert_eq!(then, never.state(kind, id, &at));
        }
    }
}

#[test]
fn a_state_can_be_seen_as_it_was() {
    let data = Data::new();
    data.apply(&[&deposit(1, 5), &deposit(2, 50), &deposit(1, 6)]);
    let state = |options: &[&str]| data.state("account", "1", options);
    let balance = |options: &[&str]| state(options)["state"]["balance"].clone();
    assert_eq!(balance(&[]), 11);
    assert_eq!(balance(&["--at", "0"]), 5);
    assert_eq!(balance(&["--at", "1"]), 5);
    assert_eq!(balance(&["--at", "2"]), 11);
    assert_eq!(balance(&["--at-version", "1"]), 5);
    let events = data.inspect();
    let time = |index: usize, field: &str| events[index][field].to_string().replace('"', "");
    assert_eq!(balance(&["--at-time", &time(2, "time")]), 11);
    assert_eq!(balance(&["--at-time", &time(2, "time_ns")]), 11);
    let before = events[2]["time_ns"].as_i64().expect("a time") - 1;
    if before >= events[0]["time_ns"].as_i64().expect("a time") {
        assert_eq!(balance(&["--at-time", &before.to_string()]), 5);
    }
    let nothing = data.state("account", "2", &["--at", "0"]);
    assert_eq!(
        nothing,
        json!({"kind": "account", "id": 2, "version": 0, "position": null, "state": null})
    );
}
