//! A slow, stalled or panicking projector changes nothing for commands or for other views.

mod support;

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hotledger::{Builder, Engine, MemoryDisk, Position, ReadError, Recorded, Rows, Table, View};
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

/// A key whose hash panics for one account, and for another as long as it is told to.
#[derive(Clone, PartialEq, Eq)]
struct BadKey(u64);

const BAD: u64 = 5;
const ILL: u64 = 500;
static IS_ILL: AtomicBool = AtomicBool::new(true);

impl Hash for BadKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        assert!(self.0 != BAD, "a bad hash");
        assert!(self.0 != ILL || !IS_ILL.load(Ordering::SeqCst), "an ill hash");
        self.0.hash(state);
    }
}

/// Counts under a key that panics when the row is put, not in `project` itself.
#[derive(Default)]
struct BadlyKeyed;

impl Table<Account> for BadlyKeyed {
    type Key = BadKey;
    type Row = u64;

    fn project(&mut self, recorded: &Recorded<Account>, rows: &Rows<BadKey, u64>) {
        rows.insert(BadKey(recorded.id), recorded.version.0);
    }
}

/// A key that is like no other, and panics when it is compared with itself.
#[derive(Clone)]
struct Unequal(u64);

impl Eq for Unequal {}

impl Hash for Unequal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialEq for Unequal {
    fn eq(&self, other: &Self) -> bool {
        assert!(self.0 != BAD || other.0 != BAD, "a bad comparison");
        self.0 == other.0
    }
}

#[derive(Default)]
struct UnequallyKeyed;

impl Table<Account> for UnequallyKeyed {
    type Key = Unequal;
    type Row = u64;

    fn project(&mut self, recorded: &Recorded<Account>, rows: &Rows<Unequal, u64>) {
        rows.insert(Unequal(recorded.id), recorded.version.0);
    }
}

/// A tenth of a millisecond for every event, until it is told to hurry.
#[derive(Default)]
struct SlowRows;

static HURRY: AtomicBool = AtomicBool::new(false);

impl Table<Account> for SlowRows {
    type Key = u64;
    type Row = u64;

    fn project(&mut self, recorded: &Recorded<Account>, rows: &Rows<u64, u64>) {
        if !HURRY.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_micros(100));
        }
        rows.insert(recorded.id, recorded.version.0);
    }
}

fn on(disk: &MemoryDisk) -> Builder {
    Engine::builder_on(Arc::new(disk.clone())).aggregate::<Account>()
}

/// One deposit to each account, in this order; closed, so that it is history from now on.
fn history(accounts: impl IntoIterator<Item = u64>) -> (MemoryDisk, Position) {
    let disk = MemoryDisk::new();
    let engine = on(&disk).open().unwrap();
    let head = deposit_each(&engine, accounts);
    engine.close().unwrap();
    (disk, head)
}

fn deposit_each(engine: &Engine, accounts: impl IntoIterator<Item = u64>) -> Position {
    accounts.into_iter().fold(Position::ORIGIN, |_, id| {
        engine.aggregate::<Account>(id).execute(Command::Deposit(1)).wait().unwrap().position
    })
}

/// What the one projector says of itself, soon: it moves on before it says so.
#[track_caller]
fn assert_failure(engine: &Engine, wanted: Option<&str>) {
    let failure = || engine.stats().readers.into_iter().find_map(|reader| reader.failure);
    for _ in 0..2_000 {
        if failure().as_deref() == wanted {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(failure().as_deref(), wanted);
}

/// Whether the only failure is that of the bad key, at its event, with every row before it shown;
/// and whether it helps to leave that event out.
fn assert_stops_before_the_bad_key(engine: &Engine, head: Position) {
    let long = Duration::from_secs(20);
    let table = engine.table::<BadlyKeyed, Account>();
    let before = Position::at(BAD - 2);
    assert_eq!(table.get_after_within(before, &BadKey(BAD - 1), long).unwrap(), Some(1));
    let passed = table.get_after_within(head, &BadKey(1), Duration::from_millis(700));
    assert!(matches!(passed, Err(ReadError::TimedOut { reached, .. }) if reached == before));
    assert_failure(engine, Some("a bad hash"));
    let shown = |id| table.get(&BadKey(id));
    assert!((1..BAD).all(|id| shown(id) == Some(1)), "every row before the event");
    assert_eq!(table.len(), usize::try_from(BAD - 1).unwrap(), "and none behind it");

    table.skip(Position::at(BAD - 1));
    assert_eq!(table.get_after_within(head, &BadKey(1), long).unwrap(), Some(1));
    assert!((1..=40).filter(|id| *id != BAD).all(|id| shown(id) == Some(1)));
    assert_eq!(table.len(), 39);
    assert_failure(engine, None);
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

#[test]
fn a_bad_key_stops_a_table_right_before_its_event() {
    let engine = on(&MemoryDisk::new()).table::<BadlyKeyed, Account>().open().unwrap();
    let head = deposit_each(&engine, 1..=40);
    assert_stops_before_the_bad_key(&engine, head);
}

#[test]
fn a_bad_key_in_history_stops_a_table_right_before_its_event() {
    // Whether it is met among others that were gathered, or when the last are shown.
    let (disk, head) = history(1..=40);
    let engine = on(&disk).table::<BadlyKeyed, Account>().open().unwrap();
    assert_stops_before_the_bad_key(&engine, head);
}

#[test]
fn a_bad_key_among_the_last_of_history_is_got_over_when_it_can() {
    let (disk, head) = history([1, 2, ILL]);
    let engine = on(&disk).table::<BadlyKeyed, Account>().open().unwrap();
    let table = engine.table::<BadlyKeyed, Account>();
    let long = Duration::from_secs(20);
    assert_eq!(table.get_after_within(Position::at(1), &BadKey(2), long).unwrap(), Some(1));
    assert_failure(&engine, Some("an ill hash"));
    IS_ILL.store(false, Ordering::SeqCst);
    assert_eq!(table.get_after_within(head, &BadKey(ILL), long).unwrap(), Some(1));
    assert_eq!(table.len(), 3);
    assert_failure(&engine, None);
}

#[test]
fn no_row_is_lost_with_a_key_that_panics_behind_it() {
    let (disk, head) = history([1, 2, BAD, BAD].into_iter().chain(10..=40));
    let engine = on(&disk).table::<UnequallyKeyed, Account>().open().unwrap();
    let table = engine.table::<UnequallyKeyed, Account>();
    let long = Duration::from_secs(20);
    assert_eq!(table.get_after_within(Position::at(2), &Unequal(2), long).unwrap(), Some(1));
    table.skip(Position::at(3));
    assert_eq!(table.get_after_within(head, &Unequal(40), long).unwrap(), Some(1));
    assert_eq!(table.len(), 34);
    assert_failure(&engine, None);
    assert!((10..=40).all(|id| table.get(&Unequal(id)) == Some(1)));
}

#[test]
fn whoever_waits_for_a_position_on_the_way_gets_it_in_time() {
    let disk = MemoryDisk::new();
    let engine = on(&disk).open().unwrap();
    for id in 0..20_u64 {
        let fill = Command::Fill { events: 1_000, bytes: 1 };
        engine.aggregate::<Account>(id).execute(fill).wait().unwrap();
    }
    engine.close().unwrap();
    let engine = on(&disk).table::<SlowRows, Account>().open().unwrap();
    let table = engine.table::<SlowRows, Account>();
    let on_the_way = [500, 2_500, 4_500];
    let got = on_the_way.map(|at| table.get_after(Position::at(at), &(at / 1_000)).unwrap());
    HURRY.store(true, Ordering::SeqCst);
    assert_eq!(got, [Some(1_000); 3]);
}
