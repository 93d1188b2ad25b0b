//! The journal that is damaged: three segments, a spare, two snapshots, every shape there is.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use hotledger::{Builder, Disk, Engine, ManualClock, MemoryDisk, Position};
use hotledger::{SnapshotPolicy, StateDigest, Timestamp};
use hotledger_journal::{
    Access, Batch, BatchKind, Cursor, Entry, EventHead, Journal, OpenReport, Options, Recovery,
};
use uuid::Uuid;

use super::image::Image;
use super::pages::{PageId, Pages, Write, registered};
use super::plan::mix;

/// A journal that was closed, and what its engine answered last.
pub(crate) struct Canon {
    pub(crate) image: Image,
    pub(crate) position: Position,
    pub(crate) digest: StateDigest,
    /// Names of the snapshot files, the older first.
    pub(crate) snapshots: [String; 2],
}

/// Made once for all tests of a file.
pub(crate) fn canon() -> &'static Canon {
    static CANON: OnceLock<Canon> = OnceLock::new();
    CANON.get_or_init(|| {
        let disk = written_by_hand();
        finished_by_an_engine(&disk)
    })
}

/// An engine for the journal, as the usual program opens it.
pub(crate) fn builder(disk: Arc<dyn Disk>) -> Builder {
    registered(Engine::builder_on(disk)).snapshots(SnapshotPolicy::Never)
}

/// The same journal, opened again and left by a crash: two batches, the first proven by the
/// second, then four that were in flight together and that nothing later was built upon.
pub(crate) fn crashed() -> Image {
    let disk = canon().image.disk();
    let (mut journal, _) = open(&disk.clone().with_writes_in_flight(4));
    let rest: Vec<_> = scratch().iter().flat_map(Batch::entries).skip(150).collect();
    let mut rest = rest.into_iter().map(|entry| entry.expect("sound"));
    for _ in 0..2 {
        append(&mut journal, &rest.next().expect("enough"));
        journal.submit().expect("memory");
        while journal.in_flight() > 0 {
            journal.complete(true).expect("memory");
        }
    }
    for _ in 0..4 {
        append(&mut journal, &rest.next().expect("enough"));
        journal.submit().expect("memory");
    }
    while journal.in_flight() > 0 {
        journal.complete(true).expect("memory");
    }
    drop(journal);
    Image::of(&disk)
}

/// Another journal, of the same commands up to the same places.
pub(crate) fn another() -> &'static Image {
    static ANOTHER: OnceLock<Image> = OnceLock::new();
    ANOTHER.get_or_init(|| finished_by_an_engine(&written_by_hand()).image)
}

/// Two segments and the beginning of a third, by the journal alone.
fn written_by_hand() -> MemoryDisk {
    let disk = MemoryDisk::new();
    let entries: Vec<_> = scratch().iter().flat_map(Batch::entries).collect();
    let entries: Vec<_> = entries.into_iter().map(|entry| entry.expect("sound")).collect();
    let mut rest = entries.iter();

    let (mut journal, _) = open(&disk);
    write_until(&mut journal, &mut rest, |cursor| cursor.offset > 100 << 10);
    assert!(journal.submit_watermark().expect("memory"));
    journal.complete(true).expect("memory");
    drop(journal);

    tear(&disk, &entries[9]);
    let (mut journal, report) = open(&disk);
    assert!(report.torn_bytes > 0, "the fence of this epoch follows a torn tail");
    write_until(&mut journal, &mut rest, |cursor| cursor.offset > 500 << 10);
    journal.close().expect("memory");

    // Openings and closings, until there is room for a footer only: it is that epoch's fence.
    let mut journal = loop {
        let (journal, report) = open(&disk);
        assert!(report.epoch < 200, "every opening takes room");
        if journal.segment_count() == 2 {
            break journal;
        }
        journal.close().expect("memory");
    };
    write_until(&mut journal, &mut rest, |cursor| cursor.segment == 3);
    drop(journal);
    disk
}

/// A few commands more by a real engine, with snapshots, and a clean end.
fn finished_by_an_engine(disk: &MemoryDisk) -> Canon {
    let engine = builder(Arc::new(disk.clone())).snapshots(SnapshotPolicy::Events(6));
    let engine = engine.open().expect("what was written by hand is sound");
    let mut next = 1_000..;
    let mut orders = |count| next.by_ref().take(count).for_each(|n| order(&engine, n, SHORT));
    orders(1);
    wait_until("the first snapshot", || snapshots(disk).len() == 1);
    orders(12);
    wait_until("the second snapshot", || snapshots(disk).len() == 2);
    orders(5);
    wait_until("a watermark", || ends_in_a_watermark(disk));
    let (position, digest) = engine.digest().expect("it runs");
    engine.close().expect("memory");
    let snapshots = snapshots(disk).try_into().expect("two are kept");
    Canon { image: Image::of(disk), position, digest, snapshots }
}

/// Batches of an engine that had all commands to itself: where entries are copied from.
fn scratch() -> &'static [Batch] {
    static SCRATCH: OnceLock<Vec<Batch>> = OnceLock::new();
    SCRATCH.get_or_init(|| {
        let (disk, clock) = (MemoryDisk::new(), Arc::new(ManualClock::default()));
        let engine = builder(Arc::new(disk.clone())).clock(clock.clone()).open().expect("memory");
        for n in 0..200 {
            clock.set(Timestamp(1_700_000_000_000_000_000 + n as i64));
            order(&engine, n, LONG);
        }
        engine.close().expect("memory");
        let recovery = Recovery::begin_read_only(Arc::new(disk)).expect("sound");
        let mut reader = recovery.reader_at(None).expect("sound");
        let mut batches = Vec::new();
        while let Some(batch) = reader.next().expect("sound") {
            batches.extend((batch.kind() == BatchKind::Data).then_some(batch));
        }
        batches
    })
}

/// Lengths of the texts of a command, by its number.
type Lengths = &'static [&'static [usize]];

const LONG: Lengths = &[
    &[40],
    &[300, 20, 5],
    &[2_000],
    &[],
    &[9_000, 30],
    &[40],
    &[26_000],
    &[70],
    &[5_000, 5_000],
    &[60_000],
    &[1],
];
const SHORT: Lengths = &[&[40], &[700, 30], &[], &[5_000], &[3]];

fn order(engine: &Engine, n: u64, lengths: Lengths) {
    match n % 4 {
        0 => execute::<u64>(engine, n, lengths),
        1 => execute::<u128>(engine, n, lengths),
        2 => execute::<Uuid>(engine, n, lengths),
        _ => execute::<String>(engine, n, lengths),
    }
}

fn execute<I: PageId>(engine: &Engine, n: u64, lengths: Lengths) {
    let lengths = lengths[n as usize % lengths.len()];
    let texts = lengths.iter().map(|length| text(n, *length)).collect();
    let command = engine.aggregate::<Pages<I>>(I::nth(n / 4 % 3)).execute(Write(texts));
    let trace = Uuid::from_u128(n.into());
    let command = match n % 7 {
        0 | 3 => command.key(u128::from(n) + 1),
        1 => command.correlation(trace),
        2 => command.causation(trace),
        4 => command.key(u128::from(n) + 1).correlation(trace).causation(trace),
        _ => command,
    };
    command.wait().expect("every command is taken");
}

fn text(n: u64, length: usize) -> String {
    (0..length as u64).map(|at| char::from(b'!' + (mix(n << 32 | at) % 90) as u8)).collect()
}

fn open(disk: &MemoryDisk) -> (Journal, OpenReport) {
    let names = scratch()[0].names().iter().map(|(_, name)| name.to_owned()).collect();
    let (first, max) = (1 << 20, 1 << 20);
    let options =
        Options { names, segment_bytes_first: first, segment_bytes_max: max, ..Options::default() };
    let recovery = Recovery::begin(Arc::new(disk.clone()), options).expect("sound");
    let mut reader = recovery.reader_at(None).expect("sound");
    while reader.next().expect("sound").is_some() {}
    recovery.finish(reader).expect("memory")
}

fn append(journal: &mut Journal, entry: &Entry<'_>) {
    journal.begin_entry(&entry.head()).expect("memory");
    for event in entry.events() {
        let event = event.expect("sound");
        let head = EventHead {
            kind: event.kind,
            event_type: event.event_type,
            schema: event.schema,
            id: event.id,
            version: event.version,
        };
        journal.event(&head, |room| room.write_all(event.payload)).expect("it fitted before");
    }
    journal.finish_entry();
}

/// Copies entries, some alone and some several in a batch.
fn write_until<'a>(
    journal: &mut Journal,
    rest: &mut impl Iterator<Item = &'a Entry<'a>>,
    done: impl Fn(Cursor) -> bool,
) {
    for count in [1, 3, 1, 2, 5].into_iter().cycle() {
        if done(journal.reads().durable_cursor()) {
            return;
        }
        for entry in rest.take(count) {
            append(journal, entry);
            if !journal.has_room() {
                break;
            }
        }
        journal.submit().expect("memory");
        journal.complete(true).expect("memory").map(drop).expect("a batch was submitted");
    }
}

/// A batch of which a crash kept the first block only.
fn tear(disk: &MemoryDisk, entry: &Entry<'_>) {
    let (mut journal, _) = open(disk);
    append(&mut journal, entry);
    journal.submit().expect("memory");
    let written = journal.complete(true).expect("memory").expect("a batch was submitted");
    let batch = written.batch.clone();
    drop(journal);
    let lost = vec![0; batch.stored_bytes() as usize - 4096];
    let file = disk.open("segment-0000000001.hl", Access::Write).expect("it is there");
    file.write_all_at(batch.offset() + 4096, &lost).expect("memory");
    assert!(lost.len() > 4096 && batch.segment() == 1);
}

fn snapshots(disk: &MemoryDisk) -> Vec<String> {
    let mut names = disk.list().expect("memory");
    names.retain(|name| name.starts_with("snapshot-"));
    names
}

/// Whether the last batch in the third segment is a watermark.
fn ends_in_a_watermark(disk: &MemoryDisk) -> bool {
    let file = disk.open("segment-0000000003.hl", Access::Read).expect("it was begun by hand");
    let mut bytes = vec![0; 1 << 20];
    file.read_at(0, &mut bytes).expect("memory");
    let mut kinds =
        bytes.chunks(4096).filter(|block| block.starts_with(b"HLBATCH\0")).map(|block| block[12]);
    kinds.next_back() == Some(3)
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what} never came");
        thread::sleep(Duration::from_millis(2));
    }
}
