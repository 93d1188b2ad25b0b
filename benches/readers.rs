//! What two full scans and a slow projector cost a command: latency beside that of a quiet engine.
//!
//! One client, one command at a time. Slices of three kinds take turns in one engine, because the
//! machine drifts; each repetition adds up its slices:
//!
//! * quiet: the views are there, nobody reads them, no projector sleeps;
//! * busy: beside that, two threads scan maps of their own, which is what two busy cores cost;
//! * loaded: the two threads scan the engine's view instead, and a projector sleeps 1 ms an event.
//!
//! `cargo bench --bench readers` measures; as a test (without `--bench`) it only runs.

#[path = "../tests/support/big.rs"]
mod big;
#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use big::{Big, preload};
use hdrhistogram::Histogram;
use hotledger::{Builder, Durability, Engine, MemoryDisk, Recorded, Rows, Table, Wait};
use support::{Account, Command};

const KINDS: [&str; 3] = ["quiet", "busy", "loaded"];
const BUSY: usize = 1;
const LOADED: usize = 2;

/// The kind of the present slice.
static KIND: AtomicUsize = AtomicUsize::new(0);

/// Counts events, a millisecond each while there is load.
#[derive(Default)]
struct Slow;

impl Table<Account> for Slow {
    type Key = ();
    type Row = u64;

    fn project(&mut self, _: &Recorded<Account>, rows: &Rows<(), u64>) {
        if KIND.load(Ordering::Relaxed) == LOADED {
            thread::sleep(Duration::from_millis(1));
        }
        rows.update((), |before| before.copied().unwrap_or(0) + 1);
    }
}

/// How much is done.
#[derive(Clone, Copy)]
struct Effort {
    rows: u64,
    repetitions: usize,
    /// Of each kind, in each repetition.
    slices: usize,
    slice: Duration,
}

/// Scans so far, and whether to stop.
#[derive(Default)]
struct Scans {
    of_the_view: AtomicU64,
    done: AtomicBool,
}

/// The latencies of one repetition, by kind.
type Measured = [Histogram<u64>; 3];

fn main() {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let effort = |rows, repetitions, slices, millis| Effort {
        rows,
        repetitions,
        slices,
        slice: Duration::from_millis(millis),
    };
    let tiny = effort(1_000, 1, 1, 20);
    let synced = if measuring { effort(100_000, 3, 10, 400) } else { tiny };
    // Shorter, because what is committed here stays in memory, 4 KiB a command.
    let volatile = if measuring { effort(100_000, 3, 10, 100) } else { tiny };
    println!("microseconds, closed loop, 1 client, {} rows", synced.rows);
    for wait in [Wait::Adaptive, Wait::Park] {
        let directory = tempfile::tempdir().expect("there is room for a directory");
        let builder = Engine::builder(directory.path()).durability(Durability::Synced);
        bench(&format!("Synced, {wait:?}"), builder.wait(wait), synced);
        let builder = Engine::builder_on(Arc::new(MemoryDisk::new()));
        let builder = builder.durability(Durability::Volatile);
        bench(&format!("Volatile, {wait:?}"), builder.wait(wait), volatile);
    }
}

fn bench(name: &str, builder: Builder, effort: Effort) {
    let builder = builder.aggregate::<Account>().view::<Big, Account>();
    let engine = builder.table::<Slow, Account>().open().expect("the directory is new");
    preload(&engine, effort.rows);
    catch_up(&engine);
    println!(
        "\n{name}: {} x {} slices of {:?} each",
        effort.repetitions, effort.slices, effort.slice
    );
    println!("{:20}{:>10}{:>10}{:>10}{:>10}{:>10}", "", "p50", "p99", "p99.9", "max", "n");
    let scans = Scans::default();
    let measured: Vec<_> = thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| scan(&engine, &scans, effort.rows));
        }
        let measured = (1..=effort.repetitions).map(|_| repetition(&engine, effort)).collect();
        scans.done.store(true, Ordering::Relaxed);
        measured
    });
    measured.iter().enumerate().for_each(|(index, measured)| show(index + 1, measured));
    spread("busy / quiet", &measured, BUSY, 0);
    spread("loaded / quiet", &measured, LOADED, 0);
    spread("loaded / busy", &measured, LOADED, BUSY);
    println!("{} scans of the view", scans.of_the_view.load(Ordering::Relaxed));
    for reader in engine.stats().readers {
        println!("{}: lag {}, fallbacks {}", reader.name, reader.lag.events, reader.fallbacks);
    }
    engine.close().expect("the engine runs");
}

/// Reads every row over and over: of the engine's view, or of a map as large.
fn scan(engine: &Engine, scans: &Scans, rows: u64) {
    let big = engine.view::<Big>();
    let own: BTreeMap<u64, u64> = (0..rows).map(|id| (id, id)).collect();
    while !scans.done.load(Ordering::Relaxed) {
        match KIND.load(Ordering::Relaxed) {
            BUSY => drop(black_box(own.values().sum::<u64>())),
            LOADED => {
                black_box(big.read().rows.values().sum::<u64>());
                scans.of_the_view.fetch_add(1, Ordering::Relaxed);
            }
            _ => thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn repetition(engine: &Engine, effort: Effort) -> Measured {
    let mut measured = KINDS.map(|_| Histogram::new(3).expect("3 significant digits are allowed"));
    for _ in 0..effort.slices {
        for (kind, latencies) in measured.iter_mut().enumerate() {
            KIND.store(kind, Ordering::Relaxed);
            slice(engine, effort, latencies);
            KIND.store(0, Ordering::Relaxed);
            catch_up(engine);
        }
    }
    measured
}

/// One command after the other, each timed from before it is sent until it is answered.
fn slice(engine: &Engine, effort: Effort, latencies: &mut Histogram<u64>) {
    let started = Instant::now();
    for id in (0..effort.rows).cycle() {
        let sent = Instant::now();
        let executed = engine.aggregate::<Account>(id).execute(Command::Deposit(1)).wait();
        let told = sent.elapsed();
        executed.expect("a deposit is taken");
        latencies.record(told.as_nanos() as u64).expect("it grows by itself");
        if started.elapsed() > effort.slice {
            break;
        }
    }
}

/// Waits until every projector has come to the end.
fn catch_up(engine: &Engine) {
    let head = engine.position();
    let wait = Duration::from_secs(60);
    let slow = engine.table::<Slow, Account>();
    slow.get_after_within(head, &(), wait).expect("it comes to the end");
    let big = engine.view::<Big>();
    drop(big.read_after_within(head, wait).expect("it comes to the end"));
}

/// Microseconds at p50, p99, p99.9 and the worst.
fn percentiles(latencies: &Histogram<u64>) -> [f64; 4] {
    [0.5, 0.99, 0.999, 1.0].map(|rank| latencies.value_at_quantile(rank) as f64 / 1_000.0)
}

fn show(repetition: usize, measured: &Measured) {
    for (kind, latencies) in KINDS.iter().zip(measured) {
        let [p50, p99, p999, max] = percentiles(latencies);
        let (name, n) = (format!("{repetition}. {kind}"), latencies.len());
        println!("{name:20}{p50:>10.1}{p99:>10.1}{p999:>10.1}{max:>10.1}{n:>10}");
    }
}

/// How many times slower one kind was than another: the repetitions from best to worst.
fn spread(name: &str, measured: &[Measured], kind: usize, than: usize) {
    print!("{name:20}");
    for rank in 0..4 {
        let ratio = |it: &Measured| percentiles(&it[kind])[rank] / percentiles(&it[than])[rank];
        let mut ratios: Vec<_> = measured.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let ratios: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        print!("  {}", ratios.join(" "));
    }
    println!();
}
