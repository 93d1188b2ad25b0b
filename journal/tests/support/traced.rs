//! A disk that remembers every change, so that a crash after any of them can be replayed, and
//! that fails the change it is told to.

use std::{
    any::Any,
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
};

use hotledger_journal::{
    Access, AlignedBuffer, Completion, Disk, DiskFile, DiskLock, Durability, LockKind, MemoryDisk,
    WriteQueue, WriteTicket,
};

#[derive(Clone, Debug)]
pub enum Change {
    Create(String),
    /// Durable when it returns, or only with the file's next sync.
    Write {
        name: String,
        offset: u64,
        bytes: Vec<u8>,
        durable: bool,
    },
    Sync(String),
    Remove(String),
    Rename(String, String),
    SyncDirectory,
    /// Not the disk's: how many events had been acknowledged by now.
    Acknowledged(u64),
}

#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Which change fails, counted from 0.
    pub at: usize,
    pub kind: io::ErrorKind,
    pub for_ever: bool,
}

#[derive(Default)]
struct Trace {
    changes: Vec<Change>,
    fault: Option<Fault>,
    count: usize,
}

#[derive(Clone)]
pub struct TracedDisk {
    inner: MemoryDisk,
    trace: Arc<Mutex<Trace>>,
    reserves: Reserves,
}

/// What comes of setting room aside.
#[derive(Clone, Copy, PartialEq)]
enum Reserves {
    Room,
    Nothing,
    /// It says that it does.
    NothingAndLies,
}

impl TracedDisk {
    pub fn new(inner: MemoryDisk) -> TracedDisk {
        TracedDisk { inner, trace: Arc::default(), reserves: Reserves::Room }
    }

    pub fn failing(inner: MemoryDisk, fault: Fault) -> TracedDisk {
        let disk = TracedDisk::new(inner);
        disk.set_fault(Some(fault));
        disk
    }

    /// The same, on a file system that cannot set room aside.
    pub fn without_reserving(self) -> TracedDisk {
        TracedDisk { reserves: Reserves::Nothing, ..self }
    }

    /// The same, on one that says it can.
    pub fn lying_about_reserving(self) -> TracedDisk {
        TracedDisk { reserves: Reserves::NothingAndLies, ..self }
    }

    /// Counts changes from 0 again.
    pub fn set_fault(&self, fault: Option<Fault>) {
        let mut trace = self.trace.lock().unwrap();
        (trace.fault, trace.count) = (fault, 0);
    }

    pub fn acknowledge(&self, events: u64) {
        self.trace.lock().unwrap().changes.push(Change::Acknowledged(events));
    }

    pub fn changes(&self) -> Vec<Change> {
        self.trace.lock().unwrap().changes.clone()
    }

    pub fn inner(&self) -> &MemoryDisk {
        &self.inner
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let mut trace = self.trace.lock().unwrap();
        let count = trace.count;
        trace.count += 1;
        if let Some(fault) = trace.fault
            && (fault.at == count || fault.for_ever && fault.at < count)
        {
            return Err(fault.kind.into());
        }
        trace.changes.push(change);
        Ok(())
    }
}

/// Makes a change to another disk.
pub fn apply(disk: &MemoryDisk, change: &Change) {
    match change {
        Change::Create(name) => drop(disk.create(name, Access::Write).unwrap()),
        Change::Write { name, offset, bytes, .. } => {
            disk.open(name, Access::Write).unwrap().write_all_at(*offset, bytes).unwrap();
        }
        Change::Remove(name) => disk.remove(name).unwrap(),
        Change::Rename(from, to) => disk.rename(from, to).unwrap(),
        Change::Sync(_) | Change::SyncDirectory | Change::Acknowledged(_) => {}
    }
}

/// The change as a power cut leaves it: the first so many bytes of a write, or only the rest.
pub fn torn(change: &Change, at: usize, keep_start: bool) -> Option<Change> {
    let Change::Write { name, offset, bytes, durable } = change else { return None };
    if at >= bytes.len() {
        return None;
    }
    let (start, rest) = bytes.split_at(at);
    let (offset, bytes) = if keep_start { (*offset, start) } else { (offset + at as u64, rest) };
    let (name, bytes) = (name.clone(), bytes.to_vec());
    Some(Change::Write { name, offset, bytes, durable: *durable })
}

/// What a power cut leaves: nothing that was not synced, names included.
pub struct PowerCut {
    pub disk: MemoryDisk,
    pending: Vec<(Change, bool)>,
}

impl PowerCut {
    pub fn new() -> PowerCut {
        PowerCut { disk: MemoryDisk::new(), pending: Vec::new() }
    }

    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Sync(synced) => {
                for (change, durable) in &mut self.pending {
                    *durable |= matches!(change, Change::Write { name, .. } if name == synced);
                }
            }
            Change::SyncDirectory => {
                for (change, durable) in &mut self.pending {
                    *durable |= !matches!(change, Change::Write { .. });
                }
            }
            Change::Acknowledged(_) => {}
            Change::Write { durable, .. } => self.pending.push((change.clone(), *durable)),
            _ => self.pending.push((change.clone(), false)),
        }
        let mut waiting = Vec::new();
        for (change, durable) in std::mem::take(&mut self.pending) {
            let blocked = waiting.iter().any(|(earlier, _)| {
                !matches!(earlier, Change::Write { .. })
                    && names(earlier).iter().any(|name| names(&change).contains(name))
            });
            if durable && !blocked {
                apply(&self.disk, &change);
            } else {
                waiting.push((change, durable));
            }
        }
        self.pending = waiting;
    }
}

fn names(change: &Change) -> Vec<&str> {
    match change {
        Change::Create(name) | Change::Remove(name) | Change::Write { name, .. } => vec![name],
        Change::Rename(from, to) => vec![from, to],
        Change::Sync(_) | Change::SyncDirectory | Change::Acknowledged(_) => vec![],
    }
}

impl Disk for TracedDisk {
    fn durability(&self) -> Durability {
        Durability::Synced
    }

    fn describe(&self) -> String {
        "traced memory".to_owned()
    }

    fn lock(&self, kind: LockKind) -> io::Result<Box<dyn DiskLock>> {
        self.inner.lock(kind)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn create(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        if self.inner.open(name, Access::Read).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.change(Change::Create(name.to_owned()))?;
        let file = self.inner.create(name, access)?;
        let durable = access == Access::Commit(Durability::Synced);
        Ok(Arc::new(TracedFile { disk: self.clone(), name: name.to_owned(), file, durable }))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.inner.open(name, access)?;
        let durable = access == Access::Commit(Durability::Synced);
        Ok(Arc::new(TracedFile { disk: self.clone(), name: name.to_owned(), file, durable }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(Change::Rename(from.to_owned(), to.to_owned()))?;
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change(Change::Remove(name.to_owned()))?;
        self.inner.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.change(Change::SyncDirectory)?;
        self.inner.sync_directory()
    }

    fn writer(&self, _durability: Durability) -> Box<dyn WriteQueue> {
        Box::new(TracedQueue { completed: VecDeque::new() })
    }
}

struct TracedFile {
    disk: TracedDisk,
    name: String,
    file: Arc<dyn DiskFile>,
    durable: bool,
}

impl DiskFile for TracedFile {
    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, into)
    }

    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let (name, bytes) = (self.name.clone(), bytes.to_vec());
        let durable = self.durable;
        self.disk.change(Change::Write { name, offset, bytes: bytes.clone(), durable })?;
        self.file.write_all_at(offset, &bytes)
    }

    /// As much as a write of its last byte.
    fn reserve(&self, bytes: u64) -> io::Result<bool> {
        if self.disk.reserves != Reserves::Room {
            return Ok(self.disk.reserves == Reserves::NothingAndLies);
        }
        let (name, offset, durable) = (self.name.clone(), bytes - 1, false);
        self.disk.change(Change::Write { name, offset, bytes: vec![0], durable })?;
        self.file.reserve(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.change(Change::Sync(self.name.clone()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

struct TracedQueue {
    completed: VecDeque<Completion>,
}

impl WriteQueue for TracedQueue {
    fn in_flight_max(&self) -> usize {
        1
    }

    fn submit(
        &mut self,
        file: &Arc<dyn DiskFile>,
        offset: u64,
        bytes: Arc<AlignedBuffer>,
        ticket: WriteTicket,
    ) {
        let result = file.write_all_at(offset, &bytes);
        self.completed.push_back(Completion { ticket, result, write_ns: 1 });
    }

    fn complete(&mut self, _wait: bool) -> Option<Completion> {
        self.completed.pop_front()
    }
}
