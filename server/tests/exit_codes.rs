//! Each kind of failure leaves with its own exit code, says why, and changes no byte.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output};
use std::time::Duration;

use support::{Data, assert_code, contents, deposit, hotledger, run, run_with, spawn};

/// A user that owns nothing here.
const NOBODY: u32 = 65_534;

#[track_caller]
fn assert_says(output: &Output, code: i32, what: &str) {
    assert_code(output, code);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(what), "`{said}` does not say `{what}`");
    assert!(output.stdout.is_empty(), "nothing was promised");
}

#[test]
fn usage_is_2() {
    let data = Data::new();
    data.apply(&[&deposit(1, 5)]);
    for arguments in [
        &["bench", "--mode", "sideways"][..],
        &["bench", "--mode", "open", "--rate", "0"],
        &["bench", "--durability", "maybe"],
        &["apply"],
        &["unknown"],
        &["journal"],
        &[],
    ] {
        assert_code(&run(hotledger().args(arguments)), 2);
    }
    assert_says(&run(data.command("state").args(["acount", "1"])), 2, "`account` and `book`");
    assert_says(&run(data.command("state").args(["account", "bob"])), 2, "bob");
    let twice = ["account", "1", "--at", "0", "--at-version", "1"];
    assert_code(&run(data.command("state").args(twice)), 2);
    let ahead = ["account", "1", "--at", "99"];
    assert_says(&run(data.command("state").args(ahead)), 2, "99");
}

#[test]
fn a_flipped_byte_is_65_and_nothing_is_changed() {
    let data = Data::new();
    // Two runs: behind the first one's data lies the second one's, so it cannot be a torn tail.
    data.apply(&[&deposit(1, 5)]);
    data.apply(&[&deposit(1, 6)]);
    let segment = data.segments().remove(0);
    let mut bytes = fs::read(&segment).expect("a segment");
    let place = bytes.windows(9).position(|part| part == b"Deposited").expect("an event type");
    bytes[place] ^= 1;
    fs::write(&segment, &bytes).expect("the flip");
    let before = contents(&data.path());
    assert_says(&run_with(&mut data.command("apply"), b""), 65, "segment-0000000001.hl");
    assert_says(&run(&mut data.command("digest")), 65, "segment-0000000001.hl");
    assert_says(&run(data.command("state").args(["account", "1"])), 65, "corrupt");
    let inspected = run(hotledger().args(["journal", "inspect"]).arg(data.path()));
    assert_code(&inspected, 65);
    assert_eq!(contents(&data.path()), before, "a refusal changes no byte");
}

#[test]
fn a_directory_that_is_a_file_is_73() {
    let data = Data::new();
    fs::write(data.path(), "mine").expect("a file");
    for name in ["apply", "digest"] {
        assert_says(&run_with(&mut data.command(name), b""), 73, "not a directory");
    }
    assert_says(&run(hotledger().args(["journal", "verify"]).arg(data.path())), 73, "directory");
    assert_eq!(fs::read(data.path()).expect("a file"), b"mine");
}

#[test]
fn a_directory_without_a_parent_is_73() {
    let data = Data::new();
    let far = data.path().join("far").join("away");
    assert_says(&run_with(hotledger().arg("apply").arg("--data").arg(far), b""), 73, "create");
    assert!(!data.path().exists());
}

#[test]
fn what_cannot_be_read_is_74() {
    let data = Data::new();
    assert_says(&run(&mut data.command("digest")), 74, "no journal");
    assert!(!data.path().exists(), "reading creates nothing");
    let missing = run(data.command("apply").arg("no-such-file"));
    assert_says(&missing, 74, "no-such-file");
    assert!(!data.path().exists(), "a wrong name creates nothing");
}

#[test]
fn a_second_process_is_75() {
    let data = Data::new();
    let mut holder = spawn(&mut data.command("apply"));
    let mut stdin = holder.stdin.take().expect("a pipe");
    writeln!(stdin, "{}", deposit(1, 5)).expect("it reads");
    let mut answers = BufReader::new(holder.stdout.take().expect("a pipe")).lines();
    answers.next().expect("an answer").expect("text");
    assert_says(&run_with(&mut data.command("apply"), b""), 75, "locked");
    assert_says(&run(data.command("state").args(["account", "1"])), 75, "locked");
    assert_says(&run(hotledger().args(["journal", "inspect"]).arg(data.path())), 75, "locked");
    drop(stdin);
    assert!(holder.wait().expect("it ends").success());
    data.apply(&[&deposit(1, 6)]);
}

#[test]
fn a_directory_of_someone_else_is_77() {
    let data = Data::new();
    data.apply(&[&deposit(1, 5)]);
    let binary = data.path().with_extension("copy");
    fs::copy(env!("CARGO_BIN_EXE_hotledger"), &binary).expect("a copy anyone may run");
    let parent = data.path().parent().expect("a parent").to_owned();
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o755)).expect("a way in");
    let mut digest = Command::new(&binary);
    digest.arg("digest").arg("--data").arg(data.path());
    if rustix::process::geteuid().is_root() {
        // To root nothing is forbidden: ask as somebody else.
        digest.uid(NOBODY);
    } else {
        fs::set_permissions(data.path(), fs::Permissions::from_mode(0o000)).expect("locked out");
    }
    let output = run(&mut digest);
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o700)).expect("back in");
    assert_says(&output, 77, "permission denied");
}

#[test]
fn a_signal_ends_the_stream_with_130_and_a_closed_journal() {
    let data = Data::new();
    let mut child = spawn(&mut data.command("apply"));
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    writeln!(stdin, "{}", deposit(1, 5)).expect("it reads");
    answers.next().expect("an answer").expect("text");
    interrupt(&child);
    assert_code(&child.wait_with_output().expect("it ends"), 130);
    assert_eq!(data.state("account", "1", &[])["version"], 1);
}

#[test]
fn a_signal_leaves_no_bench_directory_behind() {
    let place = tempfile::TempDir::new().expect("a directory");
    let mut child = spawn(hotledger().current_dir(place.path()).arg("bench"));
    let files = || fs::read_dir(place.path()).expect("a directory").count();
    while files() == 0 {
        assert_eq!(child.try_wait().expect("a child"), None);
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(300));
    interrupt(&child);
    assert_code(&child.wait_with_output().expect("it ends"), 130);
    assert_eq!(files(), 0);
}

/// What Ctrl-C sends.
fn interrupt(child: &Child) {
    let process = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).expect("a signal");
}

#[test]
fn every_command_has_help_with_an_example() {
    for arguments in [
        &["bench"][..],
        &["apply"],
        &["state"],
        &["digest"],
        &["journal", "inspect"],
        &["journal", "verify"],
        &["journal", "salvage"],
        &["journal", "checkpoint"],
        &["journal", "keygen"],
        &["exchange", "replay"],
    ] {
        let output = run(hotledger().args(arguments).arg("--help"));
        assert_code(&output, 0);
        let help = String::from_utf8(output.stdout).expect("text");
        assert!(help.contains("Example"), "{arguments:?} shows no example");
        assert!(help.contains(&format!("hotledger {}", arguments.join(" "))), "{help}");
    }
}
