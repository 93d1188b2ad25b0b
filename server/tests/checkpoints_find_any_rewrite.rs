//! Whoever keeps a signed checkpoint or a receipt finds a rewritten journal, even if every checksum
//! and the whole chain were computed again.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::forger::Forger;
use support::{Data, assert_code, copy, deposit, hotledger, journal, one_json, run};

/// A journal of six deposits, a pair of keys, and a checkpoint over it.
struct Signed {
    data: Data,
    receipts: Vec<Value>,
}

impl Signed {
    fn new() -> Self {
        let data = Data::new();
        let lines: Vec<_> = (1..=6).map(|account| deposit(account, 10 + account)).collect();
        let receipts = data.apply_one_by_one(&lines);
        let signed = Self { data, receipts };
        keygen(&signed.beside("key"), &signed.beside("pub"));
        assert_code(&signed.sign("checkpoint"), 0);
        signed
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.data.path().with_file_name(name)
    }

    fn sign(&self, name: &str) -> std::process::Output {
        let mut command = hotledger();
        command.args(["journal", "checkpoint"]).arg(self.data.path());
        run(command.arg("--key").arg(self.beside("key")).arg("--out").arg(self.beside(name)))
    }

    /// What `verify` says to the checkpoint.
    fn check(&self, directory: &Path) -> (i32, Vec<Value>) {
        let (checkpoint, public) = (self.beside("checkpoint"), self.beside("pub"));
        let names = [&checkpoint, &public].map(|path| path.to_str().expect("a plain name"));
        journal("verify", directory, &["--checkpoint", names[0], "--public-key", names[1]])
    }

    /// The journal rewritten by a forger, in a directory of its own.
    fn forged(&self, name: &str, forge: impl FnOnce(&mut Forger)) -> PathBuf {
        let forged = self.beside(name);
        copy(&self.data.path(), &forged);
        let segment = support::segments(&forged).remove(0);
        let mut forger = Forger::open(&segment);
        forge(&mut forger);
        forger.write(&segment);
        // What makes it a forgery, not damage: by itself it is without fault.
        assert_eq!(journal("verify", &forged, &[]).0, 0, "the forger left a trace");
        assert_code(&run(hotledger().arg("digest").arg("--data").arg(&forged)), 0);
        forged
    }

    fn expectation(&self, receipt: usize) -> String {
        let receipt = &self.receipts[receipt];
        format!("{}:{}", receipt["position"], receipt["chain"].as_str().expect("a chain"))
    }
}

fn keygen(key: &Path, public: &Path) {
    let mut command = hotledger();
    command.args(["journal", "keygen", "--key"]).arg(key).arg("--public-key").arg(public);
    assert_code(&run(&mut command), 0);
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["kind"].as_str()).collect()
}

#[track_caller]
fn assert_found(signed: &Signed, directory: &Path, kind: &str) {
    let (code, lines) = signed.check(directory);
    assert_eq!((code, kinds(&lines)), (65, vec![kind]), "{lines:?}");
    assert_eq!(lines.last().expect("a summary")["state_digest"], "not_checked");
}

#[test]
fn what_was_signed_is_found_again() {
    let signed = Signed::new();
    let (code, lines) = signed.check(&signed.data.path());
    assert_eq!((code, lines.len()), (0, 1), "{lines:?}");
    assert_eq!(lines[0]["state_digest"], "matches");
    // The journal goes on; what was signed stays true of it.
    signed.data.apply(&[&deposit(1, 5)]);
    let (code, lines) = signed.check(&signed.data.path());
    assert_eq!((code, lines.len()), (0, 1), "{lines:?}");
    assert_eq!(lines[0]["state_digest"], "matches");
}

#[test]
fn a_checkpoint_says_what_receipts_and_digest_say() {
    let signed = Signed::new();
    let text = fs::read(signed.beside("checkpoint")).expect("a checkpoint");
    let statement = one_json(&text);
    let last = signed.receipts.last().expect("a receipt");
    assert_eq!(statement["position"], last["position"]);
    assert_eq!(statement["chain"], last["chain"]);
    assert_eq!(statement["digest"], signed.data.digest(&["--from-zero"])["digest"]);
    assert!(statement["time"].as_str().is_some_and(|time| time.ends_with('Z')));
}

#[test]
fn an_edit_with_every_checksum_right_is_found() {
    let signed = Signed::new();
    let forged = signed.forged("edited", |forger| {
        let second = forger.data()[1];
        // The amount, a small number in MessagePack: 12 becomes 99.
        forger.replace(second, b"\xa6amount\x0c", b"\xa6amount\x63");
    });
    let amount = &run(hotledger().args(["journal", "inspect"]).arg(&forged)).stdout;
    assert_eq!(support::json_lines(amount)[1]["payload"]["amount"], 99, "the edit is in force");
    assert_found(&signed, &forged, "forked");
    // So do the receipts from the edit on; those before it still hold.
    for (index, receipt) in signed.receipts.iter().enumerate() {
        let expected = signed.expectation(index);
        let (code, lines) = journal("verify", &forged, &["--expect", &expected]);
        if index == 0 {
            assert_eq!((code, lines.len()), (0, 1));
        } else {
            assert_eq!((code, kinds(&lines)), (65, vec!["forked"]));
            let position = receipt["position"].as_u64().expect("a position");
            assert_eq!(lines[0]["positions"], serde_json::json!([position, position + 1]));
        }
    }
}

#[test]
fn a_reordering_is_found() {
    let signed = Signed::new();
    let forged = signed.forged("reordered", |forger| {
        let data = forger.data();
        forger.batches.swap(data[2], data[3]);
    });
    // Accounts of their own: the state is the same, only the order is another.
    let state = |directory: &Path| {
        let output = run(hotledger().arg("digest").arg("--data").arg(directory));
        one_json(&output.stdout)["digest"].clone()
    };
    assert_eq!(state(&forged), state(&signed.data.path()));
    assert_found(&signed, &forged, "forked");
}

#[test]
fn a_cut_tail_is_found() {
    let signed = Signed::new();
    let forged = signed.forged("cut", |forger| {
        let last = *forger.data().last().expect("data");
        forger.batches.truncate(last);
    });
    assert_found(&signed, &forged, "rolled_back");
    let last = signed.expectation(5);
    let (code, lines) = journal("verify", &forged, &["--expect", &last]);
    assert_eq!((code, kinds(&lines)), (65, vec!["rolled_back"]));
    let before = signed.expectation(4);
    assert_eq!(journal("verify", &forged, &["--expect", &before]).0, 0);
    // Grown again behind the cut, it is as long as before, and another.
    let input = deposit(6, 61) + "\n";
    let mut apply = hotledger();
    apply.arg("apply").arg("--data").arg(&forged);
    assert_code(&support::run_with(&mut apply, input.as_bytes()), 0);
    assert_found(&signed, &forged, "forked");
}

#[test]
fn another_journal_is_found() {
    let signed = Signed::new();
    let other = Signed::new();
    let (code, lines) = signed.check(&other.data.path());
    assert_eq!(code, 65);
    assert_eq!(kinds(&lines), ["another_journal", "forked"]);
}

#[test]
fn a_changed_statement_is_not_believed() {
    let signed = Signed::new();
    let path = signed.beside("checkpoint");
    let sound = fs::read_to_string(&path).expect("a checkpoint");
    for (old, new) in [("\"position\":5", "\"position\":4"), ("Z\"", "Z \""), ("{", "{ ")] {
        fs::write(&path, sound.replacen(old, new, 1)).expect("an edit");
        assert_found(&signed, &signed.data.path(), "bad_signature");
    }
    fs::write(&path, [0xff, 0xfe]).expect("no text");
    assert_found(&signed, &signed.data.path(), "bad_signature");
    // Signed anew by somebody else.
    let forger = Signed::new();
    fs::copy(forger.beside("checkpoint"), &path).expect("a forged statement");
    assert_found(&signed, &forger.data.path(), "bad_signature");
}

#[test]
fn receipts_of_transactions_and_of_repetitions_can_be_expected() {
    let data = Data::new();
    let key = |line: &str, key: &str| {
        format!("{},\"key\":\"{key}\"}}", line.strip_suffix('}').expect("an object"))
    };
    let transfer = r#"{"transact":{"Transfer":{"from":1,"to":2,"amount":3}}}"#;
    let lines = [
        key(&deposit(1, 50), "a"),
        transfer.to_owned(),
        key(transfer, "t"),
        key(&deposit(1, 50), "a"),
        key(transfer, "t"),
    ];
    let mut receipts = data.apply(&lines.each_ref().map(String::as_str));
    receipts.extend(data.apply(&[&lines[3], &lines[4]]));
    for receipt in &receipts {
        let chain = receipt["chain"].as_str().expect("every receipt has a chain");
        let expected = format!("{}:{chain}", receipt["position"]);
        let (code, lines) = journal("verify", &data.path(), &["--expect", &expected]);
        assert_eq!((code, lines.len()), (0, 1), "{receipt}: {lines:?}");
    }
    let outcomes: Vec<_> = receipts.iter().map(|receipt| receipt["outcome"].clone()).collect();
    assert_eq!(outcomes[3..].iter().filter(|outcome| **outcome == "duplicate").count(), 4);
}

#[test]
fn several_expectations_are_held_at_once() {
    let signed = Signed::new();
    let (first, last) = (signed.expectation(0), signed.expectation(5));
    let crossed = format!("0:{}", last.split_once(':').expect("two parts").1);
    let both = ["--expect", &first, "--expect", &last];
    assert_eq!(journal("verify", &signed.data.path(), &both).0, 0);
    let (code, lines) =
        journal("verify", &signed.data.path(), &["--expect", &first, "--expect", &crossed]);
    assert_eq!((code, kinds(&lines)), (65, vec!["forked"]));
    let far = format!("600:{}", "00".repeat(32));
    let (code, lines) = journal("verify", &signed.data.path(), &["--expect", &far]);
    assert_eq!((code, kinds(&lines)), (65, vec!["rolled_back"]));
    for wrong in ["0", "0:xyz", "x:"] {
        let mut verify = hotledger();
        verify.args(["journal", "verify"]).arg(signed.data.path()).args(["--expect", wrong]);
        assert_code(&run(&mut verify), 2);
    }
}

#[test]
fn a_private_key_is_private_and_nothing_is_written_over() {
    let signed = Signed::new();
    let mode = fs::metadata(signed.beside("key")).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read = |name| fs::read(signed.beside(name)).expect("a file");
    let before = ["key", "pub", "checkpoint"].map(read);
    assert_code(&signed.sign("checkpoint"), 73);
    for (key, public) in [("key", "pub"), ("key", "new"), ("new", "pub")] {
        let mut keygen = hotledger();
        keygen.args(["journal", "keygen", "--key"]).arg(signed.beside(key));
        assert_code(&run(keygen.arg("--public-key").arg(signed.beside(public))), 73);
        assert!(!signed.beside("new").exists(), "half a pair of keys is of no use");
    }
    assert_eq!(["key", "pub", "checkpoint"].map(read), before);
    let mut sign = hotledger();
    sign.args(["journal", "checkpoint"]).arg(signed.data.path());
    assert_code(&run(sign.arg("--key").arg(signed.beside("pub"))), 78);
}

#[test]
fn nothing_is_signed_that_is_damaged_empty_or_locked() {
    let signed = Signed::new();
    let segment = signed.data.segments().remove(0);
    let sound = fs::read(&segment).expect("a segment");
    let mut damaged = sound.clone();
    damaged[BLOCK_OF_A_BATCH] ^= 1;
    fs::write(&segment, damaged).expect("a flip");
    assert_code(&signed.sign("second"), 65);
    assert!(!signed.beside("second").exists());
    fs::write(&segment, sound).expect("as it was");
    assert_code(&signed.sign("second"), 0);
    let empty = Data::new();
    empty.apply(&[]);
    let mut sign = hotledger();
    sign.args(["journal", "checkpoint"]).arg(empty.path()).arg("--key").arg(signed.beside("key"));
    assert_code(&run(&mut sign), 2);
}

/// A byte in the first opening.
const BLOCK_OF_A_BATCH: usize = 4096 + 50;
