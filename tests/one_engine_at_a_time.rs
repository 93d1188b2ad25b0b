//! One engine owns a directory; whatever cannot be opened is left exactly as it is.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use hotledger::{Engine, OpenError, SnapshotPolicy};
use hotledger_journal::Error;
use support::{Account, Command, usual};

/// Every file of a directory with its bytes.
fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    fs::read_dir(directory).unwrap().map(read).collect()
}

/// Two runs, each of which leaves a snapshot when it closes.
fn written(directory: &Path) {
    for _ in 0..2 {
        let builder = usual(Engine::builder(directory)).snapshots(SnapshotPolicy::Events(10));
        let engine = builder.open().unwrap();
        for n in 0..12 {
            engine.aggregate::<Account>(n % 3).execute(Command::Deposit(n)).wait().unwrap();
        }
        engine.close().unwrap();
    }
}

#[test]
fn a_second_engine_and_a_reader_are_turned_away() {
    let directory = tempfile::tempdir().unwrap();
    let engine = usual(Engine::builder(directory.path())).open().unwrap();
    let second = usual(Engine::builder(directory.path())).open().err();
    assert!(matches!(second, Some(OpenError::Journal(Error::Locked))), "{second:?}");
    let reader = usual(Engine::builder(directory.path())).open_read_only().err();
    assert!(matches!(reader, Some(OpenError::Journal(Error::Locked))), "{reader:?}");
    engine.close().unwrap();
    usual(Engine::builder(directory.path())).open_read_only().unwrap();
}

#[test]
fn a_flipped_byte_is_refused_and_nothing_is_changed() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path());
    let segment = directory.path().join("segment-0000000001.hl");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[3 * 4_096 + 200] ^= 1;
    fs::write(&segment, bytes).unwrap();
    // The snapshots would hide it.
    for entry in contents(directory.path()).keys().filter(|name| name.starts_with("snapshot")) {
        fs::remove_file(directory.path().join(entry)).unwrap();
    }
    let before = contents(directory.path());
    let refused = usual(Engine::builder(directory.path())).open().err();
    let Some(OpenError::Journal(Error::Corrupt { file, offset, .. })) = refused else {
        panic!("damage must be refused: {refused:?}");
    };
    assert_eq!((file.as_str(), offset), ("segment-0000000001.hl", 3 * 4_096));
    assert_eq!(contents(directory.path()), before);
}

#[test]
fn a_damaged_snapshot_is_said_and_not_used() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path());
    let names = contents(directory.path());
    let snapshots: Vec<_> = names.keys().filter(|name| name.starts_with("snapshot")).collect();
    assert_eq!(snapshots.len(), 2, "two are kept: {snapshots:?}");
    let open = || usual(Engine::builder(directory.path())).open().unwrap();
    let whole = open();
    let digest = whole.digest().unwrap();
    assert!(whole.recovery().snapshot.is_some());
    whole.close().unwrap();
    for (damaged, name) in snapshots.iter().rev().enumerate() {
        let path = directory.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x80;
        fs::write(&path, bytes).unwrap();
        let engine = open();
        assert_eq!(engine.digest().unwrap(), digest);
        assert_eq!(engine.recovery().rejected.len(), damaged + 1, "{:?}", engine.recovery());
        assert_eq!(engine.recovery().snapshot.is_some(), damaged == 0);
        engine.close().unwrap();
    }
}

#[test]
fn bad_places_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    let refused = usual(Engine::builder(&file)).open().err();
    assert!(matches!(refused, Some(OpenError::Journal(Error::NotADirectory { .. }))));
    assert_eq!(fs::read(&file).unwrap(), b"not a directory");
    let missing = directory.path().join("missing");
    let refused = usual(Engine::builder(&missing)).must_exist().open().err();
    assert!(refused.is_some() && !missing.exists(), "{refused:?}");
    let twice = Engine::in_memory().aggregate::<Account>().aggregate::<Account>().open().err();
    assert!(matches!(twice, Some(OpenError::KindTwice("account"))), "{twice:?}");
}
