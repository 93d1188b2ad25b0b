//! A small disk is filled and freed again and again under load: nothing answered is lost, no key
//! takes effect twice, reads are served throughout, and commands are taken again each time.
//!
//! `HOTLEDGER_FILLS` says how often (5 without it). The disk is a `tmpfs` of its own, mounted where
//! nobody else sees it; where that is not allowed the test is skipped, and says so.

mod support;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hotledger::{
    Delivery, Engine, ExecuteError, Position, ReadError, Receipt, SnapshotPolicy, StateDigest,
};
use hotledger_domains::bank::{Account, AccountId, Balances, Command, TotalMoney};
use support::{assert_code, hotledger, run};
use uuid::Uuid;

/// Where the small disk is, for the test that runs on it.
const PLACE: &str = "HOTLEDGER_SMALL_DISK";
const NAME: &str = "a_disk_filled_and_freed_under_load";

/// What is freed each time: room for two or three segments.
const FREED_BYTES: u64 = 3 << 20;
/// What the first segments, the snapshots and the directory take.
const BASE_BYTES: u64 = 12 << 20;
const SEGMENT_BYTES: u64 = 1 << 20;

const WRITERS: u64 = 2;
const ACCOUNTS: u64 = 50;

/// The longest anything healthy takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_disk_filled_and_freed_under_load() {
    let fills = std::env::var("HOTLEDGER_FILLS").map_or(5, |text| text.parse().expect("a number"));
    match std::env::var_os(PLACE) {
        Some(place) => Trial::new(Path::new(&place)).run(fills),
        None => on_a_small_disk(BASE_BYTES + fills * FREED_BYTES),
    }
}

/// Runs this test again in a mount namespace of its own, on a disk of so many bytes.
fn on_a_small_disk(bytes: u64) {
    let place = tempfile::tempdir().expect("a directory");
    let mount = format!("mount -t tmpfs -o size={bytes} tmpfs \"$1\"");
    let sh = |namespace: &str, script: &str| {
        let mut unshare = Process::new("unshare");
        unshare.args([namespace, "sh", "-c", script, "sh"]).arg(place.path());
        unshare
    };
    let works = |namespace: &&str| {
        let trial = sh(namespace, &mount).stdout(Stdio::null()).stderr(Stdio::null()).status();
        trial.is_ok_and(|status| status.success())
    };
    // As root, or as one who may be root in a namespace of his own.
    let Some(namespace) = ["-m", "-rm"].into_iter().find(works) else {
        println!("skipped: no tmpfs can be mounted here");
        return;
    };
    let test = std::env::current_exe().expect("this test");
    let again = format!("{mount} && exec \"$2\" --exact {NAME} --nocapture");
    let output =
        sh(namespace, &again).arg(test).env(PLACE, place.path()).output().expect("it runs");
    print!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

struct Trial {
    data: PathBuf,
    ballast: Ballast,
    gauge: Gauge,
}

/// What the threads say of themselves.
#[derive(Default)]
struct Gauge {
    committed: [AtomicU64; WRITERS as usize],
    refused: [AtomicU64; WRITERS as usize],
    reads: AtomicU64,
    stop: AtomicBool,
}

/// A file that takes up the rest of the disk.
struct Ballast {
    file: File,
    bytes: u64,
}

/// A command that was answered: who asked, under which number, and the receipt.
type Answered = (u64, u64, Receipt);

impl Trial {
    fn new(place: &Path) -> Self {
        let file = File::create(place.join("ballast")).expect("an empty disk");
        let (data, gauge) = (place.join("data"), Gauge::default());
        Self { data, ballast: Ballast { file, bytes: 0 }, gauge }
    }

    fn open(&self) -> Engine {
        let builder = Engine::builder(&self.data).segment_bytes(SEGMENT_BYTES, SEGMENT_BYTES);
        let builder = builder.snapshots(SnapshotPolicy::Events(2_000));
        let builder = builder.aggregate::<Account>().view::<TotalMoney, Account>();
        builder.table::<Balances, Account>().open().expect("opening needs no room")
    }

    fn run(mut self, fills: u64) {
        let engine = self.open();
        let (answered, slowest) = self.load(&engine, fills);
        let digest = engine.digest().expect("it runs");
        engine.close().expect("closing needs no room");
        self.reopen_while_full(digest);
        self.ballast.free(self.ballast.bytes);
        self.compare(&answered);
        let refused: u64 = self.gauge.refused.iter().map(|count| count.load(RELAXED)).sum();
        println!(
            "{fills} fills, {} commands answered, {refused} refused, {} reads, 0 lost; \
             commands were taken again after {slowest:?} at the latest",
            answered.len(),
            self.gauge.reads.load(RELAXED),
        );
    }

    /// Fills and frees under load; what was answered, and the longest time until commands were
    /// taken again. The disk is full in the end.
    fn load(&mut self, engine: &Engine, fills: u64) -> (Vec<Answered>, Duration) {
        let Self { gauge, ballast, .. } = self;
        let gauge = &*gauge;
        thread::scope(|scope| {
            let writers: Vec<_> =
                (0..WRITERS).map(|who| scope.spawn(move || write(engine, who, gauge))).collect();
            let reader = scope.spawn(|| read(engine, gauge));
            let mut slowest = Duration::ZERO;
            for _ in 0..fills {
                ballast.fill_until(|| gauge.all_refused());
                gauge.reads_go_on();
                ballast.free(FREED_BYTES);
                slowest = slowest.max(gauge.all_committed());
            }
            ballast.fill_until(|| gauge.all_refused());
            gauge.stop.store(true, RELAXED);
            reader.join().expect("reads go on");
            (writers.into_iter().flat_map(|who| who.join().expect("a writer")).collect(), slowest)
        })
    }

    /// The disk has no room at all, and it is opened and closed all the same.
    fn reopen_while_full(&self, digest: (Position, StateDigest)) {
        for number in 0..20_u128 {
            let engine = self.open();
            assert_eq!(engine.digest().expect("it runs"), digest);
            let account = engine.aggregate::<Account>(1u64);
            let refused =
                account.execute(Command::Deposit { amount: 1 }).key(u128::MAX - number).wait();
            assert_eq!(refused, Err(ExecuteError::StorageFull));
            engine.close().expect("closing needs no room");
        }
    }

    /// Asks everything again under its key: each was there, once, where it was said to be.
    fn compare(&self, answered: &[Answered]) {
        let engine = self.open();
        for (who, number, receipt) in answered {
            let again = ask(&engine, *who, *number).expect("it is known");
            assert_eq!(again, Receipt { duplicate: true, ..*receipt }, "{who} {number}");
        }
        let total = engine.view::<TotalMoney>();
        let money = total.read_after_within(engine.position(), PATIENCE).expect("a view").total;
        assert_eq!(money, answered.len() as u128, "none is lost, none took effect twice");
        assert_eq!(engine.position(), Position::after(answered.len() as u64));
        engine.close().expect("it closes");
        assert_code(&run(hotledger().args(["journal", "verify"]).arg(&self.data)), 0);
    }
}

const RELAXED: Ordering = Ordering::Relaxed;

/// Deposits for ever, each under a key of its own, and again under the same key when refused.
fn write(engine: &Engine, who: u64, gauge: &Gauge) -> Vec<Answered> {
    let mut answered = Vec::new();
    while !gauge.stop.load(RELAXED) {
        let number = answered.len() as u64;
        match ask(engine, who, number) {
            Ok(receipt) => {
                assert!(!receipt.duplicate, "what was refused had no effect");
                answered.push((who, number, receipt));
                gauge.committed[who as usize].fetch_add(1, RELAXED);
            }
            Err(ExecuteError::StorageFull) => {
                gauge.refused[who as usize].fetch_add(1, RELAXED);
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("{who} {number}: {error}"),
        }
    }
    answered
}

fn ask(
    engine: &Engine,
    who: u64,
    number: u64,
) -> Result<Receipt, ExecuteError<hotledger_domains::bank::Refusal>> {
    let account = engine.aggregate::<Account>(number % ACCOUNTS);
    let key = Uuid::from_u64_pair(who, number);
    account.execute(Command::Deposit { amount: 1 }).key(key.as_u128()).wait()
}

/// Reads a view, a table and, from the disk, the past: nothing fails, nothing goes back.
fn read(engine: &Engine, gauge: &Gauge) {
    let (total, balances) = (engine.view::<TotalMoney>(), engine.table::<Balances, Account>());
    let mut money = 0;
    while !gauge.stop.load(RELAXED) {
        let now = total.read().total;
        assert!(now >= money, "a view never goes back");
        money = now;
        let _ = balances.get(&AccountId::from(1));
        if money > 0 {
            first_event(engine).expect("the journal can be read");
        }
        gauge.reads.fetch_add(1, RELAXED);
        thread::sleep(Duration::from_micros(200));
    }
}

fn first_event(engine: &Engine) -> Result<(), ReadError> {
    let mut history = engine.subscribe::<Account>(Position::ORIGIN);
    let first = history.next_wait()?;
    assert!(matches!(first, Some(Delivery::Event(event)) if event.position == Position::at(0)));
    Ok(())
}

impl Gauge {
    fn counts(counters: &[AtomicU64]) -> Vec<u64> {
        counters.iter().map(|counter| counter.load(RELAXED)).collect()
    }

    /// Waits until every writer has been refused from now on.
    fn all_refused(&self) -> bool {
        let before = Self::counts(&self.refused);
        thread::sleep(Duration::from_millis(5));
        grown(&before, &Self::counts(&self.refused))
    }

    /// Waits until every writer has committed from now on; how long it took.
    fn all_committed(&self) -> Duration {
        let (started, before) = (Instant::now(), Self::counts(&self.committed));
        while !grown(&before, &Self::counts(&self.committed)) {
            assert!(started.elapsed() < PATIENCE, "commands are taken again");
            thread::sleep(Duration::from_millis(1));
        }
        started.elapsed()
    }

    /// With the disk full, what can be read is read.
    fn reads_go_on(&self) {
        let (started, before) = (Instant::now(), self.reads.load(RELAXED));
        while self.reads.load(RELAXED) < before + 20 {
            assert!(started.elapsed() < PATIENCE, "reads go on");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn grown(before: &[u64], now: &[u64]) -> bool {
    before.iter().zip(now).all(|(before, now)| now > before)
}

impl Ballast {
    /// Takes up what is left to the last block, until this holds with nothing left.
    fn fill_until(&mut self, holds: impl Fn() -> bool) {
        let started = Instant::now();
        while self.take(1 << 20) + self.take(4096) > 0 || !holds() {
            assert!(started.elapsed() < PATIENCE, "commands are refused on a full disk");
        }
    }

    /// Writes pieces of this size until there is no room for another; how many.
    fn take(&mut self, piece: usize) -> usize {
        let zeros = vec![0; piece];
        for taken in 0.. {
            match self.file.write(&zeros) {
                Ok(written) => self.bytes += written as u64,
                Err(error) if error.kind() == io::ErrorKind::StorageFull => return taken,
                Err(error) => panic!("{error}"),
            }
        }
        unreachable!("a disk ends")
    }

    fn free(&mut self, bytes: u64) {
        self.bytes = self.bytes.checked_sub(bytes).expect("the disk is large enough");
        self.file.set_len(self.bytes).expect("freeing needs no room");
        io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.bytes)).expect("a file");
    }
}
