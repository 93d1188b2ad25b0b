//! A snapshot file can be checked by whoever knows no aggregate: any changed byte is noticed, and
//! so is a changed state under a right hash.

mod support;

use std::sync::Arc;

use hotledger::{
    AuditedSnapshot, CommandKey, Disk, Engine, MemoryDisk, Position, SnapshotFlaw, SnapshotPolicy,
    StateDigest, audit_snapshots,
};
use hotledger_journal::{Access, verify::Seen, verify::go_through};
use support::{Account, Command};

/// A closed engine's disk with snapshots, some commands with keys among them.
fn engine() -> (MemoryDisk, Position, StateDigest) {
    let disk = MemoryDisk::new();
    let builder = Engine::builder_on(Arc::new(disk.clone())).aggregate::<Account>();
    let engine = builder.snapshots(SnapshotPolicy::Events(20)).open().expect("an engine");
    for number in 0..60u64 {
        let account = engine.aggregate::<Account>(number % 5);
        let key = CommandKey::from(u128::from(number));
        account.execute(Command::Deposit(number)).key(key).wait().expect("a deposit");
    }
    let (position, digest) = engine.digest().expect("a digest");
    engine.close().expect("a clean close");
    (disk, position, digest)
}

fn audited(disk: &MemoryDisk) -> Vec<AuditedSnapshot> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    audit_snapshots(&disk).expect("a list")
}

fn bytes_of(disk: &MemoryDisk, name: &str) -> Vec<u8> {
    let file = disk.open(name, Access::Read).expect("a snapshot");
    let mut bytes = vec![0; file.bytes().expect("a size") as usize];
    file.read_at(0, &mut bytes).expect("readable");
    bytes
}

fn put(disk: &MemoryDisk, name: &str, bytes: &[u8]) {
    disk.remove(name).expect("the old one goes");
    let file = disk.create(name, Access::Write).expect("a new one");
    file.write_all_at(0, bytes).expect("writable");
}

fn flaw(disk: &MemoryDisk, name: &str) -> Option<SnapshotFlaw> {
    let named = audited(disk).into_iter().find(|snapshot| snapshot.file == name);
    named.expect("it is listed").found.err()
}

#[test]
fn a_sound_snapshot_says_what_the_engine_says() {
    let (disk, head, _) = engine();
    let snapshots = audited(&disk);
    assert!(!snapshots.is_empty());
    for snapshot in snapshots {
        let facts = snapshot.found.expect("a sound snapshot");
        assert_eq!(facts.position, snapshot.position);
        assert!(facts.position <= head);
        assert_eq!((facts.aggregates, facts.keys), (5, facts.position.events()));
        let archive = Engine::builder_on(Arc::new(disk.clone())).aggregate::<Account>();
        let archive = archive.open_read_only().expect("an archive");
        assert_eq!(facts.journal_id, archive.journal_id());
        let replayed = archive.digest(Some(facts.position), hotledger::From::Zero);
        assert_eq!(facts.digest, replayed.expect("a digest").digest);
        let (mut found, shared) = (false, Arc::new(disk.clone()) as Arc<dyn Disk>);
        let look = &mut |seen: Seen<'_>| {
            found |= matches!(seen, Seen::Batch(batch) if batch.cursor_after() == facts.cursor);
            std::ops::ControlFlow::Continue(())
        };
        go_through(&shared, look).expect("a journal");
        assert!(found, "the journal has the batch that the snapshot was taken behind");
    }
}

#[test]
fn every_changed_byte_and_every_cut_is_noticed() {
    let (disk, ..) = engine();
    let name = audited(&disk).remove(0).file;
    let sound = bytes_of(&disk, &name);
    for at in 0..sound.len() {
        let mut changed = sound.clone();
        changed[at] ^= 1 << (at % 8);
        put(&disk, &name, &changed);
        assert!(flaw(&disk, &name).is_some(), "byte {at}");
        put(&disk, &name, &sound[..at]);
        assert!(flaw(&disk, &name).is_some(), "cut to {at}");
    }
    put(&disk, &name, &sound);
    assert_eq!(flaw(&disk, &name), None);
}

#[test]
fn a_right_hash_over_something_else_is_noticed() {
    let (disk, ..) = engine();
    let name = audited(&disk).remove(0).file;
    let sound = bytes_of(&disk, &name);
    let body = sound.len() - 32;
    let forged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = sound[..body].to_vec();
        change(&mut bytes);
        let hash = blake3::hash(&bytes);
        bytes.extend(hash.as_bytes());
        put(&disk, &name, &bytes);
        flaw(&disk, &name)
    };
    let at = sound.windows(7).position(|part| part == b"balance").expect("a state") + 7;
    let digest = SnapshotFlaw::Damaged("its state does not have the digest it says");
    assert_eq!(forged(&|bytes| bytes[at] ^= 1), Some(digest));
    assert_eq!(forged(&|bytes| bytes[8] = 9), Some(SnapshotFlaw::UnknownFormat(9)));
    let behind = SnapshotFlaw::Damaged("it goes on behind its end");
    assert_eq!(forged(&|bytes| bytes.push(0)), Some(behind));
    let early = SnapshotFlaw::Damaged("it ends too early");
    assert_eq!(forged(&|bytes| bytes.truncate(body - 1)), Some(early));
    // As many aggregates as can be counted: refused at the end of the file, not allocated.
    let kinds = 8 + 4 + 16 + 80 + 8 + 8 + 32;
    let count = kinds + 4 + 2 + "account".len() + 2;
    let many = forged(&|bytes| bytes[count..count + 8].fill(0xff));
    assert!(many.is_some());
    assert_eq!(forged(&|_| ()), None, "the forger changes nothing else");
}

#[test]
fn a_snapshot_under_another_name_is_noticed() {
    let (disk, ..) = engine();
    let name = audited(&disk).remove(0).file;
    let other = "snapshot-00000000000000000001.hl";
    disk.rename(&name, other).expect("a rename");
    assert_eq!(flaw(&disk, other), Some(SnapshotFlaw::Damaged("its name says another position")));
}
