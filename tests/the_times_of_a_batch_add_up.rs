//! Where the time of a command went can be told: each batch passes its stages in order, and every
//! command was in exactly one of them.

mod support;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use hotledger::{BatchTimes, Engine, Position};
use support::{Account, Command, usual};

const COMMANDS: u64 = 5_000;

/// All times up to a position; those of a batch come right behind its last answer.
fn taken_until(engine: &Engine, last: Position) -> Vec<BatchTimes> {
    let (mut times, begun) = (Vec::new(), Instant::now());
    while times.last().is_none_or(|times: &BatchTimes| times.until < last) {
        times.extend(engine.take_batch_times());
        assert!(begun.elapsed() < Duration::from_secs(20), "{times:?}");
    }
    times
}

#[test]
fn every_command_is_in_one_batch_and_every_stage_comes_after_the_one_before() {
    let builder = usual(Engine::in_memory()).batch_times(NonZeroU32::MIN);
    let engine = builder.open().unwrap();
    let began = Instant::now();
    let mut session = engine.session::<Account>(64);
    let mut positions = Vec::new();
    for n in 0..COMMANDS {
        while session.submit(n % 10, Command::Deposit(1)).is_err() {
            positions.push(session.reap_wait().unwrap().unwrap().position);
        }
    }
    while let Some(answer) = session.reap_wait() {
        positions.push(answer.unwrap().position);
    }
    let times = taken_until(&engine, engine.position());
    let mut last = Position::ORIGIN;
    for times in &times {
        assert_eq!(times.after, last, "no batch is left out");
        assert!(began <= times.opened && times.opened <= times.submitted, "{times:?}");
        assert!(times.opened + times.decide + times.encode <= times.submitted, "{times:?}");
        assert!(times.submitted <= times.written && times.written <= times.told, "{times:?}");
        assert!(times.told <= Instant::now());
        last = times.until;
    }
    assert_eq!(times.iter().map(|times| u64::from(times.commands)).sum::<u64>(), COMMANDS);
    for position in positions {
        let holds = |at: Position| times.iter().filter(|t| t.after < at && at <= t.until).count();
        assert_eq!(holds(position), 1, "{position} is in one batch");
    }
    assert!(engine.take_batch_times().is_empty(), "they are taken once");
}

#[test]
fn one_batch_in_three_is_followed_and_a_refusal_is_no_first_command() {
    let builder = usual(Engine::in_memory()).batch_times(NonZeroU32::new(3).unwrap());
    let engine = builder.open().unwrap();
    let account = engine.aggregate::<Account>(1u64);
    for _ in 0..9 {
        account.execute(Command::Withdraw(1)).wait().unwrap_err();
        account.execute(Command::Deposit(1)).wait().unwrap();
        account.execute(Command::Withdraw(1)).wait().unwrap();
    }
    let times = taken_until(&engine, Position::after(16));
    let followed: Vec<_> = times.iter().map(|times| times.until.events()).collect();
    assert_eq!(followed, [1, 4, 7, 10, 13, 16], "of 18 batches");
}

#[test]
fn nobody_asked_and_nothing_is_kept() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    engine.aggregate::<Account>(1u64).execute(Command::Deposit(1)).wait().unwrap();
    assert!(engine.take_batch_times().is_empty());
}
