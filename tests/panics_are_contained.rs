//! A panic in the user's code refuses that command and leaves everything else as it was.

mod support;

use hotledger::{Engine, ExecuteError, Version};
use support::{Account, Command, Refusal, usual};

#[test]
fn a_panic_in_decide_changes_nothing() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    let account = engine.aggregate::<Account>(1u64);
    account.execute(Command::Deposit(5)).wait().unwrap();
    let before = engine.digest().unwrap();
    let panicked = account.execute(Command::PanicInDecide).wait();
    assert_eq!(panicked, Err(ExecuteError::Panicked("decide was told to".into())));
    assert_eq!(engine.digest().unwrap(), before);
    let after = account.execute(Command::Deposit(1)).expecting(Version(1)).wait().unwrap();
    assert_eq!(after.version, Version(2));
}

#[test]
fn a_panic_in_evolve_rebuilds_the_aggregate_from_its_events() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    let account = engine.aggregate::<Account>(1u64);
    account.execute(Command::Deposit(5)).wait().unwrap();
    engine.aggregate::<Account>(2u64).execute(Command::Deposit(7)).wait().unwrap();
    let before = engine.digest().unwrap();
    // The first of its two events was folded into the state before the second panicked.
    let panicked = account.execute(Command::PanicInEvolve).wait();
    assert_eq!(panicked, Err(ExecuteError::Panicked("evolve was told to".into())));
    assert_eq!(engine.digest().unwrap(), before, "the half-changed state is gone");
    let refused = account.execute(Command::Withdraw(6)).wait();
    let refusal = Refusal::InsufficientFunds { balance: 5, requested: 6 };
    assert_eq!(refused, Err(ExecuteError::Refused(refusal)));
}

#[test]
fn a_panic_in_evolve_of_a_new_aggregate_leaves_no_trace() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    let panicked = engine.aggregate::<Account>(9u64).execute(Command::PanicInEvolve).wait();
    assert!(matches!(panicked, Err(ExecuteError::Panicked(_))));
    assert_eq!(engine.stats().aggregates, 0);
    assert_eq!(engine.position(), hotledger::Position::ORIGIN);
}

#[test]
fn commands_sent_behind_a_panic_are_settled_against_the_rebuilt_state() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    let account = engine.aggregate::<Account>(1u64);
    account.execute(Command::Deposit(5)).wait().unwrap();
    let mut session = engine.session::<Account>(64);
    for n in 0..60 {
        let command = if n % 3 == 1 { Command::PanicInEvolve } else { Command::Deposit(1) };
        session.submit(1, command).unwrap();
    }
    let mut committed = 0;
    while let Some(answer) = session.reap_wait() {
        committed += u64::from(answer.is_ok());
    }
    assert_eq!(committed, 40);
    let refused = account.execute(Command::Withdraw(1_000)).wait();
    let refusal = Refusal::InsufficientFunds { balance: 45, requested: 1_000 };
    assert_eq!(refused, Err(ExecuteError::Refused(refusal)));
}
