//! Nothing of a journal is believed before its lock is held: until then another process writes.

mod support;

use std::{io, sync::Arc};

use hotledger_journal::{
    Access, Disk, DiskFile, DiskLock, Durability, LockKind, MemoryDisk, WriteQueue,
};
use support::*;

/// A disk whose lock was another's until the moment it is given.
#[derive(Clone)]
struct Contended(MemoryDisk);

impl Disk for Contended {
    fn durability(&self) -> Durability {
        self.0.durability()
    }

    fn describe(&self) -> String {
        "contended memory".to_owned()
    }

    fn lock(&self, kind: LockKind) -> io::Result<Box<dyn DiskLock>> {
        let (mut other, ..) = open(&self.0).expect("the other process has the lock");
        while other.segment_count() < 2 {
            add(&mut other, &[7; 200 << 10]).expect("it writes");
            commit(&mut other).expect("and is answered");
        }
        drop(other);
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

#[test]
fn what_another_wrote_until_it_gave_the_lock_up_is_found() {
    let disk = crashed(2);
    let seen = read_all(&Contended(disk.clone())).unwrap();
    assert!(seen.len() > 3, "a segment full of its events: {}", seen.len());
    let (journal, report, after) = open(&Contended(disk)).unwrap();
    assert_eq!(after[..seen.len()], seen, "whoever opens to write finds them too");
    assert_eq!((report.next_position, journal.segment_count()), (after.len() as u64, 2));
}
