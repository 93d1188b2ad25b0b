//! `exchange replay` turns a recording into commands and judges whom our book filled.

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use support::{Data, assert_code, contents, hotledger, one_json, run};

/// Two orders of one price, the first is executed, then the second one is said to be although the
/// rest of the first comes before it; orders that were there before the recording are refused.
const RECORDING: &str = "\
34200.000000001,1,11,10,1000000,1
34200.000000002,1,12,10,1000000,1
34200.5,4,11,4,1000000,1
34200.6,4,12,6,1000000,1
34200.7,2,12,3,1000000,1
34200.8,3,99,5,1000100,-1
34200.9,5,0,7,1000000,1
34201,3,12,7,1000000,1
34201.5,7,0,0,-1,-1
";

fn recording(data: &Data, text: &str) -> PathBuf {
    let file = data.path().with_file_name("ACME_2012-06-21_34200000_37800000_message_50.csv");
    fs::write(&file, text).expect("a recording");
    file
}

fn replay(data: &Data, file: &PathBuf, options: &[&str]) -> std::process::Output {
    let mut command = hotledger();
    command.args(["exchange", "replay"]).arg(file).arg("--data").arg(data.path()).args(options);
    run(&mut command)
}

#[test]
fn whom_the_book_fills_is_compared_with_whom_nasdaq_named() {
    let data = Data::new();
    let output = replay(&data, &recording(&data, RECORDING), &["--output", "json"]);
    assert_code(&output, 0);
    let report = one_json(&output.stdout);
    assert_eq!(report["symbol"], "ACME");
    assert_eq!(report["messages"], 9);
    assert_eq!(report["commands"], 7);
    assert_eq!(report["refused"], json!({"UnknownOrder": 1}));
    assert_eq!(report["trades"], 2);
    assert_eq!(report["executions_compared"], 2);
    assert_eq!(report["executions_exact"], 1, "the second one filled order 11, not 12");
    assert_eq!(report["durability"], "synced");
    assert!(report["rate_per_s"].as_f64() > Some(0.0));
    assert!(report["latency_us"]["p50"].as_f64() > Some(0.0));
    assert_eq!(report["digest"], data.digest(&["--from-zero"])["digest"]);
    assert_eq!(report["digest"], data.digest(&[])["digest"]);
}

#[test]
fn every_replay_ends_at_the_same_digest() {
    let digests: Vec<Value> = ["1", "3", "1024"]
        .map(|in_flight| {
            let data = Data::new();
            let options = ["--output", "json", "--in-flight", in_flight];
            let output = replay(&data, &recording(&data, RECORDING), &options);
            assert_code(&output, 0);
            one_json(&output.stdout)["digest"].clone()
        })
        .to_vec();
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}

#[test]
fn a_second_replay_into_the_same_book_is_refused() {
    let data = Data::new();
    let file = recording(&data, RECORDING);
    assert_code(&replay(&data, &file, &[]), 0);
    let before = contents(&data.path());
    let again = replay(&data, &file, &[]);
    assert_code(&again, 73);
    assert!(String::from_utf8_lossy(&again.stderr).contains("already holds a book for ACME"));
    assert_eq!(contents(&data.path()), before, "nothing was changed");
}

#[test]
fn another_symbol_goes_beside_it() {
    let data = Data::new();
    assert_code(&replay(&data, &recording(&data, RECORDING), &[]), 0);
    let other = data.path().with_file_name("EMCA_message.csv");
    fs::write(&other, RECORDING).expect("a recording");
    let output = replay(&data, &other, &["--output", "json"]);
    assert_code(&output, 0);
    assert_eq!(one_json(&output.stdout)["executions_compared"], 2, "only its own events");
}

#[test]
fn a_line_that_is_no_message_stops_before_anything_is_sent() {
    let data = Data::new();
    let file = recording(&data, &(RECORDING.to_owned() + "34202,1,twelve,3,1000000,1\n"));
    let output = replay(&data, &file, &[]);
    assert_code(&output, 65);
    assert!(String::from_utf8_lossy(&output.stderr).contains("line 10: order id"), "it says where");
    assert!(!data.path().exists());
}
