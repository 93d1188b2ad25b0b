//! A disk that answers as it is told when a file is made or opened: full, over quota, failing, or
//! out of descriptors.
#![allow(dead_code)] // Every test file takes its own part.

use std::{
    io,
    sync::{Arc, Mutex},
};

use hotledger_journal::{
    Access, Disk, DiskFile, DiskLock, Durability, LockKind, MemoryDisk, WriteQueue,
};
use rustix::io::Errno;

/// A memory disk on which files can be made and opened only while nothing is lacking.
#[derive(Clone)]
pub(crate) struct ScarceDisk {
    inner: MemoryDisk,
    lacking: Arc<Mutex<Lacking>>,
}

#[derive(Clone, Copy, Default)]
struct Lacking {
    to_create: Option<Errno>,
    to_open: Option<Errno>,
}

impl ScarceDisk {
    pub(crate) fn new(inner: MemoryDisk) -> ScarceDisk {
        ScarceDisk { inner, lacking: Arc::default() }
    }

    /// No file can be made; those that are there can be opened.
    pub(crate) fn refuse_to_create(&self, why: Errno) {
        *self.lacking.lock().unwrap() = Lacking { to_create: Some(why), to_open: None };
    }

    /// No file can be made or opened.
    pub(crate) fn refuse_to_open(&self, why: Errno) {
        *self.lacking.lock().unwrap() = Lacking { to_create: Some(why), to_open: Some(why) };
    }

    pub(crate) fn has_everything(&self) {
        *self.lacking.lock().unwrap() = Lacking::default();
    }
}

fn answer(lacking: Option<Errno>) -> io::Result<()> {
    lacking.map_or(Ok(()), |why| Err(why.into()))
}

impl Disk for ScarceDisk {
    fn durability(&self) -> Durability {
        Durability::Synced
    }

    fn describe(&self) -> String {
        "scarce memory".to_owned()
    }

    fn lock(&self, kind: LockKind) -> io::Result<Box<dyn DiskLock>> {
        self.inner.lock(kind)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn create(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        answer(self.lacking.lock().unwrap().to_create)?;
        self.inner.create(name, access)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        answer(self.lacking.lock().unwrap().to_open)?;
        self.inner.open(name, access)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.inner.sync_directory()
    }

    fn writer(&self, durability: Durability) -> Box<dyn WriteQueue> {
        self.inner.writer(durability)
    }
}
