//! A line that is not a command is answered `invalid` with its place, and the stream goes on.

mod support;

use serde_json::json;
use support::{Data, assert_code, deposit, json_lines, run_with};

/// Applies one bad line between two good ones and gives the answer to it.
#[track_caller]
fn answer_to(bad: &[u8]) -> serde_json::Value {
    let data = Data::new();
    let good = deposit(1, 5);
    let input = [good.as_bytes(), bad, good.as_bytes()].join(&b'\n');
    let output = run_with(&mut data.command("apply"), &input);
    assert_code(&output, 0);
    let mut answers = json_lines(&output.stdout);
    assert_eq!(answers.len(), 3, "one answer a line");
    assert_eq!(answers[2]["outcome"], "committed", "the stream goes on");
    assert_eq!(answers[2]["position"], 1, "the bad line left nothing behind");
    let answer = answers.remove(1);
    assert_eq!(answer["outcome"], "invalid", "{answer}");
    assert_eq!(answer["line"], 2);
    answer
}

#[track_caller]
fn assert_invalid(bad: &str, column: usize, message: &str) {
    let answer = answer_to(bad.as_bytes());
    assert_eq!(answer["column"], json!(column), "{answer}");
    let said = answer["message"].as_str().expect("a message");
    assert!(said.contains(message), "`{said}` does not say `{message}`");
}

#[test]
fn text_that_is_no_json() {
    assert_invalid("deposit 5 into 1", 1, "expected a JSON object");
    assert_invalid(r#"  ["account",1,"Open"]"#, 3, "expected a JSON object");
    assert_invalid(r#"{"kind":"account" "id":1}"#, 19, "expected `,` or `}`");
    assert_invalid(r#"{"kind":"account","#, 18, "EOF");
}

#[test]
fn text_that_is_no_utf8() {
    let answer = answer_to(b"{\"kind\":\"acc\xff\"}");
    assert_eq!(answer["column"], 13);
    assert_eq!(answer["message"], "not UTF-8");
}

#[test]
fn a_line_of_more_than_a_mebibyte() {
    let mut long = br#"{"kind":"account","key":""#.to_vec();
    long.resize(3 << 20, b'x');
    let answer = answer_to(&long);
    assert_eq!(answer["column"], (1 << 20) + 1);
    assert!(answer["message"].as_str().expect("a message").contains("1048576"), "{answer}");
}

#[test]
fn a_kind_that_does_not_exist() {
    let line = r#"{"kind":"acount","id":1,"command":{"Deposit":{"amount":5}}}"#;
    assert_invalid(line, line.len(), "unknown kind `acount`: there are `account` and `book`");
}

#[test]
fn an_id_that_is_none() {
    let with_id = |id: &str| {
        format!(r#"{{"kind":"account","id":{id},"command":{{"Deposit":{{"amount":5}}}}}}"#)
    };
    assert_invalid(&with_id("\"bob\""), 28, "neither a UUID nor an integer");
    assert_invalid(&with_id("-1"), 25, "an account id");
    assert_invalid(&with_id("1.5"), 26, "an account id");
    let book = r#"{"kind":"book","id":7,"command":{"Cancel":{"order":1}}}"#;
    assert_invalid(book, 21, "expected a string");
}

#[test]
fn amounts_that_are_no_whole_numbers() {
    let with_amount = |amount: &str| {
        format!(r#"{{"kind":"account","id":1,"command":{{"Deposit":{{"amount":{amount}}}}}}}"#)
    };
    for amount in ["1.0", "1e3", "-5", "18446744073709551616", "\"5\"", "null", "true", "[5]"] {
        let answer = answer_to(with_amount(amount).as_bytes());
        assert!(answer["column"].as_u64().is_some_and(|column| column > 50), "{answer}");
    }
}

#[test]
fn fields_that_nobody_knows_or_that_are_missing() {
    let extra = r#"{"kind":"account","id":1,"command":{"Deposit":{"amount":5}},"expected":3}"#;
    assert_invalid(extra, 70, "unknown field `expected`");
    let inside = r#"{"kind":"account","id":1,"command":{"Deposit":{"amount":5,"currency":"EUR"}}}"#;
    assert_invalid(inside, 68, "unknown field `currency`");
    let command = r#"{"kind":"account","id":1,"command":{"Depose":{"amount":5}}}"#;
    assert!(answer_to(command.as_bytes())["message"].as_str().expect("text").contains("Depose"));
    assert_invalid(r#"{"id":1}"#, 8, "missing field `kind`");
    assert_invalid(r#"{"kind":"account"}"#, 18, "missing field `id`");
    assert_invalid(r#"{"kind":"account","id":1}"#, 25, "missing field `command`");
    assert_invalid(r#"{"kind":"account","kind":"book"}"#, 24, "duplicate field `kind`");
}

#[test]
fn a_transaction_that_is_also_a_command() {
    let both = r#"{"kind":"account","transact":{"Transfer":{"from":1,"to":2,"amount":3}}}"#;
    assert_invalid(both, both.len(), "not both");
    let expecting = r#"{"transact":{"Transfer":{"from":1,"to":2,"amount":3}},"expect":1}"#;
    assert_invalid(expecting, expecting.len(), "`key` only");
    let unknown = r#"{"transact":{"Transfr":{"from":1,"to":2,"amount":3}}}"#;
    assert_invalid(unknown, 22, "unknown variant `Transfr`");
}

#[test]
fn json_that_nests_without_end() {
    let deep = format!(r#"{{"kind":"account","id":1,"command":{}}}"#, "[".repeat(100_000));
    answer_to(deep.as_bytes());
}
