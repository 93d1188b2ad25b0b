//! A subscriber sees every event once, in order, whether it comes late, is slow, or keeps up.

mod support;

use std::thread;
use std::time::Duration;

use hotledger::limits::FEED_BATCHES_MAX;
use hotledger::{Delivery, Engine, Position, Recorded};
use support::{Account, AccountEvent, Command, usual};

/// The position of an event delivery; where it caught up, that.
fn position(delivery: &Delivery<Recorded<Account>>) -> Position {
    match delivery {
        Delivery::Event(recorded) => recorded.position,
        Delivery::CaughtUp(position) => *position,
    }
}

fn deposit(engine: &Engine, count: u64) {
    let mut session = engine.session::<Account>(256);
    for n in 0..count {
        while session.submit(n % 5, Command::Deposit(n)).is_err() {
            session.reap_wait().unwrap().unwrap();
        }
    }
    while let Some(answer) = session.reap_wait() {
        answer.unwrap();
    }
}

#[test]
fn history_then_live_with_one_signal_in_between() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    deposit(&engine, 1_000);
    let mut late = engine.subscribe::<Account>(Position::at(499));
    for expected in 500..1_000 {
        let delivery = late.next_wait().unwrap().unwrap();
        assert_eq!(position(&delivery), Position::at(expected));
        assert!(matches!(delivery, Delivery::Event(_)));
    }
    let signal = late.next_wait().unwrap().unwrap();
    assert_eq!(signal, Delivery::CaughtUp(Position::at(999)));
    assert!(late.next_within(Duration::from_millis(1)).unwrap().is_none());
    deposit(&engine, 1);
    let live = late.next_wait().unwrap().unwrap();
    assert_eq!(position(&live), Position::at(1_000));
}

#[test]
fn a_slow_one_misses_nothing_while_batches_pass_it_by() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    let mut slow = engine.subscribe::<Account>(Position::ORIGIN);
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut next = 0;
            while next < 3_000 {
                match slow.next_wait().unwrap().unwrap() {
                    Delivery::Event(recorded) => {
                        assert_eq!(recorded.position, Position::at(next));
                        next += 1;
                        if next % 100 == 0 {
                            thread::sleep(Duration::from_millis(3));
                        }
                    }
                    Delivery::CaughtUp(position) => assert_eq!(position.events(), next),
                }
            }
        });
        for _ in 0..3_000 {
            engine.aggregate::<Account>(1u64).execute(Command::Deposit(1)).wait().unwrap();
        }
        reader.join().unwrap();
    });
    assert!(engine.stats().readers.iter().all(|reader| !reader.name.starts_with("subscription")));
}

#[test]
fn what_did_not_fit_comes_before_what_came_later() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    // Each waits for its answer: each is a batch of its own.
    let deposit = |count: u64| {
        let account = engine.aggregate::<Account>(1u64);
        for _ in 0..count {
            account.execute(Command::Deposit(1)).wait().unwrap();
        }
    };
    let mut subscription = engine.subscribe::<Account>(Position::ORIGIN);
    let mut next = || position(&subscription.next_wait().unwrap().unwrap());
    deposit(1);
    assert_eq!([next(), next()], [Position::at(0); 2], "an event, and the signal");
    let more = FEED_BATCHES_MAX as u64 + 10;
    deposit(more);
    // It makes room for one batch, which is none of those that found no room.
    assert_eq!(next(), Position::at(1));
    deposit(1);
    (2..more + 2).for_each(|expected| assert_eq!(next(), Position::at(expected)));
}

#[test]
fn one_aggregate_or_everything() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    deposit(&engine, 100);
    let mut one = engine.subscribe_to::<Account>(3u64, Position::ORIGIN);
    let mut versions = 0;
    while let Delivery::Event(recorded) = one.next_wait().unwrap().unwrap() {
        versions += 1;
        assert_eq!((recorded.id, recorded.version.0), (3, versions));
        assert!(matches!(recorded.event, AccountEvent::Deposited { .. }));
    }
    assert_eq!(versions, 20);
    let mut all = engine.subscribe_all(Position::ORIGIN);
    let mut count = 0;
    while let Delivery::Event(raw) = all.next_wait().unwrap().unwrap() {
        assert_eq!((raw.kind.as_str(), raw.event_type.as_str()), ("account", "Deposited"));
        count += 1;
    }
    assert_eq!(count, 100);
}

#[test]
fn closing_the_engine_ends_a_subscription_after_its_last_event() {
    let engine = usual(Engine::in_memory()).open().unwrap();
    let mut subscription = engine.subscribe::<Account>(Position::ORIGIN);
    deposit(&engine, 10);
    engine.close().unwrap();
    let mut events = 0;
    while let Some(delivery) = subscription.next_wait().unwrap() {
        events += u64::from(matches!(delivery, Delivery::Event(_)));
    }
    assert_eq!(events, 10);
}
