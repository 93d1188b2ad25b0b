//! Nobody is answered before what the answer rests on is durable: not who commits, not who is
//! refused for it, not who asks again.

#[path = "support/faulty.rs"]
mod faulty;
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use faulty::FailingDisk;
use hotledger::{Engine, ExecuteError, MemoryDisk, Request, Session, Stage, Stages};
use support::{Account, Command, Refusal, usual};

/// An engine whose disk takes two writes at a time, and completes none while it is stalled.
struct Bench {
    disk: FailingDisk,
    engine: Engine,
    stages: Stages,
}

impl Bench {
    fn new() -> Self {
        let disk = MemoryDisk::new().with_writes_in_flight(2);
        let disk = FailingDisk { disk, ..FailingDisk::new() };
        let builder = usual(Engine::builder_on(Arc::new(disk.clone())));
        let (engine, stages) = builder.open_stepped().unwrap();
        disk.stalled.store(true, Ordering::SeqCst);
        Self { disk, engine, stages }
    }

    fn step(&mut self) {
        for _ in 0..8 {
            self.stages.step(Stage::Writer);
        }
    }

    fn go_on(&mut self) {
        self.disk.stalled.store(false, Ordering::SeqCst);
        self.step();
    }

    /// A session that the writer knows, so that nothing but the command itself is new to it.
    fn session(&mut self) -> Session<Account> {
        let session = self.engine.session::<Account>(8);
        self.step();
        session
    }
}

#[test]
fn nobody_is_answered_while_the_write_is_under_way() {
    let mut bench = Bench::new();
    let mut session = bench.session();
    let one = bench.engine.aggregate::<Account>(1u64).execute(Command::Deposit(5)).submit();
    bench.step();
    session.submit(2, Command::Deposit(5)).unwrap();
    bench.step();
    assert!(!one.is_ready() && session.reap().is_none(), "both writes are under way");
    bench.go_on();
    assert_eq!(one.wait().unwrap().position.events(), 1);
    assert_eq!(session.reap().unwrap().unwrap().position.events(), 2);
}

#[test]
fn a_refusal_waits_for_what_it_saw() {
    let mut bench = Bench::new();
    let mut session = bench.session();
    let account = bench.engine.aggregate::<Account>(1u64);
    let seen = account.execute(Command::Deposit(5)).submit();
    bench.step();
    let account = bench.engine.aggregate::<Account>(1u64);
    let refused = account.execute(Command::Withdraw(6)).submit();
    session.submit(1, Command::Withdraw(7)).unwrap();
    bench.step();
    assert!(!refused.is_ready() && session.reap().is_none(), "the deposit may yet be lost");
    bench.go_on();
    seen.wait().unwrap();
    let refusal =
        |requested| ExecuteError::Refused(Refusal::InsufficientFunds { balance: 5, requested });
    assert_eq!(refused.wait(), Err(refusal(6)));
    assert_eq!(session.reap(), Some(Err(refusal(7))));
}

#[test]
fn a_repetition_waits_for_the_first() {
    let mut bench = Bench::new();
    let mut session = bench.session();
    let account = bench.engine.aggregate::<Account>(1u64);
    let first = account.execute(Command::Deposit(5)).key(7u128).submit();
    bench.step();
    let account = bench.engine.aggregate::<Account>(1u64);
    let again = account.execute(Command::Deposit(5)).key(7u128).submit();
    let key = Some(7u128.into());
    session.request(Request { key, ..Request::new(1, Command::Deposit(5)) }).unwrap();
    bench.step();
    assert!(!again.is_ready() && session.reap().is_none(), "the first may yet be lost");
    bench.go_on();
    let first = first.wait().unwrap();
    for again in [again.wait().unwrap(), session.reap().unwrap().unwrap()] {
        assert!(again.duplicate && again.position == first.position && again.chain == first.chain);
    }
    assert_eq!(bench.engine.position(), hotledger::Position::at(0));
}
