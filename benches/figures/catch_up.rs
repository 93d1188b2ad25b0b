//! P9: how fast new readers come through a journal that is there already.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotledger::{Delivery, Engine, FileDisk, Position, Subscription};
use hotledger_journal::Recovery;

use crate::stand::booking::{Account, Balances, Sum};
use crate::stand::history::{directory, engine_in, write, write_snapshot};
use crate::stand::laps::{Laps, repetitions, size};

const ACCOUNTS: u64 = 100_000;
const LONGEST: Duration = Duration::from_secs(600);
const BASELINE: &str = "baseline: batches read and verified alone";

/// A way through all of the journal; how long it took.
type Way = fn(&Path) -> Duration;

const WAYS: [(&str, Way); 5] = [
    ("a view", view),
    ("a table", table),
    ("a subscription to the kind", typed),
    ("a subscription to all", raw),
    (BASELINE, verified),
];

pub(crate) fn catch_up() {
    let events: u64 = size("HOTLEDGER_EVENTS", 10_000_000, 10_000);
    let directory = directory();
    let path = directory.path();
    write(path, events - 1, ACCOUNTS);
    // The engine itself is then up at once, and the reader alone is measured.
    write_snapshot(path);
    let mut rates = Laps::new("million events/s");
    for _ in 0..repetitions() {
        for (name, way) in WAYS {
            rates.add(name, events as f64 / 1e6 / way(path).as_secs_f64());
        }
    }
    println!("{events} events on {ACCOUNTS} accounts, one reader on one thread");
    println!("target: 5 million/s");
    rates.show();
    for (name, _) in &WAYS[..WAYS.len() - 1] {
        rates.show_ratio(name, BASELINE);
    }
}

/// Views and tables are filled from the first event on whenever an engine is opened.
fn view(path: &Path) -> Duration {
    let engine = engine_in(path).view::<Sum, Account>().open().expect("the journal is sound");
    let started = Instant::now();
    let view = engine.view::<Sum>();
    let sum = view.read_after_within(engine.position(), LONGEST).expect("it catches up");
    let taken = started.elapsed();
    assert_eq!(sum.events, engine.position().events());
    drop(sum);
    close(engine, taken)
}

fn table(path: &Path) -> Duration {
    let builder = engine_in(path).table::<Balances, Account>();
    let engine = builder.open().expect("the journal is sound");
    let started = Instant::now();
    let rows = engine.table::<Balances, Account>();
    let row = rows.get_after_within(engine.position(), &0, LONGEST).expect("it catches up");
    let taken = started.elapsed();
    assert!(row.is_some(), "every history ends with a booking on the first account");
    close(engine, taken)
}

fn typed(path: &Path) -> Duration {
    let engine = engine_in(path).open().expect("the journal is sound");
    let taken = drained(engine.subscribe::<Account>(Position::ORIGIN), engine.position());
    close(engine, taken)
}

fn raw(path: &Path) -> Duration {
    let engine = engine_in(path).open().expect("the journal is sound");
    let taken = drained(engine.subscribe_all(Position::ORIGIN), engine.position());
    close(engine, taken)
}

fn drained<T>(mut subscription: Subscription<T>, head: Position) -> Duration {
    let started = Instant::now();
    let mut events = 0;
    loop {
        match subscription.next_wait().expect("the journal is sound").expect("the engine runs") {
            Delivery::Event(_) => events += 1,
            Delivery::CaughtUp(position) => {
                assert_eq!((position, events), (head, head.events()));
                return started.elapsed();
            }
        }
    }
}

fn verified(path: &Path) -> Duration {
    let disk = FileDisk::open_existing(path).expect("it is there");
    let started = Instant::now();
    let recovery = Recovery::begin_read_only(Arc::new(disk)).expect("nobody has it open");
    let mut reader = recovery.reader_at(None).expect("the journal is sound");
    while reader.next().expect("the journal is sound").is_some() {}
    started.elapsed()
}

fn close(engine: Engine, taken: Duration) -> Duration {
    engine.close().expect("it runs");
    taken
}
