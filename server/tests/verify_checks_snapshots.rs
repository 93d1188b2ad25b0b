//! `journal verify` checks every snapshot, and whether the journal still has what it was taken of.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{Data, deposit, journal};

/// Two accounts with eight deposits, and snapshots over them.
fn with_snapshots() -> Data {
    let data = Data::new();
    for amount in 1..=4 {
        let lines = [deposit(1, amount), deposit(2, amount)];
        data.apply_with(&["--snapshot-every", "2"], &lines.each_ref().map(String::as_str));
    }
    data
}

fn snapshots(directory: &Path) -> Vec<PathBuf> {
    let files = support::contents(directory).into_iter().map(|(path, _)| path);
    files.filter(|path| path.to_string_lossy().contains("snapshot-")).collect()
}

#[track_caller]
fn assert_found(directory: &Path, snapshot: &Path, what: &str) {
    let (code, lines) = journal("verify", directory, &[]);
    assert_eq!((code, lines.len()), (65, 2), "{lines:?}");
    let name = snapshot.file_name().expect("a name").to_string_lossy();
    assert_eq!((&lines[0]["kind"], &lines[0]["file"]), (&"snapshot".into(), &(*name).into()));
    let said = lines[0]["what"].as_str().expect("text");
    assert!(said.contains(what), "`{said}` does not say `{what}`");
    assert_eq!(lines[1]["findings"], 1);
}

#[test]
fn sound_snapshots_are_no_finding() {
    let data = with_snapshots();
    let (code, lines) = journal("verify", &data.path(), &[]);
    assert_eq!((code, lines.len()), (0, 1), "{lines:?}");
    assert_eq!(lines[0]["snapshots"], snapshots(&data.path()).len());
    assert!(lines[0]["snapshots"].as_u64() >= Some(1));
}

#[test]
fn a_changed_byte_in_a_snapshot_is_found() {
    let data = with_snapshots();
    let snapshot = snapshots(&data.path()).pop().expect("a snapshot");
    let sound = fs::read(&snapshot).expect("bytes");
    for at in [0, 8, 20, sound.len() / 2, sound.len() - 1] {
        let mut bytes = sound.clone();
        bytes[at] ^= 4;
        fs::write(&snapshot, bytes).expect("the flip");
        assert_found(&data.path(), &snapshot, "hash does not match");
    }
}

#[test]
fn a_snapshot_of_another_journal_is_found() {
    let (data, other) = (with_snapshots(), with_snapshots());
    let (ours, theirs) = (snapshots(&data.path()), snapshots(&other.path()));
    let snapshot = ours.last().expect("a snapshot");
    let name = snapshot.file_name();
    let theirs = theirs.iter().find(|path| path.file_name() == name).expect("the same position");
    fs::copy(theirs, snapshot).expect("a copy");
    assert_found(&data.path(), snapshot, "another journal");
}

#[test]
fn a_snapshot_ahead_of_its_journal_is_found() {
    let data = with_snapshots();
    let earlier = data.path().with_file_name("earlier");
    support::copy(&data.path(), &earlier);
    data.apply_with(&["--snapshot-every", "1"], &[&deposit(1, 9)]);
    let newest = snapshots(&data.path()).pop().expect("a snapshot");
    let ahead = earlier.join(newest.file_name().expect("a name"));
    fs::copy(&newest, &ahead).expect("a copy");
    assert_found(&earlier, &ahead, "rolled back");
}
