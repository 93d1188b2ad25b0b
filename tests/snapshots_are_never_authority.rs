//! The journal is what happened: a snapshot saves time, and never says more than the journal.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use hotledger::{Builder, Disk, Durability, Engine, MemoryDisk, OpenError, Position};
use hotledger::{From, SnapshotPolicy, StateDigest};
use hotledger_journal::Access;
use support::{Account, Command};

fn builder(disk: &MemoryDisk) -> Builder {
    let builder = Engine::builder_on(Arc::new(disk.clone())).aggregate::<Account>();
    builder.segment_bytes(1 << 20, 1 << 20)
}

fn deposit(engine: &Engine, count: u64) {
    let account = engine.aggregate::<Account>(1u64);
    for _ in 0..count {
        account.execute(Command::Deposit(1)).wait().unwrap();
    }
}

fn bytes_of(disk: &MemoryDisk, name: &str) -> Vec<u8> {
    let file = disk.open(name, Access::Read).unwrap();
    let mut bytes = vec![0; file.bytes().unwrap() as usize];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

/// Every file with its bytes.
fn contents(disk: &MemoryDisk) -> BTreeMap<String, Vec<u8>> {
    let names = disk.list().unwrap().into_iter();
    names.map(|name| (name.clone(), bytes_of(disk, &name))).collect()
}

fn snapshots(disk: &MemoryDisk) -> Vec<String> {
    let names = disk.list().unwrap().into_iter();
    names.filter(|name| name.starts_with("snapshot-")).collect()
}

fn copy_snapshots(from: &MemoryDisk, to: &MemoryDisk) {
    for name in snapshots(from) {
        let file = to.create(&name, Access::Write).unwrap();
        file.write_all_at(0, &bytes_of(from, &name)).unwrap();
    }
}

/// A journal of 10 events beside a snapshot that was taken when there were 20 or more, and the
/// digest after the 10.
fn rolled_back() -> (MemoryDisk, StateDigest) {
    let disk = MemoryDisk::new();
    let engine = builder(&disk).snapshots(SnapshotPolicy::Events(20)).open().unwrap();
    deposit(&engine, 10);
    let digest = engine.digest().unwrap().1;
    let earlier = disk.copy();
    deposit(&engine, 15);
    engine.close().unwrap();
    copy_snapshots(&disk, &earlier);
    assert!(!snapshots(&earlier).is_empty());
    (earlier, digest)
}

#[test]
fn a_snapshot_ahead_of_a_synced_journal_is_refused_and_no_byte_is_changed() {
    let (disk, digest) = rolled_back();
    let before = contents(&disk);
    // What the builder asks for counts; the disk itself promises nothing.
    let refused = builder(&disk).durability(Durability::Synced).open().map(|_| ()).unwrap_err();
    let OpenError::SnapshotAhead { position, .. } = refused else { panic!("{refused}") };
    assert!(position >= Position::after(20), "it says where: {position}");
    assert_eq!(contents(&disk), before);
    // As it advises: with the snapshot out of the way it goes on with what the journal holds.
    snapshots(&disk).iter().for_each(|name| disk.remove(name).unwrap());
    let engine = builder(&disk).open().unwrap();
    assert_eq!(engine.digest().unwrap(), (Position::after(10), digest));
}

#[test]
fn a_snapshot_ahead_of_a_buffered_journal_is_passed_over_and_named() {
    let (disk, digest) = rolled_back();
    let open = || builder(&disk).durability(Durability::Buffered).open().unwrap();
    let engine = open();
    let report = engine.recovery();
    assert_eq!((report.snapshot, report.position), (None, Position::after(10)));
    assert_eq!(report.rejected.len(), snapshots(&disk).len(), "{:?}", report.rejected);
    assert_eq!(engine.digest().unwrap().1, digest);
    // The journal grows past the snapshot with another history, which stays the one that counts.
    engine.aggregate::<Account>(2u64).execute(Command::Deposit(500)).wait().unwrap();
    deposit(&engine, 20);
    let after = engine.digest().unwrap();
    engine.close().unwrap();
    let engine = open();
    assert_eq!(engine.recovery().snapshot, None);
    assert_eq!(engine.digest().unwrap(), after);
}

#[test]
fn snapshots_without_a_journal_are_no_new_beginning() {
    let disk = MemoryDisk::new();
    let engine = builder(&disk).snapshots(SnapshotPolicy::Events(10)).open().unwrap();
    deposit(&engine, 10);
    engine.close().unwrap();
    let kept = snapshots(&disk);
    let journal = disk.list().unwrap().into_iter().filter(|name| !kept.contains(name));
    journal.for_each(|name| disk.remove(&name).unwrap());
    let before = contents(&disk);
    let refused = builder(&disk).open().map(|_| ()).unwrap_err();
    assert!(matches!(refused, OpenError::SnapshotAhead { .. }), "{refused}");
    assert_eq!(contents(&disk), before);
}

#[test]
fn whichever_byte_of_a_snapshot_changes_the_answer_does_not() {
    let disk = MemoryDisk::new();
    let engine = builder(&disk).snapshots(SnapshotPolicy::Events(10)).open().unwrap();
    deposit(&engine, 10);
    let (position, digest) = engine.digest().unwrap();
    engine.close().unwrap();
    let used = || {
        let report = builder(&disk).open_read_only().unwrap().digest(None, From::Snapshot).unwrap();
        assert_eq!((report.position, report.digest), (position, digest));
        report.snapshot
    };
    assert_eq!(used(), Some(position));
    let file = disk.open(&snapshots(&disk)[0], Access::Write).unwrap();
    for at in 0..file.bytes().unwrap() {
        let mut byte = [0];
        file.read_at(at, &mut byte).unwrap();
        file.write_all_at(at, &[byte[0] ^ 1]).unwrap();
        assert_eq!(used(), None, "byte {at}");
        file.write_all_at(at, &byte).unwrap();
    }
    assert_eq!(used(), Some(position), "as it was");
}

#[test]
fn newer_snapshots_of_another_journal_do_not_push_out_ours() {
    let other = MemoryDisk::new();
    let engine = builder(&other).snapshots(SnapshotPolicy::Events(30)).open().unwrap();
    deposit(&engine, 30);
    engine.close().unwrap();
    let engine = builder(&other).snapshots(SnapshotPolicy::Events(30)).open().unwrap();
    deposit(&engine, 30);
    engine.close().unwrap();
    assert_eq!(snapshots(&other).len(), 2, "as many as are kept");

    let disk = MemoryDisk::new();
    let open = || builder(&disk).snapshots(SnapshotPolicy::Events(10)).open().unwrap();
    open().close().unwrap();
    copy_snapshots(&other, &disk);
    let engine = open();
    deposit(&engine, 20);
    let digest = engine.digest().unwrap();
    engine.close().unwrap();
    let engine = open();
    let report = engine.recovery();
    assert!(report.snapshot.is_some(), "rejected: {:?}", report.rejected);
    assert_eq!(report.rejected.len(), 2, "those of the other journal are named");
    assert_eq!(engine.digest().unwrap(), digest);
}

#[test]
fn bytes_towards_the_next_snapshot_count_across_restarts() {
    let disk = MemoryDisk::new();
    for _ in 0..4 {
        let bytes = SnapshotPolicy::Bytes(1 << 20);
        let engine = builder(&disk).snapshots(bytes).open().unwrap();
        let account = engine.aggregate::<Account>(1u64);
        for _ in 0..4 {
            account.execute(Command::Fill { events: 1, bytes: 100_000 }).wait().unwrap();
        }
        engine.close().unwrap();
    }
    assert!(!snapshots(&disk).is_empty(), "1.6 MB were written, a run at a time");
}
