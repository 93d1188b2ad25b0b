//! What two full scans and a slow projector cost a command: latency beside that of a quiet engine.
//!
//! One client, one command at a time. Quiet and loaded slices take turns in one engine, because the
//! machine drifts; each repetition adds up its slices. Quiet means that the same views are there,
//! that nobody reads them and that no projector sleeps. `cargo bench --bench readers` measures; as
//! a test (without `--bench`) it only runs.

#[path = "../tests/support/big.rs"]
mod big;
#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use big::{Big, preload};
use hdrhistogram::Histogram;
use hotledger::{Builder, Durability, Engine, MemoryDisk, Recorded, Rows, Table};
use support::{Account, Command};

/// Whether the readers read and the projector sleeps.
static LOADED: AtomicBool = AtomicBool::new(false);

/// Counts events, a millisecond each while there is load.
#[derive(Default)]
struct Slow;

impl Table<Account> for Slow {
    type Key = ();
    type Row = u64;

    fn project(&mut self, _: &Recorded<Account>, rows: &Rows<(), u64>) {
        if LOADED.load(Ordering::Relaxed) {
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
    synced_slice: Duration,
    /// Shorter: what is committed here stays in memory, 4 KiB a command.
    volatile_slice: Duration,
}

const REAL: Effort = Effort {
    rows: 100_000,
    repetitions: 3,
    slices: 10,
    synced_slice: Duration::from_millis(500),
    volatile_slice: Duration::from_millis(100),
};

const TINY: Effort = Effort {
    rows: 1_000,
    repetitions: 1,
    slices: 1,
    synced_slice: Duration::from_millis(20),
    volatile_slice: Duration::from_millis(20),
};

/// Latencies of one repetition, and how often the view was scanned meanwhile.
struct Measured {
    quiet: Histogram<u64>,
    loaded: Histogram<u64>,
    scans: u64,
}

fn main() {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let effort = if measuring { REAL } else { TINY };
    println!("{} rows; latencies in microseconds, closed loop, 1 client", effort.rows);

    let directory = tempfile::tempdir().expect("there is room for a directory");
    bench(
        "Synced, a real directory",
        Engine::builder(directory.path()),
        effort.synced_slice,
        effort,
    );
    let memory = Engine::builder_on(Arc::new(MemoryDisk::new()));
    bench("Volatile", memory.durability(Durability::Volatile), effort.volatile_slice, effort);
}

fn bench(name: &str, builder: Builder, slice: Duration, effort: Effort) {
    let Effort { rows, repetitions, slices, .. } = effort;
    let builder = builder.aggregate::<Account>().view::<Big, Account>();
    let engine = builder.table::<Slow, Account>().open().expect("the directory is new");
    preload(&engine, rows);
    catch_up(&engine);
    println!(
        "\n{name}\n{:26}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "", "p50", "p99", "p99.9", "max", "n"
    );
    let (scans, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let measured: Vec<_> = thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| scan(&engine, &scans, &done));
        }
        let measured = (0..repetitions).map(|_| repetition(&engine, slice, effort, &scans));
        let measured = measured.collect();
        done.store(true, Ordering::Relaxed);
        measured
    });
    measured.iter().enumerate().for_each(|(index, measured)| show(index + 1, measured));
    spread(&measured);
    for reader in engine.stats().readers {
        println!(
            "{}: lag {} events, {} fallbacks",
            reader.name, reader.lag.events, reader.fallbacks
        );
    }
    engine.close().expect("the engine runs");
}

/// Reads every row over and over while there is load.
fn scan(engine: &Engine, scans: &AtomicU64, done: &AtomicBool) {
    let big = engine.view::<Big>();
    while !done.load(Ordering::Relaxed) {
        if LOADED.load(Ordering::Relaxed) {
            let events: u64 = big.read().rows.values().sum();
            std::hint::black_box(events);
            scans.fetch_add(1, Ordering::Relaxed);
        } else {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn repetition(engine: &Engine, length: Duration, effort: Effort, scans: &AtomicU64) -> Measured {
    let histogram = || Histogram::new(3).expect("3 significant digits are allowed");
    let mut measured = Measured { quiet: histogram(), loaded: histogram(), scans: 0 };
    let before = scans.load(Ordering::Relaxed);
    for _ in 0..effort.slices {
        slice(engine, length, effort.rows, &mut measured.quiet);
        LOADED.store(true, Ordering::Relaxed);
        slice(engine, length, effort.rows, &mut measured.loaded);
        LOADED.store(false, Ordering::Relaxed);
        catch_up(engine);
    }
    measured.scans = scans.load(Ordering::Relaxed) - before;
    measured
}

/// One command after the other, each timed from before it is sent until it is answered.
fn slice(engine: &Engine, length: Duration, rows: u64, latencies: &mut Histogram<u64>) {
    let started = Instant::now();
    for id in (0..rows).cycle() {
        let sent = Instant::now();
        let executed = engine.aggregate::<Account>(id).execute(Command::Deposit(1)).wait();
        let told = sent.elapsed();
        executed.expect("a deposit is taken");
        latencies.record(told.as_nanos() as u64).expect("it grows by itself");
        if started.elapsed() > length {
            break;
        }
    }
}

/// Waits until every projector has come to the end.
fn catch_up(engine: &Engine) {
    let head = engine.position();
    let wait = Duration::from_secs(60);
    engine.table::<Slow, Account>().get_after_within(head, &(), wait).expect("it comes to the end");
    drop(engine.view::<Big>().read_after_within(head, wait).expect("it comes to the end"));
}

/// Microseconds at p50, p99, p99.9 and the worst.
fn percentiles(latencies: &Histogram<u64>) -> [f64; 4] {
    [0.5, 0.99, 0.999, 1.0].map(|rank| latencies.value_at_quantile(rank) as f64 / 1_000.0)
}

fn ratios(measured: &Measured) -> [f64; 4] {
    let (quiet, loaded) = (percentiles(&measured.quiet), percentiles(&measured.loaded));
    std::array::from_fn(|index| loaded[index] / quiet[index])
}

fn show(repetition: usize, measured: &Measured) {
    for (name, latencies) in [("quiet", &measured.quiet), ("loaded", &measured.loaded)] {
        let [p50, p99, p999, max] = percentiles(latencies);
        let n = latencies.len();
        let name = format!("{repetition}. {name}");
        println!("{name:26}{p50:>10.1}{p99:>10.1}{p999:>10.1}{max:>10.1}{n:>10}");
    }
    let [p50, p99, p999, max] = ratios(measured);
    let name = format!("{repetition}. ratio ({} scans)", measured.scans);
    println!("{name:26}{p50:>10.2}{p99:>10.2}{p999:>10.2}{max:>10.2}");
}

/// The smallest and the greatest ratio over all repetitions.
fn spread(measured: &[Measured]) {
    for (name, pick) in
        [("ratio, smallest", f64::min as fn(f64, f64) -> f64), ("greatest", f64::max)]
    {
        let picked = measured
            .iter()
            .map(ratios)
            .reduce(|left, right| std::array::from_fn(|index| pick(left[index], right[index])));
        let [p50, p99, p999, max] = picked.expect("there is a repetition");
        println!("{name:26}{p50:>10.2}{p99:>10.2}{p999:>10.2}{max:>10.2}");
    }
}
