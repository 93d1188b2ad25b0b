//! The time of events never goes back, whatever the clock does, and also across a restart.

mod support;

use std::sync::Arc;

use hotledger::{Delivery, Engine, ManualClock, MemoryDisk, Position, SnapshotPolicy, Timestamp};
use support::{Account, Command, usual};

#[test]
fn with_a_clock_that_is_set_back_and_with_one_that_starts_behind() {
    let (clock, disk) = (Arc::new(ManualClock::default()), MemoryDisk::new());
    // The second opening learns the time from the journal, the third from a snapshot.
    let policies = [SnapshotPolicy::Never, SnapshotPolicy::Events(1), SnapshotPolicy::Never];
    for (clocks, policy) in [[100, 40], [10, 120], [20, 130]].into_iter().zip(policies) {
        let builder = usual(Engine::builder_on(Arc::new(disk.clone())));
        let engine = builder.clock(clock.clone()).snapshots(policy).open().unwrap();
        for now in clocks {
            clock.set(Timestamp(now));
            engine.aggregate::<Account>(1u64).execute(Command::Deposit(1)).wait().unwrap();
        }
        engine.close().unwrap();
    }
    let engine = usual(Engine::builder_on(Arc::new(disk))).open().unwrap();
    assert!(engine.recovery().snapshot.is_some(), "one was written on the way");
    let mut all = engine.subscribe_all(Position::ORIGIN);
    let mut times = Vec::new();
    while let Delivery::Event(event) = all.next_wait().unwrap().unwrap() {
        times.push(event.time.0);
    }
    assert_eq!(times, [100, 100, 100, 120, 120, 130]);
}
