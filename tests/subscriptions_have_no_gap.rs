//! A subscriber sees every event once, in order, whether it comes late, is slow, or keeps up.

mod support;

use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use hotledger::limits::FEED_BATCHES_MAX;
use hotledger::{Aggregate, Context, Delivery, Engine, Event, Position, Recorded};
use hotledger::{Stage, Stepped, Subscription};
use serde::{Deserialize, Deserializer, Serialize};
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
        assert_eq!((&*raw.kind, &*raw.event_type), ("account", "Deposited"));
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

/// Every delivery that is there without waiting.
fn at_hand<T>(subscription: &mut Subscription<T>) -> Vec<Delivery<T>> {
    iter::from_fn(|| subscription.next_within(Duration::ZERO).unwrap()).collect()
}

#[test]
fn who_has_no_time_to_wait_gets_all_that_is_there_however_long_the_batches_are() {
    for events in (1..=130).chain([1_000]) {
        let (engine, mut stages) = usual(Engine::in_memory()).open_stepped().unwrap();
        let mut session = engine.session::<Account>(2_000);
        let mut all = engine.subscribe_all(Position::ORIGIN);
        // Its own events come first in each batch, and then many that are not.
        let mut one = engine.subscribe_to::<Account>(1_u64, Position::ORIGIN);
        for batch in 1..=3 {
            (0..events).for_each(|_| session.submit(1, Command::Deposit(1)).unwrap());
            (0..events).for_each(|_| session.submit(2, Command::Deposit(1)).unwrap());
            while stages.step(Stage::Writer) == Stepped::Worked {}
            while session.reap().is_some() {}
            let durable = Position::after(2 * events * batch);
            assert_eq!(engine.position(), durable);
            // It is said once: from then on they are never behind.
            let signals = u64::from(batch == 1);
            let (all, one) = (at_hand(&mut all), at_hand(&mut one));
            assert_eq!(all.len() as u64, 2 * events + signals, "{events} events, batch {batch}");
            assert_eq!(one.len() as u64, events + signals, "{events} events, batch {batch}");
            if batch == 1 {
                assert_eq!(all.last(), Some(&Delivery::CaughtUp(durable)));
                assert_eq!(one.last(), Some(&Delivery::CaughtUp(durable)));
            }
        }
    }
}

/// How often the mark 500 may be read before it can be.
static PANICS_LEFT: AtomicU64 = AtomicU64::new(0);

#[derive(Serialize, Clone, Debug, PartialEq)]
struct Mark(u64);

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mark = u64::deserialize(deserializer)?;
        let left = PANICS_LEFT.load(Ordering::Relaxed);
        if mark == 500 && left > 0 {
            PANICS_LEFT.store(left - 1, Ordering::Relaxed);
            panic!("this mark cannot be read yet");
        }
        Ok(Self(mark))
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Marked {
    Set { mark: Mark },
}

impl Event for Marked {}

#[derive(Serialize, Deserialize, Clone, Debug, Default)]
struct Marks;

impl Aggregate for Marks {
    const KIND: &'static str = "marks";
    type Id = u64;
    type Command = u64;
    type Event = Marked;
    type Refusal = ();

    fn decide(&self, mark: u64, cx: &mut Context<Marked>) -> Result<(), ()> {
        cx.record(Marked::Set { mark: Mark(mark) });
        Ok(())
    }

    fn evolve(&mut self, _: &Marked) {}
}

#[test]
fn after_a_panic_in_deserialize_the_same_event_comes_again() {
    let engine = Engine::in_memory().aggregate::<Marks>().open().unwrap();
    let mut session = engine.session::<Marks>(1_000);
    // In few batches: what was decoded of one before the panic must not come twice.
    (0..1_000).for_each(|mark| session.submit(1, mark).unwrap());
    while let Some(answer) = session.reap_wait() {
        answer.unwrap();
    }
    PANICS_LEFT.store(2, Ordering::Relaxed);
    let mut subscription = engine.subscribe::<Marks>(Position::ORIGIN);
    let (mut marks, mut panics) = (Vec::new(), 0);
    loop {
        match catch_unwind(AssertUnwindSafe(|| subscription.next_wait().unwrap().unwrap())) {
            Ok(Delivery::Event(recorded)) => {
                let Marked::Set { mark } = recorded.event;
                marks.push(mark.0);
            }
            Ok(Delivery::CaughtUp(_)) => break,
            Err(_) => panics += 1,
        }
    }
    assert_eq!(panics, 2);
    assert!(marks.iter().copied().eq(0..1_000), "{marks:?}");
}
