//! Recovery believes the disk and not the page cache, which after a failed write shows bytes that
//! the disk does not have.

mod support;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hotledger_journal::{
    Access, Disk, DiskFile, DiskLock, Durability, LockKind, MemoryDisk, WriteQueue,
};
use support::*;

/// A disk whose plain reads are answered from another one, as from a page cache.
#[derive(Clone)]
struct Cached {
    disk: MemoryDisk,
    cache: MemoryDisk,
}

impl Disk for Cached {
    fn durability(&self) -> Durability {
        self.disk.durability()
    }

    fn describe(&self) -> String {
        "memory behind memory".to_owned()
    }

    fn lock(&self, kind: LockKind) -> io::Result<Box<dyn DiskLock>> {
        self.disk.lock(kind)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create(name, access)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let from = if access == Access::Read { &self.cache } else { &self.disk };
        from.open(name, access)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.disk.sync_directory()
    }

    fn writer(&self, durability: Durability) -> Box<dyn WriteQueue> {
        self.disk.writer(durability)
    }
}

#[test]
fn a_batch_that_is_only_in_the_cache_is_not_there() {
    let disk = crashed(3);
    let cache = disk.copy();
    let last = data_batches(&cache).pop().unwrap();
    // The write of the third batch failed: the cache has it, the disk has what was there before.
    let zeros = vec![0; last.stored_bytes() as usize];
    overwrite(&disk, &segment(1), last.offset(), &zeros);
    assert_eq!((read_all(&cache).unwrap().len(), read_all(&disk).unwrap().len()), (3, 2));
    let cached = Cached { disk: disk.clone(), cache };
    assert_eq!(read_all(&cached).unwrap().len(), 2, "whoever only reads is not told of it");
    let (journal, report, seen) = open(&cached).unwrap();
    assert_eq!((seen.len(), report.next_position), (2, 2));
    drop(journal);
    assert_eq!(read_all(&disk).unwrap(), seen);
}

#[test]
fn a_reader_at_ease_reads_past_it_in_pieces() {
    static PAUSES: AtomicUsize = AtomicUsize::new(0);
    let cached = Cached { disk: MemoryDisk::new(), cache: MemoryDisk::new() };
    let (mut journal, ..) = open(&cached).unwrap();
    add(&mut journal, &[7; 200_000]).unwrap();
    commit(&mut journal).unwrap();
    append(&mut journal, 2);
    assert!(journal.reads().reader_from(0).is_err(), "there is nothing in the cache");
    let gently = journal.reads().at_ease(|| {
        PAUSES.fetch_add(1, Ordering::Relaxed);
    });
    let seen = drain(&mut gently.reader_from(0).unwrap()).unwrap();
    assert_eq!(seen.len(), 3);
    assert!(PAUSES.load(Ordering::Relaxed) >= 3, "200 kB are more than one piece");
    let cursor = journal.reads().durable_cursor();
    append(&mut journal, 1);
    assert_eq!(drain(&mut gently.reader_at(cursor).unwrap()).unwrap().len(), 1);
}
