//! A disk in memory, for tests and for measuring without a disk.

use std::{
    any::Any,
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use super::{
    Access, AlignedBuffer, Completion, Disk, DiskFile, DiskLock, LockKind, WriteQueue, WriteTicket,
};
use crate::durability::Durability;

/// Files in memory. A clone is the same disk, so a journal on it can be closed and reopened.
#[derive(Clone, Debug)]
pub struct MemoryDisk {
    directory: Arc<Mutex<Directory>>,
    keeps: Keeps,
    writes_in_flight: usize,
}

#[derive(Debug, Default)]
struct Directory {
    files: BTreeMap<String, Arc<MemoryFile>>,
    readers: usize,
    locked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    Everything,
    SizesOnly,
}

impl MemoryDisk {
    /// An empty disk that keeps what is written for as long as a clone of it lives.
    pub fn new() -> MemoryDisk {
        let directory = Arc::default();
        MemoryDisk { directory, keeps: Keeps::Everything, writes_in_flight: 1 }
    }

    /// A disk that takes every write and keeps none, so that memory stays flat at any rate.
    /// Reading back is an error, and no chain is taken over what nobody can read.
    pub fn forgetful() -> MemoryDisk {
        MemoryDisk { keeps: Keeps::SizesOnly, ..MemoryDisk::new() }
    }

    /// The same disk, taking this many writes in flight and completing the newest first.
    ///
    /// # Panics
    /// When it is to take none.
    pub fn with_writes_in_flight(self, writes: usize) -> MemoryDisk {
        assert!(writes > 0, "let at least one write be in flight");
        MemoryDisk { writes_in_flight: writes, ..self }
    }

    /// A disk of its own with the same files, nobody's lock on it: what a crash leaves behind.
    pub fn copy(&self) -> MemoryDisk {
        let files = (self.directory().files.iter())
            .map(|(name, file)| (name.clone(), Arc::new(file.copy())))
            .collect();
        let directory = Directory { files, ..Directory::default() };
        MemoryDisk { directory: Arc::new(Mutex::new(directory)), ..self.clone() }
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, name: &str) -> io::Result<Arc<MemoryFile>> {
        let found = self.directory().files.get(name).cloned();
        found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl Default for MemoryDisk {
    fn default() -> MemoryDisk {
        MemoryDisk::new()
    }
}

impl Disk for MemoryDisk {
    fn durability(&self) -> Durability {
        Durability::Volatile
    }

    fn keeps(&self) -> bool {
        self.keeps == Keeps::Everything
    }

    fn describe(&self) -> String {
        match self.keeps {
            Keeps::Everything => "memory".to_owned(),
            Keeps::SizesOnly => "memory, forgetful".to_owned(),
        }
    }

    fn lock(&self, kind: LockKind) -> io::Result<Box<dyn DiskLock>> {
        let mut directory = self.directory();
        let free = match kind {
            LockKind::Shared => !directory.locked,
            LockKind::Exclusive => !directory.locked && directory.readers == 0,
        };
        if !free {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match kind {
            LockKind::Shared => directory.readers += 1,
            LockKind::Exclusive => directory.locked = true,
        }
        Ok(Box::new(MemoryLock { disk: self.clone(), kind }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.directory().files.keys().cloned().collect())
    }

    fn create(&self, name: &str, _access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut directory = self.directory();
        if directory.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = Arc::new(MemoryFile { contents: RwLock::default(), keeps: self.keeps });
        directory.files.insert(name.to_owned(), file.clone());
        Ok(file)
    }

    fn open(&self, name: &str, _access: Access) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(name)?)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut directory = self.directory();
        let file = directory.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        directory.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let removed = self.directory().files.remove(name);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn writer(&self, _durability: Durability) -> Box<dyn WriteQueue> {
        let in_flight_max = self.writes_in_flight;
        match self.keeps {
            Keeps::Everything => Box::new(MemoryQueue { writes: Vec::new(), in_flight_max }),
            Keeps::SizesOnly => Box::new(ForgetfulQueue { done: Vec::new(), in_flight_max }),
        }
    }
}

struct MemoryLock {
    disk: MemoryDisk,
    kind: LockKind,
}

impl DiskLock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut directory = self.disk.directory();
        match self.kind {
            LockKind::Shared => {
                assert!(directory.readers > 0, "a shared lock was counted");
                directory.readers -= 1;
            }
            LockKind::Exclusive => {
                assert!(directory.locked, "an exclusive lock was taken");
                directory.locked = false;
            }
        }
    }
}

#[derive(Debug)]
struct MemoryFile {
    contents: RwLock<Contents>,
    keeps: Keeps,
}

#[derive(Clone, Debug, Default)]
struct Contents {
    size: u64,
    kept: Vec<u8>,
}

impl MemoryFile {
    fn copy(&self) -> MemoryFile {
        let contents = self.contents.read().unwrap_or_else(PoisonError::into_inner).clone();
        MemoryFile { contents: RwLock::new(contents), keeps: self.keeps }
    }
}

impl DiskFile for MemoryFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.contents.read().unwrap_or_else(PoisonError::into_inner).size)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        if self.keeps == Keeps::SizesOnly {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "this disk keeps nothing"));
        }
        let contents = self.contents.read().unwrap_or_else(PoisonError::into_inner);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(contents.kept.len());
        let found = &contents.kept[start..];
        let count = found.len().min(into.len());
        into[..count].copy_from_slice(&found[..count]);
        Ok(count)
    }

    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut contents = self.contents.write().unwrap_or_else(PoisonError::into_inner);
        let end = offset + bytes.len() as u64;
        contents.size = contents.size.max(end);
        if self.keeps == Keeps::Everything {
            let (start, end) = (offset as usize, end as usize);
            if contents.kept.len() < end {
                contents.kept.resize(end, 0);
            }
            contents.kept[start..end].copy_from_slice(bytes);
            assert_eq!(contents.kept.len() as u64, contents.size, "what is kept is all there is");
        }
        Ok(())
    }

    fn reserve(&self, bytes: u64) -> io::Result<bool> {
        let mut contents = self.contents.write().unwrap_or_else(PoisonError::into_inner);
        contents.size = contents.size.max(bytes);
        if self.keeps == Keeps::Everything {
            let size = contents.size as usize;
            match contents.kept.is_empty() {
                // Memory that is zeros already, and used once something is put there.
                true => contents.kept = vec![0; size],
                false => contents.kept.resize(size, 0),
            }
        }
        Ok(true)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Holds writes back until they are asked for when more than one may be in flight.
struct MemoryQueue {
    writes: Vec<MemoryWrite>,
    in_flight_max: usize,
}

struct MemoryWrite {
    file: Arc<dyn DiskFile>,
    offset: u64,
    bytes: Arc<AlignedBuffer>,
    ticket: WriteTicket,
}

impl WriteQueue for MemoryQueue {
    fn in_flight_max(&self) -> usize {
        self.in_flight_max
    }

    fn submit(
        &mut self,
        file: &Arc<dyn DiskFile>,
        offset: u64,
        bytes: Arc<AlignedBuffer>,
        ticket: WriteTicket,
    ) {
        assert!(self.writes.len() < self.in_flight_max, "ask for a free slot before submitting");
        self.writes.push(MemoryWrite { file: file.clone(), offset, bytes, ticket });
    }

    fn complete(&mut self, _wait: bool) -> Option<Completion> {
        let MemoryWrite { file, offset, bytes, ticket } = self.writes.pop()?;
        let result = file.write_all_at(offset, &bytes);
        Some(Completion { ticket, result, write_ns: 0 })
    }
}

/// Does every write at once: where nothing is kept there is nothing to hold back.
struct ForgetfulQueue {
    done: Vec<Completion>,
    in_flight_max: usize,
}

impl WriteQueue for ForgetfulQueue {
    fn in_flight_max(&self) -> usize {
        self.in_flight_max
    }

    fn submit(
        &mut self,
        file: &Arc<dyn DiskFile>,
        offset: u64,
        bytes: Arc<AlignedBuffer>,
        ticket: WriteTicket,
    ) {
        assert!(self.done.len() < self.in_flight_max, "ask for a free slot before submitting");
        let result = file.write_all_at(offset, &bytes);
        self.done.push(Completion { ticket, result, write_ns: 0 });
    }

    fn complete(&mut self, _wait: bool) -> Option<Completion> {
        self.done.pop()
    }
}
