//! Rolling to the next segment, whatever the batches, loses nothing and stops nobody.

mod support;

use std::sync::Arc;

use hotledger::{Delivery, Engine, ExecuteError, MemoryDisk, Position, SnapshotPolicy};
use support::{Account, Command, usual};

#[test]
fn a_hundred_segments_of_big_and_small_commands() {
    let disk = MemoryDisk::new();
    let open = || {
        usual(Engine::builder_on(Arc::new(disk.clone())))
            .snapshots(SnapshotPolicy::Bytes(3 << 20))
            .segment_bytes(1 << 21, 1 << 21)
            .open()
            .unwrap()
    };
    let engine = open();
    let mut session = engine.session::<Account>(32);
    let mut events = 0;
    for n in 0..2_000u64 {
        let command = match n % 4 {
            0 => Command::Fill { events: 60, bytes: 4_000 },
            1 => Command::Fill { events: 1, bytes: 200_000 },
            _ => Command::Deposit(n),
        };
        events += if n % 4 == 0 { 60 } else { 1 };
        while session.in_flight() == 32 {
            session.reap_wait().unwrap().unwrap();
        }
        session.submit(n % 3, command).unwrap();
    }
    while let Some(answer) = session.reap_wait() {
        answer.unwrap();
    }
    let too_large = Command::Fill { events: 2, bytes: 200_000 };
    session.submit(1, too_large).unwrap();
    assert!(matches!(session.reap_wait(), Some(Err(ExecuteError::TooLarge { .. }))));
    assert!(engine.stats().segments > 100, "{} segments", engine.stats().segments);
    assert_eq!(engine.position(), Position::after(events));
    let digest = engine.digest().unwrap();
    engine.close().unwrap();

    let engine = open();
    assert_eq!(engine.digest().unwrap(), digest);
    assert!(engine.recovery().snapshot.is_some());
    let all = engine.subscribe::<Account>(Position::ORIGIN).map(Result::unwrap);
    let delivered = all.take_while(|delivery| matches!(delivery, Delivery::Event(_))).count();
    assert_eq!(delivered as u64, events);
}
