//! A disk whose zeros take no memory, so that whole directories are made by the thousand.

use std::{
    any::Any,
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use crate::{
    disk::{Access, Disk, DiskFile, DiskLock, LockKind, MemoryDisk, WriteQueue},
    durability::Durability,
    limits::BLOCK_BYTES,
    record::is_zero,
};

const BLOCK: u64 = BLOCK_BYTES as u64;

/// The files of a directory, by name.
pub(super) type Files = BTreeMap<String, SparseFile>;

/// A file of which only the blocks that are not all zero are kept; copies share them.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct SparseFile {
    bytes: u64,
    blocks: BTreeMap<u64, Arc<[u8]>>,
}

impl SparseFile {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Cuts the file or makes it longer by zeros.
    pub(super) fn resize(&mut self, bytes: u64) {
        let kept = bytes / BLOCK * BLOCK;
        let tail = self.read(kept, (bytes - kept) as usize);
        self.blocks.retain(|number, _| number * BLOCK < kept);
        self.bytes = kept;
        self.write(kept, &tail);
    }

    /// These bytes, zeros where the file ends before.
    pub(super) fn read(&self, offset: u64, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.read_into(offset, &mut bytes);
        bytes
    }

    fn read_into(&self, offset: u64, into: &mut [u8]) {
        into.fill(0);
        let end = offset + into.len() as u64;
        for (number, block) in self.blocks.range(offset / BLOCK..end.div_ceil(BLOCK)) {
            let start = number * BLOCK;
            let (from, to) = (start.max(offset), (start + BLOCK).min(end));
            into[(from - offset) as usize..(to - offset) as usize]
                .copy_from_slice(&block[(from - start) as usize..(to - start) as usize]);
        }
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset + bytes.len() as u64;
        self.bytes = self.bytes.max(end);
        let mut at = offset;
        while at < end {
            let (number, start) = (at / BLOCK, at % BLOCK);
            let count = (BLOCK - start).min(end - at) as usize;
            let piece = &bytes[(at - offset) as usize..][..count];
            if count == BLOCK_BYTES {
                self.put(number, piece);
            } else {
                let mut block = self.read(number * BLOCK, BLOCK_BYTES);
                block[start as usize..][..count].copy_from_slice(piece);
                self.put(number, &block);
            }
            at += count as u64;
        }
    }

    fn put(&mut self, number: u64, block: &[u8]) {
        match is_zero(block) {
            true => drop(self.blocks.remove(&number)),
            false => drop(self.blocks.insert(number, block.into())),
        }
    }
}

/// Files in memory. A clone is the same disk.
#[derive(Clone, Default)]
pub(super) struct SparseDisk {
    files: Arc<Mutex<BTreeMap<String, Arc<Shared>>>>,
    /// Lends its lock and its queue of writes; its own files are none.
    memory: MemoryDisk,
    /// Identities given out, so that the same input makes the same journal.
    given: Arc<AtomicU8>,
}

/// A file that several have open.
struct Shared(Mutex<SparseFile>);

impl SparseDisk {
    pub(super) fn of(files: &Files) -> SparseDisk {
        let share = |file: &SparseFile| Arc::new(Shared(Mutex::new(file.clone())));
        let files = files.iter().map(|(name, file)| (name.clone(), share(file))).collect();
        SparseDisk { files: Arc::new(Mutex::new(files)), ..SparseDisk::default() }
    }

    /// The files as they are now.
    pub(super) fn files(&self) -> Files {
        let files = self.shared();
        files.iter().map(|(name, file)| (name.clone(), file.file().clone())).collect()
    }

    fn shared(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Shared>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn file(&self) -> MutexGuard<'_, SparseFile> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for SparseDisk {
    fn durability(&self) -> Durability {
        Durability::Volatile
    }

    fn describe(&self) -> String {
        "sparse memory".to_owned()
    }

    fn lock(&self, kind: LockKind) -> io::Result<Box<dyn DiskLock>> {
        self.memory.lock(kind)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.shared().keys().cloned().collect())
    }

    fn create(&self, name: &str, _access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut files = self.shared();
        if files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = Arc::new(Shared(Mutex::default()));
        files.insert(name.to_owned(), file.clone());
        Ok(file)
    }

    fn open(&self, name: &str, _access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.shared().get(name).cloned();
        Ok(file.ok_or(io::ErrorKind::NotFound)?)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.shared();
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let removed = self.shared().remove(name);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn writer(&self, durability: Durability) -> Box<dyn WriteQueue> {
        self.memory.writer(durability)
    }

    fn random(&self) -> [u8; 16] {
        [self.given.fetch_add(1, Ordering::Relaxed) | 0x80; 16]
    }
}

impl DiskFile for Shared {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.file().bytes)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let file = self.file();
        let count = file.bytes.saturating_sub(offset).min(into.len() as u64) as usize;
        file.read_into(offset, &mut into[..count]);
        Ok(count)
    }

    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file().write(offset, bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
