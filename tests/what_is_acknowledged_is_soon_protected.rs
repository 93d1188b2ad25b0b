//! Within 100 ms of the last write a watermark says that it was durable, whatever else is asked.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hotledger::{Clock, Engine, MemoryDisk, Stage, Stages, Timestamp};
use hotledger_journal::{BatchKind, Recovery};
use support::{Account, Command, usual};

/// Time that passes only when it is told to.
#[derive(Default)]
struct Told(AtomicU64);

impl Clock for Told {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst) as i64 * 1_000_000)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

fn watermarks(disk: &MemoryDisk) -> usize {
    // What a crash would leave at this moment.
    let recovery = Recovery::begin_read_only(Arc::new(disk.copy())).unwrap();
    let mut reader = recovery.reader_at(None).unwrap();
    let mut found = 0;
    while let Some(batch) = reader.next().unwrap() {
        found += usize::from(batch.kind() == BatchKind::Watermark);
    }
    found
}

fn step(stages: &mut Stages) {
    for _ in 0..4 {
        stages.step(Stage::Writer);
    }
}

/// Deposits once, then asks every 10 ms for 100 ms; how many watermarks there are then.
fn protected_beside(ask: impl Fn(&Engine)) -> usize {
    let (disk, clock) = (MemoryDisk::new(), Arc::new(Told::default()));
    let builder = usual(Engine::builder_on(Arc::new(disk.clone()))).clock(clock.clone());
    let (engine, mut stages) = builder.open_stepped().unwrap();
    let deposit = engine.aggregate::<Account>(1u64).execute(Command::Deposit(1)).key(1u128);
    let deposited = deposit.submit();
    step(&mut stages);
    deposited.wait().unwrap();
    assert_eq!(watermarks(&disk), 0);
    for _ in 0..10 {
        clock.0.fetch_add(10, Ordering::SeqCst);
        ask(&engine);
        step(&mut stages);
    }
    watermarks(&disk)
}

#[test]
fn an_idle_engine_protects_what_it_wrote_last() {
    assert_eq!(protected_beside(|_| {}), 1);
}

#[test]
fn refusals_do_not_put_it_off() {
    let ask = |engine: &Engine| {
        drop(engine.aggregate::<Account>(2u64).execute(Command::Withdraw(1)).submit());
    };
    assert_eq!(protected_beside(ask), 1);
}

#[test]
fn repetitions_do_not_put_it_off() {
    let ask = |engine: &Engine| {
        let account = engine.aggregate::<Account>(1u64);
        drop(account.execute(Command::Deposit(1)).key(1u128).submit());
    };
    assert_eq!(protected_beside(ask), 1);
}

#[test]
fn deposits_protect_each_other() {
    let ask = |engine: &Engine| {
        drop(engine.aggregate::<Account>(1u64).execute(Command::Deposit(1)).submit());
    };
    assert_eq!(protected_beside(ask), 0);
}
