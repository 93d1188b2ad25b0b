//! An aggregate can be read as it was at any position, version or time.

mod support;

use std::sync::Arc;

use hotledger::{At, Engine, From, ManualClock, MemoryDisk, Position, ReadError, SnapshotPolicy};
use hotledger::{Timestamp, Version};
use support::{Account, Command, usual};

#[test]
fn by_position_by_version_and_by_time() {
    let clock = Arc::new(ManualClock::default());
    let disk = MemoryDisk::new();
    let builder = || {
        usual(Engine::builder_on(Arc::new(disk.clone())))
            .snapshots(SnapshotPolicy::Events(7))
            .clock(clock.clone())
    };
    let engine = builder().open().unwrap();
    for n in 0..50u64 {
        clock.set(Timestamp(n as i64 * 10));
        engine.aggregate::<Account>(n % 2).execute(Command::Deposit(1)).wait().unwrap();
    }
    // The clock goes back; event time does not.
    clock.set(Timestamp(3));
    engine.aggregate::<Account>(0u64).execute(Command::Deposit(1)).wait().unwrap();
    let found = |at: At, id: u64| {
        let found = engine.as_of(at).aggregate::<Account>(&id).unwrap();
        found.map(|found| (found.state.balance, found.version, found.position))
    };
    assert_eq!(found(Position::at(10).into(), 0), Some((6, Version(6), Position::at(10))));
    assert_eq!(found(Position::at(10).into(), 1), Some((5, Version(5), Position::at(9))));
    assert_eq!(found(Position::at(0).into(), 1), None);
    assert_eq!(found(Version(3).into(), 1), Some((3, Version(3), Position::at(5))));
    assert_eq!(found(Timestamp(105).into(), 0), Some((6, Version(6), Position::at(10))));
    assert_eq!(found(Timestamp(490).into(), 0).unwrap().2, Position::at(50), "time stood still");
    assert_eq!(found(At::Latest, 0), Some((26, Version(26), Position::at(50))));
    let ahead = engine.as_of(Position::at(51)).aggregate::<Account>(&0);
    assert!(matches!(ahead, Err(ReadError::Ahead { .. })));
    let ahead = engine.as_of(Version(27)).aggregate::<Account>(&0);
    assert!(matches!(ahead, Err(ReadError::NoSuchVersion { .. })));

    let (position, live) = engine.digest().unwrap();
    engine.close().unwrap();
    let archive = builder().open_read_only().unwrap();
    let newest = archive.digest(None, From::Snapshot).unwrap();
    assert_eq!((newest.position, newest.digest), (position, live));
    assert!(newest.snapshot.is_some() && newest.tail_events < 7, "{newest:?}");
    assert_eq!(archive.digest(None, From::Zero).unwrap().digest, live);
    for events in 1..=51 {
        let at = Some(Position::after(events));
        let from_snapshot = archive.digest(at, From::Snapshot).unwrap();
        let from_zero = archive.digest(at, From::Zero).unwrap();
        assert_eq!(from_snapshot.digest, from_zero.digest, "at {events}");
        assert_eq!(from_zero.tail_events, events);
    }
}
