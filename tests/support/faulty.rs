//! A disk that fails, stalls or is full when it is told to.
#![allow(dead_code, reason = "each promise uses its own part")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use hotledger::{Disk, Durability, MemoryDisk};
use hotledger_journal::{
    Access, AlignedBuffer, Completion, DiskFile, DiskLock, LockKind, WriteQueue, WriteTicket,
};

/// A memory disk that completes `writes_left` journal writes and then fails every one.
#[derive(Clone)]
pub(crate) struct FailingDisk {
    pub(crate) disk: MemoryDisk,
    pub(crate) writes_left: Arc<AtomicI64>,
    /// Writes that are submitted are not completed.
    pub(crate) stalled: Arc<AtomicBool>,
    /// No file can be created.
    pub(crate) full: Arc<AtomicBool>,
    /// No file can be created or opened: the system's error number, 0 for none.
    pub(crate) refusal: Arc<AtomicI32>,
}

impl FailingDisk {
    pub(crate) fn new() -> Self {
        Self {
            disk: MemoryDisk::new(),
            writes_left: Arc::new(AtomicI64::new(i64::MAX)),
            stalled: Arc::default(),
            full: Arc::default(),
            refusal: Arc::default(),
        }
    }

    fn answer(&self) -> io::Result<()> {
        match self.refusal.load(Ordering::SeqCst) {
            0 => Ok(()),
            number => Err(io::Error::from_raw_os_error(number)),
        }
    }

    pub(crate) fn fail_after(&self, writes: i64) {
        self.writes_left.store(writes, Ordering::SeqCst);
    }
}

struct FailingQueue {
    queue: Box<dyn WriteQueue>,
    writes_left: Arc<AtomicI64>,
    failed: Vec<WriteTicket>,
    stalled: Arc<AtomicBool>,
}

impl WriteQueue for FailingQueue {
    fn in_flight_max(&self) -> usize {
        self.queue.in_flight_max()
    }

    fn submit(
        &mut self,
        file: &Arc<dyn DiskFile>,
        offset: u64,
        bytes: Arc<AlignedBuffer>,
        ticket: WriteTicket,
    ) {
        if self.writes_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            self.failed.push(ticket);
        } else {
            self.queue.submit(file, offset, bytes, ticket);
        }
    }

    fn complete(&mut self, wait: bool) -> Option<Completion> {
        while self.stalled.load(Ordering::SeqCst) {
            if !wait {
                return None;
            }
            thread::sleep(Duration::from_millis(1));
        }
        if let Some(ticket) = self.failed.pop() {
            let result = Err(io::Error::other("the disk is gone"));
            return Some(Completion { ticket, result, write_ns: 1 });
        }
        self.queue.complete(wait)
    }
}

impl Disk for FailingDisk {
    fn durability(&self) -> Durability {
        self.disk.durability()
    }

    fn describe(&self) -> String {
        "fails on purpose".to_owned()
    }

    fn lock(&self, kind: LockKind) -> io::Result<Box<dyn DiskLock>> {
        self.disk.lock(kind)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        if self.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.answer()?;
        self.disk.create(name, access)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        self.answer()?;
        self.disk.open(name, access)
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
        let queue = self.disk.writer(durability);
        let (writes_left, stalled) = (Arc::clone(&self.writes_left), Arc::clone(&self.stalled));
        Box::new(FailingQueue { queue, writes_left, failed: Vec::new(), stalled })
    }
}
