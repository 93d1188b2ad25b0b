//! Whoever waits for a busy, closing or halted engine gets an answer, and nothing waits for ever.

#[path = "support/faulty.rs"]
mod faulty;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use faulty::FailingDisk;
use hotledger::{Aggregate, Context, Engine, Event, ExecuteError, Position, Recorded, View};
use hotledger::{Stage, Stepped};
use serde::{Deserialize, Serialize};
use support::{Account, Command, in_time};

#[test]
fn a_session_that_pushes_on_while_the_engine_halts_misses_no_answer() {
    let disk = FailingDisk::new();
    let builder = Engine::builder_on(Arc::new(disk.clone())).aggregate::<Account>();
    let engine = builder.segment_bytes(4 << 20, 4 << 20).open().unwrap();
    let mut session = engine.session::<Account>(10_000);
    session.submit(1, Command::Deposit(1)).unwrap();
    session.reap_wait().unwrap().unwrap();
    disk.fail_after(0);
    in_time("a million answers of a halted engine", move || {
        for _ in 0..100 {
            // Long enough for the writer to come by while it is still being filled.
            while session.submit(1, Command::Deposit(1)).is_ok() {}
            while let Some(answer) = session.reap_wait() {
                assert!(matches!(answer, Err(ExecuteError::Halted(_))), "{answer:?}");
            }
        }
    });
}

#[test]
fn a_close_that_was_asked_for_in_the_turn_that_fails_comes_to_its_end() {
    let disk = FailingDisk::new();
    let builder = Engine::builder_on(Arc::new(disk.clone())).aggregate::<Account>();
    let (engine, mut stages) = builder.open_stepped().unwrap();
    disk.fail_after(0);
    let lost = engine.aggregate::<Account>(1u64).execute(Command::Deposit(1)).submit();
    // Dropping the engine asks the writer to close, behind the command.
    drop(engine);
    let steps = (1..10).find(|_| stages.step(Stage::Writer) == Stepped::Done);
    assert!(steps.is_some(), "the writer never ends");
    assert!(matches!(lost.wait(), Err(ExecuteError::Halted(_))));
    stages.close().unwrap_err();
}

#[test]
fn a_session_that_goes_on_after_a_close_is_answered_for_as_long_as_it_likes() {
    let engine = Engine::in_memory().aggregate::<Account>().open().unwrap();
    let mut session = engine.session::<Account>(4);
    engine.close().unwrap();
    in_time("answers of a closed engine", move || {
        for _ in 0..10 {
            while session.submit(1, Command::Deposit(1)).is_ok() {}
            let answer = session.reap_wait();
            assert!(matches!(answer, Some(Err(ExecuteError::Halted(_)))), "{answer:?}");
        }
        assert_eq!(session.in_flight(), 3);
    });
}

#[test]
fn a_session_that_only_looks_is_told_of_a_close() {
    let engine = Engine::in_memory().aggregate::<Account>().open().unwrap();
    let mut session = engine.session::<Account>(10);
    engine.close().unwrap();
    session.submit(1, Command::Deposit(1)).unwrap();
    let begun = Instant::now();
    let told = loop {
        match session.reap() {
            Some(answer) => break answer,
            None => assert!(begun.elapsed() < Duration::from_secs(10), "it is never told"),
        }
    };
    assert!(matches!(told, Err(ExecuteError::Halted(_))), "{told:?}");
    assert_eq!((session.in_flight(), session.reap(), session.reap_wait()), (0, None, None));
}

#[test]
fn closing_under_load_answers_every_session() {
    let engine = Engine::in_memory().aggregate::<Account>().open().unwrap();
    let callers: Vec<_> = (0..3u64)
        .map(|id| {
            let mut session = engine.session::<Account>(1_000);
            thread::spawn(move || {
                let mut committed = 0;
                loop {
                    while session.submit(id, Command::Deposit(1)).is_ok() {}
                    match session.reap_wait().expect("it was submitted") {
                        Ok(_) => committed += 1,
                        Err(error) => break assert!(matches!(error, ExecuteError::Halted(_))),
                    }
                }
                let left = std::iter::from_fn(|| session.reap_wait());
                left.for_each(|answer| assert!(answer.is_err(), "an answer behind the halt"));
                assert!(committed > 0, "the engine was under load");
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(100));
    in_time("closing under load", move || {
        engine.close().unwrap();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    });
}

/// Cannot take the second event.
#[derive(Default, Clone, Debug)]
struct Brittle;

impl View<Account> for Brittle {
    fn project(&mut self, recorded: &Recorded<Account>) {
        assert!(recorded.position != Position::at(1), "a bad event");
    }
}

#[test]
fn closing_waits_neither_for_a_failed_view_nor_for_who_holds_it() {
    let builder = Engine::in_memory().aggregate::<Account>().view::<Brittle, Account>();
    let engine = builder.open().unwrap();
    let view = engine.view::<Brittle>();
    let account = engine.aggregate::<Account>(1u64);
    let first = account.execute(Command::Deposit(1)).wait().unwrap();
    drop(view.read_after_within(first.position, Duration::from_secs(20)).unwrap());
    let held = view.read();
    account.execute(Command::Deposit(1)).wait().unwrap();
    // It fails only where it sees the event; the guard keeps it from going back.
    let begun = Instant::now();
    while engine.stats().readers.iter().all(|reader| reader.failure.is_none())
        && begun.elapsed() < Duration::from_millis(300)
    {
        thread::sleep(Duration::from_millis(5));
    }
    in_time("closing while a guard is held", move || engine.close()).unwrap();
    drop(held);
}

#[test]
fn a_mailbox_without_room_still_lets_the_engine_close() {
    let builder = Engine::in_memory().aggregate::<Account>().mailbox_commands_max(0);
    let engine = builder.open().unwrap();
    in_time("a command and a close", move || {
        let answer = engine.aggregate::<Account>(1u64).execute(Command::Deposit(1)).wait();
        assert!(matches!(answer, Ok(_) | Err(ExecuteError::Overloaded)), "{answer:?}");
        engine.close().unwrap();
    });
}

#[test]
fn a_flood_of_single_commands_does_not_keep_sessions_waiting() {
    const FLOOD: u64 = 100;
    let disk = FailingDisk::new();
    let builder = Engine::builder_on(Arc::new(disk.clone())).aggregate::<Account>();
    let engine = builder.segment_bytes(16 << 20, 16 << 20).open().unwrap();
    let mut session = engine.session::<Account>(10);
    session.submit(1, Command::Deposit(1)).unwrap();
    session.reap_wait().unwrap().unwrap();
    disk.stalled.store(true, Ordering::SeqCst);
    // Ten of them fill a batch.
    let large = || Command::Fill { events: 1, bytes: 100_000 };
    let account = engine.aggregate::<Account>(2u64);
    let flood: Vec<_> = (0..FLOOD).map(|_| account.execute(large()).submit()).collect();
    session.submit(1, Command::Deposit(1)).unwrap();
    disk.stalled.store(false, Ordering::SeqCst);
    let answered = session.reap_wait().unwrap().unwrap();
    flood.into_iter().for_each(|pending| assert!(pending.wait().is_ok()));
    let before = answered.position.events();
    assert!(before < FLOOD / 2, "{before} of {FLOOD} commands went first");
}

/// Records something large, or refuses with something that can be counted.
#[derive(Default, Clone, Debug, Serialize, Deserialize)]
struct Gate;

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
enum Ask {
    Refuse,
    Fill,
    /// Writes down how many refusals there are when it is decided.
    Count,
}

static REFUSALS: AtomicUsize = AtomicUsize::new(0);
static COUNTED: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Lies among the answers of a session until it is reaped, or until both ends have let go.
#[derive(Debug, PartialEq, Serialize)]
struct Refused;

impl Refused {
    fn new() -> Self {
        REFUSALS.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Clone for Refused {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl Drop for Refused {
    fn drop(&mut self) {
        REFUSALS.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum Passed {
    Filled { text: String },
}

impl Event for Passed {}

impl Aggregate for Gate {
    const KIND: &'static str = "gate";
    type Id = u64;
    type Command = Ask;
    type Event = Passed;
    type Refusal = Refused;

    fn decide(&self, ask: Ask, cx: &mut Context<Passed>) -> Result<(), Refused> {
        match ask {
            Ask::Refuse => return Err(Refused::new()),
            Ask::Fill => cx.record(Passed::Filled { text: "x".repeat(100_000) }),
            Ask::Count => COUNTED.store(REFUSALS.load(Ordering::SeqCst), Ordering::SeqCst),
        }
        Ok(())
    }

    fn evolve(&mut self, _: &Passed) {}
}

#[test]
fn sessions_that_were_dropped_are_forgotten_while_the_engine_is_busy() {
    let disk = FailingDisk::new();
    let builder = Engine::builder_on(Arc::new(disk.clone())).aggregate::<Gate>();
    let engine = builder.segment_bytes(16 << 20, 16 << 20).open().unwrap();
    let mut busy = engine.session::<Gate>(301);
    // Ten fill a batch: some thirty turns without an idle one in between.
    disk.stalled.store(true, Ordering::SeqCst);
    (0..300).for_each(|_| busy.submit(1, Ask::Fill).unwrap());
    busy.submit(1, Ask::Count).unwrap();
    for _ in 0..10 {
        // Each leaves behind an answer that it never looked at.
        engine.session::<Gate>(4).submit(2, Ask::Refuse).unwrap();
    }
    disk.stalled.store(false, Ordering::SeqCst);
    while let Some(answer) = busy.reap_wait() {
        answer.unwrap();
    }
    let refused = engine.stats().answers.refused;
    assert_eq!((refused, COUNTED.load(Ordering::SeqCst)), (10, 0), "refused, and still held");
}
