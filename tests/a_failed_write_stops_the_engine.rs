//! After the first failed write nothing is acknowledged any more, and what was stays.

#[path = "support/faulty.rs"]
mod faulty;
mod support;

use std::sync::Arc;

use faulty::FailingDisk;
use hotledger::{Engine, ExecuteError, Position};
use support::{Account, Command, Total, usual};

#[test]
fn everybody_is_told_and_a_reopen_goes_on() {
    let disk = FailingDisk::new();
    let engine = usual(Engine::builder_on(Arc::new(disk.clone()))).open().unwrap();
    let account = engine.aggregate::<Account>(1u64);
    let first = account.execute(Command::Deposit(5)).wait().unwrap();
    disk.fail_after(0);
    let mut session = engine.session::<Account>(8);
    session.submit(1, Command::Deposit(7)).unwrap();
    assert!(matches!(session.reap_wait(), Some(Err(ExecuteError::Halted(_)))));
    let later = account.execute(Command::Deposit(9)).wait();
    assert!(matches!(later, Err(ExecuteError::Halted(_))), "{later:?}");
    assert!(engine.halted().is_some());
    // Reads go on, and show nothing that is not durable.
    let total = engine.view::<Total>();
    assert_eq!(total.read_after(first.position).unwrap().money, 5);
    assert_eq!(engine.position(), Position::at(0));
    assert!(engine.digest().is_err());
    assert!(engine.close().is_err(), "closing says that the engine had stopped");

    disk.fail_after(i64::MAX);
    let engine = usual(Engine::builder_on(Arc::new(disk))).open().unwrap();
    assert_eq!(engine.position(), first.position);
    let next = engine.aggregate::<Account>(1u64).execute(Command::Deposit(1)).wait().unwrap();
    assert_eq!(next.position, Position::at(1));
    assert_eq!(total.read().money, 5, "the old engine's view still shows what it showed");
}

#[test]
fn a_refusal_that_rests_on_a_lost_event_is_not_told() {
    let disk = FailingDisk::new();
    let engine = usual(Engine::builder_on(Arc::new(disk.clone()))).open().unwrap();
    disk.fail_after(0);
    let mut session = engine.session::<Account>(8);
    session.submit(1, Command::Deposit(5)).unwrap();
    session.submit(1, Command::Withdraw(6)).unwrap();
    for _ in 0..2 {
        assert!(matches!(session.reap_wait(), Some(Err(ExecuteError::Halted(_)))));
    }
}
