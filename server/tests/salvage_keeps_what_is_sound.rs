//! `journal salvage` makes a sound journal of a damaged one, lists what is lost, throws nothing
//! away that can be read, and leaves the damaged directory as it is.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use hotledger::{Engine, SnapshotPolicy};
use hotledger_domains::bank::{Account, AccountId, Command};
use serde_json::{Value, json};
use support::{
    Data, assert_code, contents, deposit, hotledger, journal, json_lines, one_json, run,
};

/// Ten deposits into two accounts, one a batch, in one epoch, closed cleanly.
fn ten() -> Data {
    let data = Data::new();
    let lines: Vec<_> = (1..=10).map(|number| deposit(1 + number % 2, number)).collect();
    data.apply_one_by_one(&lines);
    data
}

struct Salvaged {
    code: i32,
    losses: Vec<Value>,
    summary: Value,
    place: PathBuf,
}

fn salvage(data: &Data) -> Salvaged {
    let place = data.path().with_file_name("salvaged");
    let before = contents(&data.path());
    let target = place.to_str().expect("a plain name");
    let (code, mut losses) = journal("salvage", &data.path(), &[target]);
    assert_eq!(contents(&data.path()), before, "the source is as it was");
    let summary = losses.pop().expect("a summary");
    assert_eq!(summary["losses"], losses.len());
    assert_eq!(code, if losses.is_empty() { 0 } else { 65 });
    let (verified, lines) = journal("verify", &place, &[]);
    assert_eq!((verified, lines.len()), (0, 1), "{lines:?}");
    assert_eq!(lines[0]["events"], summary["events"]);
    assert_eq!(lines[0]["journal"], summary["journal"]);
    let written = one_json(&fs::read(place.join("salvage.json")).expect("where it comes from"));
    assert_eq!(written["lost"], Value::from(losses.clone()));
    for (name, value) in summary.as_object().expect("an object") {
        assert_eq!(&written[name], value, "{name}");
    }
    Salvaged { code, losses, summary, place }
}

impl Salvaged {
    /// Events in the new journal are those of the source up to here, field by field.
    #[track_caller]
    fn assert_kept(&self, source: &[Value], digest: &Value) {
        let (_, kept) = journal("inspect", &self.place, &[]);
        let stored = |event: &Value| {
            let mut event = event.clone();
            let fields = event.as_object_mut().expect("an object");
            // What belongs to the journal, not to the event.
            for place in ["event_id", "batch", "epoch", "segment", "offset", "chain"] {
                fields.remove(place).expect(place);
            }
            event
        };
        let [kept, source] = [&kept[..], source].map(|all| all.iter().map(stored));
        assert!(kept.eq(source));
        let output = run(hotledger().arg("digest").arg("--data").arg(&self.place));
        assert_code(&output, 0);
        assert_eq!(&one_json(&output.stdout)["digest"], digest);
    }

    fn behind(&self) -> Vec<Value> {
        fs::read(self.place.join("behind-the-damage.jsonl"))
            .map(|bytes| json_lines(&bytes))
            .unwrap_or_default()
    }
}

fn flip(file: &Path, at: u64) {
    let mut bytes = fs::read(file).expect("a segment");
    bytes[at as usize] ^= 1;
    fs::write(file, bytes).expect("the flip");
}

#[test]
fn a_damaged_batch_splits_the_journal() {
    let data = ten();
    let events = data.inspect();
    let digest = data.digest(&["--at", "3", "--from-zero"])["digest"].clone();
    flip(&data.segments()[0], events[4]["offset"].as_u64().expect("an offset") + 200);
    let salvaged = salvage(&data);
    assert_eq!(salvaged.losses.len(), 1);
    let loss = &salvaged.losses[0];
    assert_eq!((&loss["from"], &loss["to"]), (&json!(4), &json!(5)));
    assert_eq!(loss["file"], "segment-0000000001.hl");
    assert_eq!(loss["offset"], events[4]["offset"]);
    assert_eq!(salvaged.summary["last_position"], 3);
    assert_eq!(salvaged.summary["source_chain"], events[3]["chain"]);
    salvaged.assert_kept(&events[..4], &digest);
    assert_eq!(salvaged.behind(), &events[5..], "in the form of inspect");
    assert_ne!(salvaged.summary["journal"], salvaged.summary["source_journal"]);
    // It goes on as a journal of its own.
    let mut apply = hotledger();
    apply.arg("apply").arg("--data").arg(&salvaged.place);
    let output = support::run_with(&mut apply, (deposit(1, 1) + "\n").as_bytes());
    assert_code(&output, 0);
    assert_eq!(json_lines(&output.stdout)[0]["position"], 4);
}

#[test]
fn a_destroyed_header_loses_nothing() {
    let data = ten();
    let (events, digest) = (data.inspect(), data.digest(&[])["digest"].clone());
    let segment = data.segments().remove(0);
    let mut bytes = fs::read(&segment).expect("a segment");
    bytes[..4096].fill(0xee);
    fs::write(&segment, bytes).expect("the damage");
    let salvaged = salvage(&data);
    assert_eq!((salvaged.code, salvaged.losses.len()), (0, 0));
    salvaged.assert_kept(&events, &digest);
    assert!(salvaged.behind().is_empty());
    // Verify, too, goes on inside, and counts what is there.
    let (code, lines) = journal("verify", &data.path(), &[]);
    assert_eq!((code, lines.len()), (65, 2));
    assert_eq!(
        (&lines[0]["kind"], &lines[0]["positions"]),
        (&json!("segment_header"), &json!([0, 0]))
    );
    assert_eq!((&lines[1]["events"], &lines[1]["lost_events"]), (&json!(10), &json!(0)));
}

#[test]
fn a_missing_segment_is_a_gap_with_both_ends() {
    let data = Data::new();
    let builder = Engine::builder(data.path()).aggregate::<Account>();
    let builder = builder.segment_bytes(1 << 20, 1 << 20).snapshots(SnapshotPolicy::Never);
    let engine = builder.open().expect("an engine");
    let account = engine.aggregate::<Account>(AccountId::from(1));
    // A block each, and some 190 blocks before a segment is full.
    for amount in 1..=500 {
        account.execute(Command::Deposit { amount }).wait().expect("a deposit");
    }
    engine.close().expect("a clean close");
    let (_, events) = journal("inspect", &data.path(), &[]);
    let of = |number: u64| events.iter().filter(move |event| event["segment"] == number);
    assert!(of(3).count() > 0, "three segments hold events");
    let (from, to) =
        (&of(2).next().expect("one")["position"], &of(3).next().expect("one")["position"]);
    let digest = data.digest(&["--at", &(from.as_u64().expect("a position") - 1).to_string()]);
    fs::remove_file(data.path().join("segment-0000000002.hl")).expect("the loss");
    let salvaged = salvage(&data);
    assert_eq!(salvaged.losses.len(), 1);
    let loss = &salvaged.losses[0];
    assert_eq!((&loss["from"], &loss["to"]), (from, to));
    assert_eq!((&loss["file"], &loss["offset"]), (&json!("segment-0000000002.hl"), &json!(0)));
    let kept = from.as_u64().expect("a position") as usize;
    salvaged.assert_kept(&events[..kept], &digest["digest"]);
    assert_eq!(salvaged.behind().len(), events.len() - to.as_u64().expect("a position") as usize);
}

#[test]
fn a_torn_tail_is_no_loss() {
    let data = ten();
    let events = data.inspect();
    let digest = data.digest(&["--at", "8", "--from-zero"])["digest"].clone();
    // As a crash in the middle of the last write leaves it: half a batch, and nothing behind.
    let segment = data.segments().remove(0);
    let mut bytes = fs::read(&segment).expect("a segment");
    let torn = events[9]["offset"].as_u64().expect("an offset") as usize + 512;
    bytes[torn..].fill(0);
    fs::write(&segment, bytes).expect("the crash");
    let salvaged = salvage(&data);
    assert_eq!((salvaged.code, salvaged.losses.len()), (0, 0));
    assert_eq!(salvaged.summary["torn_bytes"], 4096);
    salvaged.assert_kept(&events[..9], &digest);
}

#[test]
fn a_place_that_is_taken_or_inside_is_refused() {
    let data = ten();
    let before = contents(&data.path());
    let refused = |target: &Path, code| {
        let mut command = hotledger();
        let output = run(command.args(["journal", "salvage"]).arg(data.path()).arg(target));
        assert_code(&output, code);
        assert!(output.stdout.is_empty());
    };
    refused(&data.path(), 73);
    refused(&data.path().join("inside"), 73);
    refused(&data.path().with_file_name("no").join("parent"), 73);
    let file = data.path().with_file_name("file");
    fs::write(&file, "mine").expect("a file");
    refused(&file, 73);
    assert_eq!(contents(&data.path()), before);
    let nothing = Data::new();
    let mut command = hotledger();
    let new = nothing.path().with_file_name("new");
    assert_code(&run(command.args(["journal", "salvage"]).arg(nothing.path()).arg(&new)), 74);
    fs::create_dir(nothing.path()).expect("a directory without a journal");
    let mut command = hotledger();
    assert_code(&run(command.args(["journal", "salvage"]).arg(nothing.path()).arg(&new)), 74);
    assert!(!new.exists(), "nothing is made of nothing");
}
