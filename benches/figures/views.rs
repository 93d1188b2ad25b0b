//! P6: what a read costs one reader and two, of a whole view and of one row among many.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, Barrier, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use foldhash::quality::RandomState;
use hotledger::{Builder, Durability, Engine};

use crate::stand::booking::{Account, Balances, Sum, bare};
use crate::stand::history::book;
use crate::stand::laps::{Laps, measuring, repetitions, size};
use crate::stand::picks::Picks;

/// Reads between two looks at the clock.
const READS: u64 = 10_000;
const LONGEST: Duration = Duration::from_secs(60);

fn memory() -> Builder {
    bare(Engine::in_memory()).durability(Durability::Volatile)
}

pub(crate) fn views() {
    let engine = memory().view::<Sum, Account>().open().expect("memory does not refuse");
    book(&engine, 0..1_000);
    let view = engine.view::<Sum>();
    drop(view.read_after_within(engine.position(), LONGEST).expect("it catches up"));
    let sum = Sum { money: 1, events: 1 };
    let (swap, locked) = (ArcSwap::new(Arc::new(sum.clone())), RwLock::new(sum));
    let of_view = || {
        let view = engine.view::<Sum>();
        move || view.read().money
    };
    let of_swap = || || swap.load().money;
    let of_own = || || black_box(1);
    let of_lock = || || locked.read().expect("nobody panicked").money;
    let mut times = Laps::new("nanoseconds a read, of each reader");
    for _ in 0..repetitions() {
        for readers in [1, 2] {
            times.add(row("a whole view", readers), each(readers, of_view));
            times.add(row("baseline: arc-swap", readers), each(readers, of_swap));
            times.add(row("baseline: read-write lock", readers), each(readers, of_lock));
            // What two threads cost each other on this machine when they share nothing.
            times.add(row("baseline: nothing shared", readers), each(readers, of_own));
        }
    }
    println!("target: 25 ns, and as much for each of two");
    times.show();
    for name in ["a whole view", "baseline: read-write lock", "baseline: nothing shared"] {
        times.show_ratio(row(name, 2), row(name, 1));
    }
    times.show_ratio(row("a whole view", 1), row("baseline: arc-swap", 1));
}

pub(crate) fn rows() {
    let rows = size("HOTLEDGER_ROWS", 1_000_000, 1_000);
    let engine = memory().table::<Balances, Account>().open().expect("memory does not refuse");
    book(&engine, 0..rows);
    let table = engine.table::<Balances, Account>();
    table.get_after_within(engine.position(), &0, LONGEST).expect("it catches up");
    let map = papaya::HashMap::builder().hasher(RandomState::default()).build();
    let plain: HashMap<u64, u64, RandomState> = (0..rows).map(|id| (id, id)).collect();
    plain.iter().for_each(|(id, row)| {
        map.pin().insert(*id, *row);
    });
    let keyed = |read: fn(&Kept<'_>, u64) -> u64| {
        let kept = Kept { table: &table, map: &map, plain: &plain };
        move || {
            let mut keys = Picks::below(rows);
            move || read(&kept, keys.next().expect("they never end"))
        }
    };
    let ways = WAYS.map(|(name, read)| (name, keyed(read)));
    let mut times = Laps::new("nanoseconds a read, of each reader");
    for _ in 0..repetitions() {
        for readers in [1, 2] {
            for (name, way) in &ways {
                times.add(row(name, readers), each(readers, way));
            }
        }
    }
    println!("{rows} rows, random keys; target: 150 ns");
    times.show();
    times.show_ratio(row(WAYS[0].0, 2), row(WAYS[0].0, 1));
    times.show_ratio(row(WAYS[0].0, 1), row(WAYS[1].0, 1));
}

/// The same rows, kept in several ways.
#[derive(Clone, Copy)]
struct Kept<'a> {
    table: &'a hotledger::TableReader<u64, u64>,
    map: &'a papaya::HashMap<u64, u64, RandomState>,
    plain: &'a HashMap<u64, u64, RandomState>,
}

type Read = fn(&Kept<'_>, u64) -> u64;

const WAYS: [(&str, Read); 4] = [
    ("a row", |kept, key| kept.table.get(&key).unwrap_or(0)),
    ("baseline: papaya, pin and get", |kept, key| kept.map.pin().get(&key).copied().unwrap_or(0)),
    ("baseline: a map that nobody changes", |kept, key| kept.plain[&key]),
    ("baseline: random keys alone", |_, key| key),
];

fn row(name: &str, readers: usize) -> String {
    format!("{name}, {readers} reading")
}

/// Nanoseconds a read, when so many threads read at once, each in its own way made there.
fn each<R: FnMut() -> u64>(readers: usize, make: impl Fn() -> R + Sync) -> f64 {
    let slice = Duration::from_millis(if measuring() { 300 } else { 1 });
    let together = Barrier::new(readers);
    let one = || {
        let mut read = make();
        together.wait();
        let (started, mut reads, mut sum) = (Instant::now(), 0, 0_u64);
        while started.elapsed() < slice {
            (0..READS).for_each(|_| sum = sum.wrapping_add(read()));
            reads += READS;
        }
        black_box(sum);
        started.elapsed().as_nanos() as f64 / reads as f64
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..readers).map(|_| scope.spawn(one)).collect();
        let times = threads.into_iter().map(|thread| thread.join().expect("reading is safe"));
        times.sum::<f64>() / readers as f64
    })
}
