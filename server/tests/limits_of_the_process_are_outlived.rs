//! Out of descriptors or at its file-size limit the process lives on: it refuses what it has no
//! room for, and goes on by itself once the limit is raised.

mod support;
#[path = "support/talk.rs"]
mod talk;

use std::process::Command;

use rustix::process::Resource;
use serde_json::Value;
use support::{Data, assert_code, deposit, hotledger, json_lines, one_json, run, run_with};
use talk::Talk;

fn apply(data: &Data) -> Talk {
    Talk::start(data.command("apply").args(["--durability", "buffered"]))
}

fn assert_storage_full(answer: &Value) {
    assert_eq!(
        (&answer["outcome"], &answer["reason"]),
        (&"rejected".into(), &"storage_full".into())
    );
}

/// Whatever happened, the journal is whole and holds what was answered.
fn assert_holds(data: &Data, committed: u64) {
    let verified = run(hotledger().args(["journal", "verify"]).arg(data.path()));
    assert_code(&verified, 0);
    assert_eq!(one_json(&verified.stdout)["events"], committed);
    assert_eq!(data.digest(&[])["digest"], data.digest(&["--from-zero"])["digest"]);
}

#[test]
fn without_another_descriptor_it_uses_what_is_prepared_and_goes_on_later() {
    let data = Data::new();
    let mut talk = apply(&data);
    talk.deposit_until_committed();
    for round in 0..2 {
        talk.limit(Resource::Nofile, Some(1));
        assert_storage_full(&talk.deposit_until_refused());
        let segments = data.segments().len();
        assert!(segments > round, "{segments} segments");
        talk.limit(Resource::Nofile, Some(64));
        talk.deposit_until_committed();
    }
    let committed = talk.committed;
    assert_code(&talk.end(), 0);
    assert_holds(&data, committed);
}

#[test]
fn at_its_file_size_limit_no_signal_ends_it() {
    let data = Data::new();
    let mut talk = apply(&data);
    talk.deposit_until_committed();
    // The segments of 4 and 8 MiB fit, the one of 16 does not.
    talk.limit(Resource::Fsize, Some((10 << 20) + 1));
    assert_storage_full(&talk.deposit_until_refused());
    assert_eq!(data.segments().len(), 2, "nothing is left of the third");
    talk.limit(Resource::Fsize, None);
    talk.deposit_until_committed();
    let committed = talk.committed;
    assert!(committed > 2_500, "two segments of single commits: {committed}");
    assert_code(&talk.end(), 0);
    assert_holds(&data, committed);
}

/// `sh -c 'ulimit …; exec …'`
fn under(limit: &str, command: &Command) -> Command {
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(format!("ulimit {limit} && exec \"$@\"")).arg("sh");
    limited.arg(command.get_program()).args(command.get_args());
    limited.env("RUST_LOG", "warn");
    limited
}

#[test]
fn a_limit_below_the_first_segment_is_73_and_leaves_nothing() {
    let data = Data::new();
    let output = run_with(&mut under("-f 1024", &data.command("apply")), b"");
    assert_code(&output, 73);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("file-size limit"), "{said}");
    assert!(data.segments().is_empty(), "nothing of it is left");
    data.apply(&[&deposit(1, 1)]);
}

/// However few descriptors there are: either all works, or it says that it does not.
#[test]
fn with_few_descriptors_it_opens_or_says_why_not() {
    let data = Data::new();
    data.apply(&[&deposit(1, 1)]);
    let mut committed = 1;
    let mut enough = None;
    for descriptors in 3..24 {
        let command = data.command("apply");
        let mut command = under(&format!("-n {descriptors}"), &command);
        let output = run_with(&mut command, (deposit(1, 1) + "\n").as_bytes());
        let answers = json_lines(&output.stdout);
        let took = answers.iter().filter(|answer| answer["outcome"] == "committed").count();
        committed += took as u64;
        match output.status.code() {
            Some(0) => {
                assert_eq!(took, 1, "{descriptors} descriptors: {answers:?}");
                enough = enough.or(Some(descriptors));
            }
            // 127 is the dynamic linker's, which cannot open the libraries.
            code => {
                assert!(matches!(code, Some(73 | 74 | 127)), "{descriptors}: {output:?}");
                assert!(enough.is_none() && took == 0, "{descriptors}: {output:?}");
            }
        }
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{output:?}");
    }
    println!("{} descriptors are enough", enough.expect("23 are enough"));
    assert_holds(&data, committed);
}
