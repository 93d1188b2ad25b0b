//! A slow, stalled or panicking projector changes nothing for commands or for other views.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hotledger::{Engine, Position, ReadError, Recorded, Rows, Table, View};
use support::{Account, Balances, Command, Total, rows, usual};

static POISONED: AtomicBool = AtomicBool::new(true);

/// Panics at position 5 as long as it is told to.
#[derive(Default, Clone)]
struct Brittle {
    positions: Vec<Position>,
}

impl View<Account> for Brittle {
    fn project(&mut self, recorded: &Recorded<Account>) {
        self.positions.push(recorded.position);
        let poisoned = POISONED.load(Ordering::SeqCst) && recorded.position == Position::at(5);
        assert!(!poisoned, "poisoned");
    }
}

/// The same as a table: it changes a row before it panics.
#[derive(Default)]
struct BrittleRows;

impl Table<Account> for BrittleRows {
    type Key = u64;
    type Row = u64;

    fn project(&mut self, recorded: &Recorded<Account>, rows: &Rows<u64, u64>) {
        rows.update(recorded.id, |before| before.copied().unwrap_or(0) + 1);
        let poisoned = POISONED.load(Ordering::SeqCst) && recorded.position == Position::at(5);
        assert!(!poisoned, "poisoned");
    }
}

/// Takes a millisecond for every event.
#[derive(Default, Clone)]
struct Slow(u64);

impl View<Account> for Slow {
    fn project(&mut self, _: &Recorded<Account>) {
        thread::sleep(Duration::from_millis(1));
        self.0 += 1;
    }
}

fn deposit(engine: &Engine, count: u64) -> Position {
    let account = engine.aggregate::<Account>(1u64);
    (0..count).fold(Position::ORIGIN, |_, _| {
        account.execute(Command::Deposit(1)).wait().unwrap().position
    })
}

#[test]
fn a_panicking_projector_stops_before_the_event_and_goes_on_when_it_can() {
    let engine = usual(Engine::in_memory())
        .view::<Brittle, Account>()
        .table::<BrittleRows, Account>()
        .open()
        .unwrap();
    let head = deposit(&engine, 20);
    assert_eq!(engine.view::<Total>().read_after(head).unwrap().events, 20);
    let brittle = engine.view::<Brittle>();
    let counted = engine.table::<BrittleRows, _>();
    let wait = Duration::from_millis(700);
    let stuck = brittle.read_after_within(head, wait).map(|_| ()).unwrap_err();
    assert!(matches!(stuck, ReadError::TimedOut { reached, .. } if reached == Position::at(4)));
    assert_eq!(brittle.read().positions.len(), 5, "nothing of the half-done event is seen");
    assert_eq!(brittle.lag().events, 15);
    let stats = engine.stats();
    let failed = stats.readers.iter().filter(|reader| reader.failure.is_some()).count();
    assert_eq!(failed, 2, "both brittle ones say that they failed");

    POISONED.store(false, Ordering::SeqCst);
    let wait = Duration::from_secs(20);
    let whole: Vec<_> = (0..20).map(Position::at).collect();
    assert_eq!(brittle.read_after_within(head, wait).unwrap().positions, whole);
    assert_eq!(
        counted.get_after_within(head, &1, wait).unwrap(),
        Some(20),
        "no event counted twice"
    );
    for reader in [&engine.table::<BrittleRows, _>(), &counted.clone(), &counted] {
        assert_eq!(reader.get(&1), Some(20), "whenever it was made");
    }
    assert!(engine.stats().readers.iter().all(|reader| reader.failure.is_none()));
}

#[test]
fn a_slow_projector_and_a_reader_that_holds_on_lose_nothing() {
    let engine = usual(Engine::in_memory()).view::<Slow, Account>().open().unwrap();
    let total = engine.view::<Total>();
    let held = total.read();
    let head = deposit(&engine, 200);
    assert_eq!(held.events, 0, "a guard shows one state");
    assert_eq!(engine.table::<Balances, _>().get_after(head, &1).unwrap(), Some(200));
    drop(held);
    assert_eq!(total.read_after(head).unwrap().events, 200);
    let slow = engine.view::<Slow>();
    assert_eq!(slow.read_after_within(head, Duration::from_secs(20)).unwrap().0, 200);
    assert_eq!(rows(&engine.table::<Balances, _>()).len(), 1);
}
