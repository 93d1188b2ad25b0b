//! A batch filled, sealed and handed to a disk in memory, beside what its bytes alone cost.

use std::convert::Infallible;
use std::hint::black_box;
use std::io;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use hotledger::{Durability, MemoryDisk};
use hotledger_journal::{
    Access, Disk, DiskFile, DiskLock, EntryHead, EventHead, Journal, LockKind, NameId, Options,
    Preparer, Recovery, StreamId, WriteQueue,
};

use crate::stand::booking::ENTRY_BYTES;

/// Bytes of an entry with one event on an aggregate with a number, apart from the payload.
const HEADS_BYTES: u64 = 44;

pub(crate) fn seal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("batch");
    for entries in [1, 64, 1_024] {
        let bytes = vec![7; (entries * ENTRY_BYTES) as usize];
        let mut copy = bytes.clone();
        group.throughput(Throughput::Elements(entries));
        let mut filled = Filled::new();
        group.bench_function(format!("{entries} entries of 128 bytes"), |bench| {
            bench.iter(|| filled.batch(entries));
        });
        group.bench_function(format!("baseline: {entries} copied"), |bench| {
            bench.iter(|| copy.copy_from_slice(black_box(&bytes)));
        });
        group.bench_function(format!("baseline: {entries} through CRC32C"), |bench| {
            bench.iter(|| crc32c::crc32c(black_box(&bytes)));
        });
        group.bench_function(format!("baseline: {entries} through BLAKE3"), |bench| {
            bench.iter(|| blake3::hash(black_box(&bytes)));
        });
    }
    group.finish();
}

/// Keeps nothing and says that it does, so that it is given sealed batches.
struct Sink(MemoryDisk);

impl Disk for Sink {
    fn durability(&self) -> Durability {
        self.0.durability()
    }

    fn describe(&self) -> String {
        "memory, forgetful, sealed".to_owned()
    }

    fn lock(&self, kind: LockKind) -> io::Result<Box<dyn DiskLock>> {
        self.0.lock(kind)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn create(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        self.0.create(name, access)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        self.0.open(name, access)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.0.sync_directory()
    }

    fn writer(&self, durability: Durability) -> Box<dyn WriteQueue> {
        self.0.writer(durability)
    }
}

/// A journal that keeps nothing, and rolls without another thread.
struct Filled {
    journal: Journal,
    prepare: Preparer,
    version: u64,
}

impl Filled {
    fn new() -> Self {
        let options = Options {
            durability: Durability::Volatile,
            names: vec!["account".into(), "Booked".into()],
            ..Options::default()
        };
        let disk = Sink(MemoryDisk::forgetful());
        let recovery = Recovery::begin(Arc::new(disk), options).expect("memory does not refuse");
        let mut reader = recovery.reader_at(None).expect("there is nothing to refuse");
        assert!(reader.next().expect("there is nothing to read").is_none(), "it is new");
        let (mut journal, _) = recovery.finish(reader).expect("memory takes a journal");
        let prepare = journal.preparer(Box::new(|| {}));
        Self { journal, prepare, version: 0 }
    }

    fn batch(&mut self, entries: u64) {
        let payload = [7; (ENTRY_BYTES - HEADS_BYTES) as usize];
        for _ in 0..entries {
            // At the end of a segment a batch is shorter.
            if !self.journal.has_room() {
                self.write();
            }
            self.version += 1;
            let head = EventHead {
                kind: NameId(0),
                event_type: NameId(1),
                schema: 1,
                id: StreamId::U64(self.version),
                version: self.version,
            };
            self.journal.begin_entry(&EntryHead::default()).expect("the batch has room");
            let written = self.journal.event(&head, |out| {
                std::io::Write::write_all(out, &payload).expect("an entry has room");
                Ok::<_, Infallible>(())
            });
            written.expect("the entry has room");
            self.journal.finish_entry();
        }
        self.write();
    }

    fn write(&mut self) {
        self.journal.submit().expect("a segment has room");
        let written = self.journal.complete(true).expect("memory does not fail");
        assert!(written.is_some(), "it was submitted");
        self.prepare.step().expect("memory has room for another");
    }
}
