//! Whoever reads, however much and however slowly, commands are answered and nothing is lost.
//!
//! What it costs in time is measured by `benches/readers.rs`; here is no clock.

#[path = "support/big.rs"]
mod big;
mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use big::{Big, preload};
use hotledger::{Durability, Engine, Position, Recorded, Rows, Table, View};
use support::{Account, Balances, Command, Total, usual};

const ROWS: u64 = 100_000;
const COMMANDS: u64 = 2_000;
/// A command's payload: all of them together are far more than may be held in memory.
const COMMAND_BYTES: usize = 120_000;
/// What may come to be held in memory while they are written: buffers, batches on their way.
const GROWTH_BYTES_MAX: u64 = 100 << 20;

/// From now on the slow projector is slow.
static LIVE: AtomicBool = AtomicBool::new(false);
/// The last command has been answered.
static ANSWERED: AtomicBool = AtomicBool::new(false);

/// Counts events: a millisecond each, and the first not before the last command is answered.
#[derive(Default)]
struct Slow;

impl Table<Account> for Slow {
    type Key = ();
    type Row = u64;

    fn project(&mut self, _: &Recorded<Account>, rows: &Rows<(), u64>) {
        if LIVE.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
            while !ANSWERED.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
        }
        rows.update((), |before| before.copied().unwrap_or(0) + 1);
    }
}

/// The same as a whole view, without the wait: it is slow all the time, and twice an event.
#[derive(Default, Clone)]
struct Slower(u64);

impl View<Account> for Slower {
    fn project(&mut self, _: &Recorded<Account>) {
        if LIVE.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        self.0 += 1;
    }
}

/// Raises a flag at the end, also at that of a test that fails: who waits for it must not hang.
struct AtTheEnd<'a>(&'a AtomicBool);

impl Drop for AtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Bytes of this process that are in memory; 0 where nobody says.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|statm| statm.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

/// Reads every row over and over; each time all must be of one position.
fn scan(engine: &Engine, scans: &AtomicU64, done: &AtomicBool) {
    let big = engine.view::<Big>();
    while !done.load(Ordering::SeqCst) {
        let seen = big.read();
        let events: u64 = seen.rows.values().sum();
        assert_eq!(events, seen.position().events(), "a scan sees one state, at one position");
        drop(seen);
        scans.fetch_add(1, Ordering::SeqCst);
    }
}

/// How often each reader had to go back to the journal.
fn fallbacks(engine: &Engine) -> BTreeMap<String, u64> {
    let readers = engine.stats().readers.into_iter();
    readers.map(|reader| (reader.name, reader.fallbacks)).collect()
}

/// Executes commands one by one, until every one is answered and the scans went on beside them.
/// Now and then it reads its own write from the view that is scanned.
fn command(engine: &Engine, scans: &AtomicU64) -> Position {
    let scanned = scans.load(Ordering::SeqCst);
    let big = engine.view::<Big>();
    for id in 0..COMMANDS {
        let fill = Command::Fill { events: 1, bytes: COMMAND_BYTES };
        let receipt = engine.aggregate::<Account>(id).execute(fill).wait().unwrap();
        if id % 10 == 0 {
            let seen = big.read_after_within(receipt.position, Duration::from_secs(60)).unwrap();
            assert!(seen.position() >= receipt.position, "what is reached is shown");
            assert_eq!(seen.rows[&id], 2);
        }
    }
    while scans.load(Ordering::SeqCst) < scanned + 4 {
        thread::yield_now();
    }
    engine.position()
}

#[test]
fn two_full_scans_and_a_slow_projector_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let builder = usual(Engine::builder(directory.path())).durability(Durability::Buffered);
    let builder = builder.view::<Big, Account>().view::<Slower, Account>();
    let engine = builder.table::<Slow, Account>().open().unwrap();
    let answered = AtTheEnd(&ANSWERED);
    let preloaded = preload(&engine, ROWS);
    let (slow, slower) = (engine.table::<Slow, Account>(), engine.view::<Slower>());
    let wait = Duration::from_secs(60);
    assert_eq!(slow.get_after_within(preloaded, &(), wait).unwrap(), Some(ROWS));
    assert_eq!(slower.read_after_within(preloaded, wait).unwrap().0, ROWS);
    assert_eq!(
        engine.view::<Big>().read_after_within(preloaded, wait).unwrap().rows.len(),
        100_000
    );

    let passed_by = fallbacks(&engine);
    LIVE.store(true, Ordering::SeqCst);
    let (scans, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let before = resident_bytes();
    let head = thread::scope(|scope| {
        let _done = AtTheEnd(&done);
        for _ in 0..2 {
            scope.spawn(|| scan(&engine, &scans, &done));
        }
        command(&engine, &scans)
    });
    assert_eq!(head, Position::after(ROWS + COMMANDS));
    let grown = resident_bytes().saturating_sub(before);
    println!("{} scans; {} MiB more", scans.load(Ordering::SeqCst), grown >> 20);
    assert!(
        grown < GROWTH_BYTES_MAX,
        "{grown} bytes more, of {} written",
        COMMANDS * COMMAND_BYTES as u64
    );
    assert_eq!(slow.lag().events, COMMANDS, "not one event is through");

    drop(answered);
    let all = head.events();
    assert_eq!(slow.get_after_within(head, &(), wait).unwrap(), Some(all));
    assert_eq!(slower.read_after_within(head, wait).unwrap().0, all);
    assert_eq!(engine.view::<Big>().read_after_within(head, wait).unwrap().rows.len(), 100_000);
    assert_eq!(engine.view::<Total>().read_after_within(head, wait).unwrap().events, all);
    engine.table::<Balances, _>().get_after_within(head, &0, wait).unwrap();
    for reader in engine.stats().readers {
        assert_eq!((reader.position, reader.lag.events), (head, 0), "{reader:?}");
        assert!(reader.failure.is_none() && reader.skipped.is_empty(), "{reader:?}");
    }
    let (before, after) = (passed_by, fallbacks(&engine));
    println!("back to the journal: {before:?}, then {after:?}");
    for slow in ["Slow", "Slower"] {
        assert!(after[slow] > before[slow], "{slow} was passed by, and went to the journal");
    }
}
