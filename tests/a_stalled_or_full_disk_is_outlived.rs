//! A disk that stalls or is full for a while: reads go on, and writes resume without a reopen.

#[path = "support/faulty.rs"]
mod faulty;
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use faulty::FailingDisk;
use hotledger::{Engine, ExecuteError, Position};
use support::{Account, Command, Total, usual};

#[test]
fn a_stalled_disk_sheds_what_does_not_fit_and_answers_the_rest_later() {
    let disk = FailingDisk::new();
    let builder = usual(Engine::builder_on(Arc::new(disk.clone()))).mailbox_commands_max(16);
    let engine = builder.open().unwrap();
    let account = engine.aggregate::<Account>(1u64);
    let first = account.execute(Command::Deposit(1)).wait().unwrap();
    disk.stalled.store(true, Ordering::SeqCst);
    let late = account.execute(Command::Deposit(1)).submit();
    assert_eq!(late.wait_for(Duration::from_millis(20)), Err(ExecuteError::TimedOut));
    let pending: Vec<_> = (0..100).map(|_| account.execute(Command::Deposit(1)).submit()).collect();
    let shed = pending.iter().filter(|pending| pending.is_ready()).count();
    assert!((80..=84).contains(&shed), "16 wait and one batch is under way: {shed} were shed");
    let total = engine.view::<Total>();
    assert_eq!(total.read_after(first.position).unwrap().money, 1, "only what is durable is seen");
    disk.stalled.store(false, Ordering::SeqCst);
    let mut committed = 0;
    for pending in pending {
        match pending.wait() {
            Ok(_) => committed += 1,
            Err(error) => assert_eq!(error, ExecuteError::Overloaded),
        }
    }
    assert_eq!(committed + shed, 100);
    assert_eq!(engine.position().events() as usize, 2 + committed, "a shed command has no effect");
}

#[test]
fn a_full_disk_refuses_before_anything_is_half_done_and_takes_commands_again() {
    let disk = FailingDisk::new();
    let builder = usual(Engine::builder_on(Arc::new(disk.clone())));
    let engine = builder.segment_bytes(1 << 21, 1 << 21).open().unwrap();
    let account = engine.aggregate::<Account>(1u64);
    disk.full.store(true, Ordering::SeqCst);
    let fill = || account.execute(Command::Fill { events: 1, bytes: 100_000 }).wait();
    let mut committed = 0;
    let refused = loop {
        match fill() {
            Ok(_) => committed += 1,
            Err(error) => break error,
        }
        assert!(committed < 1_000, "the prepared segments are used up some time");
    };
    assert_eq!(refused, ExecuteError::StorageFull);
    assert!(committed > 10, "prepared room is used before anyone is refused: {committed}");
    assert_eq!(engine.position(), Position::after(committed));
    let digest = engine.digest().expect("reads go on");
    assert_eq!(fill(), Err(ExecuteError::StorageFull));
    assert_eq!(engine.digest().unwrap(), digest);
    disk.full.store(false, Ordering::SeqCst);
    let resumed = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        fill().is_ok()
    });
    assert!(resumed, "it goes on without being reopened");
    engine.close().unwrap();
}
