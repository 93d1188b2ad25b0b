//! A disk that fails a write ends the process with 74: every answered command is there when it is
//! opened again, and whoever has no answer is told that the outcome is unknown.

mod support;
#[path = "support/talk.rs"]
mod talk;

use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Data, assert_code, hotledger, one_json, run};
use talk::Talk;

/// A deposit under a key of its own.
fn line(number: u64) -> String {
    let deposit = r#""kind":"account","id":1,"command":{"Deposit":{"amount":1}}"#;
    format!(r#"{{{deposit},"key":"{number}"}}"#)
}

/// Whether a system call of another process can be made to fail here.
fn can_inject() -> bool {
    let trial = ["-f", "-qq", "-o", "/dev/null", "-e", "inject=pwrite64:error=EIO:when=1", "true"];
    let traced = Command::new("strace").args(trial).stderr(Stdio::null()).status();
    let can = traced.is_ok_and(|status| status.success());
    if !can {
        println!("skipped: strace is missing, or may not trace here");
    }
    can
}

/// `apply`, one of whose threads has this fault in one of its calls. Without an io_uring, unless
/// the fault is of one.
fn faulty(data: &Data, fault: &str) -> Command {
    let apply = data.command("apply");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64,fsync,/io_uring"]);
    if !fault.starts_with("io_uring") {
        strace.args(["-e", "inject=io_uring_setup:error=EPERM"]);
    }
    let inject = format!("inject={fault}");
    strace.args(["-e", &inject]).arg(apply.get_program()).args(apply.get_args());
    strace.env("RUST_LOG", "warn");
    strace
}

#[test]
fn a_failed_write_is_unknown_and_what_was_answered_is_there() {
    if !can_inject() {
        return;
    }
    // Once and for ever; a failing disk, and a file system that copies on write and is full.
    let pwrite = ["EIO:when=4", "EIO:when=9+", "ENOSPC:when=5", "EIO:when=3", "EDQUOT:when=6+"];
    let ring = ["EIO:when=5", "EIO:when=10+", "ENXIO:when=7"];
    let faults = pwrite.map(|fault| format!("pwrite64:error={fault}"));
    for fault in faults.into_iter().chain(ring.map(|fault| format!("io_uring_enter:error={fault}")))
    {
        let data = Data::new();
        data.apply(&[&line(0)]);
        let mut talk = Talk::start(&mut faulty(&data, &fault));
        let mut positions = Vec::new();
        let unknown = loop {
            let number = positions.len() as u64 + 1;
            let answer = talk.ask(&line(number)).expect("whoever asked is answered");
            if answer["outcome"] != "committed" {
                break answer;
            }
            positions.push(answer["position"].clone());
            assert!(number < 20, "{fault}: the write fails before");
        };
        assert_eq!(unknown["outcome"], "halted", "{unknown}");
        let message = unknown["message"].as_str().expect("a message");
        assert!(message.contains("unknown") && message.contains("same key"), "{message}");
        let output = talk.end();
        assert_code(&output, 74);

        let sent = positions.len() as u64 + 1;
        let lines: Vec<String> = (0..=sent).map(line).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let again: Vec<Value> = data.apply(&lines);
        for (answer, position) in again[1..].iter().zip(&positions) {
            assert_eq!((&answer["outcome"], &answer["position"]), (&"duplicate".into(), position));
        }
        let last = again.last().expect("an answer");
        let known = ["committed", "duplicate"].contains(&last["outcome"].as_str().expect("text"));
        assert!(known, "what was unknown is known now: {last}");
        assert_eq!(data.state("account", "1", &[])["version"], sent + 1, "each took effect once");
        println!("{fault}: {} answered before, exit 74", positions.len());
    }
}

#[test]
fn a_disk_that_fails_while_it_is_opened_is_74_and_changes_nothing_that_was_answered() {
    if !can_inject() {
        return;
    }
    for fault in
        ["pwrite64:error=EIO:when=1", "pwrite64:error=EIO:when=2", "fsync:error=EIO:when=1"]
    {
        let data = Data::new();
        data.apply(&[&line(0), &line(1)]);
        assert_code(&run(&mut faulty(&data, fault)), 74);
        assert_eq!(data.apply(&[&line(1)])[0]["outcome"], "duplicate");
        let verified = run(hotledger().args(["journal", "verify"]).arg(data.path()));
        assert_code(&verified, 0);
        assert_eq!(one_json(&verified.stdout)["events"], 2);
    }
}
