//! Every line is answered, in order, with where its events stand.

mod support;

use std::io::{BufRead, BufReader, Write};

use serde_json::{Value, json};
use support::{Data, assert_code, deposit, hotledger, run_with, spawn};

#[test]
fn a_committed_command_says_where_it_stands() {
    let data = Data::new();
    let answers = data.apply(&[&deposit(1, 5), &deposit(2, 7), &deposit(1, 1)]);
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(answer["line"], json!(index + 1));
        assert_eq!(answer["outcome"], "committed");
        assert_eq!(answer["position"], json!(index), "positions are gapless from 0");
        assert_eq!(answer["events"], 1);
        assert_eq!(answer["durability"], "synced");
        assert_eq!(answer["chain"].as_str().map(str::len), Some(64));
    }
    let versions: Vec<&Value> = answers.iter().map(|answer| &answer["version"]).collect();
    assert_eq!(versions, [&json!(1), &json!(1), &json!(2)]);
}

#[test]
fn a_transfer_is_one_step_over_two_accounts() {
    let data = Data::new();
    let transfer = r#"{"transact":{"Transfer":{"from":1,"to":2,"amount":30}},"key":"t-1"}"#;
    let answers = data.apply(&[&deposit(1, 100), transfer, transfer]);
    assert_eq!(answers[1]["outcome"], "committed");
    assert_eq!(answers[1]["position"], 2, "that of its last event");
    assert_eq!(answers[1]["events"], 2);
    let versions = answers[1]["versions"].as_array().expect("one version an account");
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0]["version"], 2);
    assert_eq!(versions[1]["version"], 1);
    assert_eq!(answers[2]["outcome"], "duplicate");
    assert_eq!(answers[2]["position"], 2);
    assert_eq!(data.state("account", "1", &[])["state"]["balance"], 70);
    assert_eq!(data.state("account", "2", &[])["state"]["balance"], 30);
}

#[test]
fn a_refusal_says_why_and_changes_nothing() {
    let data = Data::new();
    let withdraw = r#"{"kind":"account","id":1,"command":{"Withdraw":{"amount":9}}}"#;
    let transfer = r#"{"transact":{"Transfer":{"from":1,"to":2,"amount":30}}}"#;
    let answers = data.apply(&[&deposit(1, 5), withdraw, transfer, &deposit(1, 1)]);
    assert_eq!(answers[1]["outcome"], "refused");
    assert_eq!(answers[1]["refusal"], json!({"InsufficientFunds": {"balance": 5, "requested": 9}}));
    assert_eq!(answers[2]["outcome"], "refused");
    assert_eq!(answers[3]["position"], 1, "the refused ones left no event");
}

#[test]
fn an_expected_version_that_does_not_hold_is_a_conflict() {
    let data = Data::new();
    let expecting = |version: u64| {
        let line = deposit(1, 5);
        format!("{},\"expect\":{version}}}", line.strip_suffix('}').expect("an object"))
    };
    let answers = data.apply(&[&expecting(0), &expecting(0), &expecting(1)]);
    assert_eq!(answers[0]["outcome"], "committed");
    assert_eq!(answers[1], json!({"line": 2, "outcome": "conflict", "expected": 0, "actual": 1}));
    assert_eq!(answers[2]["outcome"], "committed");
}

#[test]
fn a_key_takes_effect_once_across_restarts() {
    let data = Data::new();
    let keyed = |amount: u64| {
        let line = deposit(1, amount);
        format!("{},\"key\":\"salary-june\"}}", line.strip_suffix('}').expect("an object"))
    };
    let first = data.apply(&[&keyed(5), &keyed(5)]);
    let again = data.apply(&[&keyed(5), &keyed(6)]);
    assert_eq!(first[1]["outcome"], "duplicate");
    assert_eq!(again[0]["outcome"], "duplicate");
    assert_eq!(again[0]["position"], first[0]["position"]);
    assert_eq!(again[0]["version"], first[0]["version"]);
    assert_eq!(again[1]["outcome"], "key_reused");
    assert_eq!(data.state("account", "1", &[])["state"]["balance"], 5);
}

#[test]
fn an_order_book_takes_commands_too() {
    let data = Data::new();
    let to_acme = |command| format!(r#"{{"kind":"book","id":"ACME","command":{command}}}"#);
    let answers = data.apply(&[
        &to_acme(r#"{"Limit":{"order":1,"side":"Sell","price":100,"size":3}}"#),
        &to_acme(r#"{"Market":{"order":2,"side":"Buy","size":5}}"#),
        &to_acme(r#"{"Cancel":{"order":1}}"#),
    ]);
    assert_eq!(answers[0]["outcome"], "committed");
    assert_eq!(answers[1]["outcome"], "committed");
    assert_eq!(answers[2]["refusal"], json!({"UnknownOrder": {"order": 1}}));
    let events = data.inspect();
    assert!(events.iter().any(|event| event["type"] == "Traded"), "{events:?}");
}

#[test]
fn an_account_is_named_by_uuid_or_integer() {
    let data = Data::new();
    let uuid = "00000000-0000-0000-0000-000000000007";
    let line = deposit(7, 1).replace("\"id\":7", &format!("\"id\":\"{uuid}\""));
    let answers = data.apply(&[&deposit(7, 5), &line]);
    assert_eq!(answers[1]["version"], 2, "both name one account");
    assert_eq!(data.state("account", "7", &[])["id"], 7);
    assert_eq!(data.state("account", uuid, &[])["id"], uuid);
}

#[test]
fn an_answer_comes_before_the_next_line_is_written() {
    let data = Data::new();
    let mut child = spawn(&mut data.command("apply"));
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for amount in 1..=3 {
        writeln!(stdin, "{}", deposit(1, amount)).expect("it reads");
        let answer = answers.next().expect("an answer").expect("text");
        assert!(answer.contains("\"committed\""), "{answer}");
    }
    drop(stdin);
    assert!(answers.next().is_none());
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn thousands_of_lines_are_answered_in_order() {
    let data = Data::new();
    let lines: Vec<String> = (0..20_000).map(|line| deposit(line % 97, 1)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let answers = data.apply(&lines);
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(answer["line"], json!(index + 1));
        assert_eq!(answer["position"], json!(index));
    }
}

#[test]
fn a_file_is_read_like_standard_input() {
    let data = Data::new();
    let file = data.path().with_extension("jsonl");
    std::fs::write(&file, deposit(1, 5) + "\n\n" + &deposit(1, 6)).expect("a file");
    let output = run_with(data.command("apply").arg(&file), b"");
    assert_code(&output, 0);
    let answers = support::json_lines(&output.stdout);
    assert_eq!(answers[1]["line"], 3, "blank lines count");
    assert_eq!(answers[1]["version"], 2);
}

#[test]
fn whoever_stops_reading_causes_no_panic() {
    let data = Data::new();
    let mut child = spawn(&mut data.command("apply"));
    let mut stdin = child.stdin.take().expect("a pipe");
    drop(child.stdout.take());
    writeln!(stdin, "{}", deposit(1, 5)).expect("it reads");
    let output = child.wait_with_output().expect("it ends by itself");
    assert_code(&output, 74);
    assert_eq!(data.state("account", "1", &[])["version"], 1, "what was read is kept");
    let mut inspect = spawn(hotledger().args(["journal", "inspect"]).arg(data.path()));
    drop(inspect.stdout.take());
    assert_code(&inspect.wait_with_output().expect("it ends"), 0);
}
