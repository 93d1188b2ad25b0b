//! The window of command keys may grow or shrink between two runs, and while a key is in flight.

#[path = "support/faulty.rs"]
mod faulty;
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use faulty::FailingDisk;
use hotledger::{Engine, ExecuteError, MemoryDisk, Receipt, SnapshotPolicy};
use support::{Account, Command, usual};

fn deposit(engine: &Engine, key: u128) -> Receipt {
    engine.aggregate::<Account>(7u64).execute(Command::Deposit(1)).key(key).wait().unwrap()
}

fn open(disk: &MemoryDisk, keys: usize, policy: SnapshotPolicy) -> Engine {
    let builder = usual(Engine::builder_on(Arc::new(disk.clone())));
    builder.keys_max(keys).snapshots(policy).open().unwrap()
}

#[test]
fn a_key_that_was_taken_twice_in_a_small_window_is_its_later_command_in_a_large_one() {
    let disk = MemoryDisk::new();
    let engine = open(&disk, 1, SnapshotPolicy::Never);
    let first = [1, 2, 1].map(|key| deposit(&engine, key));
    assert!(first.iter().all(|receipt| !receipt.duplicate));
    engine.close().unwrap();
    open(&disk, 1, SnapshotPolicy::Never).close().unwrap();
    // The second one reads a snapshot that the first has written.
    for policy in [SnapshotPolicy::Events(1), SnapshotPolicy::Never] {
        let engine = open(&disk, 10, policy);
        let again = [1, 2].map(|key| deposit(&engine, key));
        assert_eq!(again[0], Receipt { duplicate: true, ..first[2] });
        assert_eq!(again[1], Receipt { duplicate: true, ..first[1] });
        engine.close().unwrap();
    }
    let engine = open(&disk, 1, SnapshotPolicy::Never);
    assert!(deposit(&engine, 1).duplicate, "the newest stays when the window shrinks");
    assert!(!deposit(&engine, 2).duplicate);
}

#[test]
fn no_window_and_then_the_usual_one() {
    let disk = MemoryDisk::new();
    let engine = open(&disk, 0, SnapshotPolicy::Never);
    let first = [1, 1].map(|key| deposit(&engine, key));
    assert!(first.iter().all(|receipt| !receipt.duplicate), "nothing is remembered");
    engine.close().unwrap();
    let engine = usual(Engine::builder_on(Arc::new(disk))).open().unwrap();
    assert_eq!(deposit(&engine, 1), Receipt { duplicate: true, ..first[1] });
}

#[test]
fn a_duplicate_whose_key_leaves_the_window_before_it_is_told_has_the_chain_of_the_first() {
    let disk = FailingDisk::new();
    let builder = usual(Engine::builder_on(Arc::new(disk.clone()))).keys_max(1);
    let engine = builder.open().unwrap();
    let account = engine.aggregate::<Account>(7u64);
    let send = |key: u128| account.execute(Command::Deposit(1)).key(key).submit();
    let first = send(1).wait().unwrap();
    disk.stalled.store(true, Ordering::SeqCst);
    // While its write is under way nothing that comes behind it is told.
    let ahead = account.execute(Command::Deposit(1)).submit();
    assert_eq!(ahead.wait_for(Duration::from_millis(20)), Err(ExecuteError::TimedOut));
    let (again, next) = (send(1), send(2));
    disk.stalled.store(false, Ordering::SeqCst);
    let next = next.wait().unwrap();
    assert_eq!(again.wait().unwrap(), Receipt { duplicate: true, ..first });
    assert!(!next.duplicate && next.chain != first.chain);
}

#[test]
fn a_key_of_a_command_without_events_leaves_no_aggregate_behind() {
    let disk = MemoryDisk::new();
    let engine = open(&disk, 10, SnapshotPolicy::Never);
    let touch = |engine: &Engine| {
        engine.aggregate::<Account>(9u64).execute(Command::Touch).key(5u128).wait().unwrap()
    };
    let first = touch(&engine);
    assert_eq!((first.events, engine.stats().aggregates), (0, 0));
    let live = engine.digest().unwrap();
    engine.close().unwrap();
    let engine = open(&disk, 10, SnapshotPolicy::Never);
    assert_eq!(engine.digest().unwrap(), live, "opened again, the state is the same");
    assert_eq!(touch(&engine), Receipt { duplicate: true, ..first });
}
