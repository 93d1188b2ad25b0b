//! A failure on the way out of a failure costs what it touches, never the engine or the journal.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hotledger::{Aggregate, Context, Engine, Event, ExecuteError, MemoryDisk, Position};
use hotledger::{ReadError, Recorded, Version, View};
use serde::{Deserialize, Serialize, Serializer};
use support::{Account, AccountEvent, Command, in_time};

/// Counts; what it depends on outside can be missing for a while.
#[derive(Default, Clone, Serialize, Deserialize)]
struct Moody {
    sum: u64,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum MoodyEvent {
    Added { amount: u64 },
}

/// What adding 0 and what adding 1 depends on; each belongs to one test.
static MISSING: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];

impl Event for MoodyEvent {}

impl Aggregate for Moody {
    const KIND: &'static str = "moody";
    type Id = u64;
    type Command = u64;
    type Event = MoodyEvent;
    type Refusal = ();

    fn decide(&self, amount: u64, cx: &mut Context<MoodyEvent>) -> Result<(), ()> {
        cx.record(MoodyEvent::Added { amount });
        Ok(())
    }

    fn evolve(&mut self, event: &MoodyEvent) {
        let MoodyEvent::Added { amount } = event;
        let missing = MISSING.get(*amount as usize).is_some_and(|flag| flag.load(Ordering::SeqCst));
        assert!(!missing, "a table it needs is missing");
        self.sum += amount;
    }
}

fn open_moody(disk: &MemoryDisk) -> Engine {
    let builder = Engine::builder_on(Arc::new(disk.clone())).aggregate::<Moody>();
    builder.segment_bytes(4 << 20, 4 << 20).open().unwrap()
}

#[test]
fn an_aggregate_that_cannot_be_rebuilt_is_quarantined_and_its_history_is_not_forked() {
    let disk = MemoryDisk::new();
    let engine = open_moody(&disk);
    let moody = engine.aggregate::<Moody>(1u64);
    moody.execute(0).wait().unwrap();
    moody.execute(100).wait().unwrap();
    MISSING[0].store(true, Ordering::SeqCst);
    let panicked = moody.execute(0).wait();
    assert_eq!(panicked, Err(ExecuteError::Panicked("a table it needs is missing".into())));
    // It was told before the rebuild began; whoever comes next is answered behind it.
    engine.aggregate::<Moody>(7u64).execute(5).wait().expect("the others go on");
    MISSING[0].store(false, Ordering::SeqCst);
    for why in ["it is not taken for a new one", "and stays so"] {
        assert_eq!(moody.execute(5).wait(), Err(ExecuteError::Quarantined), "{why}");
    }
    engine.close().unwrap();

    let engine = open_moody(&disk);
    assert_eq!(engine.position(), Position::after(3));
    let next = engine.aggregate::<Moody>(1u64).execute(5).wait().expect("evolve is mended");
    assert_eq!(next.version, Version(3));
    let digest = engine.digest().unwrap();
    engine.close().unwrap();
    assert_eq!(open_moody(&disk).digest().unwrap(), digest);
}

#[test]
fn the_past_of_a_quarantined_aggregate_is_an_error_and_not_a_panic() {
    let disk = MemoryDisk::new();
    let engine = open_moody(&disk);
    engine.aggregate::<Moody>(2u64).execute(1).wait().unwrap();
    engine.close().unwrap();
    MISSING[1].store(true, Ordering::SeqCst);
    let engine = open_moody(&disk);
    let refused = engine.aggregate::<Moody>(2u64).execute(5).wait();
    assert_eq!(refused, Err(ExecuteError::Quarantined));
    let past = engine.as_of(engine.position()).aggregate::<Moody>(&2).map(|_| ());
    assert!(matches!(past, Err(ReadError::Replay(_))), "{past:?}");
    MISSING[1].store(false, Ordering::SeqCst);
    let past = engine.as_of(engine.position()).aggregate::<Moody>(&2).unwrap();
    assert_eq!(past.expect("it has an event").state.sum, 1);
}

static PASSES: AtomicBool = AtomicBool::new(true);

/// Panics the first time it meets position 5, whichever of the view's copies that is.
#[derive(Default, Clone, Debug)]
struct Flaky {
    events: u64,
    money: u64,
}

impl View<Account> for Flaky {
    fn project(&mut self, recorded: &Recorded<Account>) {
        let panics = recorded.position == Position::at(5) && PASSES.swap(false, Ordering::SeqCst);
        assert!(!panics, "a fault that passes");
        self.events += 1;
        if let AccountEvent::Deposited { amount } = recorded.event {
            self.money += amount;
        }
    }
}

#[test]
fn a_view_that_panicked_once_has_every_event_once_on_both_copies() {
    let builder = Engine::in_memory().aggregate::<Account>().view::<Flaky, Account>();
    let engine = builder.open().unwrap();
    let mut session = engine.session::<Account>(64);
    (0..10).for_each(|_| session.submit(1, Command::Deposit(1)).unwrap());
    let mut last = Position::ORIGIN;
    while let Some(answer) = session.reap_wait() {
        last = answer.unwrap().position;
    }
    let view = engine.view::<Flaky>();
    let account = engine.aggregate::<Account>(1u64);
    // Every publication shows the other copy.
    for _ in 0..6 {
        let shown = view.read_after_within(last, Duration::from_secs(20)).unwrap();
        let events = shown.position().events();
        assert_eq!((shown.events, shown.money), (events, events));
        drop(shown);
        last = account.execute(Command::Deposit(1)).wait().unwrap().position;
    }
    assert!(!PASSES.load(Ordering::SeqCst), "the panic was met");
}

/// Its command, its event and its state each have an amount that panics when it is written down.
#[derive(Default, Clone, Deserialize)]
struct Touchy {
    sum: u64,
}

#[derive(Clone, Copy)]
struct Ask(u64);

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
enum TouchyEvent {
    Did { amount: Amount },
}

#[derive(Deserialize, Clone, Debug, PartialEq)]
struct Amount(u64);

const BAD_COMMAND: u64 = 13;
const BAD_EVENT: u64 = 14;
const BAD_STATE: u64 = 1_000;

impl Serialize for Touchy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(self.sum < BAD_STATE, "a bad state");
        serializer.collect_map([("sum", self.sum)])
    }
}

impl Serialize for Ask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(self.0 != BAD_COMMAND, "a bad command");
        serializer.serialize_u64(self.0)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(self.0 != BAD_EVENT, "a bad event");
        serializer.serialize_newtype_struct("Amount", &self.0)
    }
}

impl Event for TouchyEvent {}

impl Aggregate for Touchy {
    const KIND: &'static str = "touchy";
    type Id = u64;
    type Command = Ask;
    type Event = TouchyEvent;
    type Refusal = ();

    fn decide(&self, ask: Ask, cx: &mut Context<TouchyEvent>) -> Result<(), ()> {
        cx.record(TouchyEvent::Did { amount: Amount(ask.0) });
        Ok(())
    }

    fn evolve(&mut self, event: &TouchyEvent) {
        let TouchyEvent::Did { amount } = event;
        self.sum += amount.0;
    }
}

#[test]
fn serialize_that_panics_refuses_its_command_and_nothing_else() {
    let disk = MemoryDisk::new();
    let open = || {
        let builder = Engine::builder_on(Arc::new(disk.clone())).aggregate::<Touchy>();
        builder.segment_bytes(4 << 20, 4 << 20).open().unwrap()
    };
    let engine = open();
    let touchy = engine.aggregate::<Touchy>(1u64);
    touchy.execute(Ask(1)).wait().unwrap();
    let before = engine.digest().unwrap();
    let command = touchy.execute(Ask(BAD_COMMAND)).key(1u128).wait();
    assert_eq!(command, Err(ExecuteError::Panicked("a bad command".into())));
    let event = touchy.execute(Ask(BAD_EVENT)).wait();
    assert_eq!(event, Err(ExecuteError::Panicked("a bad event".into())));
    assert_eq!(engine.digest().unwrap(), before, "neither left a trace");
    let next = touchy.execute(Ask(2)).key(1u128).wait().expect("the engine goes on");
    assert_eq!((next.version, next.duplicate), (Version(2), false));
    let digest = engine.digest().unwrap();
    engine.close().unwrap();
    assert_eq!(open().digest().unwrap(), digest);
}

#[test]
fn a_digest_of_what_cannot_be_written_down_is_an_error_and_the_engine_goes_on() {
    let engine = Engine::in_memory().aggregate::<Touchy>().open().unwrap();
    engine.aggregate::<Touchy>(1u64).execute(Ask(BAD_STATE)).wait().unwrap();
    let refused = engine.digest().unwrap_err();
    assert!(refused.to_string().contains("a bad state"), "{refused}");
    assert!(engine.halted().is_none());
    engine.aggregate::<Touchy>(2u64).execute(Ask(1)).wait().expect("the engine goes on");
    in_time("closing", move || engine.close()).unwrap();
}
